"""The card of a model that was trained on a text: written from what the trainer recorded."""

from __future__ import annotations

from typing import Any

from inference.engine.training.texts.kinds import KINDS, Kind

FACTS = (
    ("parameters", "weights: {:,}"),
    ("steps", "steps: {:,}"),
    ("tokens", "tokens read: {:,}"),
    ("seconds", "seconds of training: {:,.0f}"),
    ("loss", "loss of training: {:.3f} nats per token"),
    ("held_out", "loss of held-out text: {:.3f} nats per token"),
    ("batch_size", "windows of a step: {}"),
    ("learning_rate", "learning rate: {:g}"),
    ("seed", "seed: {}"),
    ("corpus_characters", "characters of the text: {:,}"),
    ("corpus_hash", "SHA-256 of the text: `{}`"),
    ("torch", "torch {}"),
)
"""Fields of the record and how the README says them."""
DECODING: dict[bool, dict[str, Any]] = {
    True: {"temperature": 0.7},
    False: {"recipe": "llada/low_confidence", "tokens_per_step": 1, "temperature": 0.0},
}


def card(
    kind: Kind, label: str, corpus: str, prompt: str, context: int, training: dict[str, Any]
) -> dict[str, Any]:
    """unmask.json. `corpus`: what the text is, in words; `prompt`: what to begin with."""
    half = max(1, context // 2)
    example: dict[str, Any] = {"prompt": prompt}
    if not kind.causal:
        example |= {"gen_length": half, "block_length": half}
    return {
        "label": label,
        "kind": "autoregressive" if kind.causal else "diffusion",
        "trained_on": f"Trained only on one text: {corpus}",
        "context": context,
        "decoding": DECODING[kind.causal] | ({} if kind.causal else {"block_length": half}),
        "examples": [example],
        "training": {"kind": kind.name, **training},
    }


def readme(card: dict[str, Any]) -> str:
    """README.md of the directory."""
    training = card["training"]
    kind = KINDS[training["kind"]]
    facts = [f"- {kind.label}: {kind.about}", f"- window: {card['context']} {kind.unit}s"]
    for name, words in FACTS:
        if training.get(name) is not None:
            facts.append(f"- {words.format(training[name])}")
    facts += _measured(card)
    parts = [f"# {card['label']}", card["trained_on"], "\n".join(facts), "## Limits", LIMITS]
    return "\n\n".join(parts) + "\n"


def _measured(card: dict[str, Any]) -> list[str]:
    """What was measured of a model that a command trained, and the command."""
    words = card.get("quality", {}).get("words")
    command = card["training"].get("command")
    found = [f"- command: `{command}`"] if command else []
    if words:
        found.append(
            f"- of {words['written']} words that it wrote at temperature {words['temperature']:g} "
            f"({words['samples']} samples), {words['known']:.1%} occur in its text"
        )
    return found


LIMITS = (
    "The model knows nothing beyond its text. It is made for watching how models learn and write, "
    "not for answering questions. This file was written by the trainer."
)
