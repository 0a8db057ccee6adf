"""Starting an autoregressive and a diffusion model on one prompt, and repairing a draft."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from core import generation
from inference.catalog import DEFAULT_RECIPE, RECIPES
from inference.errors import UnmaskError
from inference.models import ModelEntry
from playground.models import Completion, CompletionToken, SideBySide
from playground.selectors.side_by_side import doubtful_gaps, models_of, pieces_of

MOST_GAPS = 32


@transaction.atomic
def start_both(
    *, owner: Any, prompt: str, causal: str, masked: str, length: int, pace: int, seed: int
) -> SideBySide:
    """Both kinds begin on the same prompt, `length` tokens each; `pace`: tokens a diffusion step.

    Raises UnmaskError naming the model that is not there.
    """
    first = _entry(owner, causal, ModelEntry.Kind.AUTOREGRESSIVE, "causal")
    second = _entry(owner, masked, ModelEntry.Kind.DIFFUSION, "masked")
    text = generation.Prompt(text=prompt)
    settings = generation.Settings(max_new_tokens=length, seed=seed)
    own = replace(settings, tokens_per_step=pace) if pace > 1 else settings
    left = generation.start(user=owner, model=first.slug, prompt=text, settings=settings)
    right = generation.start(user=owner, model=second.slug, prompt=text, settings=own)
    return SideBySide.objects.create(
        owner=owner,
        prompt=prompt,
        settings={"max_new_tokens": length, "seed": seed, "tokens_per_step": pace},
        causal_model=first,
        masked_model=second,
        causal=left.id,
        masked=right.id,
    )


def _entry(user: Any, slug: str, kind: str, field: str) -> ModelEntry:
    found = models_of(user, kind).filter(slug=slug).first()
    if found is None:
        raise UnmaskError("not_found", f"There is no {kind} model of this name here.", field)
    return found


@transaction.atomic
def repair(*, comparison: SideBySide, least: float) -> int:
    """The draft's tokens less probable than `least` are masked, and the diffusion model fills them.

    Returns how many. A gap has as many places as it had tokens. Raises UnmaskError (conflict) while
    the draft is being written, and (validation) where nothing is doubtful, or too much.
    """
    draft = Completion.objects.filter(pk=comparison.causal, owner=comparison.owner).first()
    if draft is None or draft.status in Completion.ACTIVE:
        raise UnmaskError("conflict", "The draft is not finished yet.")
    tokens = list(CompletionToken.objects.filter(completion=draft).order_by("number"))
    tokens = [one for one in tokens if one.text]
    gaps = doubtful_gaps(tokens, least)
    if not gaps:
        raise UnmaskError("validation", "No token of the draft is as doubtful as that.", "least")
    if len(gaps) > MOST_GAPS:
        words = f"That leaves {len(gaps)} gaps; {MOST_GAPS} are possible. Take less."
        raise UnmaskError("validation", words, "least")
    prompt = generation.Prompt(
        pieces=tuple(pieces_of(comparison.prompt, tokens, gaps)),
        gaps=tuple(end - begin for begin, end in gaps),
    )
    model = comparison.masked_model
    seed = comparison.settings.get("seed", 0)
    settings = generation.Settings(seed=seed, parameters=_no_end(model))
    made = generation.start(
        user=comparison.owner, model=model.slug, prompt=prompt, settings=settings
    )
    comparison.repair, comparison.least = made.id, least
    comparison.save(update_fields=["repair", "least"])
    return sum(end - begin for begin, end in gaps)


def _no_end(model: ModelEntry) -> dict[str, Any]:
    """A gap in the middle of a text does not end it, where the model's recipe can be told so."""
    recipe = RECIPES[model.card.get("decoding", {}).get("recipe", DEFAULT_RECIPE)]
    return {"logits_eos_inf": True} if "logits_eos_inf" in recipe.uses else {}


def hand_over(*, giver: Any, taker: Any) -> None:
    """Inside a transaction: give all comparisons to another account."""
    SideBySide.objects.filter(owner=giver).update(owner=taker)
