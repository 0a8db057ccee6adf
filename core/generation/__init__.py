"""The seam between doors (REST, server-sent events, OpenAI, chat) and models.

A door asks `start` for a generation and follows its stream; it never knows what kind of model
answers. An app registers a generator for a kind of model (in AppConfig.ready, as a dotted path).
A stream carries four kinds of events:

| event | payload |
| --- | --- |
| `text` | `text`: by what the settled text grew; `offset`: characters before it |
| `draft` | diffusion only: `step`, `ops`, `masked`; the first one has the whole `canvas` |
| `done` | `text`, `usage`, `seconds`, `finish_reason` (stop, length, cancelled), `url` |
| `error` | the one error shape |

The texts of all `text` events join to the text of `done`, for every recipe: where written tokens
may still change, text settles only when they cannot.
"""

from core.generation.collect import Collected, collect
from core.generation.follow import ENDS, follow, watch
from core.generation.seam import (
    At,
    Generation,
    Generator,
    Prompt,
    Settings,
    TokenLogprob,
    drafts,
    ended,
    find,
    generator,
    kinds,
    logprobs,
    register,
    score,
    start,
    stop,
)

__all__ = [
    "ENDS",
    "At",
    "Collected",
    "Generation",
    "Generator",
    "Prompt",
    "Settings",
    "TokenLogprob",
    "collect",
    "drafts",
    "ended",
    "find",
    "follow",
    "generator",
    "kinds",
    "logprobs",
    "register",
    "score",
    "start",
    "stop",
    "watch",
]
