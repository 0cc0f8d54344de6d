"""A search in the background: started once, found by its line, stopped by its command."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import keep_dev_tasks

from harness_search.errors import InputError, SearchLockedError
from harness_search.layout import Layout
from harness_search.rollouts.bench import locked
from harness_search.service import holder as holders
from harness_search.service.asking import ask
from harness_search.service.detached import NotStartedError, start
from harness_search.service.heartbeat import read_heartbeat, write_heartbeat
from harness_search.service.pulse import Pulse

SCRIPT = Path(__file__).resolve().parent.parent / "meta_harness.py"
HOLDS = """\
import sys
from pathlib import Path
from harness_search.errors import SearchLockedError
from harness_search.layout import Layout
from harness_search.rollouts.bench import locked
print("ready", flush=True)
input()
try:
    with locked(Layout(Path(sys.argv[1]))):
        print("holds", flush=True)
        input()
except SearchLockedError as error:
    print(error, flush=True)
"""


def meta_harness(*words: str, folder: Path, **more: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


def processes_of(folder: Path) -> list[int]:
    """Every process whose command line names a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and os.fsencode(folder) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.fixture
def layout(workspace_folder: Path) -> Layout:
    return Layout(workspace_folder)


@pytest.fixture
def inheritable() -> Iterator[int]:
    """A descriptor that a careless parent leaves open for its children."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


def open_files(pid: int) -> set[Path]:
    """Those of a process at work, which closes some while they are looked at."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(descriptor.readlink())
    return found


def test_a_search_in_the_background_is_started_found_and_stopped(
    layout: Layout, inheritable: int
) -> None:
    keep_dev_tasks(layout.root, 2)
    layout.paused.touch()  # so that it stays until it is stopped
    pipe = Path(f"/proc/self/fd/{inheritable}").readlink()
    done = meta_harness(
        *("start", "--iterations", "1", "-k", "1"), folder=layout.root, pass_fds=(inheritable,)
    )
    assert (done.returncode, done.stderr) == (
        0,
        "meta-harness: paused: `meta-harness resume` lets it begin\n",
    )
    (line,) = done.stdout.splitlines()
    launch = json.loads(line)
    pid = launch["pid"]
    beat = ask(layout, {"ask": "ping"})
    assert launch == {
        "event": "launch",
        "pid": beat.pid,
        "run": beat.run,
        "control_socket": beat.socket,
        "log": str(layout.service_log),
        "workspace": str(layout.root),
        "paused": True,
    }
    try:
        assert os.getsid(pid) == pid  # no terminal's hang-up reaches it
        assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
        assert pipe not in open_files(pid)
        assert beat.paused

        second = meta_harness("start", folder=layout.root)
        assert (second.returncode, second.stdout) == (4, "")
        assert f"held by process {pid} (meta-harness run) since 20" in second.stderr
        assert len(second.stderr.splitlines()) == 1
    finally:
        stopped = meta_harness("stop", "--json", folder=layout.root)
    assert json.loads(stopped.stdout) == {
        "event": "stop",
        "pid": pid,
        "in_flight": 0,
        "killed": False,
        "ended": True,
        "exit_code": 143,
    }
    assert not beat.alive
    assert not Path(beat.socket).parent.exists()
    assert processes_of(layout.root) == []
    assert "Paused: nothing new begins" in layout.service_log.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profile", "no-such-one"), "meta-harness: "),
        (("--bogus",), "Usage: meta-harness start .*\n(.*\n)*.*No such option: --bogus"),
    ],
)
def test_what_run_refuses_start_refuses_in_the_same_words(
    layout: Layout, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(NotStartedError, match=said) as refused:
        start(layout, words, 60.0)
    assert refused.value.exit_code == 2
    assert words[-1] in str(refused.value)
    assert not layout.heartbeat.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_nothing_may_be_written_nothing_is_started(layout: Layout) -> None:
    layout.runs.mkdir(exist_ok=True)
    layout.runs.chmod(0o500)
    try:
        with pytest.raises(InputError, match="a folder in which nothing may be written"):
            start(layout, (), 60.0)
    finally:
        layout.runs.chmod(0o700)


def test_what_is_printed_to_a_full_disk_is_missed_in_one_sentence(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, SCRIPT, "--help"],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "Exception ignored" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_outside_a_workspace_nothing_is_started_or_written(tmp_path: Path) -> None:
    done = meta_harness("start", folder=tmp_path)
    assert done.returncode == 2
    assert "meta-harness init" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_launch_that_does_not_answer_in_time_is_ended(layout: Layout) -> None:
    with pytest.raises(NotStartedError, match=r"did not answer within 0\.01 s") as refused:
        start(layout, [], 0.01)
    assert refused.value.exit_code == 3
    assert processes_of(layout.root) == []
    with locked(layout):
        pass


@contextmanager
def ready_to_lock(layout: Layout, count: int) -> Iterator[list["subprocess.Popen[str]"]]:
    command = [sys.executable, "-c", HOLDS, str(layout.root)]
    children = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=SCRIPT.parent,
        )
        for _ in range(count)
    ]
    try:
        for child in children:
            assert read_line(child) == "ready"
        yield children
    finally:
        for child in children:
            child.kill()
            child.communicate()


def read_line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def go_on(child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def test_of_scaffolds_started_at_the_same_moment_exactly_one_runs(layout: Layout) -> None:
    with ready_to_lock(layout, 3) as children:
        for child in children:
            go_on(child)
        said = {child.pid: read_line(child) for child in children}
        (first,) = [pid for pid, line in said.items() if line == "holds"]
        for pid, line in said.items():
            assert pid == first or f"held by process {first} since 20" in line
    with locked(layout):  # free at once after a SIGKILL
        pass


def test_the_holder_is_named_with_its_command(layout: Layout) -> None:
    with locked(layout):
        write_heartbeat(layout.heartbeat, Pulse(layout.heartbeat, "r", "ab").heartbeat())
        with pytest.raises(SearchLockedError) as refused, locked(layout):
            raise AssertionError
    assert refused.value.exit_code == 4
    assert f"held by process {os.getpid()} (meta-harness ab) since 20" in str(refused.value)


def test_who_held_it_before_is_not_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "SECONDS_TO_SIGN", 0.0)
    with locked(layout):
        layout.lock_holder.write_text("1 1\n")
        with pytest.raises(SearchLockedError, match="held by another process"), locked(layout):
            raise AssertionError


def test_a_file_system_without_locks_is_refused(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(descriptor: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(holders.fcntl, "flock", unsupported)
    with pytest.raises(InputError, match="cannot lock files"), locked(layout):
        raise AssertionError
    assert read_heartbeat(layout.heartbeat) is None
