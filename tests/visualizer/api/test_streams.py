"""Server-sent events of a generation: frames of the seed, resumed, ended, left."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient

from inference.models import StreamEvent
from tests.visualizer.api.streams import Seen, joined, parsed
from visualizer.models import Generation, StreamTiming
from visualizer.worker import step_source

pytestmark = pytest.mark.usefixtures("worker")
BODY = {"model": "stories", "prompt": "Once upon a time", "max_new_tokens": 12}
INFILL = {"model": "infill", "prefix": "Leo had a red kite.", "suffix": " He was happy."}


async def body_of(answer: Any) -> str:
    return b"".join([part async for part in answer.streaming_content]).decode()


@pytest.fixture
def streamed(owner_headers: dict[str, str]) -> Any:
    """streamed(path, headers, **fields) → (answer, frames)."""

    async def ask(path: str, last: str = "", **fields: Any) -> tuple[Any, list[Seen]]:
        headers = owner_headers | ({"Last-Event-ID": last} if last else {})
        answer = await AsyncClient().post(
            f"/api/diffusion/{path}", fields, content_type="application/json", headers=headers
        )
        if not answer.streaming:
            return answer, []
        return answer, parsed(await body_of(answer))

    return ask


async def test_frames_are_those_of_the_seed(streamed: Any) -> None:
    answer, frames = await streamed("generate/stream", **BODY)
    assert answer["Content-Type"].startswith("text/event-stream")
    assert answer["X-Correlation-ID"] == frames[0].data["correlation_id"]
    assert frames[0].data["message"] == "Starting text generation..."
    kinds = [frame.type for frame in frames]
    assert kinds[:2] == ["status", "status"]
    assert set(kinds[2:-1]) == {"step"}
    last = frames[-1].data
    assert last["type"] == "complete"
    assert {"text", "generation_time", "model_used", "url", "run", "usage"} <= last.keys()
    assert joined(frames) == last["text"] != ""


async def test_the_duration_of_a_stream_is_kept(streamed: Any, owner: User) -> None:
    answer, frames = await streamed("generate/stream", **BODY)
    row = await StreamTiming.objects.aget()
    assert (row.route, row.outcome, row.user_id) == ("generate/stream", "complete", owner.pk)
    assert (row.frames, row.correlation_id) == (len(frames), answer["X-Correlation-ID"])
    assert row.first is not None
    assert 0 <= row.first <= row.seconds


async def test_operations_lead_from_the_canvas_to_the_text(streamed: Any) -> None:
    _, frames = await streamed("generate/stream", **BODY)
    canvas = list(frames[1].data["canvas"])
    assert frames[1].data["masked"] == 12
    for frame in frames[2:-1]:
        for operation in frame.data["ops"]:
            assert operation["op"] == "commit"
            canvas[operation["pos"]] = operation["label"]
        assert frame.data["masked"] == canvas.count("<|mdm_mask|>")
    assert frames[-1].data["text"].strip() in "".join(canvas)


@pytest.mark.parametrize("flags", [{"auto_trim": True}, {"fix_punctuation": True}])
async def test_clean_pieces_join_to_the_clean_text(streamed: Any, flags: Any) -> None:
    _, frames = await streamed("generate/stream", **BODY, **flags)
    assert joined(frames) == frames[-1].data["text"]
    assert not flags.get("auto_trim") or frames[-1].data["text"] == joined(frames).strip()


async def test_a_lost_stream_is_resumed_without_gap_or_repetition(streamed: Any) -> None:
    _, whole = await streamed("generate/stream", **BODY, auto_trim=True)
    for at in range(len(whole)):
        if not whole[at].id:
            continue
        _, rest = await streamed("generate/stream", whole[at].id, **BODY, auto_trim=True)
        assert joined(whole[: at + 1]) + joined(rest) == joined(whole)
        assert [f.id for f in rest if f.id] == [f.id for f in whole[at + 1 :] if f.id]
    assert await Generation.objects.acount() == 1


async def test_a_run_can_be_followed_by_its_address(
    streamed: Any, owner_headers: dict[str, str]
) -> None:
    _, whole = await streamed("generate/stream", **BODY)
    run = whole[0].data["run"]
    answer: Any = await AsyncClient().get(
        f"/api/diffusion/runs/{run}/stream", headers=owner_headers
    )
    again = parsed(await body_of(answer))
    assert joined(again) == joined(whole)
    assert again[-1].data["text"] == whole[-1].data["text"]


async def test_events_that_were_pruned_are_told_as_a_whole(streamed: Any) -> None:
    _, whole = await streamed("generate/stream", **BODY)
    await StreamEvent.objects.filter(number__lt=9).adelete()
    _, frames = await streamed("generate/stream", f"{whole[0].data['run']}:4", **BODY)
    assert frames[0].data["text"] == whole[-1].data["text"]
    assert frames[-1].type == "complete"


@pytest.mark.parametrize("last", ["x", "a:b", ":", "1:-1", "é:1", f"a:{'9' * 40}"])
async def test_ids_that_were_never_sent_are_refused(streamed: Any, last: str) -> None:
    answer, _ = await streamed("generate/stream", last.encode().decode("latin1"), **BODY)
    assert answer.status_code in (400, 404)
    assert not await Generation.objects.aexists()


async def test_behind_its_last_frame_a_stream_tells_clients_to_stay_away(streamed: Any) -> None:
    """A browser's EventSource comes back after any other answer, again and again."""
    _, whole = await streamed("generate/stream", **BODY)
    answer, _ = await streamed("generate/stream", whole[-1].id, **BODY)
    assert answer.status_code == 204
    assert not answer.content
    assert await Generation.objects.acount() == 1


