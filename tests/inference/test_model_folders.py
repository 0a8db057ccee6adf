"""Folders that are left out are named with the reason; nothing in MODELS_DIR is silent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from inference import model_folders
from inference.model_folders import left_out, model_slugs


def _model(folder: Path, config: str = '{"model_type": "llada"}') -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config)
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("my model (v2)", "rename it"),
        ("run=3+lr1e-4", "rename it"),
        ("模型", "rename it"),
        (".hidden", "rename it"),
        ("owner/my model", "rename it"),
        ("a/b/c", "too deep"),
        ("a/b/c/d", "too deep"),
        (
            "models--GSAI-ML--LLaDA-8B-Base/snapshots/abc",
            "as GSAI-ML/LLaDA-8B-Base",
        ),
    ],
)
def test_names_and_places_that_are_not_taken(name: str, reason: str, tmp_path: Path) -> None:
    _model(tmp_path / name)
    _model(tmp_path / "good")
    assert model_slugs(tmp_path) == ["good"]
    (row,) = left_out(tmp_path)
    assert row.name == name
    assert reason in row.reason


def _unreadable(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


def _huge(folder: Path) -> None:
    with (folder / "config.json").open("ab") as stream:
        stream.truncate(model_folders.FILE_BYTES + 1)


FAULTS: dict[str, Callable[[Path], object]] = {
    "has weights and no config.json": lambda folder: (folder / "config.json").unlink(),
    "is not readable JSON": lambda folder: (folder / "config.json").write_text("{"),
    "is not readable JSON ": lambda folder: (folder / "config.json").write_text("[" * 100_000),
    "is not a JSON object": lambda folder: (folder / "config.json").write_text("[1]"),
    "is not a JSON object with keys": lambda folder: (folder / "config.json").write_text("{}"),
    "is no regular file": _unreadable,
    "is larger than 4 MiB": _huge,
}


@pytest.mark.parametrize("reason", FAULTS)
def test_files_that_cannot_be_read(reason: str, tmp_path: Path) -> None:
    FAULTS[reason](_model(tmp_path / "owner" / "bad"))
    assert model_slugs(tmp_path) == []
    (row,) = left_out(tmp_path)
    assert row.name == "owner/bad"
    assert reason.strip() in row.reason


def test_a_card_that_is_not_read_is_told_beside_its_model(tmp_path: Path) -> None:
    (_model(tmp_path / "good") / "unmask.json").write_text("{")
    assert model_slugs(tmp_path) == ["good"]
    assert left_out(tmp_path) == [("good", "its unmask.json is not read: it is not readable JSON")]


def test_links_are_followed_and_dangling_ones_told(tmp_path: Path) -> None:
    cached = _model(tmp_path / "models--a--b" / "snapshots" / "abc")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").symlink_to(cached)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert model_slugs(tmp_path) == ["a/b"]
    assert {row.name: row.reason for row in left_out(tmp_path)}["gone"] == "its link leads nowhere"


def test_folders_without_anything_like_a_model_are_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("x")
    assert left_out(tmp_path) == []
    assert left_out(tmp_path / "nowhere") == []


def test_a_circle_of_links_comes_to_an_end(tmp_path: Path) -> None:
    _model(tmp_path / "good")
    (tmp_path / "good" / "again").symlink_to(tmp_path)
    assert model_slugs(tmp_path) == ["good"]
    assert len(left_out(tmp_path)) < 20


@pytest.mark.django_db
def test_the_command_names_them(tmp_path: Path, settings: Settings) -> None:
    settings.MODELS_DIR = tmp_path
    _model(tmp_path / "my model")
    _model(tmp_path / "mine", json.dumps({"model_type": "llada"}))
    out = StringIO()
    call_command("sync_models", stdout=out)
    assert "mine: mine (" in out.getvalue()
    assert "left out my model: " in out.getvalue()


def test_a_folder_with_one_gguf_file_is_a_model_and_one_with_two_is_told(tmp_path: Path) -> None:
    for name, files in (("one", ("a",)), ("lab/two", ("a", "b"))):
        (tmp_path / name).mkdir(parents=True)
        for file in files:
            (tmp_path / name / f"{file}.gguf").write_bytes(b"GGUF")
    assert model_slugs(tmp_path) == ["one"]
    assert left_out(tmp_path) == [("lab/two", "it has 2 GGUF files; keep one")]
