"""Every recorded run of the published code, and what the runner does with faults."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from inference.engine.parity import runner


def test_every_recorded_case_passes(fixtures_dir: Path) -> None:
    verdicts = list(runner.verdicts(fixtures_dir))
    assert len(verdicts) >= 250
    assert [v.line() for v in verdicts if v.faults != []] == []


def test_a_pattern_leaves_out_what_it_does_not_match(fixtures_dir: Path) -> None:
    lines: list[str] = []
    assert runner.main(fixtures_dir, lines.append, "soar*") == 0
    assert len(lines) > 2
    assert all("soar" in line for line in lines[:-1])
    assert runner.main(fixtures_dir, lines.append, "no such case") == 1


@pytest.fixture
def copy(fixtures_dir: Path, tmp_path: Path) -> Path:
    """A folder with one model and one case that may be spoiled."""
    index = json.loads((fixtures_dir / "index.json").read_text())
    case = next(c for c in index["cases"] if c["id"] == "llada-generate-02")
    index.update(cases=[case], logits=[], helpers=[])
    for path in (case["path"], case["model"]):
        source, target = fixtures_dir / path, tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    (tmp_path / "index.json").write_text(json.dumps(index))
    return tmp_path


def _run(directory: Path) -> tuple[int, list[str]]:
    lines: list[str] = []
    return runner.main(directory, lines.append), lines


def test_a_passing_folder(copy: Path) -> None:
    code, lines = _run(copy)
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 0 skipped")


def test_a_different_token_fails_and_is_named(copy: Path) -> None:
    path = copy / "cases" / "llada-generate-02.json"
    case = json.loads(path.read_text())
    case["final"][0][-1] ^= 1
    path.write_text(json.dumps(case))
    code, lines = _run(copy)
    assert code == 1
    assert lines[0].startswith("FAIL llada-generate-02")
    assert lines[-1] == "0 passed, 1 failed, 0 skipped"


def test_an_unknown_procedure_is_skipped_by_name(copy: Path) -> None:
    index = json.loads((copy / "index.json").read_text())
    index["cases"].append({**index["cases"][0], "procedure": "somebody.else"})
    (copy / "index.json").write_text(json.dumps(index))
    code, lines = _run(copy)
    assert code == 0
    assert "somebody.else" in lines[1]
    assert lines[-1] == "1 passed, 0 failed, 1 skipped"


def test_a_folder_without_cases_is_not_a_success(tmp_path: Path) -> None:
    assert _run(tmp_path)[0] == 1
