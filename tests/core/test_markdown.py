"""Markdown of finished messages: what is drawn, and what never comes through."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from core.markdown import ATTRIBUTES, ELEMENTS, render

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](https://elsewhere.example/pixel.png)",
    "<a href='https://a.example' onclick='x()'>x</a>",
    '```"><script>alert(1)</script>\ncode\n```',
    "<svg/onload=alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<style>*{display:none}</style>",
    "<https://a.example/\"onmouseover='x()'>",
]


class Parts(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_through(text: str) -> None:
    parts = Parts()
    parts.feed(render(text))
    assert parts.found
    for tag, attributes in parts.found:
        assert tag in ELEMENTS
        assert attributes.keys() <= ATTRIBUTES.get(tag, set()) | {"rel"}
        assert (attributes.get("href") or "https:").startswith(("https:", "http:", "mailto:"))


def test_what_people_write_is_drawn() -> None:
    html = render("# Title\n\n*a* **b** `c`\n\n- one\n\n| x |\n|---|\n| 1 |\n\n> said")
    for part in ("<h1>", "<em>a", "<strong>b", "<code>c", "<li>one", "<td>1", "<blockquote>"):
        assert part in html


def test_code_is_coloured_by_classes_and_stays_text() -> None:
    html = render("```python\nprint('<b>')\n```")
    assert 'class="hl-nb"' in html
    assert "<b>" not in html
    assert "style=" not in html


def test_maths_stays_text() -> None:
    assert "$x_1^2$" in render("so $x_1^2$ it is")


def test_long_and_deep_texts_are_rendered_in_time() -> None:
    for text in ("*" * 20_000, "[" * 20_000, "> " * 5_000, "`" * 20_001, "a\n" * 20_000):
        assert render(text)
