"""A disk that becomes full in the middle of a launch, on a real file system of a few megabytes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness_search.commands.shared import ending_cleanly
from harness_search.disk import is_full, require_room, stopping_when_full
from harness_search.errors import SearchStoppedError

MOMENTS = ("row", "call", "evidence", "candidate", "lineage", "attempt/temporary")
OWN_MOUNTS = (["unshare", "-m"], ["unshare", "-Urm"])


def own_mounts() -> list[str]:
    """How to start a process that may mount something which nobody else sees."""
    for command in OWN_MOUNTS if shutil.which("unshare") else ():
        tried = [*command, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
        if not subprocess.run(tried, capture_output=True, check=False).returncode:
            return command
    pytest.skip("no file system of a few megabytes can be mounted here (as root, or by unshare)")


def test_a_full_disk_stops_the_search_loses_nothing_and_blames_no_harness(
    new_workspace: Path, kit: Path, tmp_path: Path, short_folder: Path, repository: Path
) -> None:
    """Wherever it is met: in the ledger, a transcript, evidence, a candidate, the lineage, and in
    what is temporary."""
    program = repository / "tests" / "disk_full.py"
    beside = tmp_path / "beside"
    beside.mkdir()
    disk = short_folder / "disk"  # a long path is no place for sockets
    arguments = [disk, beside, new_workspace, kit, *MOMENTS]
    done = subprocess.run(
        [*own_mounts(), sys.executable, str(program), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    seen = json.loads(done.stdout)
    assert set(seen) == set(MOMENTS)
    for moment, found in seen.items():
        folder, _, sentence = found["error"].partition(": ")
        assert folder.startswith(str(disk)), moment
        assert sentence.startswith("no space left on its disk, or within its quota (0 MB free, ")
        assert " MB needed). Nothing is lost: make room, and the same command goes on." in sentence
        assert found["corrupt"] == [], moment
        assert set(found["outcomes"]) == {"scored"}, moment
        assert found["decisions"][0] == "baseline"


def test_what_there_is_no_room_for_is_not_begun(tmp_path: Path) -> None:
    require_room(tmp_path, 1)
    with pytest.raises(SearchStoppedError, match="at least 1,000,000,000 MB needed") as stopped:
        require_room(tmp_path / "not" / "there", 10**9)
    assert stopped.value.exit_code == 3
    assert str(stopped.value).startswith(f"{tmp_path}: ")


def test_a_folder_that_has_room_is_not_named_as_full(tmp_path: Path) -> None:
    with pytest.raises(SearchStoppedError) as stopped, stopping_when_full(tmp_path, 1):
        raise OSError(28, "No space left on device")
    assert stopped.value.exit_code == 3
    assert "that the system does not name" in str(stopped.value)
    with pytest.raises(SearchStoppedError, match="needed"), stopping_when_full(tmp_path, 10**9):
        raise OSError(28, "No space left on device")


def test_a_command_without_a_launch_ends_on_a_full_disk_in_one_sentence_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended, ending_cleanly():
        raise OSError(28, "No space left on device", "/there/task.json")
    assert ended.value.code == 3
    assert capsys.readouterr().err == "meta-harness: /there/task.json: No space left on device\n"


def test_an_error_that_has_nothing_to_do_with_the_disk_is_not_taken_for_a_full_one(
    tmp_path: Path,
) -> None:
    assert not is_full(PermissionError(13, "Permission denied"), tmp_path)
    assert is_full(OSError(122, "Disk quota exceeded"), tmp_path)
