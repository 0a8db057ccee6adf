"""A model's card: what it is, what it was trained on, and what was measured of it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from core.markdown import render as markdown
from inference.errors import UnmaskError
from inference.model_locations import readme_of
from inference.models import ModelEntry


@login_required
@require_safe
def model_card(request: HttpRequest, slug: str) -> HttpResponse:
    """README.md of the model's directory, else what is known of it."""
    entry = ModelEntry.visible_to(request.user).filter(slug=slug).first()
    if entry is None:
        raise UnmaskError("not_found", "There is no such model.")
    html = mark_safe(markdown(readme_of(entry)))
    return render(request, "visualizer/model_card.html", {"model": entry, "readme": html})
