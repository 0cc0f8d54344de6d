"""The doctor says what is missing and how to get it, and whether a run could start."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.doctor.folders import disk_row, runs_row, sockets_row
from harness_search.doctor.machine import Machine, findings_of_machine
from harness_search.doctor.packages import Requirement, is_older, packages_row, python_row
from harness_search.doctor.place import (
    ledger_row,
)
from harness_search.doctor.report import Diagnosis, Finding
from harness_search.doctor.sandboxes import Confinement, findings_of_sandboxes
from harness_search.ledger.store import Ledger
from harness_search.sandbox.box import Capabilities
from harness_search.settings import LimitSettings, SearchSettings, Settings

WORKS = Capabilities(usable=True, reason="version 1")
NO_BWRAP = Capabilities(False, "bubblewrap is not installed", "apt-get install bubblewrap")
NO_LANDLOCK = Capabilities(False, "the kernel has no Landlock", "use Linux 6.12 or later")
BOTH = Confinement({"bwrap": WORKS, "landlock": WORKS}, landlock=7, seccomp=True)
NEITHER = replace(BOTH, sandboxes={"bwrap": NO_BWRAP, "landlock": NO_LANDLOCK})
ONLY_LANDLOCK = replace(BOTH, sandboxes={"bwrap": NO_BWRAP, "landlock": WORKS})
SOUND = Machine(
    kernel="Linux 6.18",
    uid=1000,
    cores=4,
    available_bytes=16_000_000_000,
    git="2.39.2",
    git_fix="apt-get install git",
    open_files=1_048_576,
    clock=time.time(),
)


def finding(rows: Any, name: str) -> Finding:
    (only,) = [item for item in rows if item.name == name]
    return only


# The report.


def test_each_row_says_its_state_and_the_fix_stands_under_it() -> None:
    rows = (
        Finding("git", "2.39"),
        Finding("disk", "full", "fail", "make room"),
        Finding("cores", "1", "warn"),
    )
    found = Diagnosis(rows)
    assert found.lines() == [
        "ok   git   2.39",
        "FAIL disk  full",
        "           fix: make room",
        "warn cores 1",
    ]
    assert found.refusal == "disk: full"
    assert found.to_json()["ready"] is False


# Sandboxes.


def test_what_is_missing_comes_with_the_command_that_installs_it() -> None:
    found = finding(findings_of_sandboxes(ONLY_LANDLOCK, "auto"), "sandbox bwrap")
    assert (found.state, found.fix) == ("warn", "apt-get install bubblewrap")


@pytest.mark.parametrize(
    ("here", "backend", "taken", "refused"),
    [
        (BOTH, "auto", "bwrap", ""),
        (BOTH, "landlock", "landlock", ""),
        (ONLY_LANDLOCK, "auto", "landlock", ""),
        (ONLY_LANDLOCK, "landlock", "landlock", ""),
        (ONLY_LANDLOCK, "bwrap", "", "a run takes: bwrap does not work"),
        (NEITHER, "auto", "", "a run takes: bwrap and landlock do not work"),
        (NEITHER, "landlock", "", "a run takes: landlock does not work"),
    ],
)
def test_a_run_starts_in_the_sandbox_of_the_settings_or_not_at_all(
    here: Confinement, backend: str, taken: str, refused: str
) -> None:
    rows = tuple(findings_of_sandboxes(here, backend))
    assert Diagnosis(rows).refusal == refused
    if taken:
        assert finding(rows, "a run takes").value == taken


def test_a_refusal_says_every_way_out() -> None:
    assert finding(findings_of_sandboxes(ONLY_LANDLOCK, "bwrap"), "a run takes").fix == (
        "apt-get install bubblewrap; or set sandbox.backend to landlock; "
        "or run with --unsafe-no-sandbox"
    )


@pytest.mark.parametrize(
    ("here", "backend", "begun_in", "refused"),
    [
        (BOTH, "auto", "bwrap", ""),
        (BOTH, "auto", "landlock", ""),
        (BOTH, "landlock", "landlock", ""),
        (ONLY_LANDLOCK, "auto", "bwrap", "search goes on in: bwrap does not work"),
        (BOTH, "landlock", "bwrap", "search begun in: bwrap"),
        (BOTH, "auto", "none", "search begun in: none"),
    ],
)
def test_a_search_goes_on_in_the_sandbox_that_it_was_begun_in(
    here: Confinement, backend: str, begun_in: str, refused: str
) -> None:
    refusal = Diagnosis(tuple(findings_of_sandboxes(here, backend, begun_in))).refusal
    assert refusal.startswith(refused)
    assert bool(refusal) == bool(refused)


@pytest.mark.parametrize(
    ("here", "name"),
    [
        (replace(BOTH, landlock=0), "landlock"),
        (replace(BOTH, seccomp=False), "seccomp"),
        (ONLY_LANDLOCK, "namespaces"),
    ],
)
def test_what_the_kernel_lacks_is_a_warning(here: Confinement, name: str) -> None:
    assert finding(findings_of_sandboxes(here, "auto"), name).state == "warn"


# The machine.


@pytest.mark.parametrize(
    ("machine", "name", "said", "state"),
    [
        (replace(SOUND, uid=0), "user", "unprivileged user id of its own", "ok"),
        (replace(SOUND, git=""), "git", "not installed", "fail"),
        (replace(SOUND, open_files=1_024), "open files", "256 connections", "warn"),
        (replace(SOUND, open_files=None), "open files", "no limit", "ok"),
        (replace(SOUND, available_bytes=10**9), "memory", "may take 8.6 GB", "warn"),
        (replace(SOUND, available_bytes=0), "memory", "not told", "ok"),
        (replace(SOUND, clock=0.0), "clock", "which cannot be", "warn"),
    ],
)
def test_each_row_says_what_it_means(machine: Machine, name: str, said: str, state: str) -> None:
    found = finding(findings_of_machine(machine, Settings()), name)
    assert said in found.value
    assert found.state == state
    assert found.fix or state == "ok"


def test_a_clock_behind_what_the_workspace_remembers_is_not_trusted() -> None:
    later = SOUND.clock + 2 * 3600
    found = finding(findings_of_machine(SOUND, Settings(), last_written=later), "clock")
    assert "2.0 h before this workspace was last written to" in found.value


def test_many_rollouts_on_one_core_are_a_warning() -> None:
    greedy = Settings(search=SearchSettings(concurrency=64))
    found = finding(findings_of_machine(replace(SOUND, cores=1), greedy), "cores")
    assert found.fix == "lower --concurrency to 16 or less"


# Packages.


def test_packages_that_are_old_or_missing_are_named_with_the_command() -> None:
    here = {"old": "1.9", "new": "10.0.1"}
    needed = [Requirement("old", "1.10"), Requirement("new", "9.0"), Requirement("gone", "2.0")]
    found = packages_row(needed, here.get)
    assert found.value == "old 1.9 is older than 1.10, gone is not installed"
    assert found.fix.endswith("-m pip install 'old>=1.10' 'gone>=2.0'")
    assert packages_row(needed[1:2], here.get).state == "ok"


def test_an_old_python_stops_a_run() -> None:
    assert python_row("3.9.18", "3.11").state == "fail"
    assert python_row("3.14.0rc1", "3.11").state == "ok"


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4), st.integers(1, 9))
def test_versions_are_compared_by_number(parts: list[int], more: int) -> None:
    text = ".".join(map(str, parts))
    newer = ".".join(map(str, [*parts[:-1], parts[-1] + more]))
    assert is_older(text, newer)
    assert not is_older(newer, text)
    assert not is_older(text, f"{text}.0")


# Where it is written to.


def test_room_on_the_disk_is_measured_by_what_the_settings_let_rollouts_write() -> None:
    greedy = Settings(
        search=SearchSettings(concurrency=64), limits=LimitSettings(workspace_megabytes=1_000)
    )
    assert disk_row(12_000, Settings()).state == "ok"
    assert disk_row(12_000, greedy).state == "fail"
    assert disk_row(99, Settings()).state == "fail"


def test_a_folder_that_takes_files_is_left_as_it_was(tmp_path: Path) -> None:
    assert runs_row(tmp_path).state == "ok"
    assert not list(tmp_path.iterdir())
    assert runs_row(tmp_path / "runs").state == "ok"
    assert runs_row(Path("/proc/self/runs")).state == "fail"


def test_a_long_temporary_folder_is_no_place_for_sockets(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 60)
    assert sockets_row(long).value.startswith("in /tmp, since")
    assert sockets_row(Path("/tmp")).value == "in /tmp"


# The ledger.


def test_a_ledger_is_called_whole_damaged_or_too_new(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    assert ledger_row(file) is None
    with closing(Ledger(file)):
        pass
    whole = ledger_row(file)
    assert whole is not None
    assert whole.state == "ok"
    content = file.read_bytes()
    file.write_bytes(content[:-4_096] + b"\xff" * 4_096)
    damaged = ledger_row(file)
    assert damaged is not None
    assert (damaged.state, "is damaged" in damaged.value) == ("fail", True)
    assert "backup" in damaged.fix
    file.write_bytes(content)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")
    newer = ledger_row(file)
    assert newer is not None
    assert (newer.state, "newer Meta-Harness" in newer.fix) == ("fail", True)
    file.write_bytes(b"x" * 10_000)
    broken = ledger_row(file)
    assert broken is not None
    assert (broken.state, "backup" in broken.fix) == ("fail", True)
