"""Autoregressive models in a worker: loaded by their row, shared by threads, forgotten whole."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from pytest_django import Settings

from inference import model_locations, registry, runtime
from inference.engine import checkpoint
from inference.engine.causal.engine import CausalEngine
from inference.engine.causal.sampling import Sampling
from inference.engine.checkpoint import LoadedModel
from inference.errors import UnmaskError
from inference.models import ModelEntry
from inference.runtime import causal, forwards
from inference.runtime.probe import probe
from tests.inference.engine.causal.tiny import write_model
from tests.inference.engine.gguf.files import write_gguf
from tests.tiny import tiny_model

pytestmark = pytest.mark.django_db(transaction=True)
PROMPT = [7, 3, 250, 31]


@pytest.fixture
def entries(tmp_path: Path, settings: Settings) -> Iterator[dict[str, ModelEntry]]:
    """A causal model in safetensors, one in GGUF, and one that denoises."""
    settings.MODELS_DIR = tmp_path
    settings.DEVICE = "cpu"
    torch.set_num_threads(1)
    write_model(tmp_path / "plain", "qwen3")
    (tmp_path / "packed").mkdir()
    write_gguf(tmp_path / "packed" / "model.gguf")
    tiny_model(tmp_path / "denoiser")
    registry.sync_models()
    yield {name: registry.resolve(name) for name in ("plain", "packed", "denoiser")}
    for slug in list(runtime.loaded()):
        runtime.unload(slug)


@pytest.mark.parametrize("name", ["plain", "packed"])
def test_a_causal_model_is_loaded_by_its_row_and_writes(
    name: str, entries: dict[str, ModelEntry]
) -> None:
    model = runtime.load(entries[name])
    row = ModelEntry.objects.get(slug=name)
    assert (row.kind, row.state, row.context) == ("autoregressive", "loaded", model.context)
    assert row.mask_id is None
    assert row.bytes_total > 0
    tokens = [one.token for one in causal.generate(model, PROMPT, max_tokens=8, end=False)]
    plain = CausalEngine(model).generate(PROMPT, max_tokens=8, end=False)
    assert tokens == [one.token for one in plain]


def test_several_threads_share_forwards(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["plain"])
    before = forwards.ENGINE.stats.forwards
    jobs = [([n, *PROMPT], Sampling(temperature=1.0, seed=n), 12) for n in range(6)]

    def work(job: tuple[list[int], Sampling, int]) -> list[int]:
        return [one.token for one in causal.generate(model, *job, end=False)]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, jobs))
    made = forwards.ENGINE.stats.forwards - before
    alone = CausalEngine(model)
    assert found == [[one.token for one in alone.generate(*job, end=False)] for job in jobs]
    assert made < 6 * 12


def test_the_next_token_and_a_text_are_judged(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["plain"])
    best = causal.next_distribution(model, PROMPT, 5)
    judged = causal.judge(model, [*PROMPT, best[0].token], 2)
    assert judged[-1].logprob == pytest.approx(best[0].logprob, abs=1e-5)
    assert judged[-1].top[0][0] == best[0].token


def test_an_unloaded_model_leaves_nothing_behind(entries: dict[str, ModelEntry]) -> None:
    model = runtime.load(entries["plain"])
    list(causal.generate(model, PROMPT, max_tokens=4, end=False))
    assert forwards.kept_keys().stats()["bytes"] > 0
    alive = weakref.ref(model)
    del model
    runtime.unload("plain")
    gc.collect()
    assert alive() is None
    assert forwards.kept_keys().stats()["bytes"] == 0


def test_failures_are_told_in_the_one_shape(entries: dict[str, ModelEntry]) -> None:
    denoiser: LoadedModel = runtime.load(entries["denoiser"])
    with pytest.raises(UnmaskError, match="left to right"):
        causal.next_distribution(denoiser, PROMPT)
    model = runtime.load(entries["plain"])
    with pytest.raises(UnmaskError) as caught:
        next(causal.generate(model, PROMPT, Sampling(temperature=-1)))
    assert (caught.value.error_type, caught.value.field) == ("validation", "temperature")


def test_a_model_that_moves_to_another_device_goes_on(
    entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cache lies where it no longer is; the tokens are the same all the same."""
    model = runtime.load(entries["plain"])
    whole = [one.token for one in causal.generate(model, PROMPT, max_tokens=10, end=False)]
    answer = causal.generate(model, PROMPT, max_tokens=10, end=False)
    found = [next(answer).token for _ in range(4)]
    pool = causal.engine(model).pool
    monkeypatch.setattr(pool, "_device", torch.device("meta"))  # as if it had been elsewhere
    found += [one.token for one in answer]
    assert found == whole


@pytest.mark.parametrize("damage", ["truncated", "pickle"])
def test_broken_gguf_files_are_refused_in_the_child(
    damage: str, entries: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(model_locations.directory(entries["packed"])) / "model.gguf"
    file.write_bytes(file.read_bytes()[:5000] if damage == "truncated" else b"\x80\x04\x95.")

    def unreachable(*args: object, **options: object) -> None:
        raise AssertionError("read before the child had looked at it")

    monkeypatch.setattr(checkpoint, "load", unreachable)
    with pytest.raises(UnmaskError) as caught:
        runtime.load(entries["packed"])
    assert caught.value.error_type == "model_loading"
    assert "refused" in caught.value.message


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
HUGE = "{% set ns = namespace(s='x' * 9999) %}" + "{% set ns.s = ns.s ~ ns.s %}" * 30


@pytest.mark.parametrize(
    ("template", "seconds", "why"), [(ENDLESS, 5, "too long"), (HUGE, 60, "memory")]
)
def test_templates_that_stall_or_bloat_are_refused_in_the_child(
    template: str, seconds: int, why: str, tmp_path: Path
) -> None:
    write_model(tmp_path / "plain")
    (tmp_path / "plain" / "chat_template.jinja").write_text(template)
    packed = write_gguf(tmp_path / "model.gguf", **{"tokenizer.chat_template": template})
    for path in (tmp_path / "plain", packed):
        with pytest.raises(UnmaskError, match=why):
            probe(path, seconds, limit=2**30)
