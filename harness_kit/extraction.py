"""Documents to plain text: what a judge, a harness and a person looking at the file all read.

The scaffold extracts with this same code, so a harness never reads a document otherwise than its
judge. Deliverables are written by harness code that nobody trusts: every size is bounded, and every
malformed file ends in `UnreadableDocumentError`, never in a crash of the judge.
"""

import email.errors
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from harness_kit.email_text import email_text
from harness_kit.pdf_text import pdf_text
from harness_kit.slides_text import slides_text
from harness_kit.text_parts import cell_text, table_row
from harness_kit.word_text import word_text
from harness_kit.workbook_text import workbook_text

__all__ = [
    "EXTRACTORS",
    "EXTRACTOR_VERSION",
    "UnreadableDocumentError",
    "cell_text",
    "extract_from",
    "extract_text",
    "read_bounded",
    "table_row",
]

EXTRACTOR_VERSION = "2"
"""Raise this whenever the same file may give another text; cached texts are then not reused."""

_MOST_BYTES = 64 * 2**20
# What the libraries, and the zip, XML and mail readers below them, raise for malformed input.
_MALFORMED = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, SyntaxError, LookupError, ValueError,
    TypeError, AttributeError, ArithmeticError, RuntimeError, AssertionError,
    email.errors.MessageError,
)  # fmt: skip


class UnreadableDocumentError(ValueError):
    """A file that does not open as what its extension says."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path.name}: {reason}")


def extract_text(path: Path) -> str:
    """The text of a document, in document order; of the kinds in EXTRACTORS as Markdown, of all
    others as UTF-8.

    Headers, footers, footnotes and comments of a `.docx` are not part of the text.
    Raises UnreadableDocumentError when the file does not open as its extension or is larger than
    64 MB (packed or unpacked), and OSError when it cannot be read at all.
    """
    return extract_from(path, read_bounded(path))


def read_bounded(path: Path) -> bytes:
    """The bytes of a file; raises UnreadableDocumentError above 64 MB."""
    with path.open("rb") as stream:
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UnreadableDocumentError(path, "it is larger than 64 MB")
    return data


def extract_from(path: Path, data: bytes) -> str:
    """The text of a document whose bytes were read already; `path` gives its kind."""
    kind = path.suffix.lower()
    extractor = EXTRACTORS.get(kind)
    if extractor is None:
        return _plain_text(path, data)
    try:
        if kind in _CONTAINERS and _unpacked_size(data) > _MOST_BYTES:
            raise UnreadableDocumentError(path, "it unpacks to more than 64 MB")
        return extractor(data)
    except UnreadableDocumentError:
        raise
    except _MALFORMED as error:
        reason = f"it does not open as {kind} ({type(error).__name__}: {error})"
        raise UnreadableDocumentError(path, reason[:300]) from error


def _unpacked_size(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        return sum(entry.file_size for entry in container.infolist())


def _plain_text(path: Path, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableDocumentError(path, "it is not UTF-8 text") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


_CONTAINERS = frozenset({".docx", ".pptx", ".xlsx"})
EXTRACTORS: dict[str, Callable[[bytes], str]] = {
    ".docx": word_text,
    ".eml": email_text,
    ".pdf": pdf_text,
    ".pptx": slides_text,
    ".xlsx": workbook_text,
}
