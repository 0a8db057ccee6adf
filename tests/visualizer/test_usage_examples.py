"""The four usage examples of the protocol, over real sockets against a served process."""

from __future__ import annotations

import pytest

from tests.servers import Site
from tests.visualizer.served import SLUG, client

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]


async def test_example_1_new_generation_flow(site: Site) -> None:
    async with client(site) as peer:
        started = await peer.ask(
            type="initialize", prompt="The future of AI is", gen_length=64, block_length=16
        )
        assert started["type"] == "state_update"
        assert started["state"]["block_length"] == 16
        step = 0
        while step < 4:
            result = await peer.ask(
                type="forward_pass", gen_length=64, visual_top_k=20, actual_top_k=10, top_p=0.9
            )
            assert result["type"] == "forward_pass_result"
            chosen = await peer.ask(
                type="auto_select", tokens_to_select=2, strategy="low_confidence"
            )
            assert chosen["type"] == "state_update"
            assert len(chosen["selected_tokens"]) == 2
            applied = await peer.ask(type="apply_selection", selections=chosen["selected_tokens"])
            step = applied["state"]["step"]
            for position, token in chosen["selected_tokens"].items():
                assert applied["state"]["token_ids"][int(position)] == token
        assert len(applied["state"]["selected_positions"]) == 8


async def test_example_2_probability_analysis_with_restrictions(site: Site) -> None:
    async with client(site) as peer:
        await peer.ask(type="initialize", prompt="The future of AI is", gen_length=64)
        message = await peer.ask(
            type="forward_pass", gen_length=64, visual_top_k=30, actual_top_k=15, top_p=0.85
        )
        for position in message["result"]["positions"]:
            actual = [c for c in position["candidates"] if c["is_in_actual"]]
            assert len(position["candidates"]) == 30
            assert 1 <= len(actual) <= 15
        again = await peer.ask(
            type="reprocess_probabilities",
            raw_logits=message["result"]["raw_logits"],
            settings={
                "softmax_temperature": 0.5,
                "top_p": 0.8,
                "visual_top_k": 20,
                "actual_top_k": 10,
            },
        )
        assert again["type"] == "reprocessed_probabilities_result"
        assert len(again["result"]["positions"]) == len(message["result"]["positions"])
        assert again["result"]["settings_applied"]["softmax_temperature"] == 0.5
        before = message["result"]["positions"][10]["candidates"]
        after = again["result"]["positions"][10]["candidates"]
        assert [c["token_id"] for c in after] == [c["token_id"] for c in before[:20]]
        assert after[0]["prob"] > before[0]["prob"]


async def test_example_3_manual_token_selection(site: Site) -> None:
    async with client(site) as peer:
        await peer.ask(type="initialize", prompt="The future of AI is", gen_length=64)
        forced = await peer.ask(
            type="apply_selection", selections={"10": 1234, "11": 5678, "12": 9012}
        )
        assert forced["state"]["token_ids"][10:13] == [1234, 5678, 9012]
        await peer.ask(type="forward_pass")
        chosen = await peer.ask(type="auto_select", tokens_to_select=3, strategy="low_entropy")
        modified = {**chosen["selected_tokens"], "15": 3333}
        applied = await peer.ask(type="apply_selection", selections=modified)
        assert applied["state"]["step"] == 2
        assert applied["state"]["token_ids"][15] == 3333


async def test_example_4_error_handling(site: Site) -> None:
    async with client(site) as peer:
        error = await peer.ask(type="forward_pass")
        assert error["type"] == "error"
        assert error["message"] == "No generation initialized"
        failed = await peer.ask(type="load_model", model_path="GSAI-ML/LLaDA-8B-Base")
        assert failed["type"] == "model_load_result"
        assert failed["success"] is False
        assert failed["model_path"] is None
        assert failed["error"] == "Failed to load model from path"
        loaded = await peer.ask(type="load_model", model_path=SLUG)
        assert {k: loaded[k] for k in ("success", "model_path", "error")} == {
            "success": True,
            "model_path": SLUG,
            "error": None,
        }
        assert (await peer.ask(type="initialize", prompt="Hello"))["type"] == "state_update"


