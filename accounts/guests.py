"""Guest accounts: a visitor can work at once and sign up later without losing anything."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Profile
from accounts.ownership import owners

Anyone = AbstractBaseUser | AnonymousUser
KEEP = timedelta(days=30)
"""For this long a guest who has made nothing is remembered."""
BATCH = 500


def create_guest() -> User:
    """A fresh account without a password."""
    with transaction.atomic():
        user = User(username=f"guest-{secrets.token_hex(6)}")
        user.set_unusable_password()
        user.save()
        Profile.objects.filter(user=user).update(is_guest=True)
    user.refresh_from_db()
    return user


def is_guest(user: Anyone) -> bool:
    """Whether this is a guest account (a visitor without any account is none)."""
    return Profile.objects.filter(user_id=user.pk, is_guest=True).exists() if user.pk else False


def forget_guests() -> int:
    """Delete old guests who own nothing; a visitor who comes back gets a new one, unnoticed.

    Answers how many there were. Whoever has a token or a settled name is no such guest.
    """
    old = Q(date_joined__lt=Now() - KEEP) & (Q(last_login=None) | Q(last_login__lt=Now() - KEEP))
    guests = User.objects.filter(old, profile__is_guest=True, api_tokens=None)
    for rows in owners():
        guests = guests.exclude(pk__in=rows)
    ids = list(guests.values_list("pk", flat=True)[:BATCH])
    User.objects.filter(pk__in=ids).delete()
    return len(ids)
