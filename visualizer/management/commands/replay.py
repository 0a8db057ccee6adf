"""`python manage.py replay FILE`: make a record's runs again and compare the tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference import model_locations, registry
from inference.errors import UnmaskError
from visualizer.records.chain import UNVERIFIED, is_sealed
from visualizer.records.checks import check_states, check_tree, checked
from visualizer.records.files import read_record
from visualizer.records.schema import Record

if TYPE_CHECKING:
    from visualizer.worker.replay import Replayed

When = tuple[int, int, int]
"""Where a line is printed: number of the branch in the record, step, 1 for what is noted on it."""


class Command(BaseCommand):
    help = (
        "Run the runs of a record again with the same model (its hashes are checked, and it is "
        "loaded in the record's precision) and say for each step whether the same tokens came "
        "out, with the notes where they stand. Exit status 1 if any did not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--model", type=Path, help="directory of the model, if not registered")
        parser.add_argument("--device", help="where to compute, if not where the record was made")

    def handle(
        self, *args: Any, file: Path, model: Path | None, device: str | None, **options: Any
    ) -> None:
        try:
            differing, total = self._replay(read_record(file), model, device)
        except UnmaskError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{total - differing} of {total} steps of runs came out the same.")
        if differing:
            raise CommandError(f"{differing} steps came out otherwise.")

    def _tell_thinned(self, raw: dict[str, Any]) -> None:
        """What the record says of distributions that the site had given up; replay needs none."""
        passes = [row for branch in raw["branches"] for row in branch["forwards"]]
        if thinned := sum(bool(row.get("thinned")) for row in passes):
            self.stdout.write(
                f"Of {thinned} of {len(passes)} forward passes the distribution was no longer kept."
            )

    def _replay(
        self, raw: dict[str, Any], path: Path | None, device: str | None
    ) -> tuple[int, int]:
        from inference.runtime.error_mapping import engine_errors
        from inference.runtime.load_options import options_of
        from visualizer.worker.replay import check_model, replay

        record = self._checked(raw)
        differing = total = 0
        with engine_errors():
            folder = path or model_locations.directory(registry.resolve(record.model.slug))
            model = options_of(record.model.model_extra or {}, device).load(folder)
            check_model(record, model)
            for step in self._told(record, replay(record, model)):
                differing, total = differing + bool(step.differing), total + 1
        return differing, total

    def _checked(self, raw: dict[str, Any]) -> Record:
        record = checked(raw)
        self._tell_thinned(raw)
        if not is_sealed(raw):
            self.stderr.write(UNVERIFIED)
        check_tree(record)
        check_states(record, raw)
        return record

    def _told(self, record: Record, steps: Iterator[Replayed]) -> Iterator[Replayed]:
        """The steps as they are made, each printed; notes are printed in between."""
        order = {branch.id: n for n, branch in enumerate(record.branches)}
        made = (((order[step.branch], step.number, 0), step) for step in steps)
        told: Iterable[tuple[When, str | Replayed]] = merge(
            _notes(record), made, key=lambda pair: pair[0]
        )
        for (branch, number, _), what in told:
            where = f"branch {record.branches[branch].id} step {number}"
            if isinstance(what, str):
                self.stdout.write(f"{where}, note: {what}")
                continue
            said = f"differs at slots {what.differing}" if what.differing else "same"
            self.stdout.write(f"{where} {what.recipe}: {said}")
            yield what


def _notes(record: Record) -> Iterator[tuple[When, str]]:
    """The notes in the order of their states, each on one line."""
    for n, branch in enumerate(record.branches):
        for note in sorted(branch.notes, key=lambda note: note.number):
            yield (n, note.number, 1), printable(note.text)


def printable(text: str) -> str:
    """The text on one line; what would steer a terminal is replaced by U+FFFD."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
