"""What a proposer is shown of the dev rollouts: everything, or only what gives no task away.

Either way it is a folder of its own that holds what was chosen and nothing else, so a whole folder
can be mounted: no rollout that is still running, no placebo, no task outside the dev split. It is
kept from session to session; each adds what has ended since.
"""

import errno
import json
import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from harness_search.benchmark.tasks import Task
from harness_search.files import remove_tree, untrusted_files
from harness_search.layout import Layout
from harness_search.ledger.rows import IterationRow, RolloutRow, is_placebo
from harness_search.proposers.redaction import without_identity
from harness_search.rollouts.evidence import SUMMARY, TRANSCRIPT, filed_folder

MOST_REASONS = 50
"""Of one redacted rollout; a rubric has more criteria at times."""
TYPES = frozenset({"docx", "xlsx", "pptx", "pdf", "md", "txt", "eml", "csv", "json", "html"})
BUCKETS = ((0, "0"), (2, "1-2"), (5, "3-5"), (10, "6-10"), (20, "11-20"), (50, "21-50"))
OTHER = "other"
OPEN_FOLDER, OPEN_FILE = 0o755, 0o444

Maker = Callable[[Path, Path], None]
"""Makes what is shown of an attempt, given the folder of its evidence and an empty one."""


class FeedbackPolicy(StrEnum):
    """How much of the dev evidence a proposer is shown."""

    FULL = "full"
    """Transcripts, deliverables, verdicts and reasons, as they are."""
    REDACTED = "redacted"
    """Shapes, buckets, counts, and reasons without what they are about."""


@dataclass(frozen=True, slots=True)
class RecordedRollout:
    """One ended attempt, with the name that its harness has."""

    harness: str
    row: RolloutRow


def recorded_rollouts(
    iterations: Iterable[IterationRow], rows: Iterable[RolloutRow], dev_tasks: Iterable[str]
) -> list[RecordedRollout]:
    """The search's ended attempts that a proposer may see some of, under every name that their
    harness was tried with."""
    names: dict[str, list[str]] = {}
    for item in iterations:
        if item.harness and not is_placebo(item.name):
            names.setdefault(item.harness, []).append(item.name)
    tasks = set(dev_tasks)
    return [
        RecordedRollout(name, row)
        for row in rows
        if row.key.task in tasks
        for name in names.get(row.key.harness, ())
    ]


def evidence_for(
    policy: FeedbackPolicy,
    layout: Layout,
    rollouts: Iterable[RecordedRollout],
    tasks: Sequence[Task] = (),
) -> Path:
    """The folder to show, `<harness>/<task id>/trial-<n>/`, brought up to what has ended.

    `tasks` are the dev tasks; of a rollout of any other, redacted evidence has no shape. A rollout
    whose evidence is gone, or goes meanwhile, is left out.
    """
    shown = layout.shown / policy.value
    building = layout.shown / f".{policy.value}"
    remove_tree(building)
    building.mkdir(parents=True)
    shown.mkdir(exist_ok=True)
    maker: Maker = _Redaction(layout, tasks) if policy is FeedbackPolicy.REDACTED else _as_it_is
    for item in rollouts:
        key, attempt = item.row.key, item.row.attempt
        source = filed_folder(layout.dev_evidence, item.harness, key, attempt)
        target = filed_folder(shown, item.harness, key, attempt)
        if _show(source, target, building / "one", maker):
            _open_up_to(shown, target)
    building.rmdir()
    for folder in (layout.shown, shown):
        folder.chmod(OPEN_FOLDER)
    return shown


