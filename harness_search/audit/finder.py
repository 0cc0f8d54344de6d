"""Looks for canaries in texts, and in files of any size and kind as they lie on disk."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from harness_search.benchmark.canaries import SHAPE

CHUNK = 1 << 20  # bytes
_DERIVED = re.compile(SHAPE.pattern.encode())


class Finder:
    """Finds any of some canaries, whatever their case.

    Those that a workspace derives have one shape, and one pass finds them all; each that a task
    brings is looked for by itself.
    """

    def __init__(self, canaries: Iterable[str]) -> None:
        written = {form for canary in canaries for form in _forms(canary.casefold())}
        self._derived = {form for form in written if _DERIVED.fullmatch(form)}
        self._own = sorted(written - self._derived)
        self._ascii = all(form.isascii() for form in written)
        self._overlap = 4 * max(map(len, written), default=1)
        """Bytes of a piece that are read with the next: folding may change a length."""

    def is_in(self, text: str | bytes) -> bool:
        folded = self._folded(text)
        derived = bool(self._derived) and not self._derived.isdisjoint(_DERIVED.findall(folded))
        return derived or any(canary in folded for canary in self._own)

    def is_in_file(self, file: Path) -> bool:
        """Read in pieces: a transcript may have lines of many megabytes. Raises OSError."""
        kept = b""
        with file.open("rb") as stream:
            while piece := stream.read(CHUNK):
                if self.is_in(kept + piece):
                    return True
                kept = (kept + piece)[-self._overlap :]
        return False

    def _folded(self, text: str | bytes) -> bytes:
        if isinstance(text, bytes):
            if self._ascii:  # many times as fast as the rest
                return text.lower()
            text = text.decode(errors="replace")
        return text.casefold().encode(errors="replace")


def _forms(canary: str) -> set[bytes]:
    """As it stands in a text, and as JSON writes it."""
    in_json = json.dumps(canary, ensure_ascii=False)[1:-1]
    return {form.encode(errors="replace") for form in (canary, in_json)}
