"""What must hold of a search in the end, whatever was done to it on the way."""

import fcntl
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import git

from chaos.searches import FINISHED, ITERATIONS, Place, Rows, _asked, conclusion, done_rows


def broken_claims(
    place: Place, reference: dict[str, Rows], snapshots: list[set[tuple[Any, ...]]]
) -> list[str]:
    """Everything that does not hold, in words; empty for a search that shows nothing."""
    return [
        *_compared(conclusion(place), reference),
        *_kept(place, snapshots),
        *_counted(place),
        *_tidy(place),
        *_lineage(place),
        *_events(place),
        *_evidence(place),
    ]


def _compared(found: dict[str, Rows], reference: dict[str, Rows]) -> Iterator[str]:
    for name in sorted(found.keys() | reference.keys()):
        here, there = found.get(name), reference.get(name)
        if here != there:
            pairs = zip(here or [], there or [], strict=False)
            first = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
            counts = f"{len(here or [])} and {len(there or [])} rows"
            yield f"{name} differ from the undisturbed search: {counts}, first {first}"


def _kept(place: Place, snapshots: list[set[tuple[Any, ...]]]) -> Iterator[str]:
    final = done_rows(place)
    for number, snapshot in enumerate(snapshots):
        if lost := snapshot - final:
            yield f"rows that were done after launch {number} were changed or lost: {sorted(lost)}"


def _counted(place: Place) -> Iterator[str]:
    for file in place.ledgers:
        keys = "harness, task, task_digest, trial, profile"
        rows = _asked(file, f"SELECT {keys} FROM rollouts WHERE {FINISHED}")
        again = [key for key, count in Counter(rows).items() if count > 1]
        if again:
            yield f"{file.parent.name}: finished rollouts were run again: {again}"
        if running := _asked(file, "SELECT id FROM rollouts WHERE status = 'running'"):
            yield f"{file.parent.name}: rollouts still called running: {running}"
        answer = _asked(file, "PRAGMA integrity_check")
        if answer != [("ok",)]:
            yield f"{file}: {answer}"
    (ledger, *_) = place.ledgers
    numbers = [number for (number,) in _asked(ledger, "SELECT number FROM iterations")]
    if sorted(numbers) != list(range(ITERATIONS + 1)):
        yield f"iterations {numbers}"
    state = json.loads((place.root / "loop_state.json").read_text(encoding="utf-8"))
    if (state["iteration"], state["phase"]) != (ITERATIONS, "finished"):
        yield f"loop_state.json says {state}"


def _tidy(place: Place) -> Iterator[str]:
    left = [path.name for path in place.temporary.iterdir()]
    if left:
        yield f"left in the temporary folder: {left}"
    parts = [path for path in place.root.rglob(".*.part") if "kit" not in path.parts]
    if parts:
        yield f"unfinished files: {parts}"
    for building in place.runs.rglob(".building"):
        if any(building.iterdir()):
            yield f"unfinished evidence: {sorted(building.iterdir())}"
    with (place.runs / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield "the lock is still held"


def _lineage(place: Place) -> Iterator[str]:
    (ledger, *_) = place.ledgers
    query = "SELECT name FROM iterations WHERE harness <> ''"
    names = {name for (name,) in _asked(ledger, query)} | {"incumbent"}
    with git.Repo(place.runs / "lineage.git") as repository:
        try:
            repository.git.fsck("--strict", "--no-dangling")
        except git.GitCommandError as error:
            yield f"lineage: {error}"
        heads = {head.name for head in repository.heads}
    if heads != names:
        yield f"lineage has {sorted(heads)} and not {sorted(names)}"


def _events(place: Place) -> Iterator[str]:
    for number, line in enumerate(place.events.read_bytes().splitlines(keepends=True), start=1):
        try:
            entry = json.loads(line)
            whole = line.endswith(b"\n") and "event" in entry and "at" in entry
        except ValueError:
            whole = False
        if not whole:
            yield f"events.jsonl, line {number}: {line[:200]!r}"


def _evidence(place: Place) -> Iterator[str]:
    (ledger, *_) = place.ledgers
    columns = "harness, task, trial, attempt, outcome, passed, output_digest"
    filed = {
        (item["harness_digest"], item["task"], item["trial"], item["attempt"]): (file, item)
        for file in (place.runs / "dev").rglob("rollout.json")
        if (item := json.loads(file.read_text(encoding="utf-8")))
    }
    for *key, outcome, passed, _ in _asked(
        ledger, f"SELECT {columns} FROM rollouts WHERE {FINISHED}"
    ):
        file, item = filed.get(tuple(key), (Path(), {}))
        if (item.get("outcome"), item.get("passed")) != (outcome, passed):
            yield f"no evidence, or other evidence, of {key}"
        elif not (file.parent / "transcript.jsonl").is_file():
            yield f"no transcript of {key}"
