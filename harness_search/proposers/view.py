"""The folder made for one proposer session."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from harness_search.errors import InputError
from harness_search.files import remove_tree, untrusted_files
from harness_search.proposers.session import Session

LARGEST_FILE = 20_000_000  # bytes
GIVEN = frozenset({"digest.md", "session.md", "SKILL.md"})
"""Written by the scaffold and not taken back."""


def prepare_view(session: Session, sources: Iterable[Path], skill: Path, digest: str) -> None:
    """Make the view anew: harness sources, the contract, the digest and what the session is."""
    remove_tree(session.view)
    (session.view / "harnesses").mkdir(parents=True)
    for file in sources:
        shutil.copy(file, session.view / "harnesses" / file.name)
    if skill.is_file():
        shutil.copy(skill, session.view / "SKILL.md")
    (session.view / "digest.md").write_text(digest, encoding="utf-8")
    (session.view / "session.md").write_text(_session_text(session), encoding="utf-8")


def _session_text(session: Session) -> str:
    tasks = "\n".join(f"- {task}" for task in session.dev_tasks)
    return (
        f"# This session\n\nIteration: {session.iteration}\nIncumbent: {session.incumbent}\n"
        f"Evidence folder: {session.evidence}\n\nDev tasks:\n{tasks}\n"
    )


def session_texts(session: Session) -> dict[str, str]:
    """Everything that a session left, by name, for the audit; links are not followed.

    Raises InputError for a file too large to be read whole.
    """
    texts: dict[str, str] = {}
    for path in untrusted_files(session.view):
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InputError(path, "size", f"{size} bytes", f"at most {LARGEST_FILE}")
        name = path.relative_to(session.view).as_posix()
        if name not in GIVEN:
            texts[name] = path.read_text("utf-8", errors="replace")
    return texts
