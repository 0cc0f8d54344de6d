"""The program of the proposer `command`: found before anything is paid, and shown to its box."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.errors import InputError
from harness_search.sandbox.box import Mount
from harness_search.sandbox.interpreter import find_interpreter, system_folders
from harness_search.sandbox.process import ENVIRONMENT

if TYPE_CHECKING:
    from harness_search.workspace import Workspace

PROGRAM = "/program"
FIELD = "proposer.command"
READS_A_FILE = re.compile(r"(python|node|perl|ruby|bash|dash|sh|zsh)[\d.]*")
"""Interpreters: a word behind one that is no option names the file that it is to run."""
ANYWHERE = "a program in /usr, or an executable file of the workspace or with its whole path"


def search_path() -> str:
    """Where a box looks for a program that is named without a folder."""
    return f"{find_interpreter().executable.parent}:{ENVIRONMENT['PATH']}"


def shown_to_box(workspace: "Workspace", command: Sequence[str]) -> list[Mount | None]:
    """For each word the file or folder that it names, to be shown; None for any other word.

    Raises InputError for a program that is not there or cannot be run, for an interpreter's file
    that is not there, and for what no box may see.
    """
    file = workspace.layout.settings
    if not command:
        raise InputError(file, FIELD, "nothing", 'a program to run, as ["python3", "my_agent.py"]')
    _require_program(workspace, command[0])
    if len(command) > 1 and READS_A_FILE.fullmatch(Path(command[0]).name):
        _require_file(workspace, command[1])
    return [_shown(workspace, word, number) for number, word in enumerate(command)]


def _require_program(workspace: "Workspace", word: str) -> None:
    settings, file = workspace.layout.settings, workspace.layout.root / word
    if not ("/" in word or file.is_file()):
        if not _found_in_a_box(word):
            raise InputError(settings, FIELD, f"{word!r}, which no box finds here", ANYWHERE)
    elif not file.is_file():
        raise InputError(settings, FIELD, f"{word!r}, which is no file", ANYWHERE)
    elif not file.stat().st_mode & 0o111:
        found = f"{word!r}, which cannot be executed"
        raise InputError(settings, FIELD, found, "a program (`chmod +x`), or its interpreter")


def _found_in_a_box(word: str) -> bool:
    """Whether a box, which is shown no more than the system's folders and Python, has a program."""
    place = shutil.which(word, path=search_path())
    shown = (*system_folders(), *find_interpreter().folders)
    return place is not None and any(Path(place).resolve().is_relative_to(one) for one in shown)


def _require_file(workspace: "Workspace", word: str) -> None:
    if not word.startswith("-") and not (workspace.layout.root / word).exists():
        found = f"{word!r}, which is no file"
        expected = "a file to run, relative to the workspace or with its whole path"
        raise InputError(workspace.layout.settings, FIELD, found, expected)


def _shown(workspace: "Workspace", word: str, number: int) -> Mount | None:
    path = workspace.layout.root / word
    if "/" not in word and not path.is_file():
        return None
    source = path.resolve()
    if not path.exists() or source.is_relative_to("/usr"):
        return None
    if _shows_the_search(workspace, source):
        expected = "a program outside of the search"
        raise InputError(workspace.layout.settings, FIELD, repr(word), expected)
    return Mount(source, f"{PROGRAM}/{number}/{source.name}", executable=True)


def _shows_the_search(workspace: "Workspace", source: Path) -> bool:
    """Whether a file or folder is the search's own, or holds what is."""
    layout = workspace.layout
    ours = (
        *(layout.runs, layout.canary_seed),
        *(layout.dev_split, layout.test_split, layout.task_digests),
        (layout.root / workspace.settings.benchmark.tasks).resolve(),
        Path(__file__).resolve().parents[1],
    )
    return any(source.is_relative_to(path) or path.is_relative_to(source) for path in ours)
