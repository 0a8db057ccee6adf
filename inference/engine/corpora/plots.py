"""The four plots of the small stories: prompts, and beats with alternative sentences.

`{slot}` is bound once per story (see `lexicon`). A beat may be optional: it is then left out
in part of the stories.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plot:
    """Prompts and ordered beats; `optional` holds the indices of beats that may be missing."""

    prompts: tuple[str, ...]
    beats: tuple[tuple[str, ...], ...]
    optional: frozenset[int] = frozenset()


OPENING = (
    "Once upon a time there was a {trait} {girl} called {name}.",
    "{name} was a very {trait} {girl}.",
    "Long ago, a {trait} {girl} named {name} lived by the {place}.",
    "In a house by the {place} lived {name}, a {trait} {girl}.",
)

LOST = Plot(
    prompts=(
        "Tell a story about {name}, who loses {a_color} {object}.",
        "Write about {name} and a lost {object}.",
        "A {girl} named {name} cannot find {his} {color} {object}.",
    ),
    beats=(
        OPENING,
        (
            "{He} had {a_color} {object}.",
            "{His} best toy was {a_color} {object}.",
            "{He} liked to {use} {his} {color} {object}.",
        ),
        (
            "One day the {object} was gone.",
            "But one day {he} lost the {color} {object}.",
            "Then the {color} {object} was not there any more.",
        ),
        (
            "{name} was sad and began to cry.",
            '"Where is my {object}?" asked {name}.',
            "{He} missed the {object} so much.",
        ),
        (
            "{His} friend {friend} looked {spot}.",
            "{friend} came to help and looked {spot}.",
            '"Let us look {spot}," said {friend}.',
        ),
        (
            "There was the {color} {object}!",
            "And there {friend_he} found the {object}.",
            '"Here is your {object}!" {friend_he} said.',
        ),
        (
            "{name} was happy and hugged {friend}.",
            '"Thank you, {friend}!" said {name}.',
            "Now {name} and {friend} {use} the {object} together.",
        ),
    ),
    optional=frozenset({3}),
)

ANIMAL = Plot(
    prompts=(
        "Tell a story about {name} and a hungry {animal}.",
        "Write about a {girl} named {name} who helps {an_animal}.",
        "{name} meets {an_animal} by the {place}.",
    ),
    beats=(
        OPENING,
        (
            "One day {he} met {an_animal} {spot}.",
            "Then {he} saw a little {animal} {spot}.",
            '"{sound}!" said {an_animal} {spot}.',
        ),
        (
            "The {animal} was hungry.",
            '"Are you hungry?" asked {name}.',
            "The poor {animal} wanted {food}.",
        ),
        (
            "So {name} gave it {food}.",
            "{He} ran home to get {food}.",
            "{His} {family} had {food} for the {animal}.",
        ),
        (
            '"{sound}! {sound}!" said the {animal}.',
            'The {animal} ate it all and said, "{sound}!"',
            "The {animal} liked {food} very much.",
        ),
        (
            "Then {name} took the {animal} back to its {home}.",
            "From then on, {name} and the {animal} were friends.",
            "The {animal} went home to its {home}, and {name} was happy.",
        ),
    ),
)

SHARE = Plot(
    prompts=(
        "Tell a story about {name} and {friend}, who share {a_color} {object}.",
        "Write about {name}, {friend} and one {object}.",
        "Two friends, {name} and {friend}, want the same {object}.",
    ),
    beats=(
        (
            "{name} and {friend} were good friends.",
            "Once there were two friends, {name} and {friend}.",
            "{name} had a friend named {friend}.",
        ),
        (
            "One day they found {a_color} {object} {spot}.",
            "By the {place} they saw {a_color} {object}.",
            "{name} came to the {place} with {a_color} {object}.",
        ),
        (
            '"I want to {use} it!" said {name}.',
            "{name} took the {object} and ran away.",
            "{name} wanted to {use} the {color} {object}.",
        ),
        (
            '"No, it is my turn!" said {friend}.',
            "But {friend} wanted to {use} it too.",
            "{friend} was angry and began to cry.",
        ),
        (
            "Then {name} gave the {object} to {friend}.",
            '"You can {use} it first," {name} said to {friend}.',
            '"Share the {object}," said {his} {family}.',
        ),
        (
            "So they took turns with the {color} {object}.",
            "They played with the {object} all day.",
            "{friend} was happy, and {name} was happy too.",
        ),
    ),
)

GIFT = Plot(
    prompts=(
        "Tell a story about {name}, who needs a gift for {friend}.",
        "Write about {name}, {friend} and a birthday {object}.",
        "It is the birthday of {friend}, and {name} has no gift.",
    ),
    beats=(
        OPENING,
        (
            "It was the birthday of {his} friend {friend}.",
            "{His} friend {friend} had a birthday.",
            "{name} needed a gift for {friend}.",
        ),
        (
            "At the {place} {he} found {a_color} {object}.",
            "{He} saw {a_color} {object} {spot}.",
            "{His} {family} gave {him} {a_color} {object}.",
        ),
        (
            "{He} put the {object} in a box.",
            '"This {object} is a good gift," said {name}.',
        ),
        (
            '"Happy birthday, {friend}!" said {name}.',
            "At the party {friend} opened the box.",
            "{name} gave the {object} to {friend}.",
        ),
        (
            '"{A_color} {object}! Thank you!" said {friend}.',
            "{friend} began to {use} the {object} at once.",
            "{friend_He} liked the {color} {object} very much.",
        ),
    ),
    optional=frozenset({3}),
)

PLOTS: dict[str, Plot] = {"lost": LOST, "animal": ANIMAL, "share": SHARE, "gift": GIFT}
