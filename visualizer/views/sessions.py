"""The list of one's sessions: search, filter, page, rename, delete and bring back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from visualizer.models import Run, Session
from visualizer.partials import run_state
from visualizer.selectors import session_for, sessions_of
from visualizer.selectors.previews import preview_of
from visualizer.services import sessions as service
from visualizer.views.records import LARGEST

PER_PAGE = 25
Rows = QuerySet[Any]  # sessions with the annotations of `_listed`
SORTS = {
    "used": ("last used", "-updated"),
    "made": ("newest", "-created"),
    "title": ("title", "title"),
}
BY_HAND = "none"
_SHOWN = (Run.Status.RUNNING, Run.Status.DONE, Run.Status.STOPPED, Run.Status.FAILED)
STATUSES = {"": "any", **{status.value: str(status.label) for status in _SHOWN}}
STATUSES[BY_HAND] = "by hand only"


@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """The page, or its rows alone when HTMX asks."""
    in_bin = "bin" in request.GET
    page = _page(request, in_bin)
    for session in page:
        _decorate(session)
    context = {
        "page": "sessions",
        "in_bin": in_bin,
        "gone": sessions_of(request.user, deleted=True).count(),
        "rows": page,
        "q": request.GET.get("q", ""),
        "status": request.GET.get("status", ""),
        "sort": request.GET.get("sort", "used"),
        "sorts": {name: label for name, (label, _) in SORTS.items()},
        "statuses": STATUSES,
        "largest": LARGEST,
        "filtered": bool(request.GET.get("q") or request.GET.get("status")),
    }
    alone = request.headers.get("HX-Request") and not request.headers.get("HX-Boosted")
    return render(request, f"visualizer/{'partials/rows' if alone else 'sessions'}.html", context)


def _page(request: HttpRequest, in_bin: bool) -> Page[Session]:
    rows = _matching(_listed(request.user, in_bin), request.GET.get("q", "").strip()[:200])
    rows = _with_status(rows, request.GET.get("status", ""))
    order = SORTS.get(request.GET.get("sort", ""), SORTS["used"])[1]
    return Paginator(rows.order_by(order, "pk"), PER_PAGE).get_page(request.GET.get("page"))


def _listed(user: Any, in_bin: bool) -> Rows:
    runs = Run.objects.filter(session=OuterRef("pk")).order_by("-pk").values("status")[:1]
    return (
        sessions_of(user, deleted=in_bin)
        .select_related("model__vocabulary")
        .annotate(
            branch_count=Count("branches", filter=Q(branches__pruned=None), distinct=True),
            last_step=Max("branches__steps__number"),
            run_status=Subquery(runs),
        )
    )


def _matching(rows: Rows, words: str) -> Rows:
    return rows.filter(Q(title__icontains=words) | Q(prompt__icontains=words)) if words else rows


def _with_status(rows: Rows, status: str) -> Rows:
    if status == BY_HAND:
        return rows.filter(run_status=None)
    if status == Run.Status.RUNNING:
        return rows.filter(run_status__in=Run.ACTIVE)
    return rows.filter(run_status=status) if status in STATUSES and status else rows


def _decorate(session: Any) -> None:
    """What the row shows besides the columns."""
    status = session.run_status
    session.state = run_state({"status": status} if status else None)
    session.preview = preview_of(session)


@login_required
@require_POST
def rename(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Another title."""
    session = session_for(request.user, session_id)
    title = " ".join(request.POST.get("title", "").split())[:200]
    if title:
        service.rename_session(session=session, title=title)
    else:
        messages.error(request, "A title needs at least one character.")
    return redirect(_back(request))


@login_required
@require_POST
def delete(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Put a session away; the next page offers to bring it back."""
    session = session_for(request.user, session_id)
    service.delete_session(session=session)
    return redirect(f"{reverse('sessions')}?deleted={session.pk}")


@login_required
@require_POST
def restore(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Bring a deleted session back."""
    service.restore_session(session=session_for(request.user, session_id, deleted=True))
    messages.success(request, "The session is back.")
    return redirect("sessions")


def _back(request: HttpRequest) -> str:
    """Only ever an address of this site."""
    wanted = request.POST.get("next", "")
    return wanted if wanted.startswith("/") and not wanted.startswith("//") else reverse("sessions")
