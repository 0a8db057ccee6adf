"""What a kept moment of a training writes behind a prompt, whole or step by step."""

from __future__ import annotations

from collections.abc import Sequence

from inference.engine.canvas import Canvas
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.sampling import Sampling
from inference.engine.checkpoint import LoadedModel
from inference.engine.corpora.bpe import UNKNOWN
from inference.engine.decoding.loop import generate
from inference.engine.errors import InputError
from inference.engine.training.decode import Settings, parameters

RECIPE = "llada/low_confidence"
OPEN = "▁"
"""How a mask is shown in a frame."""


def frames_of(
    model: LoadedModel, prompt: str, length: int, temperature: float, seed: int
) -> list[str]:
    """The text behind the prompt after each step; the last one is the finished one.

    A causal model's steps are its tokens, those of a mask predictor its denoising passes. Raises
    InputError for a prompt with characters that the training's text did not have.
    """
    ids = prompt_ids(model, prompt)
    room = min(length, model.context - len(ids))
    if model.spec.mask_id is None:
        return _written(model, ids, Sampling(temperature=temperature, seed=seed), room)
    return _denoised(model, ids, room, temperature, seed)


def prompt_ids(model: LoadedModel, prompt: str) -> list[int]:
    """Ids of the prompt's end, as much as leaves half of the window free."""
    assert model.tokenizer is not None
    ids = model.tokenizer.encode_prompt(prompt)
    unknown = model.tokenizer.id_of(UNKNOWN)
    if unknown is not None and unknown in ids:
        known = model.tokenizer
        lacking = [one for one in dict.fromkeys(prompt) if unknown in known.encode(one)]
        raise InputError(f"Unknown characters: {lacking[:20]}", "prompt")
    if not ids and model.spec.eos_id is not None:
        ids = [model.spec.eos_id]
    return ids[-max(1, model.context // 2) :]


def _written(model: LoadedModel, ids: list[int], sampling: Sampling, room: int) -> list[str]:
    frames, text = list[str](), ""
    for result in CausalEngine(model).generate(ids, sampling, room):
        text += result.text
        frames.append(text)
    return frames or [""]


def _denoised(
    model: LoadedModel, ids: list[int], room: int, temperature: float, seed: int
) -> list[str]:
    assert model.spec.mask_id is not None
    canvas = Canvas.start(ids, room, model.spec.mask_id)
    settings = parameters(Settings(RECIPE, temperature=temperature), room)
    steps = generate(model, canvas, RECIPE, settings, seed)
    return [_shown(model, step.canvas.tokens[len(ids) :]) for step in steps]


def _shown(model: LoadedModel, ids: Sequence[int]) -> str:
    """The text of a canvas, masks as OPEN, to the first end of text."""
    assert model.tokenizer is not None
    parts, run = list[str](), list[int]()
    for token in ids:
        if token == model.spec.eos_id:
            break
        if token == model.spec.mask_id:
            parts += [model.tokenizer.decode(run), OPEN]
            run = []
        else:
            run.append(token)
    return "".join([*parts, model.tokenizer.decode(run)])
