"""The command line of the doctor: what it prints, and with which code it ends."""

import contextlib
import errno
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import is_untouched
from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.commands.opening import open_to_run
from harness_search.doctor.folders import runs_row
from harness_search.doctor.place import (
    findings_of_workspace,
    hook_rows,
    look_at_workspace,
)
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.ledger.store import Ledger
from harness_search.service.hook_programs import require_hooks
from harness_search.settings import ServiceSettings, Settings


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
    """Run the command, in an empty folder if none is given."""

    def run(
        *arguments: str, path: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {**variables, **({} if path is None else {"PATH": str(path)})}
        with contextlib.chdir(tmp_path):
            done = CliRunner().invoke(new_application(), ["doctor", *arguments], env=environment)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

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
    assert found["sandbox bwrap"]["state"] == "warn"
    assert "bubblewrap" in found["sandbox bwrap"]["fix"]
    assert found["git"]["state"] == "ok"
    assert (found["workspace"]["value"], found["workspace"]["state"]) == ("none here", "warn")
    assert found["workspace"]["fix"] == "meta-harness init DIR --tasks PATH"


def test_a_sandbox_that_the_settings_name_and_that_is_not_there_is_exit_code_2(
    doctor: Doctor, only_git: Path, workspace_folder: Path
) -> None:
    file = workspace_folder / "meta_harness.toml"
    text = re.sub(r"^\[sandbox\][^\[]*", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(f'{text}\n[sandbox]\nbackend = "bwrap"\n')
    done = doctor("-w", str(workspace_folder), path=only_git)
    assert done.returncode == 2
    assert done.stderr == (
        "meta-harness: no run can start here: a run takes: bwrap does not work\n"
    )
    assert re.search(r"^FAIL a run takes +bwrap does not work\n +fix: ", done.stdout, re.MULTILINE)


def test_a_machine_without_git_is_exit_code_2(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    found = document_of(doctor("--json", path=tmp_path / "nothing"))
    assert found["git"]["state"] == "fail"
    assert "git" in found["git"]["fix"]


def test_a_broken_workspace_is_a_finding_and_not_the_end(
    doctor: Doctor, workspace_folder: Path
) -> None:
    file = workspace_folder / "meta_harness.toml"
    file.write_text(file.read_text().replace("trials = 3", "trials = 0"))
    found = document_of(doctor("-w", str(workspace_folder), "--json"))
    assert found["workspace"]["value"] == f"{file}: search.trials: found 0"
    assert found["workspace"]["fix"].startswith("correct search.trials; it should be ")
    assert found["python"]["state"] == "ok"


def test_a_changed_task_is_found_before_a_run_is_started(
    doctor: Doctor, workspace_folder: Path
) -> None:
    first = (workspace_folder / "dev_split.txt").read_text().split()[0]
    (workspace_folder / "tasks" / first / "documents" / "lease.txt").write_text("other")
    found = document_of(doctor("-w", str(workspace_folder), "--json"))
    assert found["workspace"]["state"] == "fail"
    assert first in found["workspace"]["value"]


def test_the_value_of_a_key_is_never_shown(doctor: Doctor, workspace_folder: Path) -> None:
    file = workspace_folder / "meta_harness.toml"
    profile = (
        '[profiles.real]\nbase_url = "http://127.0.0.1:1"\nmodel = "m"\nkey_variable = "MY_KEY"\n'
        "price = {input = 1.0, output = 1.0}\n"
    )
    text = file.read_text().replace('profile = "simulated" ', 'profile = "real" ')
    file.write_text(f"{text}\n{profile}")
    done = doctor("-w", str(workspace_folder), "--json", "--no-calls", MY_KEY="the-very-secret")
    assert document_of(done)["profile real"]["value"] == "rollouts, MY_KEY is set, not asked"
    called = doctor("-w", str(workspace_folder), MY_KEY="the-very-secret")
    assert called.returncode == 2
    assert "unreachable" in called.stdout
    for said in (done.stdout, done.stderr, called.stdout, called.stderr):
        assert "the-very-secret" not in said
    done = doctor("-w", str(workspace_folder), MY_KEY="")
    assert done.returncode == 2
    assert "MY_KEY is not set" in done.stdout


def test_the_doctor_reads_what_the_search_was_begun_in(
    doctor: Doctor, workspace_folder: Path
) -> None:
    with closing(Ledger(workspace_folder / "runs" / "ledger.sqlite3")) as ledger:
        ledger.set_identity({"sandbox": "none"})
    found = document_of(doctor("-w", str(workspace_folder), "--json"))
    assert found["ledger"]["state"] == "ok"
    if found["a run takes"]["state"] == "ok":
        assert found["search begun in"]["fix"].startswith("go on with --unsafe-no-sandbox")


def test_a_proposer_that_cannot_be_run_stops_a_run_with_what_to_do(
    doctor: Doctor, workspace_folder: Path
) -> None:
    file = workspace_folder / "meta_harness.toml"
    text = file.read_text().replace('proposer = "catalogue"', 'proposer = "command"')
    file.write_text(text.replace("[proposer] ", '[proposer]\ncommand = ["no-such-agent"]\n#'))
    found = document_of(doctor("-w", str(workspace_folder), "--json"))["proposer"]
    assert found["state"] == "fail"
    assert "'no-such-agent', which no box finds here" in found["value"]
    assert "an executable file of the workspace" in found["fix"]


def test_a_ledger_that_is_lost_or_broken_is_one_failing_row(workspace_folder: Path) -> None:
    file = workspace_folder / "runs" / "ledger.sqlite3"
    (workspace_folder / "runs" / "dev" / "baseline").mkdir(parents=True)
    for content, said in ((b"", "an empty file beside rollouts in runs/dev"), (b"x" * 9_000, "no")):
        file.write_bytes(content)
        place = look_at_workspace(workspace_folder)
        assert place is not None
        bad = [row for row in findings_of_workspace(place) if row.state == "fail"]
        assert [row.name for row in bad] == ["ledger"]
        assert f"{file}: found {said}" in bad[0].value
        assert bad[0].fix.startswith("copy the newest backup of runs/ back")


def test_a_hook_that_cannot_be_started_is_a_row_and_keeps_a_run_from_starting(
    workspace_folder: Path,
) -> None:
    (workspace_folder / "tell.sh").write_text("#!/bin/sh\n")
    layout = Layout(workspace_folder)
    service = ServiceSettings(
        on_promoted=("./tell.sh",), on_needs_person=("no-such-program",), on_finished=("sh", "-c")
    )
    rows = hook_rows(Settings(service=service), workspace_folder)
    assert [(row.name, row.state) for row in rows] == [
        ("hook on_promoted", "fail"),
        ("hook on_needs_person", "fail"),
        ("hook on_finished", "ok"),
    ]
    assert "is not executable" in rows[0].value
    (workspace_folder / "tell.sh").chmod(0o755)
    said = r"meta_harness\.toml: service\.on_needs_person: found 'no-such-program', which is not"
    with pytest.raises(InputError, match=said):
        require_hooks(service, layout)
    text = layout.settings.read_text()
    assert text.count("\n[service]") == 1
    text = text.replace("\n[service]", '\n[service]\non_finished = ["gone/tell"]\n#')
    layout.settings.write_text(text)
    with pytest.raises(InputError, match=r"service\.on_finished"):
        open_to_run(workspace_folder, {}, unsafe=False)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_wants_room_and_no_other_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(number, "full")

    monkeypatch.setattr("harness_search.doctor.folders.os.fsync", full)
    row = runs_row(tmp_path)
    assert row.state == "fail"
    assert row.fix.startswith("make room")


def test_version_and_help_have_their_usual_options() -> None:
    said = CliRunner().invoke(new_application(), ["--version"])
    assert (said.exit_code, said.stdout.split()[0]) == (0, "meta-harness")
    for words in (["-h"], ["run", "-h"]):
        assert "Usage:" in CliRunner().invoke(new_application(), words).stdout


def test_a_sound_workspace_is_called_sound_and_left_as_it_was(
    doctor: Doctor, workspace_folder: Path
) -> None:
    found = document_of(doctor("-w", str(workspace_folder), "--json"))
    sound = f"{workspace_folder} is sound: 6 dev and 2 test tasks, as pinned"
    assert found["workspace"]["value"] == sound
    assert found["lock"]["value"] == "free: no scaffold is at work here"
    assert found["profile simulated"]["value"] == "rollouts, simulated: needs no key"
    assert found["proposer"]["value"] == "catalogue: needs no model"
    assert is_untouched(workspace_folder / "runs")
