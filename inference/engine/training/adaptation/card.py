"""The files of an adapted model: config.json, unmask.json, and a card from what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.engine.families.llama import OWN
from inference.engine.training.adaptation.evaluation import GAPS_A_TEXT
from inference.engine.training.adaptation.ways import ONE_A_STEP

SAMPLES = 12
DECODING = {
    "recipe": ONE_A_STEP.recipe,
    **ONE_A_STEP.parameters,
    "temperature": 0.0,
    "stop_at_end": True,
}
"""What the answers of the card at one token a step were measured with."""
PROMPTS = (
    "What is the capital of France?",
    "What color is the sky on a clear day?",
    "Why do birds sing?",
    "Write one sentence about the sea.",
)


def write_config(folder: Path, adapter: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """config.json: what differs from the parent, and whose adapter it is."""
    config = {"model_type": OWN, "predict": "shifted", "attention": "block", **facts}
    _write(folder / "config.json", {**config, "adapter": dict(adapter)})


def write_card(folder: Path, label: str, training: dict[str, Any], quality: dict[str, Any]) -> None:
    """unmask.json, and README.md made from it."""
    chats = "answers" in quality
    card = {
        "label": label,
        "kind": "diffusion",
        "trained_on": training["trained_on"],
        "license": training["license"],
        "context": training["context"],
        "chat": chats,
        **({"task": "questions"} if chats else {}),
        "decoding": {**DECODING, "block_length": training["block"]},
        "examples": [example(prompt, training["block"]) for prompt in PROMPTS] if chats else [],
        "training": training,
        "quality": quality,
    }
    _write(folder / "unmask.json", card)
    (folder / "README.md").write_text(readme(card), encoding="utf-8")


def example(prompt: str, block: int) -> dict[str, Any]:
    """A prompt with the lengths that suit it."""
    return {"prompt": prompt, "gen_length": 4 * block, "block_length": block}


def readme(card: Mapping[str, Any]) -> str:
    """The card in words and tables."""
    training, quality = card["training"], card["quality"]
    parts = [f"# {card['label']}", card["trained_on"], _training(training)]
    parts += ["## Held-out bound", BOUND, _bounds(quality["bounds"])]
    if "gaps" in quality:
        parts += ["## Gaps", GAPS, _gaps(quality["gaps"])]
    if "answers" in quality:
        parts += ["## Answers", ANSWERS, _answers(quality["answers"])]
        parts += ["## Samples", SAMPLED, _samples(quality["samples"])]
    parts += ["This file is written by the command; do not edit it by hand."]
    return "\n\n".join(parts) + "\n"


GAPS = (
    f"{GAPS_A_TEXT} tokens of each held-out document are hidden, one at a time; right: the most "
    "probable one is the one that stood there. The parent sees what is before it, this model the "
    "rest of its block, too."
)
BOUND = (
    "Nats per hidden token of held-out documents at fixed rates of hiding; the bound is the mean "
    "of the first four rates."
)
SAMPLED = "The first questions, nothing left out."
ANSWERS = (
    "Right: the wanted word stands in the first 32 tokens. Nats: what the parent gives each token "
    "of the answer on average. Distinct: share of different pairs of neighbours. One token a step "
    "is the one of least entropy; of two the second is chosen knowing the first, in one forward of "
    "several canvases (the rule `pairs/blocks`)."
)


def _training(training: Mapping[str, Any]) -> str:
    rows = {
        "Command": f"`{training['command']}`",
        "Parent": f"{training['base']}, sha256 of its weights {training['sha256']}",
        "Adapter": f"rank {training['rank']}, {training['parameters']:,} numbers",
        "Blocks": f"{training['block']} tokens, counted from position 0",
        "Documents": f"{training['documents']} ({training['held_out']} more held out; the bound is "
        f"that of {training['bound_of']} of them)",
        "Work": f"{training['minutes']:g} {training['minutes_are']}, {training['steps']} steps of "
        f"{training['batch_size']} documents, seed {training['seed']}",
        "Precision": training["dtype"],
        "License": training["license"] or "that of its parent",
    }
    if begun := training["start_from"]:
        rows["Begun from"] = f"an earlier adapter of the same recipe, sha256 {begun['sha256']}"
    if other := training.get("average"):
        rows["Averaged with"] = f"an earlier adapter of the same recipe, sha256 {other['sha256']}"
    return "\n".join(f"- {name}: {value}" for name, value in rows.items())


def _bounds(bounds: Mapping[str, Mapping[str, float]]) -> str:
    columns = list(next(iter(bounds.values())))
    head = ["", *columns]
    rows = [[name, *(f"{row[key]:.3f}" for key in columns)] for name, row in bounds.items()]
    return _table(head, rows)


def _answers(answers: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["", "right", "nats a token", "distinct", "tokens a step"]
    rows = [
        [
            name,
            f"{row['right']} of {row['asked']}",
            "–" if row["nats"] is None else f"{row['nats']:.2f}",
            f"{row['distinct']:.2f}",
            f"{row['tokens_per_step']:.2f}",
        ]
        for name, row in answers.items()
    ]
    return _table(head, rows)


def _gaps(gaps: Mapping[str, Any]) -> str:
    rows = [[name, f"{gaps[name]} of {gaps['asked']}"] for name in gaps if name != "asked"]
    return _table(["", "right"], rows)


def _samples(samples: list[Mapping[str, str]]) -> str:
    lines = []
    for sample in samples[:SAMPLES]:
        lines.append(f"**{sample['question']}**")
        lines += [
            f"- {name}: {json.dumps(text, ensure_ascii=False)}"
            for name, text in sample.items()
            if name != "question"
        ]
        lines.append("")
    return "\n".join(lines)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
