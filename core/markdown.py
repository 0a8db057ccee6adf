"""Markdown as sanitised HTML: finished messages, cards of models; rendered once, on the server.

markdown-it renders with raw HTML switched off, Pygments colours code by class names, and nh3 lets
through nothing but a short list of elements, so that a fault of the first two stays harmless.
"""

from __future__ import annotations

from functools import cache

import nh3
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_INLINE = ("br", "strong", "em", "s", "del", "code", "span", "a")
_BLOCKS = ("p", "hr", "blockquote", "pre", "ul", "ol", "li", *(f"h{n}" for n in range(1, 7)))
_TABLES = ("table", "thead", "tbody", "tr", "th", "td")
ELEMENTS = frozenset((*_INLINE, *_BLOCKS, *_TABLES))
ATTRIBUTES = {"a": {"href", "title"}, "span": {"class"}, "code": {"class"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
HIGHLIGHTED = 20_000
"""Characters of code up to which it is coloured."""


def render(text: str) -> str:
    """The HTML of a text in Markdown. Pictures become links; maths stays text."""
    return nh3.clean(
        _parser().render(text),
        tags=set(ELEMENTS),
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow ugc",
    )


@cache
def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": False, "breaks": True, "highlight": _highlighted}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    return parser.disable("image")


def _highlighted(code: str, language: str, _attributes: str) -> str:
    """Coloured code; an empty text leaves it to the parser, which escapes it."""
    if not language or len(code) > HIGHLIGHTED:
        return ""
    try:
        lexer = get_lexer_by_name(language[:30])
    except ClassNotFound:
        return ""
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True, classprefix="hl-")))
