"""What the folder of an attempt's evidence holds, fit to be shown: what is missing or damaged there
is said in words."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.analysis.conversation import read_conversation
from harness_search.analysis.entries import Conversation
from harness_search.benchmark.tasks import Task
from harness_search.files import untrusted_files
from harness_search.judging.documents import TextStore, UnreadableDocumentError
from harness_search.ledger.attempts import Attempt
from harness_search.rollouts.evidence import (
    SUMMARY,
    building_folder,
    earlier_transcripts,
    filed_folder,
)

MOST_READ = 20
"""Files that nobody asked for whose text is read; further ones are named."""
MOST_FILES = 1_000
LONGEST_LOG = 20_000
"""Bytes, from the end."""


@dataclass(frozen=True, slots=True)
class Deliverable:
    """One file that was requested, or that was left in the output folder."""

    name: str
    requested: bool
    size: int
    """Bytes; 0 for a file that is not there."""
    text: str | None
    """As a judge reads it; None where it is not there, cannot be read, or was not."""
    problem: str
    """Why there is no text; else empty."""


def folder_of(evidence: Path, harness: str, attempt: Attempt) -> Path:
    """Where an attempt's evidence lies, under whatever name its harness then had."""
    if attempt.status == "running":
        return building_folder(evidence, attempt.key)
    filed = filed_folder(evidence, harness, attempt.key, attempt.number)
    if filed.is_dir():
        return filed
    others = earlier_transcripts(evidence, attempt.key, [attempt.number])
    return others[0].parent if others else filed


def conversation_in(file: Path) -> tuple[Conversation | None, list[str]]:
    """What was said, None without a transcript, and what is missing or damaged of it."""
    try:
        found = read_conversation(file)
    except FileNotFoundError:
        return None, ["There is no transcript."]
    except OSError as error:
        return None, [f"The transcript cannot be read: {error.strerror}."]
    if not (found.calls or found.damage):
        return found, ["The transcript is empty."]
    damaged = ", ".join(f"{count:,} {what}" for what, count in sorted(found.damage.items()))
    return found, [f"Damaged and passed over in the transcript: {damaged}."] if damaged else []


def summary_in(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def refused_in(summary: dict[str, Any] | None) -> Iterator[str]:
    """What the harness left and nobody took."""
    refused = (summary or {}).get("refused")
    for name, what in refused.items() if isinstance(refused, dict) else ():
        yield f"Not taken from its output: {name!r}, {what}."


def deliverables_in(output: Path, task: Task, store: TextStore) -> Iterator[Deliverable]:
    """What was requested, then what else was left."""
    there = {path.relative_to(output).as_posix(): path for path in untrusted_files(output)}
    requested = task.content.deliverables
    for name in requested:
        if name in there:
            yield _read(name, there[name], store, requested=True)
        else:
            yield Deliverable(name, True, 0, None, "it is missing")
    others = [name for name in there if name not in requested]
    for number, name in enumerate(others[:MOST_FILES]):
        if number < MOST_READ:
            yield _read(name, there[name], store, requested=False)
        else:
            problem = f"only the first {MOST_READ} files that nobody asked for are read"
            yield Deliverable(name, False, _size(there[name]), None, problem)


def _read(name: str, path: Path, store: TextStore, *, requested: bool) -> Deliverable:
    size = _size(path)
    try:
        text = store.text_of(path)
    except OSError as error:
        return Deliverable(name, requested, size, None, f"it cannot be read: {error.strerror}")
    except UnreadableDocumentError as error:
        return Deliverable(name, requested, size, None, f"it cannot be read: {error.reason}")
    return Deliverable(name, requested, size, text, "" if text.strip() else "it holds no text")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def end_of(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - LONGEST_LOG))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    left = size - LONGEST_LOG
    return f"[{left:,} bytes before this are left out]\n{text}" if left > 0 else text
