"""Documents to plain text: what a judge, a harness and a person looking at the file all read.

The scaffold extracts with this same code, so a harness never reads a document otherwise than its
judge. Deliverables are written by harness code that nobody trusts: every size is bounded, and every
malformed file ends in `UnreadableDocumentError`, never in a crash of the judge.
"""

import email.errors
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from harness_kit.packages import require_container, unpacked_size
from harness_kit.slides_text import slides_text
from harness_kit.text_parts import Room, cell_text, table_row
from harness_kit.word.text import word_text
from harness_kit.workbook.text import workbook_text

__all__ = [
    "EXTRACTORS",
    "EXTRACTOR_VERSION",
    "UnreadableDocumentError",
    "cell_text",
    "extract_from",
    "extract_text",
    "read_bounded",
    "require_size",
    "table_row",
]

EXTRACTOR_VERSION = "5"
"""Raise this whenever the same file may give another text; cached texts are then not reused."""

_MOST_BYTES = 64 * 2**20
_HALF_CHARACTERS = re.compile("[\ud800-\udfff]")  # in no text that can be stored
# What the libraries, and the zip, XML and mail readers below them, raise for malformed input.
_MALFORMED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, SyntaxError,
    LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    AssertionError, email.errors.MessageError,
)  # fmt: skip


class UnreadableDocumentError(ValueError):
    """A file that does not open as what its extension says."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path.name}: {reason}")


def extract_text(path: Path) -> str:
    """The text of a document, in document order; of the kinds in EXTRACTORS as Markdown, of all
    others as UTF-8.

    Raises UnreadableDocumentError when the file does not open as its extension or is larger than
    64 MB (packed or unpacked), and OSError when it cannot be read at all.
    """
    return extract_from(path, read_bounded(path))


def read_bounded(path: Path) -> bytes:
    """The bytes of a file; raises UnreadableDocumentError above 64 MB."""
    with path.open("rb") as stream:
        require_size(path, os.fstat(stream.fileno()).st_size)
        data = stream.read(_MOST_BYTES + 1)
    require_size(path, len(data))
    return data


def require_size(path: Path, size: int) -> None:
    """Raises UnreadableDocumentError for a document of more than 64 MB."""
    if size > _MOST_BYTES:
        raise UnreadableDocumentError(path, "it is larger than 64 MB")


def extract_from(path: Path, data: bytes) -> str:
    """The text of a document whose bytes were read already; `path` gives its kind."""
    kind = path.suffix.lower()
    try:
        if kind in _CONTAINERS:
            require_container(data)
            if unpacked_size(data) > _MOST_BYTES:
                raise UnreadableDocumentError(path, "it unpacks to more than 64 MB")
        text = EXTRACTORS.get(kind, _plain_text)(data)
    except UnreadableDocumentError:
        raise
    except _MALFORMED as error:
        raise UnreadableDocumentError(path, _why(kind, error)) from error
    return _HALF_CHARACTERS.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")


def _why(kind: str, error: Exception) -> str:
    # What our own code raises says why; what a library raises needs its name.
    said = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
    if kind in EXTRACTORS:
        return f"it does not open as {kind} ({said})"[:300]
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else said


def _plain_text(data: bytes) -> str:
    return Room().take(data.decode("utf-8-sig"))


# What these two import would take longer to load than all the rest of the kit.


def _email_text(data: bytes) -> str:
    from harness_kit.mail.text import email_text

    return email_text(data)


def _pdf_text(data: bytes) -> str:
    from harness_kit.pdf.text import pdf_text

    return pdf_text(data)


_CONTAINERS = frozenset({".docx", ".pptx", ".xlsx"})
EXTRACTORS: dict[str, Callable[[bytes], str]] = {
    ".docx": word_text,
    ".eml": _email_text,
    ".pdf": _pdf_text,
    ".pptx": slides_text,
    ".xlsx": workbook_text,
}
