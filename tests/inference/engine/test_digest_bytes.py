"""The digest as bytes: whatever is written is read again, old rows too, and nothing else is."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.engine.digest import encode
from inference.engine.digest_bytes import VERSION, pack
from inference.engine.digest_reader import current, form_of
from inference.engine.digest_view import DigestError, DigestView

ROWS = Path(__file__).parents[2] / "data" / "digest_rows_v1.json"
OLD: dict[str, Any] = json.loads(ROWS.read_text())["cases"]


def _noise(seed: int, rows: int, size: int) -> Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [2, 60, 761, 2048, 2049, 70_000])
@pytest.mark.parametrize("rows", [0, 1, 9])
def test_what_is_written_is_read_again(size: int, rows: int) -> None:
    positions = [200, 3, 70_000, *range(400, 406)][:rows]
    data = encode(_noise(1, rows, size) * 3, positions, [1] if size > 2 else [])
    form = form_of(data)
    assert form.positions.tolist() == positions
    assert form.vocabulary == size
    assert pack(form) == data
    assert pack(form_of(pack(form, coded=False))) == data
    assert current(data) is data


@pytest.mark.parametrize("name", OLD)
def test_rows_of_the_first_version_are_read(name: str) -> None:
    case = OLD[name]
    data = base64.b64decode(case["data"])
    assert data[4] != VERSION
    for view in (DigestView.from_bytes(data), DigestView.from_bytes(current(data))):
        assert view.positions.tolist() == case["positions"]
        assert view.vocabulary == case["vocabulary"]
        for at in case["at"]:
            best = np.array(at["ids"])
            assert view.ids[:, : best.shape[1]].tolist() == best.tolist()
            shown = view.probabilities(at["temperature"])[:, : best.shape[1]]
            assert np.abs(shown - at["probs"]).max() < 1e-3
            assert np.abs(view.entropy(at["temperature"]) - at["entropy"]).max() < 1e-2


def _samples() -> dict[str, bytes]:
    mine = {str(size): encode(_noise(1, 2, size), [0, 1], [4]) for size in (9, 300, 3000)}
    mine["plain"] = pack(form_of(mine["300"]), coded=False)
    return mine | {name: base64.b64decode(case["data"]) for name, case in OLD.items()}


@pytest.mark.parametrize("data", [b"", b"UMDG", b"nonsense" * 10, b"UMDZ" + b"x" * 20])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DigestError):
        form_of(data)


@pytest.mark.parametrize("name", _samples())
def test_a_truncated_digest_is_refused(name: str) -> None:
    data = _samples()[name]
    for end in (*range(40), len(data) // 2, len(data) - 5, len(data) - 1):
        with pytest.raises(DigestError):
            form_of(data[:end])


@pytest.mark.parametrize("name", _samples())
def test_damage_is_refused_or_read_as_another_digest(name: str) -> None:
    """No other exception, whatever byte of the header or behind it is flipped."""
    data = bytearray(_samples()[name])
    for at in (*range(60), *range(60, len(data), 7)):
        data[at] ^= 0x55
        with contextlib.suppress(DigestError):
            form_of(bytes(data))
        data[at] ^= 0x55


def test_other_versions_are_refused() -> None:
    data = encode(_noise(1, 1, 300), [0], [4])
    for version in (0, 1, 3, 255):
        with pytest.raises(DigestError):
            form_of(data[:4] + bytes([version]) + data[5:])


def test_reading_needs_no_tensor_library() -> None:
    code = "import sys, inference.engine.digest_view; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
