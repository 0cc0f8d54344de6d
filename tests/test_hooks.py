"""Commands of a person's own are told what happened, and can neither stop nor outlive a search."""

import asyncio
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from journals import read_events

from harness_search.errors import SearchStoppedError
from harness_search.reports.progress import Reporter
from harness_search.sandbox.processes import read_process
from harness_search.service.events import (
    Decided,
    Event,
    Failed,
    Finished,
    HookFailed,
    NeedsPerson,
    Paused,
)
from harness_search.service.hook_guard import LONGEST_LOG
from harness_search.service.hooks import MOST_BYTES, Hooks, hook_of, hooked
from harness_search.service.launch import at_work
from harness_search.settings import ServiceSettings
from harness_search.workspace import Workspace

PROMOTED = Decided(3, "better", "promoted", "it gained 2.1 points")
LONG = 60.0

With = Callable[..., Workspace]


@pytest.fixture
def workspace_with(open_tiny: Callable[..., Workspace]) -> With:
    """A workspace with hooks; each is a script for a shell."""

    def made(**scripts: str) -> Workspace:
        commands = {name: ("sh", "-c", script) for name, script in scripts.items()}
        workspace = open_tiny()
        service = ServiceSettings.model_validate(commands)
        return replace(
            workspace, settings=workspace.settings.model_copy(update={"service": service})
        )

    return made


async def hear(workspace: Workspace, *happened: Event, seconds: float = LONG) -> list[Event]:
    """What is told while the commands of events run to their ends."""
    told: list[Event] = []
    hooks = Hooks(workspace, told.append, seconds)
    for event in happened:
        hooks.hear(event)
    await hooks.ended()
    return told


def ended(pid: int) -> bool:
    process = read_process(pid)
    return process is None or process.zombie


def test_three_moments_have_a_command() -> None:
    hooks = {
        PROMOTED: "on_promoted",
        replace(PROMOTED, decision="orphan"): "",
        NeedsPerson("the login has expired"): "on_needs_person",
        Failed("KeyError at loop.py:3"): "on_needs_person",
        Finished("the last iteration is decided"): "on_finished",
        Paused(): "",
    }
    assert {event: hook_of(event) for event in hooks} == hooks


