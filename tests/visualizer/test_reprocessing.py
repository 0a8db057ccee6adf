"""The same distribution under other settings, from the server's digest or a client's logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from django.contrib.auth.models import User

from tests.visualizer.fakes import MASK, SIZE, FakeRuntime
from visualizer.models import Digest, Session

pytestmark = pytest.mark.django_db
SETTINGS = [
    {"softmax_temperature": t, "top_p": p, "visual_top_k": 25, "actual_top_k": 15}
    for t in (0.1, 0.5, 1.0, 3.0, 10.0)
    for p in (0.3, 0.9, 1.0)
]


def exact(logits: torch.Tensor, settings: dict[str, Any]) -> list[tuple[int, float, bool]]:
    """Candidates of one position, straight from the definition."""
    probs = (logits.double() / settings["softmax_temperature"]).softmax(-1)
    logits = logits.clone()
    logits[MASK] = -torch.inf
    rows, total = [], 0.0
    for rank, token in enumerate(logits.argsort(descending=True)[:25].tolist()):
        inside = rank == 0 or (rank < settings["actual_top_k"] and total < settings["top_p"])
        rows.append((token, float(probs[token]), inside))
        total += float(probs[token])
    return rows


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_position_agrees_with_the_definition(
    play: Any, owner: User, session: Session, runtime: FakeRuntime, settings: dict[str, Any]
) -> None:
    play(owner, session, type="forward_pass")
    reply = play(owner, session, type="reprocess_probabilities", settings=settings)
    assert reply["result"]["source"] == "digest"
    assert reply["result"]["settings_applied"] == {
        "gumbel_temperature": 0.0, "apply_gumbel_noise": False, **settings,
    }  # fmt: skip
    assert runtime.forwards == 1
    assert len(reply["result"]["positions"]) == 16
    for position in reply["result"]["positions"]:
        logits = runtime.table[position["position"]]
        expected = exact(logits, settings)
        found = [(c["token_id"], c["prob"]) for c in position["candidates"]]
        assert sum(prob for _, prob in found) <= 1
        for (token, prob), (wanted, exactly, _) in zip(found, expected, strict=True):
            # half precision tells apart what differs by a thousandth
            gap = float(logits.max() - logits[wanted])
            assert abs(float(logits[token] - logits[wanted])) <= 1e-3 * gap
            assert abs(prob - exactly) < 1e-3


def test_noise_depends_on_seed_and_step_only(play: Any, owner: User, start: Any) -> None:
    settings = {"gumbel_temperature": 1.0, "apply_gumbel_noise": True}

    def candidates(seed: int) -> Any:
        session = start(seed=seed)
        reply = play(owner, session, type="forward_pass", **settings)
        again = play(owner, session, type="reprocess_probabilities", settings=settings)
        shown = [p["candidates"] for p in reply["result"]["positions"]]
        assert [p["candidates"] for p in again["result"]["positions"]] == shown
        chosen = play(owner, session, type="auto_select", tokens_to_select=3)["selected_tokens"]
        for position, token in chosen.items():
            assert token == shown[int(position)][0]["token_id"]
        return shown

    assert candidates(1) == candidates(1)
    assert candidates(1) != candidates(2)


def test_noise_off_means_no_noise(play: Any, owner: User, session: Session) -> None:
    plain = play(owner, session, type="forward_pass")
    off = play(owner, session, type="reprocess_probabilities", settings={"gumbel_temperature": 2.0})
    assert off["result"]["positions"] == plain["result"]["positions"]


def test_raw_logits_make_the_round_trip(play: Any, owner: User, session: Session) -> None:
    reply = play(owner, session, type="forward_pass", include_raw_logits=True, visual_top_k=10)
    raw = reply["result"]["raw_logits"]
    assert [entry["position"] for entry in raw] == list(range(16))
    assert len(raw[0]["token_ids"]) == len(raw[0]["logits"]) == 128
    before = Digest.objects.get()
    again = play(
        owner, session, type="reprocess_probabilities", raw_logits=raw,
        settings={"visual_top_k": 10},
    )  # fmt: skip
    assert again["result"]["source"] == "raw_logits"
    for mine, theirs in zip(
        again["result"]["positions"], reply["result"]["positions"], strict=True
    ):
        assert [c["token_id"] for c in mine["candidates"]] == [
            c["token_id"] for c in theirs["candidates"]
        ]
        probs = np.array([[c["prob"] for c in p["candidates"]] for p in (mine, theirs)])
        assert np.abs(probs[0] - probs[1]).max() < 1e-3
    assert Digest.objects.get().data == before.data


def test_dense_rows_are_the_whole_vocabulary(play: Any, owner: User, session: Session) -> None:
    rows = [[0.0] * SIZE, [1.0] + [0.0] * (SIZE - 1)]
    reply = play(owner, session, type="reprocess_probabilities", raw_logits=rows)
    first, second = reply["result"]["positions"]
    assert first["candidates"][0]["prob"] == pytest.approx(1 / SIZE, abs=1e-6)
    assert second["candidates"][0]["prob"] == pytest.approx(np.e / (np.e + SIZE - 1), abs=1e-6)


SPARSE = {"position": 0, "token_ids": [1, 2], "logits": [1.0, 0.5]}


@pytest.mark.parametrize(
    "raw",
    [
        "text", {}, {"a": 1}, 5, True, [1], ["x"], [None], [[]], [["x"]], [[True]], [[1e300]],
        [{}], [{**SPARSE, "token_ids": [1]}], [{**SPARSE, "token_ids": [1, -2]}],
        [{**SPARSE, "token_ids": [1, 2.0]}], [{**SPARSE, "position": -1}], [SPARSE, SPARSE],
        [{**SPARSE, "logits": []}], [{**SPARSE, "rest": "x"}], [{**SPARSE, "rest_count": -1}],
        [[1.0], "x"],
    ],
)  # fmt: skip
def test_other_forms_are_refused(play: Any, owner: User, session: Session, raw: Any) -> None:
    play(owner, session, type="forward_pass")
    reply = play(owner, session, type="reprocess_probabilities", raw_logits=raw)
    assert reply["message"] == "Invalid raw_logits format"
    assert reply["field"] == "raw_logits"


@pytest.mark.parametrize("raw", [None, []])
def test_without_logits_the_server_s_are_used(
    play: Any, owner: User, session: Session, raw: Any
) -> None:
    play(owner, session, type="forward_pass")
    reply = play(owner, session, type="reprocess_probabilities", raw_logits=raw)
    assert reply["result"]["source"] == "digest"


def test_results_are_paged(
    play: Any, owner: User, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = play(owner, session, type="forward_pass")["result"]
    part = play(owner, session, type="forward_pass", positions=[3, 6])["result"]
    assert part["positions"] == whole["positions"][3:6]
    assert part["next"] is None
    monkeypatch.setattr("visualizer.selectors.sizes.ROOM", 12_000)
    seen, position = [], 0
    while position is not None:
        page = play(owner, session, type="forward_pass", positions=[position, 16])["result"]
        seen += page["positions"]
        position = page["next"]
    assert seen == whole["positions"]


def test_states_stay_within_the_largest_message(
    play: Any, owner: User, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(owner, session, type="forward_pass", visual_top_k=100)
    monkeypatch.setattr("visualizer.selectors.sizes.ROOM", 40_000)
    reply = play(owner, session, type="rewind", step=0)
    counts = {len(p["candidates"]) for p in reply["state"]["positions"]}
    assert counts == {16}
    monkeypatch.setattr("core.commands.lifecycle.MESSAGE_BYTES", 1000)
    refused = play(owner, session, type="rewind", step=0)
    assert refused["error_type"] == "validation"
