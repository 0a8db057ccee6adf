"""Maps what the engine raises onto UnmaskError, which is what users are told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from inference.engine.errors import EngineError
from inference.errors import UnmaskError
from inference.runtime.devices import is_out_of_memory

log = logging.getLogger(__name__)
MEMORY = "The model does not fit into memory. Use a smaller one, or a shorter canvas."


@contextmanager
def engine_errors() -> Iterator[None]:
    """Raises UnmaskError for EngineError, lack of memory, panics of native code and SystemExit.

    Only a KeyboardInterrupt, which is meant for the process, and the end of a generator pass.
    """
    try:
        yield
    except EngineError as error:
        raise UnmaskError(error.kind, error.message, error.field) from error
    except UnmaskError:
        raise
    except Exception as error:
        raise _unexpected(error) from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            raise
        raise _unexpected(error) from error


def _unexpected(error: BaseException) -> UnmaskError:
    if is_out_of_memory(error):
        return UnmaskError("generation", MEMORY)
    log.error("engine failed", exc_info=error)
    return UnmaskError("generation", "The model failed while computing. Try again.")
