"""What belongs to an account, told by the apps that keep it.

An app registers a function here (in its AppConfig.ready), so that signing in can hand the guest's
things to the account although accounts knows no app above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

Transfer = Callable[[User, User], None]
Owners = Callable[[], Iterable[QuerySet[Any, Any]]]
_TRANSFERS: dict[str, Transfer] = {}
_OWNERS: dict[str, Owners] = {}


def on_transfer(name: str, transfer: Transfer) -> None:
    """Register `transfer(giver, taker)`; it runs inside the transaction of the merge."""
    _TRANSFERS[name] = transfer


def on_owners(name: str, owners: Owners) -> None:
    """Register `owners()`: queries for the ids of accounts that must not be forgotten."""
    _OWNERS[name] = owners


def owners() -> list[QuerySet[Any, Any]]:
    """Queries for the ids of everybody who owns something."""
    return [rows for each in _OWNERS.values() for rows in each()]


def merge(guest: User, account: User) -> None:
    """Give the account all that the guest has, and close the guest's account."""
    with transaction.atomic():
        for transfer in _TRANSFERS.values():
            transfer(guest, account)
        guest.api_tokens.all().delete()
        guest.is_active = False
        guest.save(update_fields=["is_active"])
