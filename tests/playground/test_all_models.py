"""The playground on every kind of model that there is: the real one and its twin, shipped, trained.

Each row of PAIRS is an autoregressive model and a diffusion model that read the same text.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from django.contrib.auth.models import User

from core.commands.submit import submit
from core.generation.trace import traced
from core.jobs import dispatch
from core.worker import executor
from inference import registry, runtime
from inference.engine.digest_view import DigestView
from inference.packages import PACKAGED, path_of
from playground.commands import COMMANDS
from playground.models import CompletionToken, SideBySide
from playground.services.side_by_side import repair, start_both
from playground.training.commands import COMMANDS as TRAINING
from playground.training.models import Training
from playground.training.services.texts import create_text
from playground.training.worker import trainings
from tests.playground.training import working as training
from tests.playground.working import work_off

BASE = "smollm2-135m-instruct"
REAL = pytest.mark.skipif(path_of(BASE) is None, reason=f"`{PACKAGED[BASE].command}` is needed")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.servers,  # no server, but as long as one
    pytest.mark.timeout(300),
]
LENGTH = 6


@dataclass(frozen=True)
class Pair:
    """Slugs, or kinds of trainings whose models are made for the test, and a text for both."""

    causal: str
    masked: str
    text: str
    end: str
    trained: bool = False


PAIRS = {
    "real": Pair(BASE, "smollm2-135m-twin", "The capital of France is", " Paris."),
    "shipped": Pair("characters", "stories", "The ", "cat was here."),
    "trained": Pair("characters", "diffusion", "A cat", " sat on", trained=True),
}


@pytest.fixture(scope="module", autouse=True)
def loaded_once(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What one test has loaded the next one finds: the real model takes seconds."""
    torch.set_num_threads(1)
    yield
    with django_db_blocker.unblock():
        for slug in list(runtime.loaded()):
            runtime.unload(slug)
    runtime.cache().clear()


@pytest.fixture(params=[pytest.param(name, marks=REAL if name == "real" else ()) for name in PAIRS])
def pair(
    request: Any, tmp_path: Path, settings: Any, sent: Any, owner: User, monkeypatch: Any
) -> Pair:
    settings.MODELS_DIR, settings.TRAINING_DIR = tmp_path / "models", tmp_path / "training"
    settings.DEVICE, settings.DTYPE = "cpu", "bfloat16"
    registry.sync_models()
    found = PAIRS[request.param]
    if not found.trained:
        return found
    settings.DTYPE = "float32"
    monkeypatch.setattr(trainings, "started", training.in_process())
    causal, masked = (_trained(owner, kind) for kind in (found.causal, found.masked))
    return Pair(causal, masked, found.text, found.end, trained=True)


def _trained(owner: User, kind: str) -> str:
    """The slug of a model that the owner trained a little."""
    text = create_text(owner=owner, name=kind, text=training.TEXT)
    message = {"kind": kind, "text_id": text.pk, "sizes": training.TINY, "steps": 12}
    row = submit(TRAINING, user=owner, channel="api", message={"type": "train", **message})
    training.work_off()
    made = Training.objects.get(pk=json.loads(row.reply)["training_id"])
    assert made.model is not None
    return str(made.model.slug)


@pytest.fixture
def ask(owner: User, client_of: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """ask(path, field=…) → the answer of a door; commands are worked at once."""
    work = lambda task, pk: executor.execute(COMMANDS, pk)  # noqa: E731
    monkeypatch.setattr(dispatch, "send", work)
    client = client_of(owner)

    def send(path: str, **fields: Any) -> Any:
        answer = client.post(f"/api/{path}", fields, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return send


def test_the_drawer_steps_and_keeps_what_it_tried(pair: Pair, ask: Callable[..., Any]) -> None:
    asked = {"session_id": pair.causal, "context": pair.text, "digest": True}
    told = ask("generate-next-token", **asked, ahead=3)
    steps = [told, *told["ahead"]]
    ids = [one["next_token_id"] for one in steps]
    assert len(ids) == 3
    for one in steps:
        chances = [row["prob"] for row in one["probabilities"]]
        assert chances == sorted(chances, reverse=True)
        view = DigestView.from_bytes(b64decode(one["digest"]))
        assert view.probabilities(1.0, 0)[0] == pytest.approx(chances[0], abs=2e-3)
    later = ask("generate-next-token", **asked, token_ids=ids[:2])
    assert later["next_token_id"] == ids[2]
    edges = [{"parent": place, "token": token} for place, token in enumerate(ids)]
    kept = ask("token-trees", model=pair.causal, text=pair.text, tokens=edges, head=3)
    assert kept["numbers"] == [1, 2, 3]


def test_a_text_is_scored_by_one_and_by_both(pair: Pair, ask: Callable[..., Any]) -> None:
    alone = ask("score-text", model=pair.causal, text=pair.end, prompt=pair.text)
    assert alone["nats"] < 0
    assert "".join(one["text"] for one in alone["tokens"]) == pair.end
    names = {"model": pair.causal, "masked_model": pair.masked}
    both = ask("score-both", **names, text=pair.end, prompt=pair.text)
    assert both["causal"]["nats"] == pytest.approx(alone["nats"], abs=0.1)
    assert "".join(part["text"] for part in both["parts"]) == pair.end
    for way in ("alone", "left"):
        total = sum(part[way] for part in both["parts"])
        assert total == pytest.approx(both["masked"][way]["nats"], abs=1e-2)
        assert -math.inf < total < 0


def test_both_write_beside_each_other_and_a_draft_is_repaired(pair: Pair, owner: User) -> None:
    names = {"causal": pair.causal, "masked": pair.masked}
    made = start_both(owner=owner, prompt=pair.text, **names, length=LENGTH, pace=2, seed=0)
    work_off()
    for id in (made.causal, made.masked):
        assert len(_written(owner, id)) >= 1
    tokens = CompletionToken.objects.filter(completion=made.causal)
    chances = sorted(math.exp(one.logprob) for one in tokens if one.text)
    assert repair(comparison=made, least=chances[0] + 1e-6) >= 1
    work_off()
    made = SideBySide.objects.get(pk=made.pk)
    assert len(_written(owner, made.repair)) >= 1


def _written(owner: User, id: Any) -> list[Any]:
    passes = traced(user=owner, id=id).passes(user=owner, id=id, after=0)
    return [write for one in passes for write in one.writes]
