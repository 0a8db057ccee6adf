"""Partials that the workspace fetches: a position's candidates, the profile of a step, a table."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.gzip import gzip_page

from inference.engine.digest_reader import current
from inference.engine.digest_view import DigestView
from inference.limits import LIMITS
from visualizer import selectors
from visualizer.selectors.edit_tokens import choice_labels_for
from visualizer.selectors.history import digest_at, end_of
from visualizer.selectors.pass_numbers import has_others, renewed
from visualizer.selectors.position_stats import numbers_of
from visualizer.selectors.regrets import regrets
from visualizer.selectors.scores import checks_at
from visualizer.views.access import SessionAccess, session_page
from visualizer.views.cells import rows
from visualizer.views.inspector import inspector
from visualizer.views.params import number_of, state_ref


@session_page
def position(request: HttpRequest, access: SessionAccess, step: int, pos: int) -> HttpResponse:
    """The inspector of a position; a plain visit is sent to the page that contains it."""
    session = access.session
    ref, count = state_ref(session, request.GET.get("branch"), str(step)), asked_count(request)
    if not request.headers.get("HX-Request"):
        query = f"?branch={ref.branch}&step={ref.number}&pos={pos}"
        return redirect(f"{access.base}{query}" + (f"&k={count}" if count else ""))
    context = access.context | inspector(session, ref, pos, count)
    return render(request, "visualizer/partials/inspector.html", context)


def asked_count(request: HttpRequest) -> int | None:
    """How many candidates the address asks for, if it does."""
    asked = number_of(request.GET.get("k"))
    return min(asked, int(LIMITS["visual_top_k"].high)) if asked else None


@gzip_page
@session_page
def snapshot(request: HttpRequest, access: SessionAccess) -> JsonResponse:
    """What a page folds events into: the state at a place of the tree, and where the head is."""
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), request.GET.get("step"))
    told = selectors.snapshot(session, ref.branch, ref.number)
    session.refresh_from_db(fields=["head_branch", "head_number"])
    head = {"branch": session.head_branch_id, "number": session.head_number}
    mixed = has_others(session, end_of(session, ref.branch))
    return JsonResponse({"snapshot": told, "head": head, "mixed": mixed})


@session_page
def passes(request: HttpRequest, access: SessionAccess) -> JsonResponse:
    """`{passes: {step: {open, heat, entropy}}, after}`: a line's passes at the settings of now.

    Those that have other numbers than the snapshot tells; `after` goes on behind the last one.
    """
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), None)
    asked = number_of(request.GET.get("after"))
    found = renewed(session, end_of(session, ref.branch), -1 if asked is None else asked)
    return JsonResponse({"passes": found.passes, "after": found.after})


@session_page
def profile(request: HttpRequest, access: SessionAccess, step: int) -> JsonResponse:
    """Best guess, its probability and the entropy (nats) of every position open at a step."""
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), str(step))
    row = digest_at(session, ref)
    if row is None:
        return JsonResponse({"positions": [], "labels": [], "p1": [], "margin": [], "entropy": []})
    view, labels = DigestView.from_bytes(bytes(row.data)), choice_labels_for(session)
    numbers = numbers_of(session, view, ref.number)
    return JsonResponse(
        {
            "positions": view.positions.tolist(),
            "labels": [labels(int(token)) for token in numbers.best],
            "p1": numbers.confidence.round(4).tolist(),
            "margin": numbers.margin.round(4).tolist(),
            "entropy": numbers.entropy.round(4).tolist(),
        }
    )


@session_page
def regret(request: HttpRequest, access: SessionAccess, step: int) -> JsonResponse:
    """Written tokens that a later forward pass gives less than half: `{slot: [then, now]}`."""
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), str(step))
    found = regrets(session, ref.branch, ref.number)
    rows = {slot: [row["p"], round(row["p_now"], 4)] for slot, row in found["regret"].items()}
    return JsonResponse({"judged": found["judged"], "slots": rows})


@session_page
def digest(request: HttpRequest, access: SessionAccess, step: int) -> HttpResponse:
    """The forward pass kept at a step, as bytes for static/js/digest.js; 204 if there is none."""
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), str(step))
    row = digest_at(session, ref)
    if row is None:
        return HttpResponse(status=204)
    return HttpResponse(current(bytes(row.data)), content_type="application/octet-stream")


@session_page
def checks(request: HttpRequest, access: SessionAccess, step: int) -> HttpResponse:
    """Which checks of its task a finished state holds; nothing for all others."""
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), str(step))
    found = checks_at(session, ref)
    return (
        render(request, "visualizer/partials/checks.html", {"checks": found})
        if found
        else HttpResponse()
    )


@session_page
def table(request: HttpRequest, access: SessionAccess, step: int) -> HttpResponse:
    """All positions of a step as a table."""
    session = access.session
    ref = state_ref(session, request.GET.get("branch"), str(step))
    snapshot = selectors.snapshot(session, ref.branch, ref.number)
    here = f"branch={ref.branch}&step={ref.number}"
    context = {"table": rows(snapshot), "here": here}
    return render(request, "visualizer/partials/table.html", context)
