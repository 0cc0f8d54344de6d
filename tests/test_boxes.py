"""A sandboxed process: what it is given, what it sees, and how its end is known."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from boxes import LIMITS, make_place, with_limits

from harness_search import disk
from harness_search.errors import SearchStoppedError
from harness_search.ledger.store import Ledger
from harness_search.rollouts import bench
from harness_search.rollouts import kit as kits
from harness_search.rollouts.bench import open_replay_bench
from harness_search.rollouts.box import rollout_box
from harness_search.rollouts.kit import prepare_kit
from harness_search.rollouts.room import room_needed
from harness_search.rollouts.view import give_to
from harness_search.sandbox.box import Box, Door, Mount, SandboxStartError
from harness_search.sandbox.choice import BWRAP, SANDBOXES, make_sandbox
from harness_search.sandbox.identities import Identities, NoIdentityError
from harness_search.service.conduct import Conduct
from harness_search.workspace import Workspace

everywhere = pytest.mark.parametrize("each_sandbox", SANDBOXES, indirect=True)


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


async def test_a_box_that_cannot_start_says_why(
    kit: Path, short_folder: Path, each_sandbox: str
) -> None:
    if each_sandbox != "bwrap":
        pytest.skip("only bwrap looks for what it is to show before it starts")
    with contextlib.closing(Identities()) as identities:
        place = make_place(short_folder, identities.lease(), {})
    box = rollout_box(kit, place, short_folder / "gone.py", None, LIMITS)
    with pytest.raises(SandboxStartError, match=r"gone\.py"):
        await make_sandbox(each_sandbox).start(box)


@pytest.mark.parametrize("each_sandbox", [BWRAP], indirect=True)
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
    kit: Path, short_folder: Path, each_sandbox: str
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
        child = await make_sandbox(each_sandbox).start(box)
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
    left = kit.parent / ".building-left"
    left.mkdir()
    assert prepare_kit(kit.parent) == kit
    assert not left.exists()


def test_a_kit_that_the_disk_does_not_take_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kits, "_copy_library", full)
    with pytest.raises(OSError, match="No space left"):
        prepare_kit(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_disk_with_less_room_than_a_launch_needs_is_named_before_the_kit_is_built(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny()
    needed = room_needed(workspace.settings)
    monkeypatch.setattr(disk, "free_megabytes", lambda _: needed - 1)
    monkeypatch.setattr(bench, "prepare_kit", lambda _: pytest.fail("the kit is built"))
    with (
        closing(Ledger(workspace.layout.ledger)) as ledger,
        pytest.raises(SearchStoppedError, match=f"at least {needed:,} MB needed"),
    ):
        async with open_replay_bench(workspace, ledger, Conduct()):
            pass


def test_user_ids_are_lent_once_and_end_with_their_scaffold() -> None:
    if os.geteuid() != 0:
        identities = Identities()
        assert identities.lease() is None
        identities.give_back(None)
        pytest.skip("only root has user ids to lend")
    own = 61_100 + 2 * (os.getpid() % 1000)  # another run of the tests may lend at the same time
    first, second = (Identities(first=own, count=2) for _ in range(2))
    one, two = first.lease(), second.lease()
    assert one != two
    with pytest.raises(NoIdentityError):
        first.lease()
    second.close()
    assert first.lease() == two
    first.close()
