"""Making, revoking and listing links to a session."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from core.links import revoke
from visualizer.commands.requests import Request
from visualizer.models import Session
from visualizer.selectors.readers import link_of, link_payload, links_of
from visualizer.services.sharing import share as make_link


def share(request: Request) -> dict[str, Any]:
    """link_made: the token and the address are told this once and not kept."""
    message = request.message
    link, token = make_link(session=request.session, name=message.name, hours=message.hours)
    return {
        "type": "link_made",
        "session_id": str(request.session.pk),
        "link": link_payload(link),
        "token": token,
        "path": reverse("shared", args=[token]),
    }


def unshare(request: Request) -> dict[str, Any]:
    """link_list: those that are left."""
    revoke(link_of(request.session, request.message.link))
    return _listed(request.session)


def list_links(request: Request) -> dict[str, Any]:
    """link_list."""
    return _listed(request.session)


def _listed(session: Session) -> dict[str, Any]:
    links = [link_payload(link) for link in links_of(session)]
    return {"type": "link_list", "session_id": str(session.pk), "links": links}
