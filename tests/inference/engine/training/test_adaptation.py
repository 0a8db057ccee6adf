"""From a causal model to an adapter: data, noise, training, resuming, export, card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command
from pytest_django import Settings

from inference.engine import adapters, checkpoint
from inference.engine.block_cache import BlockForward
from inference.engine.causal.prefixes import PrefixStore
from inference.engine.checkpoint import LoadedModel
from inference.engine.errors import InputError
from inference.engine.forward import Request, forward_many
from inference.engine.training.adaptation import documents as docs
from inference.engine.training.adaptation.block_noise import DocumentBatch, Noise, bound, losses
from inference.engine.training.adaptation.documents import Document
from inference.engine.training.adaptation.evaluation import holds
from inference.engine.training.adaptation.low_rank import Adapter
from inference.engine.training.adaptation.record import AdaptOrder
from inference.engine.training.adaptation.run import adapt, unused_id
from inference.engine.training.adaptation.sources import split
from inference.engine.training.adaptation.writer import Writer, collect
from tests.inference.engine.causal.tiny import write_model

MASK = 265
ORDER = AdaptOrder(
    "parent", steps=3, device="cpu", dtype="float32", documents=6, rank=2, block=4, copies=2,
    held=2, questions=1, mask_id=MASK,
)  # fmt: skip


@pytest.fixture
def parent(tmp_path: Path) -> LoadedModel:
    return checkpoint.load(write_model(tmp_path / "parent"), dtype="float32")


def document(length: int = 13, begin: int = 5) -> Document:
    ids = [*((7 * n) % 250 for n in range(length - 1)), 267]
    generator = torch.Generator().manual_seed(0)
    candidates = torch.randint(0, 250, (length - begin, 16), generator=generator)
    shares = torch.rand(length - begin, 16, generator=generator).softmax(-1)
    return Document(ids, begin, candidates.int(), shares.half())


def noisy_canvas(rows: torch.Tensor, length: int, first: int, copy: int) -> torch.Tensor:
    """The clean tokens with those of one noisy copy from `first` on."""
    count = length - first
    start = length + copy * count
    return torch.cat((rows[:first], rows[start : start + count]))


def test_training_rows_are_what_decoding_computes(parent: LoadedModel, tmp_path: Path) -> None:
    """Each hidden token's row, beside the exported model's over clean blocks and its own."""
    noise = Noise(4, MASK, 267, copies=3)
    adapter = Adapter(parent, 2, MASK)
    with torch.no_grad():
        for part in adapter.parts.values():
            part.copy_(torch.randn(part.shape, generator=torch.Generator().manual_seed(5)) * 0.2)
    one = document()
    rows = noise.rows([one], torch.Generator().manual_seed(1), torch.device("cpu"))
    with torch.inference_mode():
        logits = adapter(rows.ids, rows.places, rows.seen, rows.rows, rows.block)
    twin = exported(adapter, parent, tmp_path)
    length, first = 16, 4
    columns, position = rows.rows[1].tolist(), 0
    for copy in range(3):
        canvas = noisy_canvas(rows.ids[0], length, first, copy)
        hidden = [n for n in range(length) if canvas[n] == MASK]
        for place in hidden:
            begin = place // 4 * 4
            ids = torch.cat((rows.ids[0, :begin], canvas[begin : begin + 4]))
            expected = forward_many(twin, [Request(ids, torch.tensor([place]))])[0][0]
            assert (logits[position] - expected).abs().max() < 0.05  # int8
            assert rows.targets[position] == rows.ids[0, place]
            position += 1
    assert position == len(columns) > 10


def exported(adapter: Adapter, parent: LoadedModel, tmp_path: Path) -> LoadedModel:
    folder = tmp_path / "twin"
    folder.mkdir()
    adapter.save(folder)
    card = {"base": "parent", "sha256": parent.weights_hash, "rank": 2}
    config = {"model_type": "block_llama", "block_size": 4, "mask_token_id": MASK, "adapter": card}
    (folder / "config.json").write_text(json.dumps(config))
    return checkpoint.load(folder, dtype="float32")


def test_soft_targets_are_the_parents_and_only_where_all_before_is_clean() -> None:
    noise = Noise(4, MASK, 267, copies=2)
    rows = noise.rows([document()], torch.Generator().manual_seed(0), torch.device("cpu"))
    assert bool(rows.soft.any())
    assert not bool(rows.soft.all())
    known = document()
    ids, places = rows.ids[0], rows.places[0]
    for n in range(len(rows.targets)):
        if rows.soft[n]:
            place = int(places[rows.rows[1][n]] + 1)
            assert rows.candidates[n].tolist() == known.candidates[place - 5].tolist()
            assert ids[place] == rows.targets[n]
    fixed = noise.rows([document()], torch.Generator().manual_seed(0), torch.device("cpu"), 1.0)
    assert not bool(fixed.soft.any())
    assert len(fixed.targets) == 2 * (16 - 5)


def test_a_loss_falls_and_the_parent_stays_as_it_was(parent: LoadedModel) -> None:
    before = {name: value.clone() for name, value in parent.model.state_dict().items()}
    ids = torch.arange(12)[None]
    with torch.inference_mode():
        logits = parent.model(ids).logits
    adapter, noise = Adapter(parent, 4, MASK), Noise(4, MASK, 267, copies=4)
    batch = [document(13), document(20, 3)]
    assert len(DocumentBatch(batch).ids) == 33
    optimizer = torch.optim.AdamW(adapter.parameters(), lr=0.02)
    values = []
    for number in range(12):
        rows = noise.rows(batch, torch.Generator().manual_seed(number % 2), torch.device("cpu"))
        loss = losses(adapter, rows).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        values.append(float(loss.detach()))
    assert sum(values[-2:]) < 0.8 * sum(values[:2])
    adapter.switch_off()
    with torch.inference_mode():
        assert torch.equal(parent.model(ids).logits, logits)
    after = parent.model.state_dict()
    assert all(torch.equal(after[name.replace(".weight", ".base.weight")], value)
               if name.replace(".weight", ".base.weight") in after
               else torch.equal(after[name], value) for name, value in before.items())  # fmt: skip


def test_the_parent_writes_conversations_with_their_candidates(parent: LoadedModel) -> None:
    writer = Writer(parent, seed=3, together=4)
    found = collect(writer, lambda found: len(found) >= 5)
    assert parent.tokenizer is not None
    for one in found:
        assert one.ids[: len(writer.before)] == writer.before
        assert one.ids[one.begin - len(writer.after) : one.begin] == writer.after
        answer = one.ids[one.begin :]
        assert len(one.candidates) == len(answer)
        assert all(token in row for token, row in zip(answer, one.candidates.tolist(), strict=True))
        assert torch.allclose(one.shares.float().sum(1), torch.ones(len(answer)), atol=0.01)
        barred = set(docs.barred_ids(parent))
        assert not barred & set(answer)
    again = collect(Writer(parent, seed=3, together=4), lambda found: len(found) >= 5)
    assert [one.ids for one in again] == [one.ids for one in found]


def test_documents_are_kept_as_they_are(parent: LoadedModel, tmp_path: Path) -> None:
    text = tmp_path / "corpus.txt"
    text.write_text("hello world, once upon a time\n\nanother paragraph stands here\n\nx")
    corpus = docs.corpus_documents(parent, text, 12)
    assert all(3 < len(one.ids) <= 12 for one in corpus)
    both = [document(), *corpus]
    docs.save_documents(both, tmp_path / "documents.safetensors")
    back = docs.load_documents(tmp_path / "documents.safetensors")
    assert [(one.ids, one.begin) for one in back] == [(one.ids, one.begin) for one in both]
    assert torch.equal(back[0].candidates, both[0].candidates)
    held, train = split(back, 0)
    assert len(held) + len(train) == len(back)
    with pytest.raises(InputError, match="too few"):
        split(back[:1], 0)


def test_a_model_is_adapted_resumed_and_described(tmp_path: Path) -> None:
    base, folder = write_model(tmp_path / "parent"), tmp_path / "twin"
    progress = adapt(base, folder, ORDER)
    assert progress.step == 3
    twin = checkpoint.load(folder, dtype="float32")
    assert (twin.spec.mask_id, twin.spec.block_size, twin.spec.predict) == (MASK, 4, "shifted")
    assert set(twin.spec.barred).isdisjoint({MASK, *twin.spec.end_ids})
    stored = (folder / adapters.FILE).read_bytes()
    longer = adapt(base, folder, replace(ORDER, steps=5, resume=True))
    assert longer.step == 5
    assert (folder / adapters.FILE).read_bytes() != stored
    card = json.loads((folder / "unmask.json").read_text())
    assert card["training"]["steps"] == 5
    assert card["training"]["sha256"] == json.loads((folder / "config.json").read_text())[
        "adapter"
    ]["sha256"]  # fmt: skip
    assert set(card["quality"]["bounds"]) == {"before", "after"}
    ways = card["quality"]["answers"]
    assert all(row["asked"] == 1 for row in ways.values())
    readme = (folder / "README.md").read_text()
    assert card["quality"]["samples"][0]["question"] in readme
    assert "--from parent --output DIR --steps 5" in readme
    assert str(tmp_path) not in readme


def test_equal_seeds_make_equal_adapters(tmp_path: Path) -> None:
    base = write_model(tmp_path / "parent")
    plain = replace(ORDER, questions=0)
    for name in ("one", "two"):
        adapt(base, tmp_path / name, plain)
    other = replace(plain, seed=1)
    adapt(base, tmp_path / "three", other)
    files = [(tmp_path / name / adapters.FILE).read_bytes() for name in ("one", "two", "three")]
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no text"),
        (b"\n\n \n\n", "holds no text"),
        (b"One line, no more.", "too few documents"),
        (b"\xff\xfe\x00text", "not readable text"),
        (None, "not readable text"),
    ],
)
def test_texts_that_give_no_documents_are_told(
    content: bytes | None, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "corpus.txt"
    if content is not None:
        file.write_bytes(content)
    order = replace(ORDER, corpus=file, documents=None)
    with pytest.raises(InputError, match=told):
        adapt(write_model(tmp_path / "parent"), tmp_path / "twin", order)


def test_a_long_line_is_cut_and_a_file_beyond_the_limit_refused(
    parent: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("word " * 100)
    whole = docs.corpus_documents(parent, file, 64)
    monkeypatch.setattr(docs, "STRETCH", 50)
    cut = docs.corpus_documents(parent, file, 64)
    assert len(cut) == 10 > len(whole)
    monkeypatch.setattr(docs, "MOST_CORPUS", 100)
    with pytest.raises(InputError, match="larger than"):
        docs.corpus_documents(parent, file, 64)


def test_files_of_other_documents_are_told(tmp_path: Path) -> None:
    base, file = write_model(tmp_path / "parent"), tmp_path / "documents.safetensors"
    order = replace(ORDER, data=(file,))
    for content in (None, b"x"):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(InputError, match="no file of documents"):
            adapt(base, tmp_path / "twin", order)
    other = document()
    other.ids[3] = 5000
    docs.save_documents([other] * 9, file)
    with pytest.raises(InputError, match="other tokens"):
        adapt(base, tmp_path / "twin", order)
    with pytest.raises(InputError, match="no adapter there"):
        adapt(base, tmp_path / "twin", replace(ORDER, start_from=tmp_path))


def test_an_adaptation_goes_on_with_its_own_settings_only(tmp_path: Path) -> None:
    base, folder = write_model(tmp_path / "parent"), tmp_path / "twin"
    plain = replace(ORDER, questions=0, steps=1)
    adapt(base, folder, plain)
    with pytest.raises(InputError, match="holds a model or a training already"):
        adapt(base, folder, plain)
    for name, value in (("rank", 3), ("block", 2), ("batch_size", 1), ("seed", 4)):
        with pytest.raises(InputError, match=f"begun with {name}"):
            adapt(base, folder, replace(plain, resume=True, **{name: value}))


def test_what_cannot_be_adapted_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Only Llama models"):
        adapt(write_model(tmp_path / "gpt2", "gpt2"), tmp_path / "out", replace(ORDER, base="gpt2"))
    parent = checkpoint.load(write_model(tmp_path / "parent"))
    assert parent.tokenizer is not None
    assert unused_id(parent) in parent.tokenizer.special


def test_the_bound_of_nothing_learnt_is_that_of_an_even_guess(parent: LoadedModel) -> None:
    """With input vectors and outputs near 0 every token is as likely."""
    with torch.no_grad():
        parent.model.lm_head.weight.zero_()
    adapter = Adapter(parent, 2, MASK)
    table = bound(adapter, Noise(4, MASK, 267, 2), [document(), document(18, 2)])
    even = float(torch.tensor(float(parent.spec.vocab_size)).log())
    assert table["bound"] == pytest.approx(even, abs=1e-4)
    assert set(table) == {"0.125", "0.375", "0.625", "0.875", "1", "bound"}


def test_words_are_found_as_words() -> None:
    assert holds("It is Paris.", "paris")
    assert not holds("a parish", "paris")


def test_the_twin_answers_the_same_with_and_without_its_cache(
    parent: LoadedModel, tmp_path: Path
) -> None:
    twin = exported(Adapter(parent, 2, MASK), parent, tmp_path)
    ids = torch.tensor([*range(9), MASK, MASK, MASK])
    request = Request(ids, torch.tensor([9, 10, 11]))
    kept = BlockForward(PrefixStore(2**24))(twin, [request])[0]
    assert (kept - forward_many(twin, [request])[0]).abs().max() < 1e-4


def test_the_command_adapts_a_model_of_models_dir(tmp_path: Path, settings: Settings) -> None:
    settings.MODELS_DIR = tmp_path
    write_model(tmp_path / "parent")
    words = ["--from", "parent", "--output", str(tmp_path / "twin"), "--steps", "1"]
    words += ["--documents", "4", "--block", "4", "--rank", "2", "--questions", "1"]
    call_command("train_diffusion", *words)
    assert checkpoint.load(tmp_path / "twin").spec.block_size == 4
    for name, words_of_error in (("nobody", "neither in a package"), ("twin", "Only Llama")):
        with pytest.raises(CommandError, match=words_of_error):
            call_command("train_diffusion", "--from", name, "--output", str(tmp_path / "out"))
