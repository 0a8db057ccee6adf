"""An errand and a job of the owner's, and what happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from inference.models import Stream
from tests.core.errands.commands import FETCHING
from tests.core.errands.models import Count, Errand


@pytest.fixture
def errand(owner: User) -> Errand:
    FETCHING.clear()
    return Errand.objects.create(owner=owner, stream=Stream.objects.create())


@pytest.fixture
def job(owner: User) -> Count:
    return Count.objects.create(owner=owner, stream=Stream.objects.create())


@pytest.fixture
def meanwhile() -> Callable[[Callable[[], Any]], None]:
    """Have something happen while the next `fetch` computes."""
    return FETCHING.append
