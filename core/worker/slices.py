"""One slice of long work, guarded: attempts are counted, a failure ends the work in one shape."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from core.jobs.leases import LeaseLost
from core.worker.executor import ATTEMPTS
from inference.errors import UnmaskError, error_shape, internal_error

log = logging.getLogger(__name__)


def work_guarded(
    what: str,
    *,
    begin: Callable[[], int],
    work: Callable[[], None],
    fail: Callable[[dict[str, Any]], None],
) -> None:
    """Begin a slice, work it, and end the whole work if that fails.

    `what`: "run" or "job", as users call it. `begin`: counts the attempt in a fenced transaction
    and returns how many began since something was stored. `fail`: ends the work with an error of
    the one shape. An exit in the work counts as a failure of it, since threads go on.
    Raises LeaseLost when another worker has taken the row over.
    """
    try:
        if begin() > ATTEMPTS:
            raise UnmaskError(
                "generation", f"The {what} ended its worker several times and was given up."
            )
        work()
    except LeaseLost:
        raise
    except UnmaskError as error:
        fail(error_shape(error))
    except BaseException:
        log.exception("a slice of a %s failed", what)
        fail(error_shape(internal_error()))
