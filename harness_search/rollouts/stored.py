"""The evidence of a rollout that has ended: whether it is what was graded, and its verdicts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness_search.files import digest_bytes, is_regular, to_json, write_atomically
from harness_search.judging.verdicts import Verdict
from harness_search.rollouts.evidence import SUMMARY


def stored_digest(output: Path) -> str:
    """The digest of collected files, as `collect_output` took it; something else, whatever has
    been changed since. A folder without files may be gone."""
    return digest_bytes(_parts(output, ()))


def _parts(folder: Path, above: tuple[str, ...]) -> Iterator[bytes]:
    """Name and content of each file: the files of a folder by name, then its folders by name."""
    if folder.is_symlink() or not folder.is_dir():
        return
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_symlink() or not entry.is_dir():
            yield "/".join((*above, entry.name)).encode(errors="surrogateescape")
            yield _content(entry)
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield from _parts(entry, (*above, entry.name))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes() if is_regular(file) else b"no regular file"
    except OSError:
        return b"not readable"


def stored_summary(folder: Path) -> dict[str, Any] | None:
    """The `rollout.json` of an attempt; None when there is none that can be read."""
    try:
        found = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def refused_of(summary: dict[str, Any]) -> dict[str, str]:
    """What the harness left instead of files that could be taken."""
    found = summary.get("refused", {})
    return {str(name): str(what) for name, what in found.items()} if isinstance(found, dict) else {}


def put_verdicts(folder: Path, judge: str, verdicts: Sequence[Verdict]) -> None:
    """Put another judge's verdicts into `rollout.json`; all else in it stays as it is."""
    summary = {
        **(stored_summary(folder) or {}),
        "passed": sum(item.verdict == "pass" for item in verdicts),
        "total": len(verdicts),
        "verdicts": [
            {"criterion": item.criterion_id, "verdict": item.verdict, "reason": item.reason}
            for item in verdicts
        ],
        "judge_version": judge,
    }
    write_atomically(folder / SUMMARY, to_json(summary))
