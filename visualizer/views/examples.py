"""What the first page offers to begin with: a card's examples, recorded runs, the adapted model."""

from __future__ import annotations

from typing import Any

from inference.labels import labels
from inference.model_locations import absence
from inference.models import ModelEntry
from visualizer.selectors.recordings import COMPARED, recorded
from visualizer.views.tokens import BOX, MASKS


def examples(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The model card's example prompts, each with the lengths that suit it."""
    listed = [{"prompt": row} if isinstance(row, str) else row for row in card.get("examples", [])]
    return [suited(row) for row in listed]


def suited(row: dict[str, Any]) -> dict[str, Any]:
    """An example whose blocks are no longer than what is written."""
    length = row.get("gen_length")
    block = row.get("block_length") or length
    return row | {"block_length": min(block, length)} if length else row


def mask_text(entry: ModelEntry) -> str:
    """How the mask is written for the model's tokenizer; a box if that is not known yet."""
    pieces = labels(entry.vocabulary)
    if entry.mask_id is not None and entry.mask_id < len(pieces):
        return pieces[entry.mask_id]
    prompts = " ".join(row["prompt"] for row in examples(entry.card))
    return next((name for name in MASKS if name in prompts), BOX)


def adapted() -> dict[str, Any] | None:
    """Context of fragments/adapted.html: the shipped model that was a real one of another kind."""
    shipped = ModelEntry.objects.filter(is_shipped=True, card__training__base__isnull=False)
    entry = shipped.first()
    if entry is None:
        return None
    return {
        "model": entry,
        "examples": examples(entry.card),
        "answers": list(entry.card.get("quality", {}).get("answers", {}).values()),
        "absence": absence(entry) if entry.state == ModelEntry.State.ABSENT else "",
    }


def showcase() -> dict[str, Any] | None:
    """Context of fragments/showcase.html: the first recorded runs whose model is here."""
    here = set(ModelEntry.objects.filter(is_shipped=True).values_list("slug", flat=True))
    told = next((found for slug in COMPARED if slug in here and (found := recorded(slug))), None)
    if told is None:
        return None
    measured = told.get("measured", {"rows": [], "cases": 0})
    solved = {row["recipe"]: round(row["exact"] * measured["cases"]) for row in measured["rows"]}
    return {
        **{name: told[name] for name in ("model", "label", "columns")},
        "cases": measured["cases"],
        "shown": measured.get("shown", -1) + 1,
        "runs": [_shown_run(told["cells"], run, solved) for run in told["runs"]],
        "recording": {"cells": told["cells"], "runs": told["runs"]},
    }


def _shown_run(cells: list[str | None], run: dict[str, Any], solved: dict[str, int]) -> Any:
    """A recorded run at its end."""
    written = {position: text for frame in run["frames"] for position, text, _ in frame}
    wrong = set(run["wrong"])
    shown = [
        {"text": written.get(n, text), "given": text is not None, "wrong": n in wrong}
        for n, text in enumerate(cells)
    ]
    about = {"label": run["label"], "solved": solved.get(run["recipe"])}
    counts = {"filled": len(written), "wrong_count": len(wrong), "steps": len(run["frames"])}
    return about | counts | {"cells": shown}
