"""The source of a harness of a search, wherever it is still kept."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness_search.files import digest_bytes
from harness_search.layout import Layout
from harness_search.ledger.rows import IterationRow

LARGEST = 8_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Source:
    """What a harness file holds."""

    name: str
    """Of the harness."""
    content: bytes
    remark: str = ""
    """One sentence on what is wrong with it; empty where it is the file that was measured."""

    @property
    def text(self) -> str:
        """To be read, with a mark for what is no text."""
        return self.content.decode("utf-8", errors="replace")

    @property
    def exact(self) -> str:
        """To be written again: what is no text is kept as lone surrogates."""
        return self.content.decode("utf-8", errors="surrogateescape")


def source_of(layout: Layout, row: IterationRow) -> Source | None:
    """The source of an iteration's harness; None where it delivered none, or nothing is left of it.

    The one that was measured is looked for beside the others and with its session; else what now
    has its name is given, with a remark.
    """
    if not row.harness or not re.fullmatch(r"\w+", row.name):  # a name leads to no other folder
        return None
    places = (layout.candidate(row.name), layout.kept_source(row.number, row.name))
    found = [content for place in places if (content := _read(place)) is not None]
    for content in found:
        if digest_bytes([content]) == row.harness:
            return Source(row.name, content)
    if not found:
        return None
    remark = f"harnesses/{row.name}.py is not the file that was measured: it was changed since."
    return Source(row.name, found[0], remark)


def _read(file: Path) -> bytes | None:
    """None for what is no file, and for one that is far too large to be a harness."""
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            return None
        return file.read_bytes()
    except (OSError, ValueError):  # a name that no file can have
        return None
