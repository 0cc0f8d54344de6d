"""Prints what the scaffold itself needs for a candidate, and whether that grows with the search.

Run from the repository root: `.venv/bin/python benchmarks/overhead.py`; 800 candidates take two
minutes. `--write docs/overhead.md` puts the table into the page. It runs the real loop with real
ledger, lineage, gate, audits and digest. Simulated are the proposer and the rollouts
(`answered.py`): they answer at once, and every row is committed as in a real search. Ends with code
1 when a measure is missed. Times are of one machine, and depend on what else it does.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from answered import Answers, Tireless, dated, make_workspace, measure_line
from sandbox import write

import meta_harness
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter
from harness_search.service.events import Decided, Event
from harness_search.workspace import Workspace

MOST_MS, MOST_RATIO, MOST_BYTES = 100.0, 1.3, 20_000
"""For a candidate: its time, the last quarter's over the first one's, and its disk without raw
rows."""
QUARTERS = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """What was used when an iteration was decided."""

    wall: float
    cpu: float
    megabytes: float


class Meter(Reporter):
    """Takes a mark at each decision."""

    def __init__(self) -> None:
        super().__init__(None)
        self.process = psutil.Process()
        self.marks: list[Mark] = [self.mark()]
        self.counts: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()

    def mark(self) -> Mark:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(item.ru_utime + item.ru_stime for item in used)
        return Mark(time.monotonic(), cpu, self.process.memory_info().rss / 1e6)

    def tell(self, event: Event) -> None:
        super().tell(event)
        if isinstance(event, Decided):
            self.decisions[event.decision] += 1
            self.marks.append(self.mark())

    def tick(self) -> None:
        self.counts["rollouts"] += 1


@contextmanager
def counted(counts: Counter[str]) -> Iterator[None]:
    """Count what waits for the disk: transactions of the ledger, each with one fsync of its log,
    and fsyncs of other files."""
    transaction, fsync = Ledger._transaction, os.fsync

    def counting_transaction(self: Ledger, *, durable: bool = True) -> Any:
        counts["durable transactions" if durable else "other transactions"] += 1
        return transaction(self, durable=durable)

    def counting_fsync(descriptor: int) -> None:
        counts["fsyncs"] += 1
        fsync(descriptor)

    with (
        patch.object(Ledger, "_transaction", counting_transaction),
        patch.object(os, "fsync", counting_fsync),
    ):
        yield


EVIDENCE = "evidence"
"""Rows and verdicts, the candidate's source (once), and its claim."""


def part_of(file: Path, workspace: Workspace) -> str:
    """What a file is, by what it is for."""
    layout = workspace.layout
    if file.name.startswith(layout.ledger.name) or file.name == "pending_eval.json":
        return EVIDENCE
    if file.parent == layout.harnesses:
        return EVIDENCE
    parts = {layout.lineage: "lineage", layout.session(1).parent: "sessions and decisions"}
    found = [name for folder, name in parts.items() if file.is_relative_to(folder)]
    return found[0] if found else file.name


def disk(workspace: Workspace) -> Counter[str]:
    """Bytes in files, by what they are for; a file with two names counts once. What tasks and kit
    take is not the search's."""
    layout = workspace.layout
    apart = (layout.text, layout.kit, layout.root / workspace.settings.benchmark.tasks)
    found: Counter[str] = Counter()
    seen: set[int] = set()
    for file in sorted(layout.root.rglob("*")):  # a source under harnesses before its other name
        if not file.is_file() or file.is_symlink() or any(map(file.is_relative_to, apart)):
            continue
        state = file.stat()
        if state.st_ino not in seen:
            seen.add(state.st_ino)
            found[part_of(file, workspace)] += state.st_size
    return found


def measured(folder: Path, candidates: int) -> dict[str, Any]:
    """Run a search of so many candidates; its figures."""
    flags: dict[str, object] = {"iterations": candidates, "confirmation_trials": 0}
    workspace = make_workspace(folder, flags)
    meter = Meter()
    answers = Answers(workspace, meter.tick)
    before = disk(workspace)
    with counted(meter.counts), patch.object(meta_harness, "run_missing", answers.run_missing):
        asyncio.run(meta_harness.run_search(workspace, Tireless(), meter))
    return figures(meter, disk(workspace) - before, candidates)


def figures(meter: Meter, used: Counter[str], candidates: int) -> dict[str, Any]:
    # The first marks are the start of the bench and the baseline's.
    marks = meter.marks[1:]
    size = (len(marks) - 1) // QUARTERS
    ends = [marks[number * size] for number in range(QUARTERS + 1)]
    quarters = [
        {
            "wall_ms": round(1e3 * (new.wall - old.wall) / size, 1),
            "cpu_ms": round(1e3 * (new.cpu - old.cpu) / size, 1),
            "megabytes": round(new.megabytes, 1),
        }
        for old, new in pairwise(ends)
    ]
    each = {name: round(count / candidates, 1) for name, count in meter.counts.items()}
    return {
        "candidates": candidates,
        "decisions": dict(meter.decisions),
        "quarters": quarters,
        "wall_ms": round(1e3 * (ends[-1].wall - ends[0].wall) / (QUARTERS * size), 1),
        "ratio": round(quarters[-1]["wall_ms"] / quarters[0]["wall_ms"], 2),
        "growth_megabytes": round(quarters[-1]["megabytes"] - quarters[0]["megabytes"], 1),
        "bytes_each": {name: round(size / candidates) for name, size in used.most_common(8)},
        "bytes_beyond": round((used.total() - used[EVIDENCE]) / candidates),
        "each": each,
    }


def table(found: dict[str, Any]) -> str:
    """The measures with what they are held to, those that are missed too."""
    first, last = found["quarters"][0], found["quarters"][-1]
    beyond = {name: size for name, size in found["bytes_each"].items() if name != EVIDENCE}
    parts = ", ".join(f"{name} {size / 1e3:.1f}" for name, size in beyond.items() if size >= 50)
    each = ", ".join(f"{count:g} {name}" for name, count in found["each"].items())
    rows = [
        ("ms of wall time a candidate", found["wall_ms"], f"{MOST_MS:.0f}"),
        ("last quarter over first quarter, wall time", found["ratio"], f"{MOST_RATIO}"),
        ("ms of CPU time, first and last quarter", f"{first['cpu_ms']}, {last['cpu_ms']}", ""),
        ("MB of memory, first and last quarter", f"{first['megabytes']}, {last['megabytes']}", ""),
        (f"kB beyond evidence ({parts})", found["bytes_beyond"] / 1e3, f"{MOST_BYTES / 1e3:.0f}"),
        ("kB of evidence: rows, verdicts, source, claim", found["bytes_each"][EVIDENCE] / 1e3, ""),
    ]
    lines = [measure_line(*measure) for measure in rows]
    head = f"{found['candidates']} candidates, {dated()}. Of each: {each}."
    return "\n".join([head, "", "| measure | measured | at most |", "|---|---|---|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--candidates", type=int, default=800)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into a page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as name:
        Path(name).chmod(0o711)  # each box's own user comes to its own folder
        found = measured(Path(name) / "workspace", options.candidates)
    print(json.dumps(found, indent=2))
    if options.write:
        write(options.write, table(found), "overhead")
    met = (
        found["wall_ms"] <= MOST_MS,
        found["ratio"] <= MOST_RATIO,
        found["bytes_beyond"] <= MOST_BYTES,
    )
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