async def test_a_number_that_the_stream_has_not_reached_is_refused(streamed: Any) -> None:
    _, whole = await streamed("generate/stream", **BODY)
    run, _, number = whole[-1].id.rpartition(":")
    answer, _ = await streamed("generate/stream", f"{run}:{int(number) + 1}", **BODY)
    assert (answer.status_code, answer.json()["field"]) == (400, "Last-Event-ID")


async def test_a_stranger_cannot_resume(streamed: Any, stranger: User, ask_as: Any) -> None:
    _, frames = await streamed("generate/stream", **BODY)
    theirs = await sync_to_async(ask_as)(stranger)
    answer = await AsyncClient().post(
        "/api/diffusion/generate/stream",
        BODY,
        content_type="application/json",
        headers={**theirs.headers, "Last-Event-ID": frames[3].id},
    )
    assert answer.status_code == 404


async def test_a_failure_in_the_worker_is_the_error_frame(streamed: Any) -> None:
    answer, frames = await streamed("generate/stream", **{**BODY, "max_new_tokens": 1000})
    assert answer.status_code == 200
    assert frames[0].type == "status"
    told = frames[-1].data
    assert (told["type"], told["error_type"], told["retryable"]) == ("error", "validation", False)
    assert told["field"] == "max_new_tokens"
    assert "Once upon" not in str(told)


async def test_infilling_streams_slots_that_appear_and_vanish(streamed: Any) -> None:
    _, frames = await streamed("infill/stream", **INFILL)
    assert frames[0].data["message"] == "Starting text infilling..."
    made = {operation["op"] for frame in frames[2:-1] for operation in frame.data["ops"]}
    assert made & {"insert", "delete"}
    last = frames[-1].data
    assert joined(frames) == last["text"]
    assert last["full_text"] == INFILL["prefix"] + last["text"] + INFILL["suffix"]


async def test_a_fault_while_writing_is_told_without_its_text(
    streamed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(step_source.StepSource, "make", broken)
    _, frames = await streamed("generate/stream", **BODY)
    told = frames[-1].data
    assert (told["type"], told["error_type"], told["retryable"]) == ("error", "generation", True)
    assert "secret" not in str(told)
    assert (await StreamTiming.objects.aget()).outcome == "error"
