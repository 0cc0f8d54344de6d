"""Prints how long a command takes to answer on a ledger of 100,000 rollouts, as a whole process.

Run from the repository root: `.venv/bin/python benchmarks/large_ledger.py`; it takes two minutes.
The rollouts are simulated (`answered.py`) and written through the ledger in few transactions. Each
command is started anew several times, and the median is shown, beside that of `python -c pass`.
`relaunch` is the time from the start of a `run` to the row of its first new rollout. `--write
docs/overhead.md` puts the table into the page. Ends with code 1 when a measure is missed. Times are
of one machine, and depend on what else it does.
"""

import argparse
import contextlib
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from answered import PROMOTED_EVERY, WHY, WORTH, Answers, dated, make_workspace, measure_line
from sandbox import write

from harness_search.files import digest_bytes, write_atomically
from harness_search.ledger.rows import DecisionKind, IterationRow, Split
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.rollouts.jobs import Harness
from harness_search.rollouts.scheduler import plan
from harness_search.search import hold_to_identity, mirror
from harness_search.workspace import Workspace

ROLLOUTS = 100_000
MOST_TO_LOOK, MOST_TO_RELAUNCH = 0.5, 1.0  # seconds
START = "from harness_search.commands.entry import main; main()"
COMMAND = (sys.executable, "-c", START)
"""As the installed `meta-harness` starts."""


@contextmanager
def in_few_transactions(ledger: Ledger) -> Iterator[None]:
    """Let what is written here be one transaction, and not one for each row."""
    database = ledger._database

    @contextmanager
    def joined(_: Ledger, **__: bool) -> Iterator[sqlite3.Connection]:
        yield database

    database.execute("BEGIN IMMEDIATE")
    with patch.object(Ledger, "_transaction", joined):
        yield
    database.execute("COMMIT")


def make_ledger(workspace: Workspace, rollouts: int) -> int:
    """A search of about so many rollouts whose last candidate has half of its; its iterations."""
    layout, answers = workspace.layout, Answers(workspace)
    source, incumbent = layout.baseline.read_text(encoding="utf-8"), "baseline"
    number = written = 0
    with closing(Ledger(layout.ledger)) as ledger:
        hold_to_identity(ledger, workspace.search_identity())
        while written < rollouts:
            promoted = number and number % PROMOTED_EVERY == 0
            name = f"candidate_{number:04d}" if number else "baseline"
            text = f"{source}\n\nSTEP_{number} = {WORTH if promoted else 0}\n" if number else source
            file = layout.candidate(name)
            file.write_text(text, encoding="utf-8")
            if not number:
                write_atomically(layout.kept_source(0, name), text)
            harness = Harness(name, file, digest_bytes([text.encode()]))
            jobs = plan(workspace, Split.DEV, harness)
            is_last = written + len(jobs) >= rollouts
            if is_last:
                jobs = jobs[: len(jobs) // 2]
            with in_few_transactions(ledger):
                for job in jobs:
                    rollout, attempt = ledger.begin(job.key, 1, 1, "boot")
                    row = answers.row(harness, job, attempt)
                    ledger.finish(rollout, row, answers.verdicts(job, row))
                kind = DecisionKind.PROMOTED if promoted else DecisionKind.ORPHAN
                decision = kind if number else DecisionKind.BASELINE
                claim = claim_of(workspace, number, name) if number else ""
                parent = incumbent if number else ""
                ledger.put_iteration(
                    IterationRow(
                        number, harness.digest, name, parent, parent, name * bool(number), claim,
                        None if is_last else decision,
                        "Blended 61.20 against the incumbent's 61.02." * bool(number),
                    )
                )  # fmt: skip
            written += 2 * len(jobs) if is_last else len(jobs)
            if promoted:
                incumbent, source = name, text
            number += 1
    return number


def claim_of(workspace: Workspace, number: int, name: str) -> str:
    tasks = tuple(task.id for task in workspace.splits.dev)
    candidate = CandidateClaim(
        name=name, hypothesis=WHY, changes="added ONE mechanism, a constant", fix_tasks=tasks[:5],
        regression_tasks=tasks[-5:], observed="Measured as it was said.",
    )  # fmt: skip
    return Claim(iteration=number, candidates=(candidate,)).to_json()


def seconds(command: list[str], folder: Path, repeats: int) -> float:
    """The median time of a whole process."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def relaunched(folder: Path, last: int) -> float:
    """Seconds from the start of `run` to the row of a rollout that was not there before."""
    command = [*COMMAND, "run", "--iterations", str(last + 1)]
    with closing(sqlite3.connect(folder / "runs" / "ledger.sqlite3")) as database:
        (before,) = database.execute("SELECT MAX(id) FROM rollouts").fetchone()
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while database.execute("SELECT MAX(id) FROM rollouts").fetchone() == (before,):
                if process.poll() is not None:
                    raise RuntimeError(f"the run ended with code {process.returncode}")
                time.sleep(0.005)
            return time.perf_counter() - began
        finally:
            process.kill()
            process.wait()


def measured(folder: Path, rollouts: int, repeats: int) -> dict[str, float]:
    workspace = make_workspace(folder, {"confirmation_trials": 0})
    began = time.perf_counter()
    iterations = make_ledger(workspace, rollouts)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        mirror(workspace, ledger, "propose")
    found: dict[str, float] = {"iterations": iterations, "made in": time.perf_counter() - began}
    found["python -c pass"] = seconds([sys.executable, "-c", "pass"], folder, repeats)
    for name in ("frontier", "status"):
        began = time.perf_counter()
        subprocess.run([*COMMAND, name], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        found[f"{name}, the first"] = time.perf_counter() - began
        found[name] = seconds([*COMMAND, name], folder, repeats)
    found["relaunch, the first"] = relaunched(folder, iterations)
    found["relaunch"] = statistics.median(relaunched(folder, iterations) for _ in range(repeats))
    return {name: round(value, 3) for name, value in found.items()}


def table(found: dict[str, float], rollouts: int) -> str:
    """The measures with what they are held to, those that are missed too."""
    most = {"frontier": MOST_TO_LOOK, "status": MOST_TO_LOOK, "relaunch": MOST_TO_RELAUNCH}
    lines = [
        measure_line(name, value, most.get(name, ""))
        for name, value in found.items()
        if name not in {"iterations", "made in"}
    ]
    head = f"{rollouts:,} rollouts in {found['iterations']} iterations, {dated()}; medians."
    return "\n".join([head, "", "| seconds | measured | at most |", "|---|---|---|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into a page")
    parser.add_argument("--rollouts", type=int, default=ROLLOUTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="an empty folder for the workspace")
    options = parser.parse_args()
    name = options.keep or Path(tempfile.mkdtemp(prefix="mh-", dir="/tmp"))
    try:
        name.chmod(0o711)  # each box's own user comes to its own folder
        found = measured(name / "workspace", options.rollouts, options.repeats)
    finally:
        if not options.keep:
            with contextlib.suppress(OSError):
                shutil.rmtree(name)
    print(json.dumps(found, indent=2))
    if options.write:
        write(options.write, table(found, options.rollouts), "large ledger")
    looked = max(found["frontier"], found["status"])
    met = looked <= MOST_TO_LOOK and found["relaunch"] <= MOST_TO_RELAUNCH
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
