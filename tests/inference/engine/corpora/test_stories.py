"""The grammar makes what its judge accepts, and the judge rejects what is wrong."""

from __future__ import annotations

import random
from dataclasses import astuple

import pytest

from inference.engine.corpora.lexicon import BOYS, FREE_SLOTS, GIRLS, derive, values
from inference.engine.corpora.plots import PLOTS
from inference.engine.corpora.stories import bind, generate
from inference.engine.corpora.story_checks import judge

STORY = (
    "{name} was a very kind boy. He had a red kite. One day the kite was gone. "
    'His friend {friend} looked under a bench. "Here is your kite!" she said. '
    '"Thank you, {friend}!" said {name}.'
)
PROMPT = "Tell a story about Ben, who loses a red kite."


@pytest.mark.parametrize("plot", sorted(PLOTS))
def test_the_judge_accepts_every_story_of_the_grammar(plot: str) -> None:
    rng = random.Random(3)
    for _ in range(100):
        story = generate(rng, plot)
        assert astuple(judge(story.prompt, story.body)) == (1.0, True, True, True, True), story


def test_the_same_seed_tells_the_same_stories() -> None:
    first, again, other = (random.Random(seed) for seed in (1, 1, 2))
    told = [generate(first).text for _ in range(20)]
    assert told == [generate(again).text for _ in range(20)]
    assert told != [generate(other).text for _ in range(20)]


def test_the_two_characters_differ_and_all_slots_are_bound() -> None:
    slots = bind(random.Random(0))
    assert slots["name"] != slots["friend"]
    assert set(FREE_SLOTS) < set(slots)
    assert all(word in values(slot) for slot, word in slots.items())


def test_pronouns_follow_the_name() -> None:
    assert all(derive({"name": girl})["he"] == "she" for girl in GIRLS)
    assert all(derive({"name": boy})["his"] == "his" for boy in BOYS)


def test_marks_of_a_right_story() -> None:
    story = STORY.format(name="Ben", friend="Mia")
    assert astuple(judge(PROMPT, story)) == (1.0, True, True, True, True)


CORRUPTIONS = {
    "another object": ("the kite was gone", "the drum was gone", (True, False, False, False)),
    "another name": ("said Ben", "said Leo", (True, False, False, False)),
    "a wrong pronoun": ("He had", "She had", (True, False, False, False)),
    "the friend's pronoun": ("she said", "he said", (True, False, False, False)),
    "not what the prompt asks for": ("a red kite.", "a blue kite.", (True, True, True, False)),
    "a missing beat": ("One day the kite was gone. ", "", (False, False, False, False)),
    "a broken sentence": ("One day the", "One the the", (False, False, False, False)),
    "one character twice": ("Mia", "Ben", (True, False, False, False)),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_judge_sees_a_corruption(name: str) -> None:
    old, new, expected = CORRUPTIONS[name]
    story = STORY.format(name="Ben", friend="Mia")
    assert old in story
    marks = judge(PROMPT, story.replace(old, new))
    assert (marks.plot, marks.kept, marks.consistent, marks.prompt) == expected


def test_the_place_has_a_mark_of_its_own() -> None:
    story = STORY.format(name="Ben", friend="Mia")
    moved = story.replace(
        "Ben was a very kind boy.", "In a house by the park lived Ben, a kind boy."
    )
    gift = (
        "In a house by the park lived Ben, a kind boy. Ben needed a gift for Mia. At the {} he "
        'found a red kite. At the party Mia opened the box. "A red kite! Thank you!" said Mia.'
    )
    assert judge(PROMPT, moved).consistent
    assert judge("", gift.format("park")).consistent
    marks = judge("", gift.format("school"))
    assert (marks.kept, marks.consistent) == (True, False)


def test_grammar_is_the_share_of_characters_in_sentences() -> None:
    assert judge("", "").grammar == 0
    assert judge("", "xyz").grammar == 0
    sentence = "The cow was hungry."
    assert judge("", sentence).grammar == 1
    half = judge("", f"{sentence} {'x' * 16}").grammar
    assert half == pytest.approx(0.5)
    assert judge("", f"rubbish {sentence}").grammar > 0.6
