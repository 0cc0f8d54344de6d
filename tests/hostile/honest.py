"""What a harness needs: here success is what is wanted."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from common import Targets, first_of, run


def solve(task: Any, model: Any) -> None:
    run(globals(), task, model)


def imports_the_kit(t: Targets) -> str | None:
    """Imports the kit, and the document libraries."""
    import docx
    import openpyxl

    import harness_kit

    return f"{harness_kit.Task} {docx.Document} {openpyxl.Workbook}"


def reads_a_document(t: Targets) -> str | None:
    """Reads the documents of its task."""
    return next(file.read_text() for file in Path("documents").rglob("*") if file.is_file())


def writes_a_deliverable(t: Targets) -> str | None:
    """Writes, moves, lists and deletes in its folder."""
    (t.own / "draft.txt").write_text("draft")
    (t.own / "draft.txt").rename(t.own / "final.txt")
    (t.own / "old.txt").write_text("old")
    (t.own / "old.txt").unlink()
    Path("notes.txt").write_text("notes")
    return f"{os.listdir(t.own)}"  # noqa: PTH208


def uses_temporary_files(t: Targets) -> str | None:
    """Writes temporary files."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x").write_text("x")
        return folder


def starts_a_shell(t: Targets) -> str | None:
    """Starts a pipeline in a shell."""
    command = "echo one two | tr a-z A-Z | wc -w; ls /usr/bin >/dev/null && git --version || true"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    return done.stdout


def starts_python(t: Targets) -> str | None:
    """Starts another Python."""
    code = "import json, ssl, sqlite3, decimal; print(json.dumps({}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def starts_threads(t: Targets) -> str | None:
    """Starts threads."""
    said: list[str] = []
    threads = [threading.Thread(target=said.append, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "".join(said)


def uses_many_processes(t: Targets) -> str | None:
    """Works with a pool of processes."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        return f"{pool.map(abs, [-1, -2])}"


def asks_the_model(t: Targets) -> str | None:
    """Asks the model."""
    messages = [{"role": "user", "content": "hello"}]
    return str(t.model.complete(system="", messages=messages, tools=[], max_tokens=9).content)


def sees_its_own_processes(t: Targets) -> str | None:
    """Sees itself in /proc."""
    return first_of(lambda: Path("/proc/self/status").read_text()[:40])
