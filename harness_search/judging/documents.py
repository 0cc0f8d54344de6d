"""Extracted texts, kept: each document's text is extracted once per content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from harness_kit.extraction import (
    EXTRACTOR_VERSION,
    EXTRACTORS,
    UnreadableDocumentError,
    cell_text,
    extract_from,
    extract_text,
    read_bounded,
    table_row,
)
from harness_search.files import write_atomically

__all__ = [
    "EXTRACTOR_VERSION",
    "TextStore",
    "UnreadableDocumentError",
    "cell_text",
    "extract_text",
    "table_row",
]


@dataclass(frozen=True)
class TextStore:
    """Extracted texts on disk, one file per content, kind of document and extractor version."""

    folder: Path

    def text_of(self, path: Path) -> str:
        """The text of `path`, extracted at most once; raises what `extract_text` raises."""
        return self.file_of(path).read_text(encoding="utf-8")

    def file_of(self, path: Path) -> Path:
        """The stored text file of `path`, made if it is not there yet."""
        data = read_bounded(path)
        # The kind belongs to the key: Markdown saved as .docx has the bytes of a good .md file.
        kind = path.suffix.lower() if path.suffix.lower() in EXTRACTORS else ".txt"
        digest = hashlib.sha256(data).hexdigest()
        stored = self.folder / f"{digest}-{kind[1:]}-{EXTRACTOR_VERSION}.txt"
        if not stored.is_file():
            write_atomically(stored, extract_from(path, data))
        return stored
