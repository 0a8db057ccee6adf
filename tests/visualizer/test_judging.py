"""Texts judged by an autoregressive model: in Compare, and in the Lab's questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference import runtime as real_runtime
from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.scores import score_ids, score_text
from inference.engine.forward import forward_many
from inference.engine.training.adaptation.low_rank import Adapter
from inference.engine.training.adaptation.question_cases import question_cases
from inference.models import ModelEntry
from tests.inference.engine.causal.tiny import write_model
from tests.inference.engine.training.test_adaptation import MASK, exported
from tests.visualizer.fakes import FakeRuntime
from visualizer.models import LabJob, Session
from visualizer.selectors import labels_for, state_at
from visualizer.worker import lab
from visualizer.worker.judges import judge_for, score

pytestmark = pytest.mark.django_db


@pytest.fixture
def causal(tmp_path: Path) -> Any:
    return checkpoint.load(write_model(tmp_path / "parent"), dtype="float32")


@pytest.fixture
def judge(
    runtime: FakeRuntime, causal: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelEntry]:
    """An autoregressive model beside the session's own."""

    def load(entry: ModelEntry, **_: Any) -> Any:
        return causal if entry.kind == ModelEntry.Kind.AUTOREGRESSIVE else runtime.model

    monkeypatch.setattr(real_runtime, "load", load)
    ModelEntry.every.filter(kind=ModelEntry.Kind.AUTOREGRESSIVE).delete()
    yield ModelEntry.objects.create(
        slug="parent", label="Parent", kind=ModelEntry.Kind.AUTOREGRESSIVE
    )
    real_runtime.causal.forget(causal)


@pytest.fixture
def written(play: Any, owner: User, session: Session) -> Session:
    """Three letters behind the prompt, the rest still masked."""
    for place, token in ((4, 3), (5, 9), (6, 5)):
        play(owner, session, type="forward_pass")
        play(owner, session, type="apply_selection", selections={str(place): token})
    return session


def sides(session: Session, step: int = 3) -> list[dict[str, Any]]:
    return [{"session_id": str(session.pk), "branch": session.head_branch_id, "step": step}]


def test_a_text_is_judged_in_the_tokens_of_its_judge(
    play: Any, owner: User, written: Session, judge: ModelEntry, causal: Any
) -> None:
    reply = play(owner, type="judge", sides=sides(written) + sides(written, 0))
    assert reply["type"] == "judgement", reply
    assert reply["judge"] == {"slug": "parent", "label": "Parent"}
    labels, slots = labels_for(written), state_at(written).slots
    text = labels.decode([slot.token for slot in slots[4:7]]).text
    prompt = labels.decode(written.prompt_ids).text
    expected = score_text(CausalEngine(causal), text, prompt)
    assert reply["texts"][0]["perplexity"] == pytest.approx(expected.perplexity, rel=1e-4)
    assert reply["texts"][0]["tokens"] == len(expected.logprobs)
    assert (reply["texts"][1]["perplexity"], reply["texts"][1]["tokens"]) == (None, 0)


def test_a_parent_judges_the_very_tokens(
    play: Any, owner: User, written: Session, judge: ModelEntry, causal: Any
) -> None:
    written.model.card = {"training": {"base": "parent"}}
    written.model.save()
    reply = play(owner, type="judge", sides=sides(written))
    expected = score_ids(CausalEngine(causal), [3, 9, 5], written.prompt_ids)
    assert reply["texts"][0]["perplexity"] == pytest.approx(expected.perplexity, rel=1e-4)
    assert reply["texts"][0]["tokens"] == 3


def test_a_judge_with_a_short_window_judges_the_whole_text(
    judge: ModelEntry, entry: ModelEntry, causal: Any
) -> None:
    """Of its end alone a text of one word would be found as likely as a text of many."""
    text = "once upon a time " * 20
    tokens = len(causal.tokenizer.encode(text))
    assert tokens > causal.context
    of_text = score(judge, entry, ([], [3]), ("", text))
    assert of_text is not None
    assert len(of_text.tokens) == tokens
    entry.card = {"training": {"base": "parent"}}
    of_ids = score(judge, entry, ([5], [3, 9] * causal.context), ("a", "b"))
    assert of_ids is not None
    assert len(of_ids.logprobs) == 2 * causal.context


