"""Partials that the workspace fetches: a position's candidates, the profile of a step, a table."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from inference.engine.digest_view import DigestView, sparse_bytes
from inference.limits import LIMITS
from visualizer import selectors
from visualizer.selectors.candidates import settings_from
from visualizer.selectors.history import digest_at
from visualizer.selectors.labels import labels_for
from visualizer.selectors.regrets import regrets
from visualizer.views.cells import rows
from visualizer.views.inspector import inspector
from visualizer.views.places import number_of, own_session, place_of


@login_required
@require_GET
def position(request: HttpRequest, session_id: UUID, step: int, pos: int) -> HttpResponse:
    """The inspector of a position; a plain visit is sent to the page that contains it."""
    session = own_session(request, session_id)
    place = place_of(session, request.GET.get("branch"), str(step))
    if not request.headers.get("HX-Request"):
        query = f"?branch={place.branch}&step={place.number}&pos={pos}"
        return redirect(f"/sessions/{session.pk}/{query}")
    k = number_of(request.GET.get("k"))
    most = int(LIMITS["visual_top_k"].high)
    context = inspector(session, place, pos, min(k, most) if k else None)
    return render(request, "visualizer/partials/inspector.html", context)


@login_required
@require_GET
def profile(request: HttpRequest, session_id: UUID, step: int) -> JsonResponse:
    """Best guess, its probability and the entropy (nats) of every position open at a step."""
    session = own_session(request, session_id)
    place = place_of(session, request.GET.get("branch"), str(step))
    row = digest_at(session, place)
    if row is None:
        return JsonResponse({"positions": [], "labels": [], "p1": [], "margin": [], "entropy": []})
    view, labels = DigestView.from_bytes(bytes(row.data)), labels_for(session)
    settings = settings_from(session.settings)
    return JsonResponse(
        {
            "positions": view.positions.tolist(),
            "labels": [labels(int(token)) for token in view.ids[:, 0]],
            "p1": view.p1(settings).round(4).tolist(),
            "margin": _margins(view, settings.softmax_temperature),
            "entropy": view.entropy(settings.softmax_temperature).round(4).tolist(),
        }
    )


def _margins(view: DigestView, temperature: float) -> list[float]:
    """Lead of the best token over the second, by open position."""
    rows = (view.probabilities(temperature, row) for row in range(len(view.positions)))
    return [round(float(p[0] - p[1]) if len(p) > 1 else float(p[0]), 4) for p in rows]


@login_required
@require_GET
def regret(request: HttpRequest, session_id: UUID, step: int) -> JsonResponse:
    """Written tokens that a later forward pass gives less than half: `{slot: [then, now]}`."""
    session = own_session(request, session_id)
    place = place_of(session, request.GET.get("branch"), str(step))
    found = regrets(session, place.branch, place.number)
    rows = {slot: [row["p"], round(row["p_now"], 4)] for slot, row in found["regret"].items()}
    return JsonResponse({"judged": found["judged"], "slots": rows})


@login_required
@require_GET
def digest(request: HttpRequest, session_id: UUID, step: int) -> HttpResponse:
    """The forward pass kept at a step, as bytes for static/js/digest.js; 204 if there is none."""
    session = own_session(request, session_id)
    place = place_of(session, request.GET.get("branch"), str(step))
    row = digest_at(session, place)
    if row is None:
        return HttpResponse(status=204)
    return HttpResponse(sparse_bytes(bytes(row.data)), content_type="application/octet-stream")


@login_required
@require_GET
def table(request: HttpRequest, session_id: UUID, step: int) -> HttpResponse:
    """All positions of a step as a table."""
    session = own_session(request, session_id)
    place = place_of(session, request.GET.get("branch"), str(step))
    snapshot = selectors.snapshot(session, place.branch, place.number)
    here = f"branch={place.branch}&step={place.number}"
    context = {"table": rows(snapshot), "here": here}
    return render(request, "visualizer/partials/table.html", context)
