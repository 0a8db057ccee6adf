"""Links in Django's admin: looked at and revoked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.links import revoke
from inference.read_only_admin import ReadOnly


class LinkAdmin(ReadOnly):
    """Links can be revoked; their tokens are not known here either, and the hash is not shown."""

    actions: Any = ("revoke",)

    @admin.action(description="Revoke the selected links", permissions=["delete"])
    def revoke(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        for link in rows:
            revoke(link)
        self.message_user(request, f"{len(rows)} revoked.")
