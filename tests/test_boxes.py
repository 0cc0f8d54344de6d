"""A sandboxed process: what it is given, how its end is known, and that nothing of it is left."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from boxes import LIMITS, Boxed, make_place, run_in_box, with_limits

from harness_search.rollouts.box import rollout_box
from harness_search.rollouts.kit import prepare_kit
from harness_search.rollouts.view import give_to
from harness_search.sandbox.box import Box, Door, Mount, SandboxStartError
from harness_search.sandbox.choice import BWRAP, LANDLOCK, SANDBOXES, make_sandbox
from harness_search.sandbox.identities import Identities, NoIdentityError
from harness_search.sandbox.processes import kill_tree, start_ticks


@pytest.fixture(params=[BWRAP, LANDLOCK])
def name(request: pytest.FixtureRequest) -> str:
    """Each sandbox that works here; one that does not is skipped, and says why."""
    found = make_sandbox(request.param).probe()
    if not found.usable:
        pytest.skip(f"{request.param}: {found.reason}")
    return str(request.param)


everywhere = pytest.mark.parametrize("name", SANDBOXES, indirect=True)


@pytest.fixture
def run_source(kit: Path, short_folder: Path, name: str) -> Callable[..., Any]:
    """Run a harness's source in each sandbox."""

    async def run(source: str, **options: Any) -> Boxed:
        return await run_in_box(name, short_folder, source, kit, **options)

    return run


@everywhere
async def test_the_harness_gets_its_task_with_relative_paths(
    run_source: Callable[..., Any],
) -> None:
    source = "def solve(task, model):\n    print(repr(task), model.name)\n"
    done = await run_source(source, instructions="do it")
    assert (done.ending.exit_code, done.ending.began, done.in_time) == (0, True, True)
    assert "instructions='do it'" in done.log
    assert "documents=PosixPath('documents')" in done.log
    assert "deliverables=('memo.docx',)" in done.log


@pytest.mark.parametrize("module", ["harness_search", "meta_harness", "pydantic", "aiohttp"])
async def test_a_child_cannot_import_the_scaffold_nor_its_libraries(
    run_source: Callable[..., Any], module: str
) -> None:
    done = await run_source(f"import {module}\ndef solve(task, model): pass\n")
    assert done.ending.exit_code == 1
    assert "ModuleNotFoundError" in done.log


async def test_a_child_can_import_the_kit_and_write_documents(
    run_source: Callable[..., Any],
) -> None:
    source = (
        "from harness_kit import read_document, write_docx, write_xlsx\n"
        "def solve(task, model):\n"
        "    write_docx(task.output / 'a.docx', '# Title\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |')\n"
        "    write_xlsx(task.output / 'b.xlsx', '## One\\n| a | 1.5 |')\n"
        "    print(read_document(task.output / 'a.docx'), read_document(task.output / 'b.xlsx'))\n"
    )
    done = await run_source(source)
    assert done.ending.exit_code == 0, done.log
    assert "# Title" in done.log
    assert "| 1 | 2 |" in done.log
    assert "| a | 1.5 |" in done.log


WORK = """
import asyncio, shutil, sqlite3, ssl, subprocess, sys, tempfile, threading, zipfile
from concurrent.futures import ThreadPoolExecutor
def solve(task, model):
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(abs, range(-8, 0))) == 36
    program = [sys.executable, "-c", "print(6 * 7)"]
    assert subprocess.run(program, capture_output=True, text=True).stdout == "42\\n"
    assert subprocess.run("echo a | tr a b", shell=True, capture_output=True).stdout == b"b\\n"
    asyncio.run(asyncio.sleep(0))
    copy = shutil.copy(task.documents / "lease.txt", "copy.txt")
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(folder + "/x.zip", "w") as archive:
            archive.write(copy)
        shutil.copytree(task.documents, folder + "/tree")
    with sqlite3.connect("notes.db") as notes:
        notes.execute("CREATE TABLE t (x)")
    (task.output / "memo.docx").write_text("done")
"""


@everywhere
async def test_ordinary_work_is_not_hindered(run_source: Callable[..., Any]) -> None:
    done = await run_source(WORK)
    assert done.ending.exit_code == 0, done.log
    assert (done.output / "memo.docx").read_text() == "done"


