"""Recorded runs of the lessons: real runs of the shipped models, as streams tell them.

A run is a list of drafts like those of a generation (visualizer/selectors/drafts.py): the canvas,
then what each step did. So one player shows recorded and live runs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from inference import model_locations
from inference.engine import checkpoint
from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.corpora import sudoku
from inference.engine.decoding.loop import generate
from inference.engine.decoding.step_result import StepResult
from inference.engine.pieces import shown
from inference.engine.tokenization import checked_prompt
from inference.engine.training.decode import Settings
from inference.engine.training.evaluation import judged, native_tokenizer
from inference.engine.training.task import Case
from inference.engine.training.tasks import TASKS
from visualizer.lessons.lesson import MASK, Lesson, Variant
from visualizer.lessons.recordings import VERSION
from visualizer.models import Step
from visualizer.selectors.drafts import Draft, draft_from
from visualizer.selectors.event_payloads import step_payload
from visualizer.selectors.labels import Labels

SEED = 0
GUESSES = 5
"""Candidates of a mask that are kept."""
KEPT = ("op", "slot", "pos", "label", "p", "new")


def recording(lesson: Lesson, cases: int) -> dict[str, Any]:
    """All variants of a lesson; those of a task with known answers measured over `cases` cases.

    Raises ValueError if no case tells the lesson's two variants apart.
    """
    measured = _measured(lesson, cases) if lesson.tells else {}
    prompt = measured.pop("prompt", lesson.prompt)
    seed = SEED + measured.get("shown", 0)  # that with which the case was measured
    return {
        "version": VERSION,
        "command": "python manage.py record_lessons",
        "seed": seed,
        **({"measured": measured} if measured else {}),
        "variants": {one.name: _run(lesson, one, prompt, seed) for one in lesson.variants},
    }


@lru_cache(maxsize=4)
def loaded(slug: str) -> LoadedModel:
    """A shipped model in float32, as sites on a CPU run it: with half of the bits other cells may
    be the surest ones."""
    return checkpoint.load(model_locations.SHIPPED_DIR / slug, dtype=torch.float32)


def _run(lesson: Lesson, variant: Variant, prompt: str, seed: int) -> dict[str, Any]:
    model = loaded(lesson.model_of(variant))
    written = _written(model, variant.prompt or prompt)
    length = variant.gen_length if variant.prompt else lesson.gen_length
    start = _start(model, written, length or 0)
    labels = labels_of(model)
    results = list(generate(model, start, variant.recipe, variant.parameters, seed))
    end = results[-1].canvas if results else start
    return {
        "model": lesson.model_of(variant),
        "prompt": written,
        "special_tokens": MASK in (variant.prompt or prompt),
        "gen_length": length or None,
        **_answer(start, end, labels),
        "drafts": [_first(start, labels), *_drafts(start, results, labels, lesson.guesses)],
        "end": [[labels(slot.token), int(slot.prompt)] for slot in end.slots],
    }


def labels_of(model: LoadedModel) -> Labels:
    """The tokens' texts as the pages show them."""
    assert model.tokenizer is not None
    return Labels([shown(piece) for piece in model.tokenizer.pieces(model.spec.vocab_size)])


def _written(model: LoadedModel, prompt: str) -> str:
    """The prompt with the model's own text of the mask."""
    assert model.spec.mask_id is not None
    return prompt.replace(MASK, labels_of(model)(model.spec.mask_id))


def _start(model: LoadedModel, prompt: str, length: int) -> Canvas:
    assert model.tokenizer is not None
    assert model.spec.mask_id is not None
    special = length == 0
    ids = checked_prompt(model.tokenizer, prompt, special, model.spec.vocab_size)
    return Canvas.start(ids, length, model.spec.mask_id)


def _first(start: Canvas, labels: Labels) -> Draft:
    masked = len(start.open_positions)
    given = [int(slot.prompt) for slot in start.slots]
    canvas = [labels(slot.token) for slot in start.slots]
    return {"step": 0, "ops": [], "masked": masked, "canvas": canvas, "given": given}


def _drafts(start: Canvas, results: list[StepResult], labels: Labels, guesses: bool) -> list[Draft]:
    before, told = start, []
    for number, result in enumerate(results, 1):
        step = Step(number=number, operations=result.operations)
        draft = draft_from(step_payload(step, before, labels, result.canvas))
        draft["ops"] = [_kept(op) for op in draft["ops"]]
        told.append(draft | ({"guesses": _guesses(result, before, labels)} if guesses else {}))
        before = result.canvas
    return told


def _kept(op: dict[str, Any]) -> dict[str, Any]:
    """An operation without what only sessions need."""
    kept = {name: op[name] for name in KEPT if op.get(name) is not None}
    return kept | ({"p": round(kept["p"], 3)} if "p" in kept else {})


def _guesses(result: StepResult, before: Canvas, labels: Labels) -> dict[str, list[list[Any]]]:
    """Slot → [text, probability] of its best guesses in the pass over the canvas before."""
    best = torch.softmax(result.logits.float(), -1).topk(GUESSES)
    found = {}
    for row, position in enumerate(result.positions):
        pairs = zip(best.indices[row].tolist(), best.values[row].tolist(), strict=True)
        slot = str(before.slots[position].id)
        found[slot] = [[labels(token), round(p, 3)] for token, p in pairs]
    return found


def _answer(start: Canvas, end: Canvas, labels: Labels) -> dict[str, Any]:
    """Of a sudoku: its one solution, and the cells that came out otherwise."""
    if len(start) != sudoku.CELLS:
        return {"columns": 0}
    texts = [sudoku.OPEN if s.token == start.mask_id else labels(s.token) for s in start.slots]
    solution = list(next(sudoku.solutions("".join(texts))))
    wrong = [at for at, slot in enumerate(end.slots) if labels(slot.token) != solution[at]]
    return {"columns": sudoku.SIDE, "expected": solution, "wrong": wrong}


def _measured(lesson: Lesson, count: int) -> dict[str, Any]:
    """How many cases each variant solves, in how many passes, and the case that is shown."""
    model = loaded(lesson.model)
    cases = TASKS[lesson.model].cases(native_tokenizer(model), count, SEED)
    solved: dict[str, list[bool]] = {}
    passes: dict[str, float] = {}
    for one in lesson.variants:
        verdicts = [_judged(model, case, one, n) for n, case in enumerate(cases)]
        solved[one.name] = [right for right, _ in verdicts]
        passes[one.name] = round(sum(made for _, made in verdicts) / count, 1)
    assert lesson.tells is not None
    better, worse = (solved[name] for name in lesson.tells)
    apart = (n for n in range(count) if better[n] and not worse[n])
    if (shown := next(apart, None)) is None:
        raise ValueError(f"No case tells {' and '.join(lesson.tells)} of {lesson.slug} apart.")
    rows = {name: {"solved": sum(found), "passes": passes[name]} for name, found in solved.items()}
    prompt = _puzzle(model, cases[shown])
    return {"cases": count, "seed": SEED, "shown": shown, "rows": rows, "prompt": prompt}


def _judged(model: LoadedModel, case: Case, variant: Variant, number: int) -> tuple[bool, int]:
    """Whether the case was solved, and in how many passes; each case has a seed of its own."""
    settings = Settings(variant.recipe, seed=SEED, own=variant.parameters)
    found = judged(model, case, settings, number)
    return found.marks["exact"] == 1.0, found.passes


def _puzzle(model: LoadedModel, case: Case) -> str:
    labels = labels_of(model)
    ids = case.prompt_ids
    return "".join(MASK if token == model.spec.mask_id else labels(token) for token in ids)
