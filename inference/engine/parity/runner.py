"""Running every case of a folder: one line each, a total at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from inference.engine.parity.blocks import BLOCKS
from inference.engine.parity.canvases import CANVASES
from inference.engine.parity.decode import DECODE
from inference.engine.parity.fixtures import Folder
from inference.engine.parity.helpers import check_helpers
from inference.engine.parity.likelihood import check_likelihood
from inference.engine.parity.logits import check_logits
from inference.engine.parity.research import RESEARCH
from inference.engine.threads import using_threads

Check = Callable[[Folder, dict[str, Any]], list[str]]
PROCEDURES: dict[str, Check] = {
    **DECODE,
    **BLOCKS,
    **RESEARCH,
    **CANVASES,
    "llada.log_likelihood": check_likelihood,
    "dream.log_likelihood": check_likelihood,
}


@dataclass(frozen=True)
class Verdict:
    """One case: its name and its faults; None faults = it was not tried."""

    name: str
    procedure: str
    faults: list[str] | None

    def line(self) -> str:
        """What is printed."""
        if self.faults is None:
            return f"SKIP {self.name} ({self.procedure}: not known here)"
        if self.faults:
            return f"FAIL {self.name} ({self.procedure}): {self.faults[0]}"
        return f"ok   {self.name} ({self.procedure})"


def verdicts(directory: Path, pattern: str = "*") -> Iterator[Verdict]:
    """Checks what the folder's index.json lists, in its order.

    `pattern` (with * and ?) leaves out cases of which it matches neither name nor procedure.
    """
    folder = Folder(directory)
    for path, procedure, check in _listed(folder.read("index.json")):
        if any(fnmatchcase(name, pattern) for name in (Path(path).stem, procedure)):
            yield _verdict(folder, path, procedure, check)


def _listed(index: dict[str, Any]) -> Iterator[tuple[str, str, Check | None]]:
    """Path, procedure and check of each case."""
    for path in index.get("logits", []):
        yield path, "logits", check_logits
    for path in index.get("helpers", []):
        yield path, "helpers", check_helpers
    for case in index.get("cases", []):
        yield case["path"], case["procedure"], PROCEDURES.get(case["procedure"])


def _verdict(folder: Folder, path: str, procedure: str, check: Check | None) -> Verdict:
    name = Path(path).stem
    if check is None:
        return Verdict(name, procedure, None)
    try:
        return Verdict(name, procedure, check(folder, folder.read(path)))
    except Exception as error:  # a case that cannot run is a failed case, and the rest goes on
        return Verdict(name, procedure, [f"{type(error).__name__}: {error}"])


def main(directory: str | Path, write: Callable[[str], object] = print, pattern: str = "*") -> int:
    """Prints a line for each case and the totals; 1 if any failed or nothing was found, else 0."""
    root = Path(directory)
    if not (root / "index.json").is_file():
        write(f"There is no index.json in {root.name}/.")
        return 1
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with using_threads(1):  # on models this small helpers are waited for, minutes on a busy machine
        for verdict in verdicts(root, pattern):
            write(verdict.line())
            state = "failed" if verdict.faults else "passed"
            counts["skipped" if verdict.faults is None else state] += 1
    write(", ".join(f"{count} {state}" for state, count in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0