async def test_commands_that_are_sent_without_waiting_are_answered_in_order(
    site: Site,
) -> None:
    async with client(site) as peer:
        await peer.send(type="initialize", prompt="Once upon a time", gen_length=16, request_id="1")
        await peer.send(type="forward_pass", request_id="2")
        await peer.send(type="auto_select", tokens_to_select=3, request_id="3")
        await peer.send(type="rewind", step=0, request_id="4")
        await peer.send(type="nonsense", request_id="5")
        replies = [await peer.receive() for _ in range(5)]
        assert [reply["request_id"] for reply in replies] == ["1", "2", "3", "4", "5"]
        assert [reply["type"] for reply in replies] == [
            "state_update",
            "forward_pass_result",
            "state_update",
            "state_update",
            "error",
        ]
        assert replies[4]["message"] == "Unknown message type: nonsense"


BAD_FRAMES = [
    b"\x00\x01", "", "{", "null", "[]", '"x"', "1", "NaN", '{"type": NaN}', '{"type": 1e999}',
    '{"type":"rewind","type":"rewind"}', "[" * 100_000, '{"a":' * 40 + "1" + "}" * 40,
    '{"type":"\\ud800"}', '{"type":"a\\u0000"}', '{"type":"websocket.disconnect"}',
    '{"type":"__init__"}', '{"type":"dispatch"}', '{"type":"answer","command":1}', '{"type":7}',
    '{"n":' + "9" * 5000 + "}", "\ufeff{}", '{"type":"' + "x" * 10_000 + '"}',
    '{"type":"rewind","step":' + "9" * 400 + "}",
]  # fmt: skip


async def test_bad_frames_are_answered_and_the_socket_lives_on(site: Site) -> None:
    async with client(site) as peer:
        for frame in BAD_FRAMES:
            await peer.socket.send(frame)
            answer = await peer.receive()
            assert answer["type"] == "error", frame[:50]
            assert answer["error_type"] == "validation"
            assert len(answer["correlation_id"]) >= 8
        assert (await peer.ask(type="initialize", prompt="Hello"))["type"] == "state_update"
    assert "Traceback" not in site.log.read_text()


async def test_the_shipped_model_runs_the_loop_to_its_end(site: Site) -> None:
    async with client(site) as peer:
        loaded = await peer.ask(type="load_model", model_path="stories")
        assert loaded["success"] is True
        assert await peer.receive() == {
            "type": "model_status", "is_loaded": True, "model_path": "stories",
        }  # fmt: skip
        reply = await peer.ask(
            type="initialize", prompt="The future of AI is", gen_length=64, block_length=16
        )
        while not reply["is_complete"]:
            await peer.ask(type="forward_pass", visual_top_k=5)
            chosen = await peer.ask(
                type="auto_select", tokens_to_select=8, strategy="high_confidence"
            )
            reply = await peer.ask(type="apply_selection", selections=chosen["selected_tokens"])
        assert reply["state"]["step"] == 8
        assert len(reply["state"]["selected_positions"]) == 64
        refused = await peer.ask(type="apply_selection", selections={"10": 999_999})
        assert refused["field"] == "selections.10"


async def test_events_follow_after_resume(site: Site) -> None:
    async with client(site) as peer, client(site) as silent:
        await peer.ask(type="initialize", prompt="Once upon a time", gen_length=16)
        await peer.ask(type="resume", after=0)
        first = [await peer.receive() for _ in range(3)]
        assert [event["number"] for event in first] == [1, 2, 3]
        await peer.send(type="apply_selection", selections={"5": 20})
        frames = [await peer.receive() for _ in range(3)]
        numbers = [frame["number"] for frame in frames if frame["type"] == "event"]
        assert numbers == [4, 5]
        assert (await silent.ask(type="rewind", step=0))["message"] == "No generation initialized"


async def test_sessions_of_others_do_not_exist(site: Site) -> None:
    async with client(site) as owner, client(site) as stranger:
        started = await owner.ask(type="initialize", prompt="Hello", gen_length=4)
        for type in ("open_session", "resume", "forward_pass", "stop", "delete_session"):
            answer = await stranger.ask(type=type, session_id=started["session_id"])
            assert answer["error_type"] == "not_found", type
        assert (await stranger.ask(type="list_sessions"))["sessions"] == []
