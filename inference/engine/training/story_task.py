"""The story model: its tokenizer, its documents, and foreign prompts.

A user may type anything as a prompt. One document in ten therefore begins with text that has
nothing to do with the story, and one in ten with no prompt at all, so that the model goes on
with a story from wherever it is asked to. Every other document begins without the start token,
because not every way of serving puts one in front of the prompt.
"""

from __future__ import annotations

import random
import string
from dataclasses import replace

from tokenizers import Tokenizer

from inference.engine.corpora.bpe import END, id_of, train_bpe
from inference.engine.corpora.stories import Story, generate
from inference.engine.corpora.story_checks import judge
from inference.engine.training.rows import Document, PackedDocuments
from inference.engine.training.task import Case, HeldOut, Marks, Recipe, Task

VOCAB_SIZE = 768
CONTEXT = 192
GEN_LENGTH = 64
# Most canvases are as long as a prompt, a story and a little room; some are long, so that
# every position up to 192 has been seen and the story ends by itself in a long canvas.
CANVASES = {68: 0.44, 76: 0.36, 96: 0.1, 128: 0.07, 192: 0.03}
FOREIGN_SHARE = 0.1
EMPTY_SHARE = 0.1
START_SHARE = 0.5
HELD_OUT_SEED = 1_000_003


def story_tokenizer(seed: int = 0, samples: int = 12_000) -> Tokenizer:
    """Byte-level BPE over the corpus, with and without prompts."""
    rng = random.Random(seed)
    stories = [generate(rng) for _ in range(samples)]
    texts = [story.text for story in stories] + [story.body for story in stories[::4]]
    return train_bpe(texts, VOCAB_SIZE)


def foreign_prompt(rng: random.Random, vocabulary: list[str]) -> str:
    """Up to ten words that are no prompt of the corpus: words of it in disorder, and letters."""
    words = [_foreign_word(rng, vocabulary) for _ in range(rng.randint(1, 10))]
    return " ".join(words) + rng.choice(("", ".", "?", ":"))


def _foreign_word(rng: random.Random, vocabulary: list[str]) -> str:
    if rng.random() < 0.5:
        return rng.choice(vocabulary)
    word = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(1, 8)))
    return word.capitalize() if rng.random() < 0.3 else word


def encode_story(
    tokenizer: Tokenizer, story: Story, foreign: bool = False, start: bool = True
) -> Document:
    """Ids of `"{prompt} {story}"`; the prompt is a prefix of them, as at inference."""
    head: list[int] = tokenizer.encode(story.prompt, add_special_tokens=start).ids
    body = f" {story.body}" if story.prompt else story.body
    tail: list[int] = tokenizer.encode(body, add_special_tokens=False).ids
    return Document(head + tail, len(head), int(start), foreign)


def story_documents(tokenizer: Tokenizer, count: int, seed: int) -> list[Document]:
    """Training documents; the share of foreign and of empty prompts is fixed above."""
    rng = random.Random(seed)
    vocabulary = sorted({word for _ in range(300) for word in generate(rng).text.split()})
    return [_document(tokenizer, rng, vocabulary) for _ in range(count)]


def _document(tokenizer: Tokenizer, rng: random.Random, vocabulary: list[str]) -> Document:
    story, draw = generate(rng), rng.random()
    foreign = draw < FOREIGN_SHARE
    if foreign:
        story = replace(story, prompt=foreign_prompt(rng, vocabulary))
    elif draw < FOREIGN_SHARE + EMPTY_SHARE:
        story = replace(story, prompt="")
    return encode_story(tokenizer, story, foreign, start=rng.random() < START_SHARE)


def story_corpus(tokenizer: Tokenizer, seed: int = 0, count: int = 80_000) -> PackedDocuments:
    """The packed training corpus; documents that fit no canvas do not occur."""
    end_id = id_of(tokenizer, END)
    return PackedDocuments(story_documents(tokenizer, count, seed), CANVASES, end_id)


def held_out_stories(count: int) -> list[Story]:
    """Stories that the training seed does not produce, for evaluation."""
    rng = random.Random(HELD_OUT_SEED)
    return [generate(rng) for _ in range(count)]


def held_out(tokenizer: Tokenizer, count: int) -> HeldOut:
    """Held-out stories on canvases of 96; the nats are counted per token of story and its end."""
    documents = [encode_story(tokenizer, story) for story in held_out_stories(count)]
    batch = PackedDocuments(documents, {96: 1.0}, id_of(tokenizer, END)).held_out(96)
    return HeldOut(batch, sum(len(d.ids) - d.prompt_length + 1 for d in documents))


def story_cases(tokenizer: Tokenizer, count: int, seed: int) -> list[Case]:
    """Prompts of the grammar with 64 masks each, judged by the grammar's parser."""
    rng = random.Random(HELD_OUT_SEED + seed)
    prompts = [generate(rng).prompt for _ in range(count)]
    return [_case(tokenizer, prompt) for prompt in prompts]


def _case(tokenizer: Tokenizer, prompt: str) -> Case:
    ids: list[int] = tokenizer.encode(prompt, add_special_tokens=False).ids
    end_id = id_of(tokenizer, END)

    def marks(canvas: list[int]) -> Marks:
        body = canvas[len(ids) :]
        text = tokenizer.decode(body[: body.index(end_id)] if end_id in body else body)
        verdict = judge(prompt, text)
        return {name: float(value) for name, value in vars(verdict).items()}

    return Case(ids, GEN_LENGTH, marks)


TASK = Task(
    name="stories",
    label="Small stories",
    trained_on=(
        "Trained only on four kinds of very short children's stories that this project generates "
        "(a lost toy, a hungry animal, two friends who share, a birthday gift). It knows a few "
        "hundred words and tells such a story whatever the prompt says."
    ),
    context=CONTEXT,
    recipe=Recipe(
        sizes={"width": 128, "layers": 4, "heads": 4, "mlp_width": 352},
        minutes=45,
        batch_size=64,
        learning_rate=5e-3,
        early_longest_time=0.6,
    ),
    tokenizer=story_tokenizer,
    corpus=story_corpus,
    held_out=held_out,
    cases=story_cases,
    aims=("prompt", "consistent", "kept", "plot", "grammar"),
    default=True,
    examples=[
        {"prompt": prompt, "gen_length": GEN_LENGTH, "block_length": block}
        for prompt, block in (
            ("Tell a story about Ben, who needs a gift for Mia.", 64),
            ("Tell a story about Nora, who loses a red kite.", 64),
            ("Write about Finn, Ruby and one drum.", 64),
            ("Tell a story about Lucy and a hungry duck.", 16),
            ("Once upon a time", 64),
        )
    ],
    decoding={
        "recipe": "llada/low_confidence",
        "tokens_per_step": 1,
        "temperature": 0.0,
        "block_length": 16,
        "eos_last": True,  # else the surest are the ends of texts, and a story begins with them
    },
)
