"""Requests that are refused, with the field that is named; None where none is at fault."""

from __future__ import annotations

from typing import Any

BAD: list[tuple[dict[str, Any], str | None]] = [
    ({"message": ""}, "message"),
    ({"message": "   \n"}, "message"),
    ({"message": "\u200b\ufeff \u2060"}, "message"),
    ({"message": "a" * 1_000_000}, "message"),
    ({"message": 7}, "message"),
    ({}, "message"),
    ({"message": "hello", "conversation_id": "nobody's"}, "conversation_id"),
    (
        {"message": "hello", "conversation_id": "chat_2025-12-15-04-59-31-982.txt"},
        "conversation_id",
    ),
    ({"message": "hello", "model": "../etc"}, "model"),
    ({"message": "hello", "system_prompt": ["x"]}, "system_prompt"),
    ({"message": "hello", "settings": {"temperature": -1}}, "settings.temperature"),
    ({"message": "hello", "settings": {"max_new_tokens": 0}}, "settings.max_new_tokens"),
    ({"message": "hello", "settings": {"unknown": 1}}, "settings.unknown"),
    ({"message": "hello", "unknown": 1}, "unknown"),
    ({"message": "hello", "type": "no such"}, "type"),
    ({"type": "regenerate"}, "message_id"),
    ({"type": "stop"}, "conversation_id"),
]
