"""Extracted texts, kept: each document's text is extracted once per content."""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness_kit.extraction import (
    EXTRACTOR_VERSION,
    EXTRACTORS,
    UnreadableDocumentError,
    cell_text,
    extract_text,
    require_size,
    table_row,
)
from harness_search.files import write_atomically
from harness_search.judging.extraction_worker import ExtractionWorker, shared_worker

__all__ = [
    "EXTRACTOR_VERSION",
    "TextStore",
    "UnreadableDocumentError",
    "cell_text",
    "extract_text",
    "table_row",
]

_UNREADABLE = ".unreadable"


@dataclass(frozen=True)
class TextStore:
    """Extracted texts on disk, one file per content, kind of document and extractor version; for a
    document that is unreadable, the reason."""

    folder: Path
    worker: Callable[[], ExtractionWorker] = field(default=shared_worker, compare=False)
    _extracting: threading.Lock = field(default_factory=threading.Lock, init=False, compare=False)

    def text_of(self, path: Path) -> str:
        """The text of `path`, extracted at most once; raises what `extract_text` raises."""
        return self.file_of(path).read_text(encoding="utf-8")

    def file_of(self, path: Path) -> Path:
        """The stored text file of `path`, made if it is not there yet."""
        digest = _digest(path)
        if not (stored := self._place(path, digest)).is_file():
            with self._extracting:
                stored = self._kept(path, digest) or self._extracted(path, digest)
        return stored

    def _kept(self, path: Path, digest: str) -> Path | None:
        """The stored text, made by another thread; None when this content was never read."""
        stored = self._place(path, digest)
        if stored.is_file():
            return stored
        try:
            reason = stored.with_suffix(_UNREADABLE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        raise UnreadableDocumentError(path, reason)

    def _extracted(self, path: Path, digest: str) -> Path:
        found = self.worker().extract(path)
        stored = self._place(path, found.digest or digest)
        if found.text is None:
            if found.lasting:
                write_atomically(stored.with_suffix(_UNREADABLE), found.reason)
            raise UnreadableDocumentError(path, found.reason)
        write_atomically(stored, found.text)
        return stored

    def _place(self, path: Path, digest: str) -> Path:
        # The kind belongs to the key: Markdown saved as .docx has the bytes of a good .md file.
        kind = path.suffix.lower() if path.suffix.lower() in EXTRACTORS else ".txt"
        return self.folder / f"{digest}-{kind[1:]}-{EXTRACTOR_VERSION}.txt"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        require_size(path, os.fstat(stream.fileno()).st_size)
        return hashlib.file_digest(stream, "sha256").hexdigest()
