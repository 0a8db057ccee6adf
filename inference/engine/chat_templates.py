"""Chat templates as the families were trained with them: turns to marks and text.

A mark is a special token of the template. Differences from published templates stand in
docs/decoding.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.engine.bpe_files import MOST_BYTES, tokenizer_config

Part = tuple[bool, str]  # (special, text)


@dataclass(frozen=True)
class Message:
    """One turn; `role` is system, user or assistant."""

    role: str
    content: str


Template = Callable[[Sequence[Message], bool], list[Part]]
ROLES = ("system", "user", "assistant")
MARKS = {
    # template: its special tokens
    "llada": ("<|startoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "chatml": ("<|im_start|>", "<|im_end|>"),
    "role": ("<role>", "</role>", "<|role_end|>"),
}


def _special(text: str) -> Part:
    return True, text


def llada(messages: Sequence[Message], answer: bool) -> list[Part]:
    """LLaDA: a header and an end for each turn; the open header only when an answer is wanted."""
    parts = [_special("<|startoftext|>")]
    for message in messages:
        parts += [*_header(message.role, message.content.strip()), _special("<|eot_id|>")]
    return parts + (_header("assistant", "") if answer else [])


def _header(role: str, content: str) -> list[Part]:
    marks = [_special("<|start_header_id|>"), (False, role), _special("<|end_header_id|>")]
    return [*marks, (False, f"\n\n{content}")]


def chatml(messages: Sequence[Message], answer: bool) -> list[Part]:
    """ChatML: turns as they come."""
    parts: list[Part] = []
    for turn in messages:
        parts += [_special("<|im_start|>"), (False, f"{turn.role}\n{turn.content}")]
        parts += [_special("<|im_end|>"), (False, "\n")]
    return parts + ([_special("<|im_start|>"), (False, "assistant\n")] if answer else [])


def role_tags(messages: Sequence[Message], answer: bool) -> list[Part]:
    """LLaDA-MoE and LLaDA2: <role>NAME</role>."""
    names = {"system": "SYSTEM", "user": "HUMAN", "assistant": "ASSISTANT"}
    parts: list[Part] = []
    for turn in messages:
        parts += [*_tag(names[turn.role]), (False, turn.content), _special("<|role_end|>")]
    return parts + (_tag("ASSISTANT") if answer else [])


def _tag(name: str) -> list[Part]:
    return [_special("<role>"), (False, name), _special("</role>")]


TEMPLATES: dict[str, Template] = {"llada": llada, "chatml": chatml, "role": role_tags}
JINJA = "chat_template.jinja"
_DEFAULT = re.compile(
    r"""['"]<\|im_start\|>system\\n([^'"{}<>]+)<\|im_end\|>""",
)


def default_system(directory: Path) -> str | None:
    """The system turn that the tokenizer's own ChatML template writes where there is none.

    "" when the template writes none, None when there is no template. The template is searched as
    text and never run. Raises CheckpointError for a tokenizer_config.json that cannot be read.
    """
    template = _template(directory)
    if template is None or "<|im_start|>" not in template:
        return None
    found = _DEFAULT.search(template)
    return found[1] if found else ""


def _template(directory: Path) -> str | None:
    file = directory / JINJA
    try:
        if file.stat().st_size <= MOST_BYTES:
            return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        pass
    stated = tokenizer_config(directory).get("chat_template")
    return stated if isinstance(stated, str) else None
