"""The measured cases as CSV and Parquet: one line for each case in each way."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from inference.engine.atlas.measure import Measured

COLUMNS = tuple(field.name for field in fields(Measured))


def write_csv(path: Path, measured: Sequence[Measured]) -> None:
    """A head and one line for each case; what a way does not have is empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(one) for one in measured)


def write_parquet(path: Path, measured: Sequence[Measured]) -> None:
    """The same table, typed and compressed."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist([asdict(one) for one in measured])
    parquet.write_table(table, path, compression="zstd")
