"""The infill model: stories with a gap whose length is not known."""

from __future__ import annotations

import random

import numpy as np
from tokenizers import AddedToken, Tokenizer

from inference.engine.corpora.bpe import DELETE, END, EXPAND, MASK, id_of
from inference.engine.corpora.stories import Story, generate
from inference.engine.corpora.story_checks import judge
from inference.engine.training.gaps import (
    GapBatch,
    GapIds,
    GapRow,
    choose_gap,
    gap_loss,
    hide,
    stack,
)
from inference.engine.training.rows import Document, PackedDocuments
from inference.engine.training.story_task import (
    CONTEXT,
    HELD_OUT_SEED,
    encode_story,
    held_out_stories,
    story_documents,
    story_tokenizer,
)
from inference.engine.training.task import Case, HeldOut, Marks, Recipe, Task

START_MASKS = (2, 6, 12, 20)
CANDIDATES = 3
END_MASKS_SHARE = 0.3


def infill_tokenizer(seed: int) -> Tokenizer:
    """The stories' tokenizer with the two tokens that change the length, at the end."""
    tokenizer = story_tokenizer(seed)
    tokens = [AddedToken(token, special=True, normalized=False) for token in (EXPAND, DELETE)]
    tokenizer.add_special_tokens(tokens)
    return tokenizer


def gap_ids(tokenizer: Tokenizer) -> GapIds:
    """The ids of mask, expand and delete."""
    return GapIds(*(id_of(tokenizer, token) for token in (MASK, EXPAND, DELETE)))


def sentence_ends(tokenizer: Tokenizer) -> set[int]:
    """Ids of the tokens that may end a sentence."""
    pieces = {i: tokenizer.id_to_token(i) or "" for i in range(tokenizer.get_vocab_size())}
    return {i for i, piece in pieces.items() if piece.rstrip('"').endswith((".", "!", "?"))}


def sentence_bounds(ids: list[int], first: int, ends: set[int]) -> list[int]:
    """Positions behind the sentences of ids[first:], the last being the end of the ids."""
    bounds = [i + 1 for i in range(first, len(ids)) if ids[i] in ends]
    return bounds if bounds and bounds[-1] == len(ids) else [*bounds, len(ids)]


class Gaps:
    """Batches of stories with one gap each, of nearly the same length, so that little is padded."""

    def __init__(self, tokenizer: Tokenizer, seed: int, count: int = 40_000) -> None:
        self.special = gap_ids(tokenizer)
        self.end_id = id_of(tokenizer, END)
        self.ends = sentence_ends(tokenizer)
        self.documents: list[Document] = story_documents(tokenizer, count, seed)

    def batch(self, size: int, rng: np.random.Generator) -> GapBatch:
        """The rows of the batch are neighbours in length among some times as many."""
        rows = [self._row(int(i), rng) for i in self._draw(size * CANDIDATES, rng)]
        rows.sort(key=lambda row: len(row.shown))
        first = int(rng.integers(len(rows) - size + 1))
        return stack(rows[first : first + size], self.end_id)

    def _draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, len(self.documents), count)

    def _row(self, index: int, rng: np.random.Generator) -> GapRow:
        document = self.documents[index]
        ids, first = document.ids, document.prompt_length
        bounds = sentence_bounds(ids, first, self.ends)
        row = hide(ids, choose_gap(bounds, first, len(ids), rng), self.special, rng)
        if rng.random() < END_MASKS_SHARE:  # masks behind the text: there the text ends
            count = int(rng.integers(1, 9))
            tail = [self.special.mask] * count, [self.end_id] * count, [1.0 / count] * count
            row = GapRow(row.shown + tail[0], row.answers + tail[1], row.weights + tail[2])
        return row


def held_out(tokenizer: Tokenizer, count: int) -> HeldOut:
    """Held-out stories in canvases of their own length and one sentence to fill."""
    rng, ends = random.Random(HELD_OUT_SEED), sentence_ends(tokenizer)
    documents = [encode_story(tokenizer, story) for story in held_out_stories(count)]
    batch = PackedDocuments(documents, {96: 1.0}, id_of(tokenizer, END)).held_out(96)
    batch.maskable[:] = False
    for row, document in zip(batch.maskable, documents, strict=True):
        start, end = _sentence(document, ends, rng)
        row[start:end] = True
    return HeldOut(batch, int(batch.maskable.sum()))


def _sentence(document: Document, ends: set[int], rng: random.Random) -> tuple[int, int]:
    """A sentence of the story other than the first."""
    bounds = sentence_bounds(document.ids, document.prompt_length, ends)
    index = rng.randrange(1, len(bounds))
    return bounds[index - 1], bounds[index]


def cases(tokenizer: Tokenizer, count: int, seed: int) -> list[Case]:
    """Stories with one sentence missing, shown as 2, 6, 12 or 20 masks in turn."""
    rng, ends = random.Random(HELD_OUT_SEED + seed), sentence_ends(tokenizer)
    result = []
    for number in range(count):
        story = generate(rng)
        document = encode_story(tokenizer, story, start=False)
        gap = _sentence(document, ends, rng)
        result.append(_case(tokenizer, story, document, gap, START_MASKS[number % 4]))
    return result


def _case(
    tokenizer: Tokenizer, story: Story, document: Document, gap: tuple[int, int], masks: int
) -> Case:
    mask_id, end_id = id_of(tokenizer, MASK), id_of(tokenizer, END)
    before, after = document.ids[: gap[0]], document.ids[gap[1] :]

    def marks(canvas: list[int]) -> Marks:
        body = canvas[document.prompt_length :]
        text = tokenizer.decode(body[: body.index(end_id)] if end_id in body else body)
        verdict = judge(story.prompt, text)
        grown = len(canvas) - len(before) - len(after)
        return {name: float(value) for name, value in vars(verdict).items()} | {
            "length": float(grown == gap[1] - gap[0])
        }

    return Case([*before, *[mask_id] * masks, *after], 0, marks)


def example(before: str, after: str, masks: int) -> dict[str, object]:
    """A text with a gap: the mask token's own text stands for each mask, and nothing follows."""
    return {
        "prompt": f"{before}{MASK * masks}{after}",
        "special_tokens": True,
    }


def extra_config(tokenizer: Tokenizer) -> dict[str, int]:
    """The ids of the tokens that change the length, under the names the loader reads."""
    special = gap_ids(tokenizer)
    return {"expand_token_id": special.expand, "delete_token_id": special.delete}


TASK = Task(
    name="infill",
    label="Gaps in small stories",
    trained_on=(
        "Trained only on this project's very short stories with a gap in them. It decides itself "
        "how long the gap has to be: a mask may become two, and a mask may be deleted."
    ),
    context=CONTEXT,
    recipe=Recipe(
        sizes={"width": 128, "layers": 4, "heads": 4, "mlp_width": 352},
        minutes=15,
        batch_size=64,
        learning_rate=3e-3,
        loss=gap_loss,
    ),
    tokenizer=infill_tokenizer,
    corpus=Gaps,
    held_out=held_out,
    cases=cases,
    aims=("prompt", "consistent", "kept", "plot", "grammar", "length"),
    examples=[
        example(
            "Leo was a very kind boy. He had a red kite.",
            " At last he found the kite in a bush.",
            4,
        ),
        example(
            "Anna was a very shy girl. One day she met a cow in the grass.",
            ' "Moo! Moo!" said the cow.',
            20,
        ),
    ],
    decoding={
        "recipe": "dreamon",
        "tokens_per_step": 1,
        "temperature": 0.0,
        "block_length": 64,
    },
    extra_config=extra_config,
)
