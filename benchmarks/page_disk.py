"""What the steps of a site's sessions take in its database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.browser import line
from inference.engine.digest_reader import form_of

DISK_KB, DISK_BYTES = 25, 450
DIGESTS = """
    SELECT digest.data, model.slug FROM visualizer_digest digest
    JOIN visualizer_branch branch ON branch.id = digest.branch_id
    JOIN visualizer_session session ON session.id = branch.session_id
    JOIN inference_modelentry model ON model.id = session.model_id
"""


def disk(data: Path, canvases: dict[str, int]) -> list[str]:
    """What the steps of these sessions left in the database, and what the first version of the
    digest took for the same positions. `canvases`: slug of a model → places of its sessions."""
    lines = []
    with closing(sqlite3.connect(f"file:{data / 'unmask.sqlite3'}?mode=ro", uri=True)) as database:
        rows = database.execute(DIGESTS).fetchall()
    for slug, places in canvases.items():
        kept = [bytes(row[0]) for row in rows if row[1] == slug]
        forms = [form_of(one) for one in kept]
        read = sum(len(form.positions) for form in forms)
        before = sum(18 + len(form.positions) * (16 + 2 * form.vocabulary) for form in forms)
        size, budget = sum(map(len, kept)), DISK_KB * places / 64
        lines += [
            line(f"disk per step, {places} places", size / len(kept) / 1000, budget, "kB"),
            f"  {'the same in the first version':38} {before / len(kept) / 1000:8.2f} kB",
            line(f"disk per position, {places} places", size / read, DISK_BYTES, "bytes"),
        ]
    return lines
