"""The admin of models and workers: searchable, mostly read-only, nothing of users as HTML."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from inference.models import ModelEntry, Stream, StreamEvent, Vocabulary, WorkerBeat

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def staff(owner: User) -> Client:
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def rows(db: None) -> dict[str, int]:
    entry = ModelEntry.objects.create(slug="m", label="M", path="m", card={"trained_on": EVIL})
    event = StreamEvent.objects.create(
        stream=Stream.objects.create(), number=1, type="step", payload={"label": EVIL}
    )
    beat = WorkerBeat.objects.create(name="w", device="cpu", seen=timezone.now())
    words = Vocabulary.objects.create(hash="h", size=0, pieces=b"")
    return {
        "modelentry": entry.pk, "streamevent": event.pk, "workerbeat": beat.pk,
        "vocabulary": words.pk,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["modelentry", "streamevent", "workerbeat", "vocabulary"])
def test_lists_and_rows_are_shown_and_escaped(
    name: str, staff: Client, rows: dict[str, int]
) -> None:
    assert staff.get(f"/admin/inference/{name}/?q=m").status_code == 200
    page = staff.get(f"/admin/inference/{name}/{rows[name]}/change/")
    assert page.status_code == 200
    assert EVIL not in page.content.decode()
    assert staff.get(f"/admin/inference/{name}/add/").status_code == 403


def test_the_default_can_be_chosen_and_stays_one(staff: Client, rows: dict[str, int]) -> None:
    form = {"label": "Mine", "is_default": "on"}
    staff.post(f"/admin/inference/modelentry/{rows['modelentry']}/change/", form)
    assert list(ModelEntry.objects.filter(is_default=True).values_list("label", flat=True)) == [
        "Mine"
    ]


def test_a_loading_is_shown_and_can_be_cancelled(staff: Client, rows: dict[str, int]) -> None:
    chosen = ModelEntry.objects.filter(pk=rows["modelentry"])
    chosen.update(state="loading", progress=0.25, bytes_loaded=256, bytes_total=1024)
    page = staff.get("/admin/inference/modelentry/").content.decode()
    assert "25% (256\xa0bytes of 1.0\xa0KB)" in page
    staff.post(
        "/admin/inference/modelentry/",
        {"action": "cancel_loading", "_selected_action": [rows["modelentry"]]},
    )
    assert chosen.get().cancel_requested


def test_users_and_tokens_are_there_and_hashes_are_not(staff: Client, owner: User) -> None:
    from accounts.tokens import issue

    issue(owner)
    row = owner.api_tokens.get()
    page = staff.get(f"/admin/accounts/apitoken/{row.pk}/change/").content.decode()
    assert row.prefix in page
    assert row.hash not in page
    assert staff.get(f"/admin/auth/user/{owner.pk}/change/").status_code == 200


def test_the_admin_is_for_staff(owner_client: Client, rows: dict[str, int]) -> None:
    assert owner_client.get("/admin/inference/modelentry/").status_code == 302
