"""The folder made for one proposer session."""

import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from harness_search.proposers.session import Session


def prepare_view(session: Session, sources: Iterable[Path], skill: Path, digest: str) -> None:
    """Make the view anew: harness sources, the contract and the digest."""
    shutil.rmtree(session.view, ignore_errors=True)
    (session.view / "harnesses").mkdir(parents=True)
    for file in sources:
        shutil.copy(file, session.view / "harnesses" / file.name)
    if skill.is_file():
        shutil.copy(skill, session.view / "SKILL.md")
    (session.view / "digest.md").write_text(digest, encoding="utf-8")


def session_texts(session: Session) -> dict[str, str]:
    """Everything that a session left, by name, for the audit; links are not followed."""
    files = sorted(path for path in session.view.rglob("*") if _is_regular(path))
    kept = {"digest.md", "SKILL.md"}
    return {
        path.relative_to(session.view).as_posix(): path.read_text("utf-8", errors="replace")
        for path in files
        if path.name not in kept
    }


def _is_regular(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)