@everywhere
async def test_no_secret_of_the_scaffold_is_in_the_childs_environment(
    run_source: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    source = "import os\ndef solve(task, model):\n    print(sorted(os.environ.items()))\n"
    done = await run_source(source)
    assert "sk-secret" not in done.log
    fixed = {"PATH", "LANG", "TZ", "HOME", "TMPDIR", "PWD", "LC_CTYPE", "LD_LIBRARY_PATH"}
    assert {name for name, _ in eval(done.log)} <= fixed


async def test_the_token_is_neither_argument_nor_environment(
    run_source: Callable[..., Any],
) -> None:
    source = (
        "import subprocess\n"
        "def solve(task, model):\n"
        "    print(subprocess.run(['ps', 'axeww'], capture_output=True).stdout)\n"
        "    for name in ('cmdline', 'environ'):\n"
        "        try:\n"
        "            print(open('/proc/self/' + name, 'rb').read())\n"
        "        except PermissionError as error:\n"
        "            print(error)\n"
    )
    done = await run_source(source)
    assert done.ending.exit_code == 0, done.log
    assert "token-of-this-rollout" not in done.log


@everywhere
async def test_the_child_is_never_root(run_source: Callable[..., Any]) -> None:
    source = "import os\ndef solve(task, model):\n    print(os.getresuid(), os.getresgid())\n"
    done = await run_source(source)
    ids = {number for three in eval(done.log.replace(") (", "), (")) for number in three}
    assert 0 not in ids
    assert done.view.stat().st_uid != 0 or os.geteuid() != 0


async def test_a_crash_is_an_exit_code_and_a_traceback_in_the_log(
    run_source: Callable[..., Any],
) -> None:
    done = await run_source("def solve(task, model):\n    raise RuntimeError('oh no')\n")
    assert (done.ending.exit_code, done.ending.began) == (1, True)
    assert "RuntimeError: oh no" in done.log


async def test_what_fails_before_the_harness_begins_is_told_apart(
    run_source: Callable[..., Any],
) -> None:
    done = await run_source("def solve(task, model): pass\n", limits=with_limits(file_bytes=2**70))
    assert not done.ending.began
    assert done.ending.exit_code != 0


@everywhere
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_a_harness_that_dies_of_a_signal_is_known_to_have(
    run_source: Callable[..., Any], number: signal.Signals
) -> None:
    source = f"import os\ndef solve(task, model):\n    os.kill(os.getpid(), {int(number)})\n"
    done = await run_source(source)
    assert (done.ending.exit_code, done.ending.began) == (-number, True)


async def test_a_harness_cannot_shut_the_scaffold_out_of_its_log(
    run_source: Callable[..., Any],
) -> None:
    source = (
        "import contextlib, os\n"
        "def solve(task, model):\n"
        "    with contextlib.suppress(PermissionError):\n"
        "        os.fchmod(2, 0)\n"
        "    raise RuntimeError(os.readlink('/proc/self/fd/2'))\n"
    )
    done = await run_source(source)
    assert "RuntimeError" in done.log
    assert done.view.parent.joinpath("harness.log").stat().st_mode & 0o400


@pytest.mark.parametrize("code", [0, 7, 137, 255])
async def test_an_exit_code_is_the_harnesss_own(run_source: Callable[..., Any], code: int) -> None:
    done = await run_source(f"import os\ndef solve(task, model):\n    os._exit({code})\n")
    assert (done.ending.exit_code, done.ending.began) == (code, True)


LIMITED = {
    "memory": ("x = [bytearray(10_000_000) for _ in range(200)]", "memory limit of 512 MB"),
    "memory of children": (
        "for _ in range(6):\n"
        "        if os.fork() == 0:\n"
        "            x = b'x' * 150_000_000\n"
        "            time.sleep(3600)\n"
        "    time.sleep(3600)",
        "memory limit of 512 MB",
    ),
    "processes": (
        "for _ in range(60):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(3600)\n"
        "    time.sleep(3600)",
        "limit of 48 processes",
    ),
    "a burst of processes": (
        "children = []\n"
        "    try:\n"
        "        while len(children) < 300:\n"
        "            children.append(os.fork() or time.sleep(3600))\n"
        "    finally:\n"
        "        os.kill(children.pop(), 9)",
        "limit of 48 processes",
    ),
    "open files": ("x = [open('documents/lease.txt') for _ in range(200)]", "128 open files"),
    "a large file": ("(task.output / 'x').write_bytes(bytes(21 << 20))", "20 MB a file"),
    "a full workspace": (
        "for n in range(4):\n"
        "        (task.output / str(n)).write_bytes(b'x' * (18 << 20))\n"
        "    time.sleep(3600)",
        "workspace limit of",
    ),
    "deleted files": (
        "held = [open(f'gone{n}', 'wb') for n in range(4)]\n"
        "    for n, file in enumerate(held):\n"
        "        os.unlink(f'gone{n}')\n"
        "        file.write(b'x' * (18 << 20))\n"
        "        file.flush()\n"
        "    time.sleep(3600)",
        "workspace limit of",
    ),
    "CPU": (
        "for _ in range(3):\n        os.fork()\n    while True: pass",
        "CPU limit of",
    ),
}


@pytest.mark.parametrize("case", LIMITED)
async def test_each_limit_is_kept_and_named(
    run_source: Callable[..., Any], name: str, case: str
) -> None:
    if (case, name) == ("a burst of processes", LANDLOCK) and os.geteuid() != 0:
        pytest.skip("the kernel would count all processes of this user: the watchdog alone does")
    body, reason = LIMITED[case]
    source = f"import os, time\ndef solve(task, model):\n    {body}\n"
    limits = with_limits(cpu_seconds=3) if case == "CPU" else LIMITS
    done = await run_source(source, limits=limits, seconds=60.0)
    assert reason in done.breach, (done.ending, done.log)
    assert done.in_time


async def test_children_that_ended_and_a_forwarder_hide_nothing(
    run_source: Callable[..., Any], short_folder: Path
) -> None:
    """A process that has ended lets nobody look into it, and is no reason to end its box."""
    source = (
        "import os, socket, time\n"
        "def solve(task, model):\n"
        "    if os.fork() == 0:\n"
        "        os._exit(0)\n"
        "    host, _, port = model.base_url.rpartition('/')[2].rpartition(':')\n"
        "    try:\n"
        "        socket.create_connection((host, int(port))).close()\n"
        "    except OSError:\n"
        "        pass\n"
        "    time.sleep(3.5)\n"
    )
    done = await run_source(source, door=Door(short_folder / "gateway.sock", 9))
    assert (done.ending.exit_code, done.breach) == (0, ""), done.log


LINGERS = """
import ctypes, os, signal, subprocess, sys, time
LINGER = '''
import ctypes, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
if sys.argv[1] == "double" and os.fork(): os._exit(0)
if sys.argv[1] == "reaper": ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
open("pid-" + sys.argv[1], "w").write(str(os.getpid()))
time.sleep(3600)
'''
KINDS = ("plain", "session", "double", "reaper")
def solve(task, model):
    for kind in KINDS:
        program = [sys.executable, "-c", LINGER, kind, task.instructions]
        subprocess.Popen(program, start_new_session=kind != "plain")
    while not all(os.path.exists("pid-" + kind) for kind in KINDS):
        time.sleep(0.01)
    (task.output / "ready").write_text("x")
"""


def lingering(mark: str) -> list[psutil.Process]:
    """Living processes with the mark as their last argument: pids inside are not ours."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[-1:] == [mark] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.mark.parametrize("ends", ["by itself", "too late"])
async def test_no_process_outlives_its_harness(run_source: Callable[..., Any], ends: str) -> None:
    source = LINGERS + ("    time.sleep(3600)\n" if ends == "too late" else "")
    mark = uuid4().hex
    done = await run_source(source, seconds=3.0 if ends == "too late" else 30.0, instructions=mark)
    assert done.in_time == (ends == "by itself")
    assert (done.output / "ready").exists()
    assert lingering(mark) == []


SCAFFOLD = """
import asyncio, sys
from pathlib import Path
from boxes import run_in_box
async def main(name, folder, kit, mark, source):
    source = Path(source).read_text()
    await run_in_box(name, Path(folder), source, Path(kit), seconds=3600, instructions=mark)
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("busy", ["time.sleep(3600)", "re.match('(a|aa)+$', 'a' * 60 + 'b')"])
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_killing_the_scaffold_leaves_no_process_behind(
    kit: Path, short_folder: Path, tmp_path: Path, name: str, busy: str, stop: signal.Signals
) -> None:
    """`re.match` holds the interpreter's lock for ever."""
    source = tmp_path / "lingers.py"
    source.write_text(f"import re\n{LINGERS}    {busy}\n")
    arguments = [name, str(short_folder), str(kit), mark := uuid4().hex, str(source)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    scaffold = subprocess.Popen([sys.executable, "-c", SCAFFOLD, *arguments], env=environment)
    try:
        wait_until((short_folder / "slot" / "view" / "output" / "ready").exists)
        assert len(lingering(mark)) == 4
    finally:
        scaffold.send_signal(stop)
        scaffold.wait()
    wait_until(lambda: lingering(mark) == [])


async def test_a_leftover_is_killed_only_when_it_is_the_same_process() -> None:
    sleeper = subprocess.Popen(["sleep", "3600"], start_new_session=True)
    ticks = start_ticks(sleeper.pid)
    kill_tree(sleeper.pid, ticks + 1)
    assert sleeper.poll() is None
    kill_tree(sleeper.pid, ticks)
    assert await asyncio.to_thread(sleeper.wait) == -signal.SIGKILL
    kill_tree(sleeper.pid, ticks)


async def test_a_child_that_never_gets_a_program_ends_by_itself(
    kit: Path, short_folder: Path, name: str
) -> None:
    (short_folder / "harness.py").write_text("")
    place = make_place(short_folder, None, {})
    box = rollout_box(kit, place, short_folder / "harness.py", None, LIMITS)
    child = await make_sandbox(name).start(box)
    ending = await child.kill()
    assert not ending.began
    assert not psutil.pid_exists(child.pid)


async def test_a_box_that_cannot_start_says_why(kit: Path, short_folder: Path, name: str) -> None:
    if name != "bwrap":
        pytest.skip("only bwrap looks for what it is to show before it starts")
    with contextlib.closing(Identities()) as identities:
        place = make_place(short_folder, identities.lease(), {})
    box = rollout_box(kit, place, short_folder / "gone.py", None, LIMITS)
    with pytest.raises(SandboxStartError, match=r"gone\.py"):
        await make_sandbox(name).start(box)


@pytest.mark.parametrize("name", [BWRAP], indirect=True)
async def test_a_base_url_leads_to_the_gateway_for_agents_that_ask_for_one(
    run_source: Callable[..., Any], short_folder: Path
) -> None:
    source = (
        "import urllib.request\n"
        "def solve(task, model):\n"
        "    print(model.base_url)\n"
        "    print(urllib.request.urlopen(model.base_url + '/v1/messages').read())\n"
    )
    gateway = short_folder / "gateway" / "gateway.sock"
    gateway.parent.mkdir(mode=0o755)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 300_000)
        writer.close()

    async with await asyncio.start_unix_server(answer, gateway):
        gateway.chmod(0o666)
        done = await run_source(source, door=Door(gateway, 0))
    assert done.ending.exit_code == 0, done.log
    assert done.log.startswith("http://127.0.0.1:8080\n")
    assert "x" * 300_000 in done.log


ANY_PROGRAM = """
set -e
cat /data/notes.txt
echo "$GREETING from $(pwd)"
echo found > result.txt
if echo x 2>/dev/null > "$1/new"; then exit 3; fi
"""


@everywhere
async def test_a_box_runs_any_program_on_any_mounts(
    kit: Path, short_folder: Path, name: str
) -> None:
    """As the session of a proposer will be: nothing in a box is made for rollouts alone."""
    short_folder.chmod(0o711)
    data, desk, temporary = (short_folder / part for part in ("data", "desk", "tmp"))
    with contextlib.closing(Identities()) as identities:
        uid = identities.lease()
        for folder in (data, desk, temporary):
            folder.mkdir(mode=0o755)
        give_to(uid, desk, temporary)
        (data / "notes.txt").write_text("notes")
        (data / "notes.txt").chmod(0o444)
        data.chmod(0o555)
        mounts = (Mount(data, "/data"), Mount(desk, "/desk", writable=True))
        log = short_folder / "log"
        box = Box(kit, mounts, mounts[1], temporary, LIMITS, log, uid=uid)
        child = await make_sandbox(name).start(box)
        script = ANY_PROGRAM.replace("/data", child.seen(mounts[0]))
        argv = ["/bin/sh", "-c", script, "sh", child.seen(mounts[0])]
        await child.give({"argv": argv, "environment": {"GREETING": "hello"}})
        await child.wait()
        ending = await child.kill()
    assert (ending.exit_code, ending.began) == (0, True), log.read_text()
    assert log.read_text() == f"noteshello from {child.seen(mounts[1])}\n"
    assert (desk / "result.txt").read_text() == "found\n"


def test_the_kit_is_made_once_and_holds_no_scaffold(kit: Path) -> None:
    names = {path.name for path in kit.iterdir()}
    assert {"harness_kit", "docx", "openpyxl", "inside", "harness_main.py"} <= names
    assert not any("harness_search" in str(path) for path in kit.rglob("*"))
    assert prepare_kit(kit.parent) == kit


def test_user_ids_are_lent_once_and_end_with_their_scaffold() -> None:
    if os.geteuid() != 0:
        identities = Identities()
        assert identities.lease() is None
        identities.give_back(None)
        pytest.skip("only root has user ids to lend")
    first, second = (Identities(first=61_100, count=2) for _ in range(2))
    one, two = first.lease(), second.lease()
    assert one != two
    with pytest.raises(NoIdentityError):
        first.lease()
    second.close()
    assert first.lease() == two
    first.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in another process; a minute of waiting is a failure."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()
