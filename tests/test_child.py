"""A rollout's process: what it can reach, and that nothing of it is left."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness_search.rollouts.child import Child, Ending, kill_leftover, start_ticks
from harness_search.rollouts.kit import prepare_kit


@pytest.fixture
def run_source(kit: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run a harness's source as a child; returns its ending and what it printed."""

    async def run(source: str, seconds: float = 30.0, **limits: int) -> tuple[Ending, str]:
        view, harness = tmp_path / "view", tmp_path / "harness.py"
        (view / "output").mkdir(parents=True, exist_ok=True)
        harness.write_text(source, encoding="utf-8")
        child = await Child.start(kit, view, tmp_path / "harness.log")
        await child.give(policy(kit, harness, **limits))
        in_time = await child.ended_within(seconds)
        ending = await child.end(timed_out=not in_time)
        return ending, (tmp_path / "harness.log").read_text(errors="replace")

    return run


def policy(kit: Path, harness: Path, file_bytes: int = 10_000_000) -> dict[str, Any]:
    return {
        "kit": str(kit),
        "harness": str(harness),
        "socket": "/nowhere",
        "token": "token-of-this-rollout",
        "model": "m",
        "instructions": "do it",
        "deliverables": ["memo.docx"],
        "sampling": {},
        "context_tokens": None,
        "limits": {"file_bytes": file_bytes},
    }


async def test_the_harness_gets_its_task_with_relative_paths(
    run_source: Callable[..., Any],
) -> None:
    source = "def solve(task, model):\n    print(repr(task), model.name)\n"
    ending, log = await run_source(source)
    assert ending == Ending(0, timed_out=False, began=True)
    assert "instructions='do it'" in log
    assert "documents=PosixPath('documents')" in log
    assert "deliverables=('memo.docx',)" in log


@pytest.mark.parametrize("module", ["harness_search", "meta_harness", "pydantic", "aiohttp"])
async def test_a_child_cannot_import_the_scaffold_nor_its_libraries(
    run_source: Callable[..., Any], module: str
) -> None:
    ending, log = await run_source(f"import {module}\ndef solve(task, model): pass\n")
    assert ending.exit_code == 1
    assert "ModuleNotFoundError" in log


async def test_a_child_can_import_the_kit_and_write_documents(
    run_source: Callable[..., Any], tmp_path: Path
) -> None:
    source = (
        "from harness_kit import read_document, write_docx, write_xlsx\n"
        "def solve(task, model):\n"
        "    write_docx(task.output / 'a.docx', '# Title\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |')\n"
        "    write_xlsx(task.output / 'b.xlsx', '## One\\n| a | 1.5 |')\n"
        "    print(read_document(task.output / 'a.docx'), read_document(task.output / 'b.xlsx'))\n"
    )
    ending, log = await run_source(source)
    assert ending.exit_code == 0, log
    assert "# Title" in log
    assert "| 1 | 2 |" in log
    assert "| a | 1.5 |" in log


