"""Addresses as browsers and people ask for them: HEAD wherever GET, and a slash too many."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import get_resolver

pytestmark = pytest.mark.django_db


def plain_addresses() -> list[str]:
    """The addresses of the site that need no argument."""
    found = []
    for name, entries in get_resolver().reverse_dict.lists():
        for possibilities, *_ in entries if isinstance(name, str) else []:
            found += ["/" + address for address, needed in possibilities if not needed]
    return sorted(set(found))


@pytest.mark.parametrize("address", plain_addresses())
def test_head_is_answered_wherever_get_is(owner_client: Client, address: str) -> None:
    got, head = owner_client.get(address), owner_client.head(address)
    assert (got.status_code == 405) == (head.status_code == 405)
    assert not head.content


@pytest.mark.parametrize("page", ["sign-up", "sign-in", "password"])
def test_a_slash_at_the_end_leads_to_the_page(client: Client, page: str) -> None:
    answer = client.get(f"/accounts/{page}/?next=/lab/")
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/{page}?next=/lab/")
