"""Plain text out of what people upload: .txt, .md and .docx, looked at before it is parsed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError
from markdown_it import MarkdownIt

from inference.errors import UnmaskError

FILE_BYTES = 8 * 2**20
"""Largest file that is read."""
PARTS = 1000
"""Entries of a .docx, which is a zip archive."""
UNPACKED_BYTES = 32 * 2**20
XML_BYTES = 16 * 2**20
RATIO = 200
"""Unpacked bytes for each packed one: text packs ten to one, a bomb a thousand to one."""
RATIO_FROM = 2**20
"""Unpacked bytes from which the ratio counts: short repetitive parts pack well honestly."""
XML = (".xml", ".rels")
FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY")
"""Word writes neither; entities may multiply without end."""


def text_of_file(name: str, data: bytes) -> str:
    """The file's text. Raises UnmaskError (validation, field `file`) with what is wrong."""
    if len(data) > FILE_BYTES:
        raise _refused(f"The file is larger than {FILE_BYTES >> 20} MB.")
    reader = READERS.get(PurePosixPath(name.lower()).suffix)
    if reader is None:
        raise _refused(f"Files end with {', '.join(READERS)}; this one does not.")
    return reader(data)


def plain_text(data: bytes) -> str:
    """A file of UTF-8, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("The file is not text in UTF-8.") from None


def markdown_text(data: bytes) -> str:
    """The words of a Markdown file without its marks, a line for each block."""
    tokens = MarkdownIt("commonmark").parse(plain_text(data))
    return "\n".join(_words(token) for token in tokens if token.content)


def _words(token: object) -> str:
    children = getattr(token, "children", None)
    if children is None:
        return str(getattr(token, "content", "")).rstrip("\n")
    breaks = {"softbreak": "\n", "hardbreak": "\n"}
    return "".join(breaks.get(child.type, child.content) for child in children)


def docx_text(data: bytes) -> str:
    """Paragraphs and cells of a Word document in their order. Nothing else of it is looked at."""
    check_archive(data)
    try:
        document = Document(io.BytesIO(data))
        return "\n".join(_lines(document.iter_inner_content()))
    except (PackageNotFoundError, LxmlError, KeyError, ValueError, AttributeError, OSError):
        raise _refused("The file is no Word document that can be read.") from None
    except (zipfile.BadZipFile, RecursionError, NotImplementedError):
        raise _refused("The file is a damaged archive.") from None


def _lines(blocks: Iterator[Paragraph | Table]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield block.text
        else:
            for row in block.rows:
                yield "\t".join(cell.text for cell in row.cells)


def check_archive(data: bytes) -> None:
    """Raises UnmaskError for an archive that is damaged, or meant to burst whoever opens it.

    Sizes are those of the directory, and reading stops there whatever the packed data holds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_sizes(archive.infolist())
            for part in archive.infolist():
                if part.filename.lower().endswith(XML):
                    _check_xml(archive.read(part))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        raise _refused("The file is a damaged archive, or one with a password.") from None
    except zlib.error:
        raise _refused("The file is a damaged archive.") from None


def _check_sizes(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > PARTS:
        raise _refused(f"The document has more than {PARTS} parts.")
    if sum(part.file_size for part in parts) > UNPACKED_BYTES:
        raise _refused(f"Unpacked, the document is larger than {UNPACKED_BYTES >> 20} MB.")
    for part in parts:
        packed = max(1, part.compress_size)
        if part.file_size > RATIO_FROM and part.file_size > RATIO * packed:
            raise _refused("A part of the document is packed more tightly than text can be.")
        if part.filename.lower().endswith(XML) and part.file_size > XML_BYTES:
            raise _refused(f"A part of the document is larger than {XML_BYTES >> 20} MB.")


def _check_xml(part: bytes) -> None:
    if not part.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        raise _refused("A part of the document is no XML in UTF-8.")
    if any(word in part for word in FORBIDDEN):
        raise _refused("A part of the document defines entities, which are not read.")


def _refused(why: str) -> UnmaskError:
    return UnmaskError("validation", why, "file")


READERS: dict[str, Callable[[bytes], str]] = {
    ".txt": plain_text,
    ".md": markdown_text,
    ".docx": docx_text,
}
