"""`generate` and `infill`, to their end."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from inference.errors import UnmaskError
from inference.models import StreamEvent
from visualizer.models import Generation, Session, Step
from visualizer.worker import generation

pytestmark = pytest.mark.usefixtures("worker")
FIELDS = {"text", "history", "generation_time", "model_used"}


def test_an_answer_has_the_fields_of_the_seed_and_its_session(ask: Any, owner: User) -> None:
    answer = ask.post("generate", model="stories", prompt="Once upon a time", max_new_tokens=12)
    assert answer.status_code == 200, answer.json()
    told = answer.json()
    assert told.keys() >= FIELDS
    assert told["model_used"] == "stories"
    assert told["generation_time"] > 0
    session = Session.objects.get(pk=told["session_id"])
    assert (session.owner, told["url"]) == (owner, f"/sessions/{session.pk}/")
    assert len(told["history"]) == Step.objects.filter(branch__session=session).count() > 0
    assert told["text"].strip() in told["history"][-1]
    assert answer.headers["X-Correlation-ID"] == told["correlation_id"]
    assert ask.client.get(told["url"]).status_code == 200


def test_history_is_left_out_if_it_is_not_wanted(ask: Any) -> None:
    told = ask.post("generate", prompt="Once", max_new_tokens=4, history=False).json()
    assert told["history"] == []


def test_equal_seeds_give_equal_texts(ask: Any) -> None:
    def text(seed: int) -> str:
        asked = {"prompt": "Once upon", "max_new_tokens": 12, "temperature": 1.0, "seed": seed}
        return str(ask.post("generate", model="stories", **asked).json()["text"])

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(4)}) > 1


@pytest.mark.parametrize(("pace", "steps"), [({"steps": 3}, 3), ({"tokens_per_step": 6}, 2)])
def test_the_pace_is_steps_or_tokens_per_step(ask: Any, pace: Any, steps: int) -> None:
    asked = {"prompt": "Once upon a time", "max_new_tokens": 12, "block_length": 12, **pace}
    told = ask.post("generate", model="stories", **asked).json()
    assert told["usage"]["steps"] == steps


def test_recipe_and_parameters_are_used(ask: Any) -> None:
    asked = {"prompt": "Once", "max_new_tokens": 8, "recipe": "fastdllm/threshold"}
    told = ask.post("generate", model="stories", parameters={"threshold": 0.5}, **asked).json()
    run = Generation.objects.get(pk=told["run"]).run
    assert run is not None
    assert (run.recipe, run.parameters["threshold"]) == ("fastdllm/threshold", 0.5)


def test_the_text_is_cleaned_as_asked(ask: Any) -> None:
    asked = {"model": "stories", "prompt": "Once upon a time", "max_new_tokens": 12}
    plain = ask.post("generate", **asked).json()["text"]
    assert plain != plain.strip()
    assert ask.post("generate", auto_trim=True, **asked).json()["text"] == plain.strip()


def test_prefix_and_suffix_are_joined(ask: Any) -> None:
    asked = {"prefix": "Leo was in the", "suffix": " and he was very happy.", "length": 4}
    told = ask.post("infill", model="stories", **asked).json()
    assert told["gaps"] == [told["text"]]
    assert told["full_text"] == asked["prefix"] + told["text"] + asked["suffix"]


def test_a_batch_answers_each_for_itself(ask: Any) -> None:
    one, two = {"prompt": "Once", "max_new_tokens": 4}, {"prompt": "Once", "max_new_tokens": 1000}
    results = ask.post("batch/generate", requests=[one, two]).json()["results"]
    assert results[0]["text"]
    assert (results[1]["type"], results[1]["field"]) == ("error", "max_new_tokens")


def test_a_failure_has_the_one_shape_and_no_prompt(ask: Any) -> None:
    answer = ask.post("generate", prompt="a canary in a cage", max_new_tokens=1000)
    told = answer.json()
    assert answer.status_code == 400
    assert told.keys() == {
        "type", "message", "error_type", "retryable", "correlation_id", "field"
    }  # fmt: skip
    assert (told["error_type"], told["field"]) == ("validation", "max_new_tokens")
    assert "canary" not in answer.content.decode()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"recipe": "no/such"}, "recipe"),
        ({"parameters": {"no_such": 1}}, "no_such"),
        ({"parameters": {"threshold": 0.5}}, "threshold"),
        ({"recipe": "fastdllm/threshold", "parameters": {"threshold": 7}}, "threshold"),
        ({"recipe": "fastdllm/threshold", "tokens_per_step": 2}, "tokens_per_step"),
        ({"recipe": "fastdllm/threshold", "steps": 2}, "steps"),
        ({"recipe": "soar", "top_k": 2}, "top_k"),
    ],
)
@pytest.mark.parametrize("route", ["generate", "generate/stream"])
def test_what_no_run_could_have_is_refused_at_once(
    ask: Any, route: str, asked: dict[str, Any], field: str
) -> None:
    """A stream began with 200 and said so in its second frame."""
    answer = ask.post(route, model="stories", prompt="Once", max_new_tokens=8, **asked)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not Generation.objects.exists()


def test_a_failure_leads_to_no_session_that_was_not_kept(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is made in the transaction that fails; the error named its address."""

    def refuse(**_: Any) -> None:
        raise UnmaskError("validation", "Not like this.")

    monkeypatch.setattr(generation, "start_run", refuse)
    answer = ask.post("generate", model="stories", prompt="Once", max_new_tokens=8)
    assert answer.status_code == 400
    assert not Session.objects.exists()
    last = StreamEvent.objects.latest("number")
    assert (last.type, last.payload["url"]) == ("error", "/sessions/")