async def test_a_command_is_told_the_event_in_the_workspace_and_gets_no_key(
    workspace_with: With, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    workspace = workspace_with(on_promoted="cat > got.json; env > got.env; echo done")
    assert await hear(workspace, PROMOTED, Paused()) == []
    root = workspace.layout.root
    assert json.loads((root / "got.json").read_text()) == PROMOTED.to_json()
    environment = (root / "got.env").read_text()
    assert "META_HARNESS_EVENT=decided" in environment
    assert f"PATH={os.environ['PATH']}" in environment
    assert "sk-secret" not in environment
    assert "/nowhere" not in environment
    assert workspace.layout.hooks_log.read_text().endswith(" on_promoted: done\ndone\n")


async def test_a_failing_command_is_an_event_and_its_output_is_kept_up_to_a_bound(
    workspace_with: With,
) -> None:
    workspace = workspace_with(
        on_promoted="head -c 3000000 /dev/zero | tr '\\0' x; exit 3",
        on_finished="kill -9 $$",
    )
    log = workspace.layout.hooks_log
    log.write_bytes(b"x" * (LONGEST_LOG + 1))
    told = await hear(workspace, PROMOTED)
    told += await hear(workspace, Finished("done"))
    assert told == [
        HookFailed("on_promoted", "it ended with exit code 3"),
        HookFailed("on_finished", "it was ended by signal 9"),
    ]
    assert MOST_BYTES < log.stat().st_size < MOST_BYTES + 500
    assert log.with_name("hooks.log.old").stat().st_size == LONGEST_LOG + 1


@pytest.mark.parametrize("words", [("no-such-program",), ("nul\0",), ("",)])
async def test_a_command_that_is_none_is_an_event(
    workspace_with: With, words: tuple[str, ...]
) -> None:
    workspace = workspace_with()
    service = ServiceSettings(on_promoted=words)
    settings = workspace.settings.model_copy(update={"service": service})
    (failed,) = await hear(replace(workspace, settings=settings), PROMOTED)
    assert isinstance(failed, HookFailed)
    assert "it cannot be started" in failed.problem


async def test_a_slow_command_is_killed_with_all_it_started(workspace_with: With) -> None:
    script = "trap '' TERM; sleep 1000 & echo $$ $! > pids; wait"
    workspace = workspace_with(on_promoted=script)
    (failed,) = await hear(workspace, PROMOTED, seconds=0.5)
    assert failed == HookFailed("on_promoted", "it took longer than 0.5 s")
    pids = (workspace.layout.root / "pids").read_text().split()
    assert all(ended(int(pid)) for pid in pids)


async def test_what_a_command_leaves_behind_ends_with_it(workspace_with: With) -> None:
    workspace = workspace_with(on_promoted="sleep 1000 & echo $! > pids")
    assert await hear(workspace, PROMOTED) == []
    assert ended(int((workspace.layout.root / "pids").read_text()))


async def test_a_launch_that_is_ended_at_once_ends_its_commands(workspace_with: With) -> None:
    workspace = workspace_with(on_promoted="echo $$ > pids; echo > begun; sleep 1000")
    begun = workspace.layout.root / "begun"
    os.mkfifo(begun)
    hooks = Hooks(workspace, lambda _: None)
    hooks.hear(PROMOTED)
    await asyncio.to_thread(begun.read_bytes)
    ending = asyncio.ensure_future(hooks.ended())
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert ended(int((workspace.layout.root / "pids").read_text()))


PROGRAM = """
import asyncio, sys
from pathlib import Path
from harness_search.service.events import Finished
from harness_search.service.hooks import Hooks
from harness_search.workspace import open_workspace

async def main():
    hooks = Hooks(open_workspace(Path(sys.argv[1]), {}, to_run=False), print, seconds=900)
    hooks.hear(Finished("done"))
    await hooks.ended()

asyncio.run(main())
"""


def test_nothing_is_left_of_a_command_when_the_scaffold_is_killed(
    workspace_folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "hook.sh"
    script.write_text("sleep 1000 &\necho $PPID $$ $! > begun\nwait\n")
    settings = workspace_folder / "meta_harness.toml"
    settings.write_text(f'[service]\non_finished = ["sh", "{script}"]\n')
    os.mkfifo(workspace_folder / "begun")
    begun = os.open(workspace_folder / "begun", os.O_RDWR)
    with subprocess.Popen([sys.executable, "-c", PROGRAM, workspace_folder]) as scaffold:
        assert begun in ready(begun, os.pidfd_open(scaffold.pid))
        pids = [int(pid) for pid in os.read(begun, 100).split()]
        handles = [os.pidfd_open(pid) for pid in pids]
        scaffold.kill()
    assert len(pids) == 3
    for handle in handles:
        assert ready(handle)


def ready(*descriptors: int) -> list[int]:
    """Those that can be read, or have ended; none after a long time."""
    return select.select(descriptors, [], [], LONG)[0]


async def test_the_last_commands_of_a_launch_are_waited_for_before_it_says_that_it_ended(
    workspace_with: With,
) -> None:
    workspace = workspace_with(on_needs_person="cat > got.json; exit 1")
    with pytest.raises(SearchStoppedError):
        async with at_work("run", workspace, Reporter(None)):
            raise SearchStoppedError("the login has expired")
    happened = [entry.kind for entry in read_events(workspace.layout.events)]
    assert happened == ["launched", "needs_person", "hook_failed", "ended"]
    got = json.loads((workspace.layout.root / "got.json").read_text())
    assert got == {"event": "needs_person", "reason": "the login has expired"}


async def test_the_search_goes_on_while_a_command_runs(workspace_with: With) -> None:
    workspace = workspace_with(on_promoted="cat > /dev/null; read line < gate")
    gate = workspace.layout.root / "gate"
    os.mkfifo(gate)
    reporter = Reporter(None)
    async with hooked(workspace, reporter):
        reporter.tell(PROMOTED)
        await asyncio.to_thread(gate.write_text, "go on\n")  # which nobody else would write
    assert " on_promoted: done" in workspace.layout.hooks_log.read_text()
