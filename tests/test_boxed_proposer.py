"""A proposer's box: what it shows, what it takes back, and that nothing of it is left."""

import asyncio
import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Open, opener
from proposer_sessions import opened_desk, where_others_may_enter
from seen_processes import command_of

from harness_search.errors import InputError
from harness_search.ledger.rows import Role
from harness_search.proposers.gateway import proposer_profile
from harness_search.sandbox.choice import NONE
from harness_search.sandbox.process import BoxProcess


@pytest.fixture
def desk(
    workspace_folder: Path, each_sandbox: str, kit: Path, short_folder: Path, tmp_path: Path
) -> Callable[..., Any]:
    """Opens a desk in each sandbox."""
    workspace = opener(where_others_may_enter(workspace_folder, short_folder), each_sandbox)()
    return partial(opened_desk, workspace, kit, short_folder, tmp_path)


async def test_only_the_view_and_the_state_can_be_written_to(desk: Callable[..., Any]) -> None:
    async with desk() as opened:
        evidence, folder = opened.session.evidence, opened.folder
        for shown in (folder, evidence, *evidence.rglob("*")):  # nobody's rights are what holds
            shown.chmod(0o777)
        seen = "/work" if opened.services.bench.sandbox.isolated else str(opened.session.view)
        state = "/state" if seen == "/work" else str(folder / "state")
        dev = "/work/dev" if seen == "/work" else str(evidence)
        visit = await opened.run(
            f"pwd; echo new > harnesses/a.py; echo kept > {state}/memory; "
            f"cat {dev}/baseline/tax/task-0/trial-1/score.txt; "
            f"echo x > {dev}/planted; echo x >> {dev}/baseline/tax/task-0/trial-1/score.txt; "
            f"echo x > {folder}/planted; id -u"
        )
        assert (visit.why, visit.reason) == ("ended", ""), visit
        assert visit.log.startswith(f"{seen}\npassed 3 of 5\n")
        assert (folder / "state" / "memory").read_text() == "kept\n"
        candidate = opened.session.view / "harnesses" / "a.py"
        assert candidate.read_text() == "new\n" and candidate.stat().st_uid == os.geteuid()
        score = evidence / "baseline" / "tax" / "task-0" / "trial-1" / "score.txt"
        assert score.read_text() == "passed 3 of 5\n"
        assert not list(evidence.glob("planted")) and not list(folder.glob("planted"))
        assert visit.log.split()[-1] != "0"
        assert not list(opened.services.bench.runtime.glob("session-*"))


async def test_no_process_of_a_box_outlives_it(desk: Callable[..., Any]) -> None:
    mark = f"4321{secrets.randbelow(10**6)}"
    async with desk() as opened:
        script = f"setsid sh -c 'trap \"\" TERM; sleep {mark}' & sleep 0.1; "
        ended = await opened.run(script + "exit 3")
        late = await opened.run(script + "sleep 60", seconds=0.5)

        async def silent() -> str:
            return "nothing heard"

        stopped = await opened.run(script + "sleep 60", watch=silent)
        held = asyncio.create_task(opened.run(script + "sleep 60"))
        await until_begun(mark)
        held.cancel()
        await asyncio.wait({held})
    assert (ended.why, ended.reason) == ("ended", "ended with exit code 3")
    assert (late.why, late.reason) == ("time", "time limit of 0.5 s passed")
    assert (stopped.why, stopped.reason) == ("stopped", "nothing heard")
    assert held.cancelled()
    assert not sleeping(mark)


async def test_a_box_that_is_stopped_as_it_begins_ends_by_itself(
    desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    forced = list[int]()
    by_force = BoxProcess._kill_by_force

    async def noted(box: BoxProcess) -> None:
        forced.append(box.pid)
        await by_force(box)

    async def at_once() -> str:
        return "not wanted"

    monkeypatch.setattr(BoxProcess, "_kill_by_force", noted)
    async with desk() as opened:
        visits = [await opened.run("sleep 60", watch=at_once) for _ in range(3)]
    assert [visit.why for visit in visits] == ["stopped"] * 3
    assert not forced


async def until_begun(mark: str) -> None:
    async with asyncio.timeout(30):
        while not sleeping(mark):
            await asyncio.sleep(0.02)


def sleeping(mark: str) -> list[int]:
    return [one.pid for one in psutil.process_iter() if mark in command_of(one)]


async def test_what_a_session_locked_is_ours_again_and_its_links_lead_nowhere(
    desk: Callable[..., Any], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    outside.chmod(0o600)
    async with desk() as opened:
        view: Path = opened.session.view
        await opened.run(
            f"mkdir locked; echo 1 > locked/file; chmod 000 locked/file locked; "
            f"ln -s {outside} link; ln -s /etc links; chmod 000 harnesses"
        )
        again = await opened.run("cat locked/file; cat link")  # another user id, perhaps
        assert (view / "locked" / "file").read_text() == "1\n"
        assert (view / "link").is_symlink() and (view / "harnesses" / "baseline.py").is_file()
    assert again.log.startswith("1\n") and "untouched" not in again.log
    found = outside.stat()
    assert (found.st_mode & 0o777, found.st_uid) == (0o600, os.geteuid())


async def test_a_proposer_spends_from_the_one_budget_of_the_search(
    desk: Callable[..., Any], tmp_path: Path
) -> None:
    async with desk() as opened:
        gateway, bench = opened.gateway, opened.services.bench
        assert gateway.account is not bench.gateway.account
        assert gateway.account.budget is bench.gateway.account.budget
        assert gateway.socket != bench.gateway.socket
        grant = gateway.grant(tmp_path / "t.jsonl", role=Role.PROPOSER)
        assert grant.model != bench.gateway.model


async def test_no_proposer_is_ever_run_without_a_sandbox(
    workspace_folder: Path, kit: Path, short_folder: Path, tmp_path: Path
) -> None:
    workspace = opener(workspace_folder, NONE)()
    async with opened_desk(workspace, kit, short_folder, tmp_path) as opened:
        with pytest.raises(InputError, match="would read the held-out tasks"):
            await opened.run("true")


async def test_a_profile_without_an_endpoint_is_refused(open_tiny: Open) -> None:
    workspace = open_tiny()
    with pytest.raises(InputError, match=r"proposer\.profile: found 'claude', expected a section"):
        proposer_profile(workspace)
