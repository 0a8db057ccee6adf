"""Texts at hand for training: all that are here can be read, and are the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.engine.corpora import library
from inference.engine.corpora.library import LIBRARY, wordnet_text


@pytest.mark.parametrize("name", [row.name for row in LIBRARY.values() if row.there()])
def test_texts_are_long_plain_and_repeatable(name: str) -> None:
    row = LIBRARY[name]
    text = row.read(0)
    assert len(text) > 100_000
    assert "\0" not in text
    assert len(set(text)) > 2
    assert row.read(0) == text
    assert set(row.prompt) <= set(text), "a character model can read its own prompt"


def test_glosses_are_what_stands_behind_the_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "data.noun"
    file.write_text(
        "  1 This software and database is being provided | not a gloss\n"
        '00001740 03 n 01 entity 0 003 ~ 0001930 n 0000 | that which is perceived; "it is"  \n'
        "00001930 03 n 01 cat 0 000 | a feline  \n"
    )
    monkeypatch.setattr(library, "WORDNET", (file,))
    wordnet_text.cache_clear()
    assert wordnet_text() == 'that which is perceived; "it is"\na feline'
    wordnet_text.cache_clear()
    monkeypatch.setattr(library, "WORDNET", (tmp_path / "none",))
    assert not LIBRARY["wordnet"].there() or library.WORDNET[0].is_file()


def test_glosses_come_evenly_from_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"data.{part}" for part in library.PARTS]
    for file in files:
        rows = [f"{n:08} 03 n 01 x 0 000 | {file.suffix[1:]} {n:04}" for n in range(400)]
        file.write_text("\n".join(rows))
    monkeypatch.setattr(library, "WORDNET", tuple(files))
    monkeypatch.setattr(library, "MOST_GLOSSES", 1000)
    wordnet_text.cache_clear()
    text = wordnet_text()
    wordnet_text.cache_clear()
    counts = [text.count(part) for part in library.PARTS]
    assert max(counts) - min(counts) <= 1
    assert 900 < len(text.replace("\n", "")) <= 1000
