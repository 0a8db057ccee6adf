"""Guests who left nothing are forgotten after a while; whoever made something is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as Cookie
from django.utils import timezone

from accounts.guests import KEEP, create_guest, forget_guests
from accounts.models import ApiToken
from accounts.worker.tasks import forget
from inference.models import ModelEntry
from visualizer.models import Preset, Session
from visualizer.services.sessions import create_session

pytestmark = pytest.mark.django_db


def _aged(user: User, **fields: object) -> User:
    User.objects.filter(pk=user.pk).update(date_joined=timezone.now() - 2 * KEEP, **fields)
    return user


def _with_session(user: User) -> User:
    model = ModelEntry.objects.create(slug="m", label="M", path="m")
    create_session(
        owner=user, model=model, mask_id=1, prompt="a", prompt_ids=[2], gen_length=4,
        block_length=4, seed=0, title=None, provenance={},
    )  # fmt: skip
    return user


def test_only_old_guests_who_own_nothing_are_forgotten(owner: User) -> None:
    keep = [
        create_guest(),
        _aged(owner),
        _with_session(_aged(create_guest())),
        _aged(create_guest(), last_login=timezone.now()),
    ]
    token, preset = _aged(create_guest()), _aged(create_guest())
    ApiToken.objects.create(user=token, hash="x", prefix="x")
    Preset.objects.create(owner=preset, name="mine")
    gone = [_aged(create_guest()), _aged(create_guest(), is_active=False)]
    assert forget_guests() == 2
    left = set(User.objects.values_list("pk", flat=True))
    assert left == {user.pk for user in [*keep, token, preset]}
    assert not left & {user.pk for user in gone}
    assert Session.objects.count() == 1


def test_expired_cookies_are_deleted() -> None:
    old, new = SessionStore(), SessionStore()
    for store, age in ((old, -5), (new, 500)):
        store.set_expiry(timezone.now() + timedelta(seconds=age))
        store.save()
    forget()
    assert list(Cookie.objects.values_list("pk", flat=True)) == [new.session_key]
