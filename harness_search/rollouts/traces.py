"""What a rollout leaves beside its output: what it printed, and which lines of its harness ran.

Both are written by a process that nobody trusts. A harness can forge its record or leave it empty,
so nothing is decided by it.
"""

import json
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from harness_search.files import to_json

LINES_RUN = "lines_run.json"
MOST_LINES = 50_000
"""Of a harness file; later ones are not recorded."""


def keep_log(log: Path, target: Path, limit_bytes: int) -> None:
    """Put what the rollout printed among its evidence."""
    target.write_bytes(_content(log, limit_bytes) or b"")


def make_record(record: Path, harness: Path) -> None:
    """Make an empty record for the lines of a harness: one byte each, all there from the start,
    for a disk that is full later would end the harness."""
    source = harness.read_bytes()
    lines = source.count(b"\n") + source.count(b"\r") + 1
    record.write_bytes(bytes(1 + min(lines, MOST_LINES)))


def keep_record(record: Path, target: Path) -> None:
    """Put the lines that ran among the evidence, in a folder; nothing where none were recorded."""
    marks = _content(record, 1 + MOST_LINES)
    if marks and marks[0]:
        lines = [line for line, mark in enumerate(marks) if line and mark]
        (target / LINES_RUN).write_text(to_json({"lines": as_ranges(lines)}), encoding="utf-8")


def lines_run(evidence: Path) -> frozenset[int] | None:
    """The lines of the harness that ran in a rollout, given by the folder of its evidence; None
    where they were not recorded."""
    try:
        found = json.loads((evidence / LINES_RUN).read_text(encoding="utf-8"))
        return of_ranges(found["lines"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def as_ranges(lines: Iterable[int]) -> str:
    """`3-7, 9`: the lines in order, those that follow each other as one."""
    ranges: list[list[int]] = []
    for line in sorted(set(lines)):
        if ranges and ranges[-1][-1] == line - 1:
            ranges[-1][1:] = [line]
        else:
            ranges.append([line])
    return ", ".join("-".join(map(str, ends)) for ends in ranges)


def of_ranges(text: str) -> frozenset[int]:
    """The lines that `as_ranges` wrote; of anything else, what looks like it."""
    found = set[int]()
    for first, last in re.findall(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text):
        found |= {*range(int(first), min(int(last or first), MOST_LINES) + 1)}
    return frozenset(found)


def _content(file: Path, limit_bytes: int) -> bytes | None:
    """What a regular file holds, and no link to one; None when it is gone or no longer ours, as
    only a box that is none can make it."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as source:
            return source.read(limit_bytes)
    finally:
        os.close(descriptor)
