"""A guest's things go to the account that the guest signs in to, all of them and no others."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import models

from inference.models import ModelEntry, Stream
from visualizer.models import Calibration, Generation, LabJob, Preset, Session
from visualizer.services.ownership import free_name, hand_over

pytestmark = pytest.mark.django_db
SIZES = {"gen_length": 8, "block_length": 8, "mask_id": 5}


def things_of(owner: User, entry: ModelEntry) -> list[models.Model]:
    """One of everything that somebody may own."""
    shared = {"owner": owner, "model": entry}
    return [
        Session.objects.create(**shared, **SIZES, stream=Stream.objects.create()),
        LabJob.objects.create(**shared, stream=Stream.objects.create(), task="stories", count=1),
        Generation.objects.create(**shared, stream=Stream.objects.create()),
        Calibration.objects.create(**shared, stream=Stream.objects.create()),
        Preset.objects.create(owner=owner, name=f"of {owner.username}"),
    ]


def owner_of(thing: models.Model) -> User:
    thing.refresh_from_db()
    owner: User = thing.owner  # type: ignore[attr-defined]
    return owner


def test_everything_goes_and_nobody_elses_does(
    owner: User, friend: User, stranger: User, entry: ModelEntry
) -> None:
    given, kept = things_of(owner, entry), things_of(stranger, entry)
    hand_over(giver=owner, taker=friend)
    assert {owner_of(thing) for thing in given} == {friend}
    assert {owner_of(thing) for thing in kept} == {stranger}


def test_presets_keep_their_names_unless_the_taker_has_them(owner: User, friend: User) -> None:
    for name in ("a", "a (2)", "b"):
        Preset.objects.create(owner=friend, name=name, values={"of": "friend"})
    for name in ("a", "c"):
        Preset.objects.create(owner=owner, name=name, values={"of": "owner"})
    hand_over(giver=owner, taker=friend)
    names = {p.name: p.values["of"] for p in Preset.objects.filter(owner=friend)}
    assert names == {
        "a": "friend", "a (2)": "friend", "b": "friend", "a (3)": "owner", "c": "owner",
    }  # fmt: skip


def test_a_name_that_one_preset_took_is_not_given_to_the_next(owner: User, friend: User) -> None:
    """`a` becomes `a (2)`, which the giver has too."""
    Preset.objects.create(owner=friend, name="a")
    for name in ("a", "a (2)"):
        Preset.objects.create(owner=owner, name=name)
    hand_over(giver=owner, taker=friend)
    names = set(Preset.objects.filter(owner=friend).values_list("name", flat=True))
    assert names == {"a", "a (2)", "a (2) (2)"}


def test_a_name_with_a_number_fits_its_column() -> None:
    long = "x" * 100
    assert free_name(long, set()) == long
    assert free_name(long, {long}) == "x" * 90 + " (2)"
