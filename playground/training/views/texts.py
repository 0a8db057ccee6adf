"""Texts of one's own: pasted or uploaded, and deleted."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from core.http.errors import back_to
from inference.errors import UnmaskError
from playground.training.selectors.trainings import text_for
from playground.training.services.documents import text_of_file
from playground.training.services.texts import create_text, delete_text

NAME = 100


@login_required
@require_POST
def add_text(request: HttpRequest) -> HttpResponse:
    """Keep what was pasted, or what is in the uploaded file."""
    back_to(request, reverse("trainings"))
    name, field, text = _given(request)
    made = create_text(owner=request.user, name=name, text=text, field=field)
    messages.success(request, f"{made.name}: {made.characters:,} characters can be trained on.")
    return redirect(f"{reverse('trainings')}?text={made.pk}")


def _given(request: HttpRequest) -> tuple[str, str, str]:
    """Name, field and text. Raises UnmaskError for a name or a file that cannot be used."""
    file = request.FILES.get("file")
    name = request.POST.get("name", "").strip() or (file.name if file else "") or "Pasted text"
    if len(name) > NAME or "\0" in name:
        raise UnmaskError("validation", f"A name has at most {NAME} plain characters.", "name")
    if file is None:
        return name, "text", request.POST.get("text", "")
    return name, "file", text_of_file(file.name or "", file.read())


@login_required
@require_POST
def forget_text(request: HttpRequest, text_id: int) -> HttpResponse:
    """Delete a text; trainings on it keep what they have."""
    found = text_for(request.user, text_id)
    delete_text(text=found)
    messages.success(request, f"{found.name} was deleted.")
    return redirect("trainings")
