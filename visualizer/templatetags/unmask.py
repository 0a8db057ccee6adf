"""Template tags of the pages: theme, token text, numbers, icons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from inference.errors import reference_of
from visualizer.views.status import written
from visualizer.views.tokens import boxes, glyphs, masks, percent

register = template.Library()
THEMES = ("auto", "light", "dark")


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """The account's choice, so that the first paint is right; `auto` follows the system."""
    user: Any = getattr(context.get("request"), "user", AnonymousUser())
    profile = getattr(user, "profile", None) if user.is_authenticated else None
    chosen = (profile.settings or {}).get("theme", "auto") if profile else "auto"
    return chosen if chosen in THEMES else "auto"


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative picture from the sprite."""
    sprite = static("img/icons.svg")
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', sprite, name
    )


@register.filter
def ago(moment: datetime) -> str:
    """How long ago, in its largest unit."""
    if (timezone.now() - moment).total_seconds() < 60:
        return "just now"
    return f"{timesince(moment, depth=1)} ago"


@register.filter
def lookup(table: Mapping[str, Any], key: str) -> Any:
    """What a table has under a key that the template computes; None if it has nothing."""
    return table.get(key)


register.filter("glyphs", glyphs)
register.filter("masks", masks)
register.filter("boxes", boxes)
register.filter("percent", percent)
register.filter("reference", reference_of)
register.filter("written", written)
