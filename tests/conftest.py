"""Fixtures of all tests. Access tests have an owner, a friend and a stranger."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import Client


def _user(name: str) -> User:
    return get_user_model().objects.create_user(name, password="long-test-password")


@pytest.fixture
def owner(db: None) -> User:
    """Whoever made the thing that is looked at."""
    return _user("owner")


@pytest.fixture
def friend(db: None) -> User:
    """Somebody with whom it may be shared."""
    return _user("friend")


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody who must not see it."""
    return _user("stranger")


@pytest.fixture
def owner_client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def stranger_client(stranger: User) -> Client:
    client = Client()
    client.force_login(stranger)
    return client
