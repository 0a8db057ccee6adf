"""`POST /api/generate-next-token`: ten probabilities, the window, four errors word for word."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inference import runtime
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.sampling import Sampling
from inference.engine.digest_view import DigestView
from inference.models import ModelEntry
from inference.runtime import causal
from playground.models import ChatCommand
from tests.inference.engine.causal.tiny import CONTEXT

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/generate-next-token"


@pytest.fixture
def model(letters: ModelEntry) -> ModelEntry:
    """The tiny model."""
    return letters


@pytest.fixture
def post(model: ModelEntry, owner: User, client_of: Any) -> Any:
    """post(field=…) → (status, answer); the command is worked at once."""
    client = client_of(owner)

    def send(**fields: Any) -> tuple[int, dict[str, Any]]:
        body = {"session_id": "letters", "context": "hello wor", "temperature": 1.0} | fields
        answer = client.post(ADDRESS, body, content_type="application/json")
        return answer.status_code, answer.json()

    return send


def test_ten_probabilities_best_first_of_the_next_token(post: Any, model: ModelEntry) -> None:
    status, told = post()
    assert status == 200
    probabilities = [one["prob"] for one in told["probabilities"]]
    assert len(probabilities) == 10
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1
    assert told["next_token"] == told["probabilities"][0]["token"]
    assert told["context_used"] == "hello wor"
    loaded = runtime.load(model)
    assert loaded.tokenizer is not None
    bare = CausalEngine(loaded).next_distribution(
        loaded.tokenizer.encode("hello wor"), 10, Sampling(temperature=1.0)
    )
    assert [one["token_id"] for one in told["probabilities"]] == [one.token for one in bare]
    assert probabilities == pytest.approx([one.chance for one in bare])


def test_the_top_token_is_taken_unless_a_draw_is_wanted(post: Any) -> None:
    assert len({post(temperature=3.0)[1]["next_token_id"] for _ in range(3)}) == 1
    drawn = {post(temperature=3.0, sample=True, seed=n)[1]["next_token_id"] for n in range(8)}
    assert len(drawn) > 1


def test_temperature_0_is_the_limit(post: Any) -> None:
    status, told = post(temperature=0)
    assert status == 200
    assert [one["prob"] for one in told["probabilities"]] == [1.0] + [0.0] * 9


def test_an_empty_context_is_a_beginning(post: Any) -> None:
    status, told = post(context="")
    assert (status, len(told["probabilities"])) == (200, 10)


def test_the_window_is_the_model_s_own(post: Any) -> None:
    status, told = post(context="x" * 150)
    assert status == 200
    assert told["context_size"] == told["context_tokens"] == CONTEXT
    assert told["context_used"] == "x" * CONTEXT


def test_tokens_are_appended_by_their_ids(post: Any) -> None:
    plain = post(context="hello")[1]
    more = post(context="hell", token_ids=[ord("o") - 33])[1]
    assert more["context_tokens"] == 2 != plain["context_tokens"]


def test_distributions_ahead_are_those_of_a_question_each(post: Any) -> None:
    told = post(ahead=4)[1]
    assert len(told["ahead"]) == 3
    taken: list[int] = []
    for one in (told, *told["ahead"]):
        alone = post(token_ids=taken)[1]
        assert one["next_token_id"] == alone["next_token_id"]
        assert [row["prob"] for row in one["probabilities"]] == pytest.approx(
            [row["prob"] for row in alone["probabilities"]], abs=1e-5
        )
        assert one["context_tokens"] == alone["context_tokens"]
        assert "digest" not in one
        taken.append(one["next_token_id"])


def test_no_more_is_begun_when_the_time_is_over(post: Any, monkeypatch: Any) -> None:
    from playground.worker import next_token

    monkeypatch.setattr(next_token, "SECONDS", 0.0)
    assert post(ahead=8)[1]["ahead"] == []


def test_the_digest_reads_back(post: Any) -> None:
    told = post(digest=True, ahead=2)[1]
    for one in (told, *told["ahead"]):
        view = DigestView.from_bytes(b64decode(one["digest"]))
        shown = [row["prob"] for row in one["probabilities"]]
        assert view.probabilities(1.0, 0)[:10] == pytest.approx(shown, abs=1e-3)
        assert one["entropy"] == pytest.approx(float(view.entropy()[0]), abs=1e-2)


def test_a_text_is_scored(model: ModelEntry, owner: User, client_of: Any) -> None:
    body = {"model": "letters", "text": " world", "prompt": "hello"}
    address = "/api/score-text"
    told = client_of(owner).post(address, body, content_type="application/json").json()
    loaded = runtime.load(model)
    found = CausalEngine(loaded)
    assert loaded.tokenizer is not None
    ids = [*loaded.tokenizer.encode("hello"), *loaded.tokenizer.encode(" world")]
    judged = found.judge(ids)
    assert "".join(one["text"] for one in told["tokens"]) == " world"
    own = [one.logprob for one in judged[-len(told["tokens"]) :]]
    assert [one["logprob"] for one in told["tokens"]] == pytest.approx(own, abs=1e-3)
    assert told["nats"] == pytest.approx(sum(one or 0.0 for one in own), abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"text": ""}, 400, "text"),
        ({"text": None}, 400, "text"),
        ({"text": "x" * 70_000}, 400, "text"),
        ({"prompt": 5}, 400, "prompt"),
        ({"model": "no such"}, 404, "model"),
        ({"model": "stories"}, 404, "model"),
        ({"unknown": 1}, 400, "unknown"),
    ],
)
def test_a_text_that_cannot_be_scored(
    model: ModelEntry, owner: User, client_of: Any, fields: Any, status: int, field: str
) -> None:
    body = {"model": "letters", "text": "hello", **fields}
    client = client_of(owner)
    answer = client.post("/api/score-text", body, content_type="application/json")
    assert (answer.status_code, answer.json()["field"]) == (status, field)


def test_unknown_sessions_are_not_found(post: Any) -> None:
    for id in ("abc-123", "", None, 7, "stories"):
        status, told = post(session_id=id)
        assert (status, told["error"]) == (404, "Session not found")


def test_a_model_that_is_not_ready_says_so(post: Any, model: ModelEntry) -> None:
    for state in (ModelEntry.State.ABSENT, ModelEntry.State.FAILED):
        ModelEntry.objects.filter(pk=model.pk).update(state=state)
        status, told = post()
        assert (status, told["error"]) == (400, "Model not initialized")


def test_unknown_characters_are_named(post: Any, monkeypatch: Any) -> None:
    from playground.worker import next_token

    monkeypatch.setattr(next_token, "unknown_characters", lambda tokenizer, text: ["😀"])
    status, told = post(context="a 😀")
    assert (status, told["error"]) == (400, "Unknown characters: ['😀']")


def test_only_what_a_tokenizer_lacks_is_unknown(model: ModelEntry) -> None:
    from tokenizers import Tokenizer as Native
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    from playground.worker.next_token import unknown_characters

    loaded = runtime.load(model)
    assert unknown_characters(loaded.tokenizer, "grün 😀\n") == []

    class Letters:
        native = Native(WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
        native.pre_tokenizer = Split("", "isolated")

        def encode(self, text: str) -> list[int]:
            return list(self.native.encode(text).ids)

        def decode(self, ids: list[int]) -> str:
            return str(self.native.decode(ids))

    assert unknown_characters(Letters(), "a😀 bc😀") == ["😀", "c"]


def test_a_failure_names_its_reason(post: Any, monkeypatch: Any) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("secret words of a library")

    monkeypatch.setattr(causal, "lookahead", fail)
    status, told = post()
    assert status == 500
    assert told["error"].startswith("Generation failed: ")
    assert "secret" not in told["error"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("context", 5),
        ("context", "x" * 70_000),
        ("context", "a\0"),
        ("temperature", -1),
        ("temperature", 11),
        ("temperature", "x"),
        ("temperature", None),
        ("token_ids", [-1]),
        ("token_ids", ["a"]),
        ("token_ids", [1_999_999]),
        ("top_k", 0),
        ("top_p", 2.0),
        ("sample", "yes"),
        ("ahead", 0),
        ("ahead", 65),
        ("ahead", 1.5),
        ("digest", 1),
        ("seed", -1),
        ("unknown", 1),
    ],
)
def test_bad_fields_are_named(post: Any, field: str, value: Any) -> None:
    status, told = post(**{field: value})
    assert status == 400
    assert told["error"] == told["message"]
    if field != "context" or value != "a\0":
        assert told["field"].startswith(field)


def test_a_cookie_alone_is_not_enough(model: ModelEntry, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    answer = client.post(ADDRESS, {"session_id": "letters"}, content_type="application/json")
    assert (answer.status_code, answer.json()["error_type"]) == (401, "auth")
    assert not ChatCommand.objects.exists()


def test_nobody_is_refused(model: ModelEntry, settings: Any) -> None:
    settings.ALLOW_GUESTS = False
    answer = Client().post(ADDRESS, {"session_id": "letters"}, content_type="application/json")
    assert answer.status_code == 401
    assert not ChatCommand.objects.exists()


def test_a_model_in_training_tells_how_far_it_is(post: Any, model: ModelEntry, owner: User) -> None:
    from inference.models import Stream
    from playground.training.models import Training
    from playground.views.drawer import model_words

    assert post()[1]["training"] is None
    row = Training.objects.create(
        owner=owner, model=model, step=20, status="running", stream=Stream.objects.create()
    )
    assert post()[1]["training"] == {"state": "running", "step": 20}
    Training.objects.filter(pk=row.pk).update(status="done")
    assert post()[1]["training"]["state"] == "done"
    card = {"training": {"steps": 2000}}
    named = ModelEntry(label="shakespeare", parameters=15_200, card=card)
    assert model_words(named) == "shakespeare (15K params, step 2000)"