def _show(source: Path, target: Path, building: Path, maker: Maker) -> bool:
    """Show one rollout, in one step, unless it is shown already; returns whether that was done."""
    try:
        ended = (source / SUMMARY).stat().st_mtime_ns
    except FileNotFoundError:
        return False
    try:
        found = (target / SUMMARY).stat()
        if found.st_mtime_ns == ended and found.st_mode & OPEN_FILE == OPEN_FILE:
            return False
        remove_tree(target)  # of an attempt that was filed again
    except FileNotFoundError:
        pass
    building.mkdir()
    try:
        maker(source, building)
        os.utime(building / SUMMARY, ns=(ended, ended))
    except FileNotFoundError:
        remove_tree(building)
        return False
    for folder, _, names in os.walk(building):
        _open(folder)
        for name in names:
            _open(f"{folder}/{name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    building.rename(target)
    return True


def _open_up_to(shown: Path, path: Path) -> None:
    for folder in path.parents:
        if folder == shown:
            return
        _open(folder)


def _open(path: Path | str) -> None:
    """Let every user read, whatever this one's umask: root's boxes run as others."""
    mode = os.stat(path).st_mode  # noqa: PTH116 (text: thousands of paths are slow to make)
    wanted = OPEN_FOLDER if stat.S_ISDIR(mode) else OPEN_FILE
    if mode & wanted != wanted:
        Path(path).chmod(stat.S_IMODE(mode) | wanted)


SOURCE = "harness.py"
"""A harness's source, beside the folders of its rollouts."""


def show_sources(shown: Path, layout: Layout, names: Iterable[str]) -> None:
    """Put the sources of harnesses, given by their names, beside their evidence; those that are
    there stay as they are, for no source ever changes."""
    for name in names:
        target, source = shown / name / SOURCE, layout.candidate(name)
        if not target.is_file() and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(source, target)
        if target.is_file():
            _open(target)
            _open(target.parent)


# Full: the same files under another name, at no cost of disk.


def _as_it_is(source: Path, target: Path) -> None:
    for file in untrusted_files(source):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        _link(file, copy)


def _link(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}:
            raise
        shutil.copy2(file, copy, follow_symlinks=False)


# Redacted: one file for each rollout.


class _Redaction:
    """Writes `rollout.json` of a rollout as the redacted policy shows it."""

    def __init__(self, layout: Layout, tasks: Sequence[Task]) -> None:
        self._layout = layout
        self._tasks = {task.id: task for task in tasks}
        self._shape = cache(self._shape_of)
        self._words = cache(self._words_of)

    def __call__(self, source: Path, target: Path) -> None:
        summary = json.loads((source / SUMMARY).read_text(encoding="utf-8"))
        calls = tool_calls(source / TRANSCRIPT)
        known = self._words(str(summary.get("harness", "")))
        redacted = redacted_summary(summary, calls, known, self._shape(str(summary.get("task"))))
        text = json.dumps(redacted, ensure_ascii=False)  # indented, it takes four times as long
        (target / SUMMARY).write_text(f"{text}\n", encoding="utf-8")

    def _shape_of(self, task_id: str) -> dict[str, Any]:
        task = self._tasks.get(task_id)
        return task_shape(task) if task else {}

    def _words_of(self, harness: str) -> frozenset[str]:
        """Words of a harness's own source: its proposer knew them before any rollout."""
        try:
            source = self._layout.candidate(harness).read_text("utf-8", errors="replace")
        except OSError:
            return frozenset()
        return frozenset(re.findall(r"\w+", source))


def task_shape(task: Task) -> dict[str, Any]:
    """Number and types of a task's documents and deliverables, and the number of its criteria."""
    return {
        "documents": _by_type(path.name for path in task.documents()),
        "deliverables": _by_type(task.content.deliverables),
        "criteria": len(task.criteria),
    }


def redacted_summary(
    summary: Mapping[str, Any],
    calls: Mapping[str, int],
    known: frozenset[str],
    shape: Mapping[str, Any],
) -> dict[str, Any]:
    """What of a `rollout.json` is shown. `calls` are tool calls by name; names that are not among
    the `known` words could be words of a document."""
    verdicts = summary.get("verdicts", [])
    requested, output = summary.get("deliverables", []), summary.get("output", [])
    tools: Counter[str] = Counter()
    for name, count in calls.items():
        tools[name if name in known else OTHER] += count
    whose = ("harness", "harness_digest", "task", "trial", "profile", "attempt", "outcome")
    return {
        **{name: summary[name] for name in whose if name in summary},
        "feedback": FeedbackPolicy.REDACTED.value,
        "reason": without_identity(str(summary.get("reason", ""))),
        "passed": summary.get("passed", 0),
        "total": summary.get("total", 0),
        "not_passed": _reasons(verdicts),
        "shape": dict(shape),
        "delivered": _by_type(output),
        "missing": sum(name not in output for name in requested),
        "beside": sum(name not in requested for name in output),
        "calls": bucket(int(summary.get("calls", 0))),
        "tools": {name: bucket(count) for name, count in sorted(tools.items())},
    }


def _reasons(verdicts: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Why criteria were not passed, commonest first; which criteria is not told."""
    counted = Counter(
        (str(item.get("verdict")), without_identity(str(item.get("reason", ""))))
        for item in verdicts
        if item.get("verdict") != "pass"
    )
    ordered = sorted(counted.items(), key=lambda found: (-found[1], found[0]))
    return [
        {"verdict": verdict, "reason": reason, "count": count}
        for (verdict, reason), count in ordered[:MOST_REASONS]
    ]


def _by_type(names: Iterable[str]) -> dict[str, int]:
    """Files by type; an unusual ending could be anything, and is not told."""
    endings = (PurePosixPath(name).suffix.casefold()[1:] for name in names)
    found = Counter(ending if ending in TYPES else OTHER for ending in endings)
    return dict(sorted(found.items()))


def bucket(count: int) -> str:
    """A count as a range."""
    return next((label for most, label in BUCKETS if count <= most), "51 or more")


def tool_calls(transcript: Path) -> dict[str, int]:
    """The tool calls of a transcript's replies, by the tool's name."""
    found: Counter[str] = Counter()
    for reply in _replies(transcript):
        content = reply.get("content")
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("type") == "tool_use":
                found[str(block.get("name"))] += 1
    return dict(found)


def _replies(transcript: Path) -> Iterator[dict[str, Any]]:
    """Read without the conversations around them: those make up most of a transcript."""
    if not transcript.is_file():  # the harness failed before its first call
        return
    with transcript.open("rb") as lines:
        for line in lines:
            if b'"tool_use"' not in line or b'"reply"' not in line:
                continue
            try:
                reply = json.loads(line).get("reply")
            except ValueError:  # the last line before a crash
                continue
            if isinstance(reply, dict):
                yield reply
