"""What holds without the folder of recorded runs: an excerpt of its tables, and official = sane."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from inference.engine.canvas import Canvas
from inference.engine.checkpoint import LoadedModel
from inference.engine.decoding.loop import generate
from inference.engine.parity import runner
from inference.engine.parity.fixtures import Folder
from inference.engine.parity.helpers import check_helpers
from tests.inference.engine.models import MASK

# published loops bound these by steps; here they go on until nothing is open
UNTIMED = {"fastdllm/threshold", "fastdllm/prefix", "fastdllm/dual"}
RECORDED = Path(__file__).parents[3] / "data" / "engine" / "recorded"
EXCERPT = Path(__file__).parents[3] / "data" / "engine" / "helpers-excerpt.json"


def test_the_tables_of_small_functions() -> None:
    assert check_helpers(Folder(EXCERPT.parent), json.loads(EXCERPT.read_text())) == []


@pytest.mark.parametrize("table", ["transfer_schedule", "factor_selection", "threshold_selection"])
def test_a_spoiled_table_is_noticed(table: str) -> None:
    tables = json.loads(EXCERPT.read_text())
    row = tables[table][0]
    key = "counts" if table == "transfer_schedule" else "selected"
    row[key][0] = 1 - row[key][0]
    assert len(check_helpers(Folder(EXCERPT.parent), tables)) == 1


@pytest.mark.parametrize(
    ("recipe", "model", "params"),
    [
        ("llada/low_confidence", "llada", {"steps": 6, "block_length": 6}),
        ("llada/low_confidence", "llada", {"steps": 4, "block_length": 6, "cfg_scale": 1.0}),
        ("llada/low_confidence", "llada", {"steps": 12, "confidence_eos_eot_inf": True}),
        ("fastdllm/threshold", "llada", {"steps": 12, "block_length": 6, "threshold": 0.3}),
        ("fastdllm/prefix", "llada", {"steps": 12, "block_length": 6, "threshold": 0.3}),
        ("fastdllm/dual", "llada", {"steps": 12, "block_length": 6, "threshold": 0.3}),
        ("fastdllm/dual_schedule", "llada", {"steps": 6, "block_length": 6}),
        ("dream/maskgit_plus", "dream", {"steps": 4}),
        ("dream/entropy", "dream", {"steps": 4, "top_p": 0.9, "top_k": 30}),
        ("dream/topk_margin", "dream", {"steps": 4}),
        ("dreamon", "dreamon", {"max_new_tokens": 16, "expand_budget": 6}),
    ],
)
def test_where_the_published_code_has_no_fault_both_forms_agree(
    recipe: str, model: str, params: dict[str, Any], tiny: Callable[[str], LoadedModel]
) -> None:
    def run(official: bool) -> list[list[int]]:
        canvas = Canvas.start([5, 6, 7], 12, MASK)
        fits = official or recipe not in UNTIMED
        values = {key: value for key, value in params.items() if fits or key != "steps"}
        steps = generate(tiny(model), canvas, recipe, {**values, "official": official}, 0)
        return [step.canvas.tokens for step in steps]

    assert run(official=True) == run(official=False)


def test_the_command_exits_with_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recorded runs of JetAstra/SDAR and cychomatica/FreeDave on a model of random weights."""
    with pytest.raises(SystemExit) as caught:
        call_command("parity", str(tmp_path))
    assert caught.value.code == 1
    with pytest.raises(SystemExit) as caught:
        call_command("parity", str(RECORDED))
    assert caught.value.code == 0
    assert "6 passed, 0 failed, 0 skipped" in capsys.readouterr().out


def test_a_case_that_cannot_run_has_failed(tmp_path: Path) -> None:
    case = {"params": {"temperature": 0.5}, "special": {}, "model": "models/sdar-a"}
    shutil.copytree(RECORDED / "models", tmp_path / "models")
    (tmp_path / "case.json").write_text(json.dumps(case))
    index = {"cases": [{"procedure": "info_gain", "path": "case.json"}]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    lines: list[str] = []
    assert runner.main(tmp_path, lines.append) == 1  # nothing passed
    assert lines[0].startswith("FAIL case (info_gain): KeyError")
    assert lines[-1] == "0 passed, 1 failed, 0 skipped"
