"""Folders that are left out are named with the reason; nothing in MODELS_DIR is silent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from inference import model_folders
from inference.catalog.families import ARCHITECTURES, FAMILIES
from inference.engine.families import family_named
from inference.model_folders import candidates, left_out, model_slugs


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
        ("x" * 97, "96 at most"),
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


def _only(name: str, **others: str) -> Callable[[Path], object]:
    """What makes a folder hold this file instead of its weights."""

    def change(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / name)
        for other, text in others.items():
            (folder / other.replace("__", ".")).write_text(text)

    return change


def _indexed(folder: Path) -> None:
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    _only(shards["a"])(folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def _of_type(**config: object) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.json").write_text(json.dumps(config))


def _folder_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "pytorch_model.bin, a pickle file": _only("pytorch_model.bin"),
    "*.safetensors is missing": _only("model.safetensors.incomplete"),
    "*.safetensors is missing ": lambda folder: (folder / "model.safetensors").unlink(),
    "model-00002-of-00002.safetensors is missing": _indexed,
    "index.json that can be read is missing": _only("x", model__safetensors__index__json="{"),
    "its model.safetensors cannot be opened": _folder_for_weights,
    "its model type (bert)": _of_type(model_type="bert", architectures=["BertModel"]),
    "its model type (['llama'])": _of_type(model_type=["llama"], architectures=5),
    "its model type (None)": _of_type(hidden_size=4),
    "adapter.safetensors is missing": _of_type(model_type="block_llama", adapter={"base": "x"}),
    "it has 2 GGUF files": _only("a.gguf", b__gguf=""),
}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_what_could_not_be_loaded_is_not_offered(reason: str, tmp_path: Path) -> None:
    UNUSABLE[reason](_model(tmp_path / "owner" / "bad"))
    assert model_slugs(tmp_path) == []
    (row,) = [row for row in left_out(tmp_path) if row.name == "owner/bad"]
    assert reason.strip() in row.reason


def test_an_adapter_of_another_form_is_told(tmp_path: Path) -> None:
    folder = _model(tmp_path / "peft")
    (folder / "config.json").rename(folder / "adapter_config.json")
    (row,) = left_out(tmp_path)
    assert "PEFT" in row.reason


def test_models_are_known_by_an_architecture_too(tmp_path: Path) -> None:
    _model(tmp_path / "named", '{"model_type": "mine", "architectures": ["LLaDAModelLM"]}')
    assert model_slugs(tmp_path) == ["named"]
    engine = {name for family in FAMILIES for name in family_named(family).architectures}
    assert engine == ARCHITECTURES


def test_a_stale_index_beside_all_weights_is_no_fault(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"a": "gone.safetensors"}})
    (_model(tmp_path / "good") / "model.safetensors.index.json").write_text(index)
    assert model_slugs(tmp_path) == ["good"]


def test_a_model_that_lies_in_the_directory_itself_is_told(tmp_path: Path) -> None:
    for path in list(_model(tmp_path / "m").iterdir()):
        path.rename(tmp_path / path.name)
    assert [row.name for row in left_out(tmp_path)] == ["."]


CLOSED = """
import os, sys
from pathlib import Path
from inference import hub_cache
from inference.model_folders import candidates, left_out, model_slugs
root = Path(sys.argv[1])
repr("".encode("utf-8-sig").decode("utf-8-sig"))  # its codec lies where nobody may read later
if os.getuid() == 0:  # who may read everything
    os.setgid(65534)
    os.setuid(65534)
for folder, mode in (("listed", 0o444), ("entered", 0o111), ("closed", 0), ("owner", 0o444)):
    (root / folder).chmod(mode)
(root / "weights" / "model.safetensors").chmod(0)
print(model_slugs(root), candidates(root))
for row in left_out(root):
    print(row)
print(hub_cache.left_out(root / "hub"))
"""


def test_what_may_not_be_opened_is_told_and_stops_nothing() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        root = Path(name)
        for folder in ("good", "listed", "entered", "closed", "owner/model", "weights"):
            _model(root / folder)
        snapshots = root / "hub" / "models--a--b" / "snapshots"
        snapshots.mkdir(parents=True)
        (snapshots / ("a" * 40)).write_text("no folder")
        for path in [root, *root.rglob("*")]:
            os.chown(path, 65534, 65534) if os.getuid() == 0 else None
        ran = subprocess.run(
            [sys.executable, "-c", CLOSED, name], capture_output=True, text=True, check=False
        )
        for path in root.iterdir():
            path.chmod(0o700)
    assert not ran.returncode, ran.stderr
    slugs, *rows, hub = ran.stdout.splitlines()
    assert (slugs, hub) == ("['good'] ['good', 'weights']", "[]")
    told = {row.split("'")[1]: row for row in rows}
    assert set(told) == {"listed", "entered", "closed", "owner", "weights"}
    assert "model.safetensors cannot be opened" in told.pop("weights")
    assert all("it cannot be opened" in row for row in told.values())


def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path) -> None:
    _model(Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xff")))
    (row,) = left_out(tmp_path)
    assert row.name.encode() == rb"m\udcff"
    assert candidates(tmp_path) == []


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
