"""Guest accounts: a visitor can work at once and sign up later without losing anything."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import transaction

from accounts.models import Profile

Anyone = AbstractBaseUser | AnonymousUser


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
