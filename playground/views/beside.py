"""The page on which an autoregressive model writes beside a diffusion model."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.commands.field_errors import error_of
from core.http.stream_limits import check_stream
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.packages import PACKAGED
from playground.models import SideBySide
from playground.selectors.side_by_side import SHOWN, comparison_for, comparisons_of, models_of
from playground.services.side_by_side import repair, start_both

FIRST = {"length": 48, "pace": 1, "seed": 0}


class BesideForm(BaseModel):
    """What both models are started with."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: str = Field(min_length=1, max_length=4096)
    causal: str = Field(min_length=1, max_length=200)
    masked: str = Field(min_length=1, max_length=200)
    length: int = Field(ge=1, le=192)
    pace: int = Field(ge=1, le=64)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)


class RepairForm(BaseModel):
    """Below which probability a token of the draft is doubtful."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    least: float = Field(gt=0.0, lt=1.0, allow_inf_nan=False)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def beside(request: HttpRequest) -> HttpResponse:
    """The form, and the user's comparisons; a POST starts one."""
    if request.method != "POST":
        return _form(request, FIRST)
    try:
        asked = _read(BesideForm, request.POST)
        check_stream(request)
        made = start_both(owner=request.user, **asked.model_dump())
    except UnmaskError as error:
        return _form(request, request.POST.dict(), error)
    return redirect("beside_run", made.pk)


def _read(form: type[BaseModel], given: QueryDict) -> Any:
    """The form with its types. Raises UnmaskError naming the first field that is wrong."""
    texts = {key: str(value) for key, value in given.items() if value != ""}
    fields = {key: value.replace("\r\n", "\n") for key, value in texts.items()}
    if any("\0" in value for value in fields.values()):
        raise UnmaskError("validation", "prompt must not hold NUL characters.", "prompt")
    try:
        return form.model_validate(fields)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise error_of(problems, fields) from None


def _form(
    request: HttpRequest, values: dict[str, Any], problem: UnmaskError | None = None
) -> HttpResponse:
    kinds = ModelEntry.Kind
    context = {
        "page": "beside",
        "causal_models": models_of(request.user, kinds.AUTOREGRESSIVE),
        "masked_models": models_of(request.user, kinds.DIFFUSION),
        "packages": [row.command for row in PACKAGED.values()],
        "values": values,
        "problem": problem,
        "rows": comparisons_of(request.user)[:SHOWN],
    }
    return render(request, "playground/beside.html", context, status=400 if problem else 200)


@login_required
@require_safe
def beside_run(request: HttpRequest, comparison_id: UUID) -> HttpResponse:
    """Both models at work, pass by pass."""
    found = comparison_for(request.user, comparison_id)
    context = {"page": "beside", "comparison": found, "told": _told(found)}
    return render(request, "playground/beside_run.html", context)


@login_required
@require_POST
def beside_repair(request: HttpRequest, comparison_id: UUID) -> HttpResponse:
    """Mask the draft's doubtful tokens, and have the diffusion model fill them."""
    found = comparison_for(request.user, comparison_id)
    asked = _read(RepairForm, request.POST)
    check_stream(request)
    count = repair(comparison=found, least=asked.least)
    return JsonResponse({**_told(found), "masked_tokens": count})


def _told(found: SideBySide) -> dict[str, Any]:
    """What the page's script needs."""
    return {
        "prompt": found.prompt,
        "causal": str(found.causal),
        "masked": str(found.masked),
        "repair": str(found.repair) if found.repair else None,
        "least": found.least,
        "causal_model": found.causal_model.slug,
        "masked_model": found.masked_model.slug,
    }
