"""A model without a mask (DiffusionGemma): by hand, in runs, in slices, in a record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from tokenizers import Tokenizer, processors

from inference import registry, runtime
from inference.engine.canvas import Canvas
from inference.engine.decoding import uniform_noise
from inference.engine.families.spec import ModelSpec
from inference.models import ModelEntry
from inference.runtime.suspended import SUSPENDED
from tests.inference.engine.models import write_model
from tests.slices import short_slices
from tests.tiny import tiny_model
from tests.visualizer.working import work_off
from visualizer.models import Run, Session, Step
from visualizer.records.exporter import record
from visualizer.records.importer import import_record
from visualizer.selectors import state_at
from visualizer.worker.resume import Suspended

pytestmark = pytest.mark.django_db
SLUG, LENGTH = "gemma", 12


@pytest.fixture(name="runtime")
def _real_runtime() -> None:
    """Nothing is faked here."""


@pytest.fixture(autouse=True)
def model(tmp_path: Path, settings: Settings) -> Iterator[ModelSpec]:
    settings.MODELS_DIR, settings.DEVICE = tmp_path, "cpu"
    letters = tiny_model(tmp_path / "letters")
    write_model(tmp_path / SLUG, "diffusion_gemma")
    shutil.copy(letters / "tokenizer.json", tmp_path / SLUG)
    registry.sync_models()
    yield runtime.load(ModelEntry.objects.get(slug=SLUG)).spec
    runtime.unload(SLUG)


@pytest.fixture
def session(play: Any, owner: User, sent: list[Any]) -> Session:
    reply = play(owner, type="initialize", model=SLUG, prompt="abc", gen_length=LENGTH)
    return Session.objects.get(pk=reply["session_id"])


def _run(play: Any, owner: User, session: Session, sent: list[Any]) -> list[int]:
    play(owner, session, type="run", recipe="diffusion_gemma", parameters={"steps": 10})
    work_off(session, sent)
    assert Run.objects.latest("pk").status == "done"
    return list(state_at(session).tokens)


def test_open_places_hold_an_id_that_no_token_has(session: Session, model: ModelSpec) -> None:
    assert session.mask_id == model.vocab_size
    assert len(state_at(session).open_positions) == LENGTH


def test_the_cycle_by_hand(play: Any, owner: User, session: Session) -> None:
    passed = play(owner, session, type="forward_pass", visual_top_k=5)
    first = passed["result"]["positions"][3]
    assert first["is_masked"]
    assert len(first["candidates"]) == 5
    chosen = play(owner, session, type="auto_select", tokens_to_select=2)["selected_tokens"]
    picks = {**chosen, "3": first["candidates"][1]["token_id"]}
    play(owner, session, type="apply_selection", selections=picks)
    session.refresh_from_db()
    assert state_at(session).tokens[3] == first["candidates"][1]["token_id"]
    assert play(owner, session, type="rewind", step=0)["state"]["step"] == 0


def test_a_run_keeps_what_was_written_by_hand(
    play: Any, owner: User, session: Session, sent: list[Any]
) -> None:
    passed = play(owner, session, type="forward_pass", visual_top_k=9)
    token = passed["result"]["positions"][5]["candidates"][8]["token_id"]
    play(owner, session, type="apply_selection", selections={"5": token})
    session.refresh_from_db()
    tokens = _run(play, owner, session, sent)
    assert tokens[5] == token
    assert session.mask_id not in tokens


@pytest.mark.parametrize(("seconds", "kept"), [(0.0, 2**30), (0.0, 0)])
def test_slices_make_the_same_tokens_as_one_go(
    play: Any,
    owner: User,
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    kept: int,
) -> None:
    """Steps are made again only where the run is not in memory any more."""
    looked = _count_forwards(monkeypatch)
    monkeypatch.setattr(SUSPENDED, "limit", kept)
    found = []
    for length in (60.0, seconds):
        short_slices(monkeypatch, length)
        looked.clear()
        reply = play(owner, type="initialize", model=SLUG, prompt="abc", gen_length=LENGTH)
        session = Session.objects.get(pk=reply["session_id"])
        tokens = _run(play, owner, session, sent)
        steps = Step.objects.filter(branch__session=session).order_by("number")
        found.append((tokens, [[op["op"] for op in step.operations] for step in steps]))
    assert found[0] == found[1]
    steps_made = len(found[0][1])
    assert steps_made > 3
    assert (len(looked) == steps_made) is (kept > 0)


def _count_forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    looked: list[int] = []
    real = uniform_noise.denoise

    def counted(*given: Any) -> Any:
        looked.append(1)
        return real(*given)

    monkeypatch.setattr(uniform_noise, "denoise", counted)
    return looked


def test_what_hands_changed_in_between_is_not_overlooked(model: ModelSpec) -> None:
    canvas = Canvas.start([1, 2], 3, model.vocab_size)
    changed = canvas.apply([{"op": "lock", "slot": 3}])
    for now, number, there in [(canvas, 5, True), (changed, 5, False), (canvas, 6, False)]:
        assert Suspended(5, canvas, iter(())).fits(number, now) is there


def test_a_run_is_let_go_of_with_its_model_and_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = runtime.get(SLUG)
    assert loaded is not None
    SUSPENDED.put("run", loaded, "steps", 100)
    runtime.unload(SLUG)
    assert SUSPENDED.take("run", loaded) is None
    SUSPENDED.put("run", loaded, "steps", 100)
    monkeypatch.setattr(SUSPENDED, "seconds", -1.0)
    assert SUSPENDED.take("run", loaded) is None


def test_its_record_comes_back(play: Any, owner: User, session: Session, sent: list[Any]) -> None:
    tokens = _run(play, owner, session, sent)
    copy = import_record(owner=owner, raw=json.loads("".join(record(session))))
    assert list(state_at(copy).tokens) == tokens


def test_a_model_that_writes_behind_a_text_wants_one(play: Any, owner: User) -> None:
    reply = play(owner, type="initialize", model=SLUG, prompt="", gen_length=LENGTH)
    assert (reply["type"], reply["error_type"], reply["field"]) == ("error", "validation", "prompt")
    assert not Session.objects.exists()


def test_the_begin_token_of_the_tokenizer_is_text_enough(
    play: Any, owner: User, tmp_path: Path
) -> None:
    """The family of <bos>: it stands in front of every prompt, once, and of an empty one too."""
    native = Tokenizer.from_file(str(tmp_path / SLUG / "tokenizer.json"))
    native.add_special_tokens(["<bos>"])
    begin = native.token_to_id("<bos>")
    native.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", begin)]
    )
    native.save(str(tmp_path / SLUG / "tokenizer.json"))
    runtime.load(ModelEntry.objects.get(slug=SLUG))
    fields = {"type": "initialize", "model": SLUG, "gen_length": LENGTH}
    for prompt, special in (("ab", False), ("<bos>ab", True), ("", False)):
        state = play(owner, prompt=prompt, special_tokens=special, **fields)["state"]
        ids = state["token_ids"][: state["prompt_length"]]
        assert (ids[0], ids.count(begin)) == (begin, 1)
    spelled = play(owner, prompt="<bos>", **fields)["state"]
    assert spelled["token_ids"][: spelled["prompt_length"]].count(begin) == 1
