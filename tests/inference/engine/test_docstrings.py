"""What the engine's public functions say of themselves: shapes, faults, sources."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference import catalog

ENGINE = Path(__file__).resolve().parents[3] / "inference" / "engine"
FILES = [*ENGINE.glob("*.py"), *(ENGINE / "families").glob("*.py")]


def _public() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(FILES):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        bodies = [tree.body, *(node.body for node in classes if not node.name.startswith("_"))]
        for node in (node for body in bodies for node in body):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield f"{path.relative_to(ENGINE)}:{node.name}", node


def _annotations(node: ast.FunctionDef) -> str:
    every = [*node.args.args, *node.args.kwonlyargs]
    found = [argument.annotation for argument in every] + [node.returns]
    return " ".join(ast.unparse(part) for part in found if part is not None)


def test_whoever_takes_or_returns_a_tensor_states_shapes() -> None:
    tensors = [(name, node) for name, node in _public() if "Tensor" in _annotations(node)]
    assert len(tensors) > 30
    assert [name for name, node in tensors if "[" not in (ast.get_docstring(node) or "")] == []


def test_whoever_raises_says_what() -> None:
    raising = [
        (name, node)
        for name, node in _public()
        if any(isinstance(part, ast.Raise) and part.exc is not None for part in ast.walk(node))
    ]
    assert len(raising) > 10
    assert [name for name, node in raising if "Raises" not in (ast.get_docstring(node) or "")] == []


@pytest.mark.parametrize("name", list(catalog.FAMILIES))
def test_every_family_names_where_it_was_published(name: str) -> None:
    family = catalog.resolve(catalog.FAMILIES[name])
    module = sys.modules[family.spec.__module__]
    said = (module.__doc__ or "").partition("Source:")[2]
    assert "/" in said, f"{module.__name__} names no repository behind 'Source:'"
