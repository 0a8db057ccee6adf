"""What a token of the drawer costs through the whole site, and what a training beside it does.

A line is played as the drawer plays it, with the next tokens computed ahead, beside the same tokens
in a bare loop over the engine, in turn, and then at the drawer's quickest speed. Then three people
step, one token a question, alone and while a fourth trains.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import torch

from benchmarks import pace
from benchmarks.guests import CAUSAL, TEXT, Person
from benchmarks.served import serving
from benchmarks.timing import in_turn, table
from inference import packages
from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.checkpoint import LoadedModel

TOKENS, AHEAD, ROUNDS = 64, 16, 3
PEOPLE, STEPS = 3, 20
RATIO, SLOWER = 1.15, 2.0
LOAD_SECONDS = 180
DTYPE = "float32"
"""Of both sides: "auto" may choose another one for the site than the file has."""
TRAINING = {"kind": "characters", "preset": "small", "steps": "20000"}


def measure() -> Iterator[str]:
    """Lines of the report as they come, for the packaged autoregressive model."""
    path = packages.path_of(CAUSAL)
    if path is None:
        command = packages.PACKAGED[CAUSAL].command
        yield f"  {CAUSAL} is not installed: {command}"
        return
    model = checkpoint.load(path, dtype=DTYPE)
    settings = {"DTYPE": DTYPE, "HTTP_RATE": "1000/s", "STREAM_RATE": "1000/m"}
    with serving(torch.get_num_threads(), **settings) as server:
        people = [Person(server.address) for _ in range(PEOPLE)]
        _load(people[0])
        yield from _token_lines(people[0], model)
        yield from pace.lines(people[0])
        yield from _company_lines(people, Person(server.address))


def _load(person: Person) -> None:
    """A model that takes longer than a question may wait is loaded all the same."""
    deadline = time.monotonic() + LOAD_SECONDS
    while True:
        try:
            person.next(TEXT, [], 1)
            return
        except RuntimeError:
            if time.monotonic() > deadline:
                raise


def _token_lines(person: Person, model: LoadedModel) -> list[str]:
    contenders = {"bare loop": lambda: _bare(model), "the drawer": lambda: _played(person)}
    results = in_turn(contenders, ROUNDS)
    ratio = results["the drawer"].over(results["bare loop"])
    lines = table(f"a line of {TOKENS} tokens, {CAUSAL}, {DTYPE}", results, TOKENS, "bare loop")
    return [*lines, f"  ratio {ratio:.2f}, budget {RATIO}"]


def _bare(model: LoadedModel) -> None:
    assert model.tokenizer is not None
    ids = model.tokenizer.encode_prompt(TEXT)
    made = list(CausalEngine(model).generate(ids, max_tokens=TOKENS, end=False))
    if len(made) != TOKENS:
        raise RuntimeError(f"{len(made)} tokens came, expected {TOKENS}")


def _played(person: Person) -> None:
    """Question after question, each behind the last token of the one before."""
    ids: list[int] = []
    while len(ids) < TOKENS:
        told = person.next(TEXT, ids, min(AHEAD, TOKENS - len(ids)))
        ids += [one["next_token_id"] for one in (told, *told["ahead"])]


def _company_lines(people: list[Person], fourth: Person) -> list[str]:
    """p95 of a step of several people at once, without and with somebody who trains."""
    alone = _stepped(people)
    form = urlencode({**TRAINING, "corpus": "python"})
    made = fourth.post("/training/new/", form, "application/x-www-form-urlencoded")
    time.sleep(10)  # it has begun
    beside = _stepped(people)
    fourth.post(
        f"/training/{made['training_id']}/do/stop/", "", "application/x-www-form-urlencoded"
    )
    ratio = _p95(beside) / _p95(alone)
    return [
        f"  {PEOPLE} people stepping: median {_middle(alone):.0f} ms, p95 {_p95(alone):.0f} ms",
        f"  while a fourth trains: median {_middle(beside):.0f} ms, p95 {_p95(beside):.0f} ms, "
        f"p95 ratio {ratio:.2f}, budget {SLOWER}",
    ]


def _stepped(people: list[Person]) -> list[float]:
    """Seconds of each step of everybody."""
    taken: list[float] = []
    threads = [
        threading.Thread(target=_step, args=(person, TEXT + number * " far", taken))
        for number, person in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(taken) != len(people) * STEPS:
        raise RuntimeError("not every step was answered")
    return taken


def _step(person: Person, text: str, taken: list[float]) -> None:
    ids: list[int] = []
    for _ in range(STEPS):
        began = time.monotonic()
        ids.append(person.next(text, ids, 1)["next_token_id"])
        taken.append(time.monotonic() - began)


def _middle(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


def _p95(seconds: list[float]) -> float:
    return 1000 * sorted(seconds)[int(0.95 * len(seconds))]
