"""The lines of docs/decoding.md that the table decides: each recipe's source and parameters."""

from __future__ import annotations

import re
import textwrap

from inference.catalog.parameters import Parameter
from inference.catalog.recipes import RECIPES

SECTION = re.compile(r"\n## Recipes\n(.*?)(?=\n## )", re.DOTALL)
FACTS = re.compile(r"Source: .*?(?:\n\n|\Z)", re.DOTALL)


def with_facts(text: str) -> str:
    """The page with the paragraph `Source: …` under each recipe's heading as the table has it.

    Recipes stand in the table's order; one without a section gets its heading and its sentence.
    """
    found = SECTION.search(text)
    if found is None:
        raise ValueError("the page has no section Recipes")
    lead, *sections = f"\n{found.group(1)}".split("\n### ")
    bodies = dict(section.split("\n", 1) for section in sections)
    parts = [_section(name, bodies.get(name, RECIPES[name].sentence)) for name in RECIPES]
    body = lead.strip("\n") + "\n\n".join(parts)
    return text[: found.start(1)] + f"\n{body}\n" + text[found.end(1) :]


def _section(name: str, body: str) -> str:
    return f"### {name}\n{facts(name)}\n\n{FACTS.sub('', body, count=1).strip()}"


def facts(name: str) -> str:
    """Source, parameters with their defaults, and needs of a recipe, wrapped."""
    row = RECIPES[name]
    reads = ", ".join(_reading(parameter) for parameter in row.parameters())
    text = f"Source: {row.source}. Reads {reads}."
    return "\n".join(textwrap.wrap(text, 100, break_on_hyphens=False, break_long_words=False))


def _reading(row: Parameter) -> str:
    if row.kind == "flag":
        return f"`{row.name}`"
    return f"`{row.name}` ({'not given' if row.default is None else row.default})"
