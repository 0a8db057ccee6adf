"""Models: what there is, the engine that computes with them, and the runtime of a worker."""

import os

# Read when torch is loaded, which only happens below this package. OpenMP's helpers spin at the end
# of an operation until the next one begins, by default for milliseconds; where other processes or
# threads want the core, a forward then takes many times as long (`make bench ARGS=threads`).
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