def test_strangers_judge_nothing_and_no_judge_is_told(
    play: Any, owner: User, stranger: User, written: Session
) -> None:
    assert play(stranger, type="judge", sides=sides(written))["error_type"] == "not_found"
    ModelEntry.objects.filter(kind=ModelEntry.Kind.AUTOREGRESSIVE).delete()
    reply = play(owner, type="judge", sides=sides(written))
    assert (reply["type"], reply["error_type"]) == ("error", "model_unavailable")
    assert "--no-deps" in reply["message"]


def test_absent_models_do_not_judge_and_the_own_parent_comes_first(
    owner: User, entry: ModelEntry
) -> None:
    kind = ModelEntry.Kind.AUTOREGRESSIVE
    ModelEntry.every.filter(kind=kind).delete()
    first = ModelEntry.objects.create(slug="a", label="A", kind=kind, state="loaded")
    gone = ModelEntry.objects.create(slug="b", label="B", kind=kind, state="absent")
    parent = ModelEntry.objects.create(slug="c", label="C", kind=kind)
    entry.card = {"training": {"base": "c"}}
    assert judge_for(owner, entry) == parent
    assert judge_for(owner) == first
    ModelEntry.objects.filter(pk=first.pk).update(is_shipped=True)
    assert judge_for(owner) == parent  # though the other one is loaded
    first.delete()
    assert judge_for(owner) == parent
    parent.delete()
    assert judge_for(owner) is None
    assert gone.pk


def test_compare_shows_the_judgement(
    owner_client: Client,
    owner: User,
    play: Any,
    written: Session,
    judge: ModelEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from visualizer.views import compare

    async def asked(_commands: Any, user: User, message: dict[str, Any], *_: Any) -> Any:
        from asgiref.sync import sync_to_async

        return await sync_to_async(play)(user, **message)

    monkeypatch.setattr(compare, "ask", asked)
    side = f"{written.pk}/{written.head_branch_id}/3"
    address = f"/sessions/{written.pk}/compare/judge/"
    body = owner_client.post(address, {"side": side}, headers={"HX-Request": "true"}).content
    assert b"Generative perplexity under Parent" in body
    assert b"<html" not in body
    assert b"<html" in owner_client.post(address, {"side": side}).content
    wrong = owner_client.post(address, {"side": "x"}, headers={"HX-Request": "true"})
    assert b"session/branch/step" in wrong.content


def test_questions_are_cases_of_the_lab(
    play: Any,
    owner: User,
    entry: ModelEntry,
    judge: ModelEntry,
    causal: Any,
    runtime: FakeRuntime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers of a twin are marked: the wanted word, its parent's probability, repetition."""
    adapter = Adapter(causal, 2, MASK)
    runtime.model = exported(adapter, causal, tmp_path)
    adapter.switch_off()
    monkeypatch.setattr(real_runtime, "forward", forward_many)
    monkeypatch.setattr(lab, "question_cases", ShortCases)
    entry.card = {"task": "questions", "training": {"base": "parent"}}
    entry.save()
    order = {"recipes": ["llada2/threshold"], "steps": [0], "count": 2, "model": entry.slug}
    job = LabJob.objects.get(pk=play(owner, type="lab_start", **order)["job"]["id"])
    lab.work(job.pk, 60)
    job.refresh_from_db()
    assert job.status == LabJob.Status.DONE, json.dumps(job.error)
    marks = job.results[0]["marks"]
    assert list(marks) == ["right", "likely", "distinct"]
    assert 0 <= marks["likely"] < 1


class ShortCases:
    """The cases with their texts cut, since the tiny models have little room."""

    NAME = "questions"

    @staticmethod
    def question_cases(model: Any, count: int, likely: Any) -> list[Any]:
        from inference.engine.training.adaptation import question_cases as real

        monkeypatch = pytest.MonkeyPatch()
        with monkeypatch.context() as patch:
            patch.setattr(real, "LENGTH", 8)
            patch.setattr(real, "QUESTIONS", (("hello", "world"), ("hell", "or")))
            return question_cases(model, count, likely)
