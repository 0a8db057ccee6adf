"""JavaScript modules alone, in Chromium: their own tests, and that importing them does nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "static" / "js"
FILES = sorted(path.name for path in HERE.glob("*.test.js"))
ENTRIES = MODULES / "pages"

RUN = """async (file) => {
  await import(`/tests/js/${file}`);
  const { results } = await import("/tests/js/harness.js");
  return results();
}"""
IMPORT = """async (files) => {
  const touched = [];
  for (const root of [Document.prototype, EventTarget.prototype, Element.prototype]) {
    for (const name of ["querySelector", "querySelectorAll", "getElementById", "createElement",
                        "addEventListener", "append"]) {
      const original = root[name];
      if (!original) continue;
      root[name] = function (...given) {
        touched.push(`${name}(${String(given[0])})`);
        return original.apply(this, given);
      };
    }
  }
  const told = {};
  for (const file of files) {
    touched.length = 0;
    try {
      await import(`/static/js/${file}`);
    } catch (error) {
      touched.push(String(error));
    }
    if (touched.length) told[file] = [...touched];
  }
  return told;
}"""


@pytest.mark.parametrize("file", FILES)
def test_modules_do_what_their_tests_say(blank: Page, file: str) -> None:
    told: list[dict[str, Any]] = blank.evaluate(RUN, file)
    assert told, f"{file} holds no test"
    assert [row for row in told if row["problem"]] == []


def test_importing_a_module_touches_nothing(blank: Page) -> None:
    found = (path for path in MODULES.rglob("*.js") if path.parent != ENTRIES)
    files = sorted(path.relative_to(MODULES).as_posix() for path in found)
    assert blank.evaluate(IMPORT, files) == {}


def test_entries_only_call() -> None:
    """A page's own script is an import and a call, so that nothing of it escapes these tests."""
    for path in ENTRIES.glob("*.js"):
        lines = [line for line in path.read_text().splitlines() if line]
        assert len(lines) == 2, path.name
        assert lines[0].startswith("import {"), path.name
        assert lines[1].endswith("();"), path.name
