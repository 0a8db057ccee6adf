"""`manage.py atlas`: every rule on exact tasks, over steps, blocks and seeds, as a page."""

from __future__ import annotations

import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.model_locations import SHIPPED_DIR

if TYPE_CHECKING:
    from inference.engine.atlas.measure import Extent, Outcome, Unit


class Command(BaseCommand):
    """Measures in processes of one thread, and writes the page, its pictures, CSV and Parquet."""

    help = "Measures all decoding rules on exact tasks; writes docs/atlas.md and its pictures."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tasks", default="", help="names with commas; all by default")
        parser.add_argument("--recipes", default="", help="names with commas; all by default")
        parser.add_argument("--cases", type=int, default=12, help="of each seed (default 12)")
        parser.add_argument("--seeds", type=int, default=3, help="how many (default 3)")
        parser.add_argument("--processes", type=int, default=2, help="default 2")
        parser.add_argument("--output", type=Path, help="the page (default docs/atlas.md)")
        parser.add_argument(
            "--resume", type=Path, help="keep finished units in this file, and go on from it"
        )
        parser.add_argument("--csv", type=Path, help="write every case here")
        parser.add_argument("--parquet", type=Path, help="write every case here")

    def handle(self, *args: Any, **options: Any) -> None:
        from inference.engine.atlas import measure

        work = measure.units(_tasks(options["tasks"]), _names(options["recipes"]))
        if not work:
            raise CommandError("No task can be decoded with any of these rules.")
        extent = measure.Extent(max(1, options["cases"]), tuple(range(max(1, options["seeds"]))))
        with TemporaryDirectory() as folder:
            path = options["resume"] or Path(folder) / "units.jsonl"
            outcome, seconds = self._measured(path, work, extent, options["processes"])
        self._write(outcome, seconds, extent, options)

    def _measured(
        self, path: Path, work: list[Unit], extent: Extent, processes: int
    ) -> tuple[Outcome, float]:
        """What all units gave, and the seconds of the clock that they took together."""
        from inference.engine.atlas.journal import Journal
        from inference.engine.atlas.measure import measure

        journal = Journal(path, extent)
        left = [unit for unit in work if unit not in journal.found]

        def keep(unit: Unit, outcome: Outcome) -> None:
            journal.add(unit, outcome)
            self.stderr.write(f"{len(journal.found)} of {len(work)}: {unit[1]} on {unit[0]}")

        measure(SHIPPED_DIR, left, extent, processes, keep)
        return [one for unit in work for one in journal.found[unit]], journal.seconds

    def _write(
        self, outcome: Outcome, seconds: float, extent: Extent, options: dict[str, Any]
    ) -> None:
        from inference.engine.atlas import files
        from inference.engine.atlas.measure import Measured
        from inference.engine.atlas.report import Facts, write_report
        from inference.engine.errors import EngineError

        measured = [one for one in outcome if isinstance(one, Measured)]
        for path, write in (
            (options["csv"], files.write_csv),
            (options["parquet"], files.write_parquet),
        ):
            if path is not None:
                write(path, measured)
        page = options["output"] or settings.BASE_DIR / "docs" / "atlas.md"
        facts = Facts(_own_command(options), seconds, options["processes"], extent)
        try:
            write_report(page, outcome, facts)
        except EngineError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{len(measured)} cases in {seconds:.0f} s. The page is {page.name}.")


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _tasks(text: str) -> list[str]:
    from inference.engine.atlas.exact_tasks import EXACT_TASKS

    names = _names(text) or list(EXACT_TASKS)
    unknown = [name for name in names if name not in EXACT_TASKS]
    if unknown:
        raise CommandError(f"There is no task {unknown[0]}; there are {', '.join(EXACT_TASKS)}.")
    return names


def _own_command(options: dict[str, Any]) -> str:
    """The command that makes the page again."""
    parts = ["python", "manage.py", "atlas"]
    for name, usual in (("tasks", ""), ("recipes", ""), ("cases", 12), ("seeds", 3)):
        if options[name] != usual:
            parts += [f"--{name}", str(options[name])]
    return shlex.join(parts)
