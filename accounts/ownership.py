"""What belongs to an account, told by the apps that keep it.

An app registers a function here (in its AppConfig.ready), so that signing in can hand the guest's
things to the account although accounts knows no app above it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.db import transaction

Transfer = Callable[[User, User], None]
_TRANSFERS: dict[str, Transfer] = {}


def on_transfer(name: str, transfer: Transfer) -> None:
    """Register `transfer(giver, taker)`; it runs inside the transaction of the merge."""
    _TRANSFERS[name] = transfer


def merge(guest: User, account: User) -> None:
    """Give the account all that the guest has, and close the guest's account."""
    with transaction.atomic():
        for transfer in _TRANSFERS.values():
            transfer(guest, account)
        guest.api_tokens.all().delete()
        guest.is_active = False
        guest.save(update_fields=["is_active"])
