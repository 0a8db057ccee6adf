"""The Celery application: Redis between machines, memory inside one process."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init
from kombu.transport import TRANSPORT_ALIASES

from config.bootsteps import Timers
from config.env import Env, env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def transport(settings: Env) -> dict[str, Any]:
    """Where tasks travel. Tasks are short, idempotent and fenced, so redelivery is harmless."""
    if settings.embedded:
        TRANSPORT_ALIASES["inside"] = "config.broker:Transport"
        return {"broker_url": "inside://localhost"}
    return {
        "broker_url": settings.REDIS_URL,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "visibility_timeout": 300,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
        },
    }


app = Celery("unmask")
app.conf.update(
    transport(env()),
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    task_default_queue="unmask",
    # Forked children hang after torch has used its threads; threads share one loaded model.
    worker_pool="threads",
    worker_concurrency=env().WORKER_THREADS,
    imports=["inference.worker.tasks"],
)
app.autodiscover_tasks(
    [
        f"{name}.worker"
        for name in (
            *("accounts", "core", "library", "playground", "playground.training", "visualizer"),
        )
    ]
)
app.steps["worker"].add(Timers)


@celeryd_init.connect
def _prepare(**_: Any) -> None:
    """Sent by `celery worker` only, not by the worker inside the web process."""
    from django.core.management.base import CommandError
    from django.db import connections

    from config.checks import refuse_contradictions
    from config.startup import refuse_without_database

    if env().embedded:
        raise SystemExit(
            "Without REDIS_URL the worker lives inside `manage.py serve`; another one would wait "
            "for ever. Set REDIS_URL and DATABASE_URL to run several processes."
        )
    refuse_contradictions()
    try:
        refuse_without_database()
    except CommandError as error:
        raise SystemExit(str(error)) from None
    connections.settings["default"]["CONN_MAX_AGE"] = 60
