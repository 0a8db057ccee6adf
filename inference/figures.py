"""Counters of a process for Prometheus: steps, waits, streams, errors by category.

A web process shows its own; a worker's go into its row with the heartbeat, as `snapshot` tells
them, and come out of it again as `families`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Summary
from prometheus_client.core import Metric

REGISTRY = CollectorRegistry(auto_describe=False)
STEP_SECONDS = Summary(
    "unmask_step_seconds", "steps that were written, and the time that they took", registry=REGISTRY
)
QUEUE_SECONDS = Summary(
    "unmask_queue_seconds", "from a request to its first work", ["kind"], registry=REGISTRY
)
ERRORS = Counter("unmask_errors", "failures that were told", ["error_type"], registry=REGISTRY)
OPEN = Gauge("unmask_open", "streams and answers under way", ["what"], registry=REGISTRY)
STREAM_SECONDS = Summary(
    "unmask_answer_seconds",
    "streams and answers in one piece that ended",
    ["route", "outcome"],
    registry=REGISTRY,
)
Family = dict[str, Any]


def process_name() -> str:
    """This process among all of a site: of the embedded shape's one process web and worker are."""
    return f"{socket.gethostname()}:{os.getpid()}"


def snapshot() -> list[Family]:
    """All families as JSON: name, help, type, and samples [name, labels, value]."""
    return [
        {
            "name": family.name,
            "help": family.documentation,
            "type": family.type,
            "samples": [
                [one.name, dict(one.labels), one.value]
                for one in family.samples
                if not one.name.endswith("_created")
            ],
        }
        for family in REGISTRY.collect()
    ]


def families(told: Mapping[str, Iterable[Family]]) -> list[Metric]:
    """The families of several processes, by their names, joined under the label `process`."""
    found: dict[str, Metric] = {}
    for process, rows in told.items():
        for row in rows:
            default = Metric(row["name"], row["help"], row["type"])
            family = found.setdefault(row["name"], default)
            for name, labels, value in row["samples"]:
                family.add_sample(name, {**labels, "process": process}, value)
    return list(found.values())
