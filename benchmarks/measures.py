"""Prints the measures that the offline loop is held to, on this machine.

Run from the repository root: `.venv/bin/python benchmarks/measures.py`. It works in temporary
workspaces and takes about three minutes.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "meta_harness"]
ROLLOUTS = 36

OVERHEAD = """
import asyncio, json, resource, sys
from pathlib import Path
import meta_harness
from harness_search.ledger.rows import Split
from harness_search.reports.progress import Reporter
from harness_search.workspace import open_workspace, prove_sandbox

def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

workspace = prove_sandbox(open_workspace(Path(sys.argv[1]), {}))
marks = []
for harness in ("baseline", "copy_1", "copy_2", "copy_3", "copy_4"):
    start = seconds()
    asyncio.run(meta_harness.measure(
        workspace, Split.DEV, [workspace.harness(harness)], Reporter(None)))
    marks.append((seconds() - start, megabytes()))
print(json.dumps(marks))
"""

SERVER = """
import asyncio
from harness_search.simulated.server import SimulatedModel

async def main():
    model = SimulatedModel()
    await model.start()
    print(model.base_url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def main() -> None:
    print(f"measured on {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        print_search(clone)
        print_fast_commands(clone)
        print_kit_import(clone)
    with tempfile.TemporaryDirectory() as folder:
        print_overhead(Path(folder) / "workspace")


def print_search(clone: Path) -> None:
    """The two commands of `make run`, after set-up, and whether they leave the tree clean."""
    start = time.monotonic()
    search = run("run", "--iterations", "6", "--json", folder=clone)
    held_out = run("test", "--json", folder=clone)
    seconds = time.monotonic() - start
    rows = json.loads(search)["rows"]
    print(f"make run after set-up: {seconds:.1f} s (at most 90)")
    for row in rows:
        print(
            f"  {row['iteration']}  {row['harness']:<32} {row['decision']:<9} {row['pooled']:.1f}"
        )
    baseline, final = json.loads(held_out)["rows"]
    print(f"  held out: {baseline['pooled']:.1f} -> {final['pooled']:.1f} pooled (simulated)")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest process of the run: {peak:.0f} MB (at most 200)")
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True
    )
    print(f"git status after the run: {status.stdout.strip() or 'clean'}")


def print_fast_commands(clone: Path) -> None:
    for arguments in (["--help"], ["status"]):
        times = []
        for _ in range(9):
            start = time.monotonic()
            run(*arguments, folder=clone)
            times.append(time.monotonic() - start)
        print(f"meta-harness {' '.join(arguments)}: {statistics.median(times):.2f} s (at most 0.3)")


def print_kit_import(clone: Path) -> None:
    """What `import harness_kit` adds to the start of a bare interpreter."""
    interpreter = getattr(sys, "_base_executable", sys.executable)

    def median(code: str) -> float:
        times = []
        for _ in range(30):
            start = time.monotonic()
            subprocess.run([interpreter, "-I", "-S", "-c", code], check=True)
            times.append(time.monotonic() - start)
        return statistics.median(times)

    path = f"import sys; sys.path.append({str(clone)!r})"
    milliseconds = 1000 * (median(f"{path}; import harness_kit") - median(path))
    print(f"import harness_kit: {milliseconds:.0f} ms (under 20)")


def print_overhead(workspace: Path) -> None:
    """CPU of the scaffold alone: the simulated model runs in a process of its own here."""
    run("init", str(workspace), "--tasks", str(ROOT / "tasks"), "--dev", "12", "--test", "8")
    baseline = (workspace / "harnesses" / "baseline.py").read_text(encoding="utf-8")
    for number in range(1, 5):
        copy = workspace / "harnesses" / f"copy_{number}.py"
        copy.write_text(f"{baseline}\n# copy {number}\n", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        settings = workspace / "meta_harness.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace('base_url = "simulated"', f'base_url = "{base_url}"'))
        done = subprocess.run(
            [sys.executable, "-c", OVERHEAD, str(workspace)],
            capture_output=True,
            text=True,
            check=True,
        )
        server.kill()
    marks = json.loads(done.stdout)
    costs = ", ".join(f"{1000 * cpu / ROLLOUTS:.0f}" for cpu, _ in marks)
    sizes = ", ".join(f"{size:.0f}" for _, size in marks)
    print(f"scaffold CPU per rollout, evaluation after evaluation: {costs} ms (at most 60)")
    print(f"scaffold memory after each: {sizes} MB (at most 200, not growing)")


def run(*arguments: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    if shutil.which("git") is None:
        sys.exit("git is needed")
    main()