async def test_no_secret_of_the_scaffold_is_in_the_childs_environment(
    run_source: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    source = "import os\ndef solve(task, model):\n    print(sorted(os.environ.items()))\n"
    _, log = await run_source(source)
    assert "sk-secret" not in log
    names = {"PATH", "LANG", "TZ", "HOME"}
    assert {name for name, _ in eval(log)} <= names | {"LC_CTYPE", "PWD", "SHLVL", "_"}


async def test_the_token_is_neither_argument_nor_environment(
    run_source: Callable[..., Any],
) -> None:
    source = (
        "from pathlib import Path\n"
        "def solve(task, model):\n"
        "    own = Path('/proc/self')\n"
        "    print((own / 'cmdline').read_bytes(), (own / 'environ').read_bytes())\n"
    )
    _, log = await run_source(source)
    assert "bootstrap.py" in log
    assert "token-of-this-rollout" not in log


async def test_a_crash_is_an_exit_code_and_a_traceback_in_the_log(
    run_source: Callable[..., Any],
) -> None:
    ending, log = await run_source("def solve(task, model):\n    raise RuntimeError('oh no')\n")
    assert ending == Ending(1, timed_out=False, began=True)
    assert "RuntimeError: oh no" in log


async def test_what_fails_before_the_harness_begins_is_told_apart(
    kit: Path, run_source: Callable[..., Any]
) -> None:
    ending, _ = await run_source("def solve(task, model): pass\n", file_bytes=2**70)
    assert not ending.began
    assert ending.exit_code != 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_a_harness_that_dies_of_a_signal_is_known_to_have(
    run_source: Callable[..., Any], number: signal.Signals
) -> None:
    source = f"import os\ndef solve(task, model):\n    os.kill(os.getpid(), {int(number)})\n"
    ending, _ = await run_source(source)
    assert (ending.exit_code, ending.began) == (-number, True)


async def test_a_hanging_harness_is_killed_with_its_children(
    run_source: Callable[..., Any], tmp_path: Path
) -> None:
    source = (
        "import subprocess\n"
        "def solve(task, model):\n"
        "    child = subprocess.Popen(['sleep', '3600'])\n"
        "    (task.workspace / 'pid').write_text(str(child.pid))\n"
        "    child.wait()\n"
    )
    ending, _ = await run_source(source, seconds=2.0)
    assert ending.timed_out
    wait_until(lambda: is_gone(int((tmp_path / "view" / "pid").read_text())))


async def test_a_background_process_does_not_outlive_its_harness(
    run_source: Callable[..., Any], tmp_path: Path
) -> None:
    source = (
        "import subprocess\n"
        "def solve(task, model):\n"
        "    child = subprocess.Popen(['sleep', '3600'])\n"
        "    (task.workspace / 'pid').write_text(str(child.pid))\n"
    )
    ending, _ = await run_source(source)
    assert ending.exit_code == 0
    wait_until(lambda: is_gone(int((tmp_path / "view" / "pid").read_text())))


async def test_a_file_beyond_the_limit_cannot_be_written(run_source: Callable[..., Any]) -> None:
    source = "def solve(task, model):\n    (task.output / 'x').write_bytes(b'x' * 2_000_000)\n"
    ending, _ = await run_source(source, file_bytes=1_000_000)
    assert ending.exit_code != 0


SCAFFOLD = """
import asyncio, json, sys
from pathlib import Path
from harness_search.rollouts.child import Child

async def main(kit, view, policy):
    child = await Child.start(Path(kit), Path(view), Path(view) / "log")
    await child.give(json.loads(policy))
    print(child.pid, flush=True)
    await child.ended_within(3600)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "busy",
    [
        "time.sleep(3600)",
        "re.match('(a|aa)+$', 'a' * 60 + 'b')",  # holds the interpreter's lock for ever
    ],
)
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_killing_the_scaffold_leaves_no_process_behind(
    kit: Path, tmp_path: Path, busy: str, stop: signal.Signals
) -> None:
    harness = tmp_path / "harness.py"
    harness.write_text(
        "import re, subprocess, time\n"
        "def solve(task, model):\n"
        "    child = subprocess.Popen(['sleep', '3600'])\n"
        "    (task.workspace / 'pid').write_text(str(child.pid))\n"
        f"    {busy}\n"
    )
    arguments = [str(kit), str(tmp_path), json.dumps(policy(kit, harness))]
    scaffold = subprocess.Popen(
        [sys.executable, "-c", SCAFFOLD, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert scaffold.stdout is not None
    child = int(scaffold.stdout.readline())
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    grandchild = int((tmp_path / "pid").read_text())
    scaffold.send_signal(stop)
    scaffold.communicate()
    wait_until(lambda: is_gone(child) and is_gone(grandchild))


async def test_a_leftover_is_killed_only_when_it_is_the_same_process() -> None:
    sleeper = subprocess.Popen(["sleep", "3600"], start_new_session=True)
    ticks = start_ticks(sleeper.pid)
    assert not kill_leftover(sleeper.pid, ticks + 1)
    assert sleeper.poll() is None
    assert kill_leftover(sleeper.pid, ticks)
    assert await asyncio.to_thread(sleeper.wait) == -signal.SIGKILL
    assert not kill_leftover(sleeper.pid, ticks)


async def test_a_child_that_never_gets_a_policy_ends_by_itself(kit: Path, tmp_path: Path) -> None:
    child = await Child.start(kit, tmp_path, tmp_path / "log")
    process = psutil.Process(child.pid)
    child.close_stdin()
    await asyncio.to_thread(process.wait, 30)
    await child.end()


def test_the_kit_is_made_once_and_holds_no_scaffold(kit: Path) -> None:
    names = {path.name for path in kit.iterdir()}
    assert {"harness_kit", "docx", "openpyxl", "bootstrap.py"} <= names
    assert not any("harness_search" in str(path) for path in kit.rglob("*"))
    assert prepare_kit(kit.parent) == kit


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody reaps here counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in another process; a minute of waiting is a failure."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()
