"""The log of openings of the held-out split; it outlives a search that is set aside."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


def log_opening(file: Path, harnesses: Sequence[str], profile: str) -> int:
    """Append one line, durably, before anything is opened; returns how often it has been."""
    file.parent.mkdir(parents=True, exist_ok=True)
    opened_at = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"opened_at": opened_at, "harnesses": list(harnesses), "profile": profile}
    with file.open("a+b") as stream:
        stream.seek(0)
        earlier = stream.read()
        torn = bool(earlier) and not earlier.endswith(b"\n")
        stream.write((b"\n" if torn else b"") + json.dumps(entry).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return len(earlier.splitlines()) + 1


def read_openings(file: Path) -> list[tuple[str, ...]]:
    """The harnesses of every opening, the first opening first; none where a line is torn, which
    counts all the same."""
    lines = file.read_bytes().splitlines() if file.is_file() else []
    return [_harnesses(line) for line in lines]


def _harnesses(line: bytes) -> tuple[str, ...]:
    try:
        found = json.loads(line)["harnesses"]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()
