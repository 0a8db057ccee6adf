"""Branch coverage by package, from what `make coverage` has measured."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path, PurePath
from typing import Any

from coverage import Coverage

AIMS = ("core", "visualizer/commands", "visualizer/services", "inference/engine/decoding")
"""Packages of which 95 % is aimed at, everything below them included."""
COUNTED = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def by_package(files: dict[str, Any]) -> dict[str, Counter[str]]:
    """What was counted in each directory of sources, and in each of AIMS with all below it."""
    found: dict[str, Counter[str]] = {}
    for name, file in files.items():
        parents = [str(parent) for parent in PurePath(name).parents]
        for package in {parents[0], *(set(AIMS) & set(parents))}:
            counts = found.setdefault(package, Counter())
            counts.update({key: file["summary"][key] for key in COUNTED})
    return dict(sorted(found.items()))


def row(package: str, counts: Counter[str]) -> str:
    """Package, statements, branches, and the share of both that the tests took."""
    everything = counts["num_statements"] + counts["num_branches"]
    taken = counts["covered_lines"] + counts["covered_branches"]
    share = f"{taken / everything:.1%}" if everything else "-"
    note = "  aim 95 %" if package in AIMS else ""
    numbers = f"{counts['num_statements']:>10} {counts['num_branches']:>8} {share:>8}"
    return f"{package:<36} {numbers}{note}"


def main() -> None:
    measured = Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    print(f"{'package':<36} {'statements':>10} {'branches':>8} {'covered':>8}")
    for package, counts in by_package(files).items():
        print(row(package, counts))


if __name__ == "__main__":
    main()
