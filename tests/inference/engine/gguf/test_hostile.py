"""Broken and hostile GGUF headers: refused by key, quickly, before anything is allocated."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.engine import checkpoint
from inference.engine.errors import CheckpointError
from inference.engine.gguf import header
from inference.engine.gguf.header import GGUFError, read_header
from tests.inference.engine.gguf.files import write_gguf

HUGE = 2**63


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    head = text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
    return head + struct.pack("<IQ", kind, offset)


def array(kind: int, count: int, items: bytes = b"") -> bytes:
    return struct.pack("<IQ", kind, count) + items


def file(
    pairs: tuple[bytes, ...] = (),
    tensors: tuple[bytes, ...] = (),
    data: int = 4096,
    counts: tuple[int, int] | None = None,
    start: bytes = b"GGUF\x03\x00\x00\x00",
) -> bytes:
    """A file of these parts; its data begin at the next multiple of 32."""
    numbers = counts or (len(tensors), len(pairs))
    head = start + struct.pack("<QQ", *numbers) + b"".join((*pairs, *tensors))
    return head + b"\0" * (-len(head) % 32) + b"\0" * data


BAD: dict[str, tuple[bytes, str]] = {
    # what is wrong: the file, the key that is named
    "empty": (b"", "GGUF"),
    "short": (b"GGUF\x03", "GGUF"),
    "pickle": (b"\x80\x04\x95" + b"\0" * 60, "GGUF"),
    "version 1": (file(start=b"GGUF\x01\0\0\0"), "version"),
    "big-endian": (file(start=b"GGUF\0\0\0\x03"), "version"),
    "2^63 tensors": (file(counts=(HUGE, 0)), "tensor_count"),
    "2^64 - 1 pairs": (file(counts=(0, 2**64 - 1)), "kv_count"),
    "fewer pairs than said": (file(counts=(0, 50))[:24], "a key"),
    "fewer tensors than said": (file(counts=(9, 0))[:24], "a tensor's name"),
    "a key of 2^63 bytes": (file((struct.pack("<Q", HUGE),)), "a key"),
    "a key that is not UTF-8": (file((text(b"\xff\xfe") + b"\0" * 8,)), "a key"),
    "an empty key": (file((pair("", 4, b"\1\0\0\0"),)), ""),
    "a key twice": (file((pair("a", 4, b"\1\0\0\0"),) * 2), "a"),
    "an unknown type": (file((pair("a", 77, b"\0" * 8),)), "a"),
    "a string of 2^63 bytes": (file((pair("a", 8, struct.pack("<Q", HUGE)),)), "a"),
    "a string beyond the end": (file((pair("a", 8, struct.pack("<Q", 9000)),)), "a"),
    "an array of 2^63 items": (file((pair("a", 9, array(4, HUGE)),)), "a"),
    "an array beyond the end": (file((pair("a", 9, array(12, 100_000)),)), "a"),
    "an array of arrays": (file((pair("a", 9, array(9, 1, array(4, 0))),)), "a"),
    "strings beyond the end": (file((pair("a", 9, array(8, 10**6)),), data=99), "a"),
    "alignment 0": (file((pair("general.alignment", 4, b"\0" * 4),)), "general.alignment"),
    "alignment 24": (file((pair("general.alignment", 4, b"\x18\0\0\0"),)), "general.alignment"),
    "alignment 2^31": (file((pair("general.alignment", 4, b"\0\0\0\x80"),)), "general.alignment"),
    "alignment as text": (file((pair("general.alignment", 8, text("32")),)), "general.alignment"),
    "no dimension": (file(tensors=(tensor("t", ()),)), "t"),
    "2^32 - 1 dimensions": (
        file(tensors=(text("t") + b"\xff\xff\xff\xff" + b"\0" * 64,)),
        "t",
    ),
    "a dimension of 0": (file(tensors=(tensor("t", (0, 4)),)), "t"),
    "a dimension of 2^63": (file(tensors=(tensor("t", (HUGE,)),)), "t"),
    "a product of 2^64": (file(tensors=(tensor("t", (2**32, 2**32)),)), "t"),
    "an unknown tensor type": (file(tensors=(tensor("t", (32,), 99),)), "t"),
    "a type that is gone": (file(tensors=(tensor("t", (32,), 4),)), "t"),
    "part of a block": (file(tensors=(tensor("t", (31,), 8),)), "t"),
    "beyond the end": (file(tensors=(tensor("t", (2000,)),)), "t"),
    "an offset of 2^63": (file(tensors=(tensor("t", (8,), 0, HUGE),)), "t"),
    "not aligned": (file(tensors=(tensor("t", (8,), 0, 8),)), "t"),
    "overlapping": (file(tensors=(tensor("a", (64,)), tensor("b", (8,), 0, 32))), "b"),
    "the same place": (file(tensors=(tensor("a", (8,)), tensor("b", (8,)))), "b"),
    "a name twice": (file(tensors=(tensor("a", (8,)), tensor("a", (8,), 0, 64))), "a"),
    "no name": (file(tensors=(tensor("", (8,)),)), ""),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_headers_are_refused_by_key(what: str, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    content, key = BAD[what]
    path.write_bytes(content)
    with pytest.raises(GGUFError) as caught:
        read_header(path)
    assert caught.value.key == key
    with pytest.raises(CheckpointError):
        checkpoint.load(path)


def test_lists_share_what_may_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of bytes become objects of some thirty bytes each."""
    monkeypatch.setattr(header, "MOST_ITEMS", 10)
    path = tmp_path / "model.gguf"
    lists = [pair(key, 9, array(0, 5, b"\1" * 5)) for key in "abc"]
    path.write_bytes(file(tuple(lists[:2])))
    assert len(read_header(path).metadata) == 2
    path.write_bytes(file(tuple(lists)))
    with pytest.raises(GGUFError, match="at most 10 in all lists") as caught:
        read_header(path)
    assert caught.value.key == "c"


