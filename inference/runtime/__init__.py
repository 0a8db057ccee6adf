"""Inside a worker: loaded models, the thread that owns the device, the cache of logits.

    model = runtime.load(entry)                     # engine's LoadedModel; waits while it loads
    found = runtime.logits(model, ids, rows)        # Logits(tensor, cached, milliseconds)
    value = runtime.submit(lambda: …)               # anything else that computes on the device
    steps = loop.generate(…, forward=runtime.forward)  # a run; its forwards join those of others
    tokens = runtime.causal.generate(model, ids, Sampling(…))  # what a causal model writes

All but runs raise UnmaskError with what to tell the user; runs raise EngineError, which
`error_mapping.engine_errors` maps onto it.
Only workers and management commands import this package: it brings torch with it.
"""

from inference.runtime import causal
from inference.runtime.forwards import Logits, cache, forward, logits, submit
from inference.runtime.loading_queue import run_when_loaded
from inference.runtime.models import figures, get, load, loaded, unload, unloading

__all__ = [
    "Logits",
    "cache",
    "causal",
    "figures",
    "forward",
    "get",
    "load",
    "loaded",
    "logits",
    "run_when_loaded",
    "submit",
    "unload",
    "unloading",
]
