"""Giving everything that one account has to another one."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from visualizer.models import Calibration, Generation, LabJob, Preset, Session


@transaction.atomic
def hand_over(*, giver: Any, taker: Any) -> None:
    """Sessions, jobs and presets; a preset whose name the taker has already gets another one."""
    for table in (Session, LabJob, Generation, Calibration):
        table.objects.filter(owner=giver).update(owner=taker)
    taken = set(Preset.objects.filter(owner=taker).values_list("name", flat=True))
    for preset in Preset.objects.filter(owner=giver):
        preset.owner, preset.name = taker, free_name(preset.name, taken)
        preset.save(update_fields=["owner", "name"])
        taken.add(preset.name)


def free_name(name: str, taken: set[str]) -> str:
    """The name, with a number after it where it is taken."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name[:90]} ({number})"
    return free
