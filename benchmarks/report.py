"""Prints how long a report takes and how large it is, and how soon the live page can be read.

Run from the repository root: `.venv/bin/python benchmarks/report.py`; it takes four minutes, and
needs Debian's chromium. `--write docs/reports.md` puts the table into the page. The report is of 50
candidates with 72 rollouts each, all with evidence (`reported.py`); the live page is that of a
search of 100,000 rollouts (`large_ledger.py`), in a browser that has never seen it: the first one
after the server's start, and later ones. Ends with code 1 when a measure is missed. Times are of
one machine, and depend on what else it does.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from answered import dated, make_workspace, measure_line
from browsing import chromium, served, window
from large_ledger import COMMAND, ROLLOUTS, make_ledger
from playwright.sync_api import Browser
from reported import EACH, make_reported
from sandbox import write

from harness_search.ledger.store import Ledger
from harness_search.search import mirror
from harness_search.workspace import Workspace

CANDIDATES = 50
MOST_SECONDS, MOST_MEGABYTES, MOST_MILLISECONDS, MOST_MODULES = 15.0, 8.0, 1_000.0, 0
PAINT = """new Promise((done) => new PerformanceObserver((list) => {
    const [found] = list.getEntriesByName("first-contentful-paint");
    if (found) done(found.startTime);
}).observe({ type: "paint", buffered: true }))"""
"""Milliseconds from the request."""
COUNTING = (
    "import atexit, sys; atexit.register(lambda: print(sum(name.partition('.')[0] == 'matplotlib' "
    "for name in sys.modules), file=sys.stderr)); "
)


def reports(workspace: Workspace, repeats: int) -> dict[str, float]:
    """Of whole processes: the first one finds nothing that was kept for it."""
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(
            [*COMMAND, "report"], cwd=workspace.layout.root, stdout=subprocess.DEVNULL, check=True
        )
        times.append(time.perf_counter() - began)
    size = workspace.layout.report.stat().st_size / 1e6
    first, *later = times
    return {"first": first, "later": statistics.median(later), "megabytes": size}


def paints(workspace: Workspace, repeats: int) -> dict[str, float]:
    """Milliseconds from the request to the first content on the screen."""
    with chromium() as browser, served(workspace.layout.root) as address:
        first = paint(browser, address)
        later = statistics.median(paint(browser, address) for _ in range(repeats))
    return {"first": first, "later": later}


def paint(browser: Browser, address: str) -> float:
    with window(browser) as page:
        page.goto(address, wait_until="commit")
        return float(page.evaluate(PAINT))


def modules(workspace: Workspace) -> int:
    """Of matplotlib, that `status` has imported when it ends."""
    program, flag, start = COMMAND
    done = subprocess.run(
        [program, flag, COUNTING + start, "status"],
        cwd=workspace.layout.root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stderr.split()[-1])


def large(folder: Path, rollouts: int) -> Workspace:
    workspace = make_workspace(folder, {"confirmation_trials": 0})
    make_ledger(workspace, rollouts)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        mirror(workspace, ledger, "propose")
    return workspace


def table(found: dict[str, dict[str, float]], candidates: int, rollouts: int) -> str:
    """The measures with what they are held to, those that are missed too."""
    report, page = found["report"], found["page"]
    rows = [
        ("s for the report, the first", f"{report['first']:.1f}", f"{MOST_SECONDS:.0f}"),
        ("s for the report, later", f"{report['later']:.1f}", f"{MOST_SECONDS:.0f}"),
        ("MB of the report", f"{report['megabytes']:.1f}", f"{MOST_MEGABYTES:.0f}"),
        (
            "ms to the live page's first paint, first",
            f"{page['first']:.0f}",
            f"{MOST_MILLISECONDS:.0f}",
        ),
        (
            "ms to the live page's first paint, later",
            f"{page['later']:.0f}",
            f"{MOST_MILLISECONDS:.0f}",
        ),
        (
            "modules of matplotlib that `status` imports",
            f"{found['status']['modules']:.0f}",
            f"{MOST_MODULES}",
        ),
    ]
    lines = [measure_line(*measure) for measure in rows]
    head = (
        f"{candidates} candidates with {EACH} rollouts each; the live page of {rollouts:,} "
        f"rollouts; {dated()}."
    )
    return "\n".join([head, "", "| measure | measured | at most |", "|---|---|---|", *lines])


def is_met(found: dict[str, dict[str, float]]) -> bool:
    report, page = found["report"], found["page"]
    return (
        max(report["first"], report["later"]) <= MOST_SECONDS
        and report["megabytes"] <= MOST_MEGABYTES
        and max(page["first"], page["later"]) <= MOST_MILLISECONDS
        and found["status"]["modules"] <= MOST_MODULES
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into a page")
    parser.add_argument("--candidates", type=int, default=CANDIDATES)
    parser.add_argument("--rollouts", type=int, default=ROLLOUTS, help="behind the live page")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # each box's own user comes to its own folder
        reported = make_reported(folder, options.candidates)
        found = {
            "report": reports(reported, options.repeats),
            "status": {"modules": modules(reported)},
            "page": paints(large(folder / "large", options.rollouts), options.repeats),
        }
    print(json.dumps(found, indent=2))
    if options.write:
        write(options.write, table(found, options.candidates, options.rollouts), "reports")
    sys.exit(0 if is_met(found) else 1)


if __name__ == "__main__":
    main()