def test_a_plain_header_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    pairs = (
        pair("u8", 0, b"\xff"),
        pair("yes", 7, b"\1"),
        pair("f64", 12, struct.pack("<d", 0.5)),
        pair("words", 9, array(8, 2, text("ä") + text(""))),
        pair("numbers", 9, array(5, 2, struct.pack("<ii", -1, 7))),
    )
    path.write_bytes(file(pairs, (tensor("a", (4, 2)), tensor("b", (32,), 8, 64))))
    found = read_header(path)
    assert found.metadata == {
        "u8": 255, "yes": True, "f64": 0.5, "words": ["ä", ""], "numbers": [-1, 7]
    }  # fmt: skip
    assert found.tensors["a"].shape == (2, 4)
    assert found.tensors["b"].bytes == 34
    assert found.tensors["b"].offset - found.tensors["a"].offset == 64


def test_damaged_files_never_raise_anything_else(tmp_path: Path) -> None:
    """Bytes changed, cut off and repeated at random: a header, or GGUFError."""
    good = write_gguf(tmp_path / "good.gguf").read_bytes()[:20_000]
    dice, path = random.Random(0), tmp_path / "bad.gguf"
    refused = 0
    for _ in range(400):
        path.write_bytes(_damaged(good, dice))
        try:
            read_header(path)
        except GGUFError:
            refused += 1
    assert refused > 200


def _damaged(good: bytes, dice: random.Random) -> bytes:
    raw = bytearray(good)
    ways: list[Callable[[], None]] = [
        lambda: raw.__setitem__(dice.randrange(len(raw)), dice.randrange(256)),
        lambda: raw.__delitem__(slice(dice.randrange(len(raw)), None)),
        lambda: _fill(raw, 8 * dice.randrange(len(raw) // 8)),
    ]
    for _ in range(dice.randint(1, 4)):
        if len(raw) > 16:
            dice.choice(ways)()
    return bytes(raw)


def _fill(raw: bytearray, place: int) -> None:
    raw[place : place + 8] = b"\xff" * 8


def test_weights_that_are_not_finite_are_refused_by_key(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "model.gguf")
    raw = bytearray(path.read_bytes())
    info = read_header(path).tensors["blk.1.ffn_norm.weight"]
    raw[info.offset : info.offset + 4] = struct.pack("<f", float("nan"))
    path.write_bytes(raw)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert caught.value.field == "model.layers.1.post_attention_layernorm.weight"
