"""A job of the Lab as Parquet: one line for each case of each finished row."""

from __future__ import annotations

import io
import json
from typing import Any

from visualizer.models import LabJob


def lab_parquet(job: LabJob) -> bytes:
    """The file: text, whole numbers and marks in 0 to 1; rows without kept cases have none."""
    import pyarrow
    from pyarrow import parquet

    columns = {
        "task": pyarrow.string(), "model": pyarrow.string(), "seed": pyarrow.int64(),
        "recipe": pyarrow.string(), "parameters": pyarrow.string(), "steps": pyarrow.int64(),
        "block_length": pyarrow.int64(), "case": pyarrow.int64(), "mark": pyarrow.float64(),
        "passes_of_row": pyarrow.float64(), "tokens_per_pass_of_row": pyarrow.float64(),
    }  # fmt: skip
    table = pyarrow.Table.from_pylist(_lines(job), schema=pyarrow.schema(columns.items()))
    file = io.BytesIO()
    parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def _lines(job: LabJob) -> list[dict[str, Any]]:
    return [
        {
            "task": job.task,
            "model": job.model.slug,
            "seed": job.seed_of(number),
            "recipe": row["recipe"],
            "parameters": json.dumps(job.parameters.get(row["recipe"], {}), sort_keys=True),
            "steps": row["steps"],
            "block_length": row.get("block_length") or None,
            "case": number % job.count,
            "mark": mark,
            "passes_of_row": row["passes"],
            "tokens_per_pass_of_row": row["tokens_per_pass"],
        }
        for row in job.results
        for number, mark in enumerate(row.get("each", []))
    ]
