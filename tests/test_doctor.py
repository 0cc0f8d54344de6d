"""The doctor says what is missing and how to get it, and whether a run could start."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.store import Ledger
from harness_search.sandbox.advice import NamespaceSwitches, install_command, namespace_advice
from harness_search.sandbox.box import Capabilities
from harness_search.sandbox.doctor import Diagnosis, Finding, Machine, Place, conclude
from harness_search.settings import (
    LimitSettings,
    Profile,
    SandboxSettings,
    SearchSettings,
    Settings,
)

WORKS = Capabilities(usable=True, reason="version 1")
NO_BWRAP = Capabilities(False, "bubblewrap is not installed", "apt-get install bubblewrap")
NO_LANDLOCK = Capabilities(False, "the kernel has no Landlock", "use Linux 6.12 or later")
SOUND = Machine(
    sandboxes={"bwrap": WORKS, "landlock": WORKS},
    kernel="Linux 6.18",
    landlock=7,
    seccomp=True,
    uid=1000,
    python="3.11.7 at /usr/bin/python3.11",
    git="2.39.2",
    git_remedy="apt-get install git",
    free_bytes=12_300_000_000,
    open_files=1_048_576,
)
NOTHING_WORKS = replace(SOUND, sandboxes={"bwrap": NO_BWRAP, "landlock": NO_LANDLOCK})
ONLY_LANDLOCK = replace(SOUND, sandboxes={"bwrap": NO_BWRAP, "landlock": WORKS})


def workspace(**sections: object) -> Place:
    return Place(Path("/place"), settings=Settings.model_validate(sections))


def asking_for(backend: str) -> Place:
    return workspace(sandbox=SandboxSettings.model_validate({"backend": backend}))


def finding(found: Diagnosis, name: str) -> Finding:
    (only,) = [item for item in found.findings if item.name == name]
    return only


# What follows from what was found.


def test_a_sound_machine_is_told_so_line_by_line() -> None:
    found = conclude(SOUND, None)
    assert found.refusal == ""
    assert found.lines() == [
        "sandbox bwrap      works (version 1)",
        "sandbox landlock   works (version 1)",
        "auto takes         bwrap",
        "kernel             Linux 6.18",
        "landlock           ABI 7",
        "seccomp            works",
        "namespaces         allowed",
        "user               id 1000: harness code runs as the same user",
        "python             3.11.7 at /usr/bin/python3.11",
        "git                2.39.2",
        "disk               12.3 GB free in runs/",
        "open files         1,048,576",
        "workspace          none here, so not looked at",
    ]


def test_what_is_missing_comes_with_the_command_that_installs_it() -> None:
    lines = conclude(ONLY_LANDLOCK, None).lines()
    expected = "missing: bubblewrap is not installed -> apt-get install bubblewrap"
    assert lines[0] == f"sandbox bwrap      {expected}"


@pytest.mark.parametrize(
    ("machine", "backend", "auto", "refused"),
    [
        (SOUND, "auto", "bwrap", ""),
        (SOUND, "landlock", "bwrap", ""),
        (ONLY_LANDLOCK, "auto", "landlock", ""),
        (ONLY_LANDLOCK, "landlock", "landlock", ""),
        (ONLY_LANDLOCK, "bwrap", "landlock", "bwrap does not work"),
        (NOTHING_WORKS, "auto", None, "bwrap and landlock do not work"),
        (NOTHING_WORKS, "landlock", None, "landlock does not work"),
    ],
)
def test_a_run_starts_in_the_sandbox_of_the_settings_or_not_at_all(
    machine: Machine, backend: str, auto: str | None, refused: str
) -> None:
    found = conclude(machine, asking_for(backend))
    assert found.auto == auto
    assert found.refusal.startswith(refused)
    assert bool(found.refusal) == bool(refused)


def test_a_refusal_says_every_way_out() -> None:
    refusal = conclude(ONLY_LANDLOCK, asking_for("bwrap")).refusal
    assert refusal == (
        "bwrap does not work (apt-get install bubblewrap; or set sandbox.backend to landlock; "
        "or run with --unsafe-no-sandbox)"
    )


@pytest.mark.parametrize(
    ("machine", "backend", "begun_in", "refused"),
    [
        (SOUND, "auto", "bwrap", ""),
        (SOUND, "auto", "landlock", ""),
        (SOUND, "landlock", "landlock", ""),
        (ONLY_LANDLOCK, "auto", "bwrap", "bwrap does not work"),
        (SOUND, "landlock", "bwrap", "the search was begun in the sandbox bwrap"),
        (SOUND, "auto", "none", "the search was begun in the sandbox none"),
    ],
)
def test_a_search_goes_on_in_the_sandbox_that_it_was_begun_in(
    machine: Machine, backend: str, begun_in: str, refused: str
) -> None:
    found = conclude(machine, replace(asking_for(backend), begun_in=begun_in))
    assert found.refusal.startswith(refused)
    assert bool(found.refusal) == bool(refused)


@pytest.mark.parametrize(
    ("machine", "name", "said", "refused"),
    [
        (replace(SOUND, landlock=0), "landlock", "missing", False),
        (replace(SOUND, seccomp=False), "seccomp", "missing", False),
        (ONLY_LANDLOCK, "namespaces", "not shown to be allowed", False),
        (replace(SOUND, uid=0), "user", "unprivileged user id of its own", False),
        (replace(SOUND, git=""), "git", "missing: not installed -> apt-get install git", True),
        (replace(SOUND, free_bytes=10**9), "disk", "may fill 2.1 GB", False),
        (replace(SOUND, open_files=1_024), "open files", "256 connections", False),
        (replace(SOUND, open_files=None), "open files", "no limit", False),
    ],
)
def test_each_finding_says_what_it_means(
    machine: Machine, name: str, said: str, refused: bool
) -> None:
    found = conclude(machine, None)
    assert said in finding(found, name).line()
    assert bool(found.refusal) == refused


def test_room_on_the_disk_is_measured_by_what_the_settings_let_rollouts_write() -> None:
    greedy = workspace(
        search=SearchSettings(concurrency=64), limits=LimitSettings(workspace_megabytes=1_000)
    )
    assert finding(conclude(SOUND, greedy), "disk").state == "note"


def keyed(variable: str, *, is_set: bool) -> Place:
    profile = Profile(base_url="https://example.org", model="m", key_variable=variable)
    place = workspace(search=SearchSettings(profile="real"), profiles={"real": profile})
    return replace(place, key_is_set=is_set)


def test_a_key_that_is_needed_and_not_set_stops_a_run() -> None:
    assert conclude(SOUND, keyed("MY_KEY", is_set=True)).refusal == ""
    assert conclude(SOUND, keyed("", is_set=False)).refusal == ""
    found = conclude(SOUND, keyed("MY_KEY", is_set=False))
    assert found.refusal == "MY_KEY is not set, and the profile real needs it"
    assert finding(found, "API key").remedy == "export MY_KEY=..."


def test_several_obstacles_are_one_sentence() -> None:
    found = conclude(replace(NOTHING_WORKS, git=""), Place(Path("/place"), problem="it is broken"))
    assert found.refusal.count("; ") >= 2
    assert found.refusal.endswith("it is broken")


# The command that installs something.


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n', "apt-get install bubblewrap"),
        ("ID=ubuntu\nID_LIKE=debian", "apt-get install bubblewrap"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"', "apt-get install bubblewrap"),
        ("ID=fedora", "dnf install bubblewrap"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf install bubblewrap"),
        ("ID=alpine", "apk add bubblewrap"),
        ("ID=arch", "pacman -S bubblewrap"),
        ("ID=manjaro\nID_LIKE=arch", "pacman -S bubblewrap"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"', "zypper install bubblewrap"),
        ("# ID=debian\nID=nixos", "install the package bubblewrap with your package manager"),
        ("ID='debian", "install the package bubblewrap with your package manager"),
        ("", "install the package bubblewrap with your package manager"),
    ],
)
def test_the_distribution_decides_the_command(release: str, expected: str) -> None:
    assert install_command("bubblewrap", release, root=True) == expected
    prefix = "" if expected.startswith("install") else "sudo "
    assert install_command("bubblewrap", release, root=False) == prefix + expected


@given(st.text())
def test_any_text_may_stand_in_the_release_file(release: str) -> None:
    assert "bubblewrap" in install_command("bubblewrap", release, root=False)


@pytest.mark.parametrize(
    ("switches", "root", "named"),
    [
        (NamespaceSwitches("1", None, "15000"), False, "apparmor_restrict_unprivileged_userns=0"),
        (NamespaceSwitches("1", "0", "15000"), False, "unprivileged_userns_clone=1"),
        (NamespaceSwitches(None, None, "0"), False, "user.max_user_namespaces=15000"),
        (NamespaceSwitches("0", "1", "15000"), False, "seccomp=unconfined"),
        (NamespaceSwitches(None, None, None), False, "seccomp=unconfined"),
        (NamespaceSwitches("1", "0", "0"), True, "CAP_SYS_ADMIN"),
    ],
)
def test_the_switch_that_denies_namespaces_is_named(
    switches: NamespaceSwitches, root: bool, named: str
) -> None:
    assert named in namespace_advice(switches, root=root)


# The command line.


@pytest.fixture
def only_git(tmp_path: Path) -> Path:
    """A folder of programs without bubblewrap."""
    git = shutil.which("git")
    assert git is not None
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "git").symlink_to(git)
    return folder


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command, in an empty folder if none is given."""

    def run(
        *arguments: str, path: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **variables}
        if path is not None:
            environment["PATH"] = str(path)
        return subprocess.run(
            [sys.executable, "-m", "meta_harness", "doctor", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
        )

    return run


Doctor = Callable[..., subprocess.CompletedProcess[str]]


def document_of(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """Its findings by name, after a check that exit code, stderr and document agree."""
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["ready"] else 2), done.stderr
    last = done.stderr.splitlines()[-1:]
    assert last == (
        [] if found["ready"] else [f"meta-harness: no run can start here: {found['refusal']}"]
    )
    return {item["name"]: item for item in found["findings"]}


def test_without_bubblewrap_the_doctor_says_how_to_install_it(
    doctor: Doctor, only_git: Path
) -> None:
    found = document_of(doctor("--json", path=only_git))
    assert found["sandbox bwrap"]["state"] == "missing"
    assert "bubblewrap" in found["sandbox bwrap"]["remedy"]
    assert found["git"]["state"] == "fine"
    assert found["workspace"]["value"].startswith("none here")
    lines = doctor(path=only_git).stdout.splitlines()
    assert lines[0].startswith("sandbox bwrap      missing: ")
    assert f" -> {found['sandbox bwrap']['remedy']}" in lines[0]


def test_a_sandbox_that_the_settings_name_and_that_is_not_there_is_exit_code_2(
    doctor: Doctor, only_git: Path, workspace_folder: Path
) -> None:
    file = workspace_folder / "meta_harness.toml"
    text = re.sub(r"^\[sandbox\][^\[]*", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(f'{text}\n[sandbox]\nbackend = "bwrap"\n')
    done = doctor("-w", str(workspace_folder), path=only_git)
    assert done.returncode == 2
    assert done.stderr.startswith("meta-harness: no run can start here: bwrap does not work (")
    assert done.stderr.count("\n") == 1
    assert "sandbox.backend    bwrap, which does not work here" in done.stdout


def test_a_machine_without_git_is_exit_code_2(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    done = doctor("--json", path=tmp_path / "nothing")
    assert done.returncode == 2
    found = document_of(done)
    assert found["git"]["state"] == "missing"
    assert "git" in found["git"]["remedy"]


def test_a_broken_workspace_is_a_finding_and_not_the_end(
    doctor: Doctor, workspace_folder: Path
) -> None:
    file = workspace_folder / "meta_harness.toml"
    file.write_text(file.read_text().replace("trials = 3", "trials = 0"))
    done = doctor("-w", str(workspace_folder))
    assert done.returncode == 2
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("workspace")]
    assert f"broken: {file}: search.trials: found 0" in line
    assert done.stdout.startswith("sandbox bwrap")
    assert "search.trials: found 0" in done.stderr.splitlines()[-1]


def test_the_value_of_a_key_is_never_shown(doctor: Doctor, workspace_folder: Path) -> None:
    file = workspace_folder / "meta_harness.toml"
    profile = (
        '[profiles.real]\nbase_url = "https://example.org"\nmodel = "m"\nkey_variable = "MY_KEY"\n'
        "price = {input = 1.0, output = 1.0}\n"
    )
    text = file.read_text().replace('profile = "simulated" ', 'profile = "real" ')
    file.write_text(f"{text}\n{profile}")
    done = doctor("-w", str(workspace_folder), "--json", MY_KEY="the-very-secret")
    assert document_of(done)["API key"]["value"] == "MY_KEY is set, for the profile real"
    assert "the-very-secret" not in done.stdout + done.stderr
    done = doctor("-w", str(workspace_folder), MY_KEY="")
    assert done.returncode == 2
    assert "missing: MY_KEY is not set" in done.stdout


def test_the_doctor_reads_what_the_search_was_begun_in(
    doctor: Doctor, workspace_folder: Path
) -> None:
    with closing(Ledger(workspace_folder / "runs" / "ledger.sqlite3")) as ledger:
        ledger.set_identity({"sandbox": "none"})
    found = document_of(doctor("-w", str(workspace_folder), "--json"))
    if found["auto takes"]["state"] == "fine":
        assert found["search begun in"]["remedy"].startswith("go on with --unsafe-no-sandbox")


def test_a_sound_workspace_is_called_sound(doctor: Doctor, workspace_folder: Path) -> None:
    found = document_of(doctor("-w", str(workspace_folder), "--json"))
    assert found["workspace"]["value"] == f"{workspace_folder} is sound"
    assert found["API key"]["value"] == "not needed by the profile simulated (simulated model)"
