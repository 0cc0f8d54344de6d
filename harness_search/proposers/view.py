"""The folder made for one proposer session."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness_search.files import digest_bytes, remove_tree, untrusted_files
from harness_search.ledger.rows import is_placebo
from harness_search.proposers.contract import contract
from harness_search.proposers.query.program import pack_program
from harness_search.proposers.session import Session

LARGEST_FILE = 20_000_000  # bytes; larger ones are read in pieces
PIECE, OVERLAP = 1_000_000, 10_000  # bytes
LARGEST_SESSION_TEXT = 3_500  # bytes; with the digest and the prompt at most 16 kB
PROGRAM, QUERY = "mh-query", "query"
GIVEN = frozenset({"digest.md", "session.md", "SKILL.md", PROGRAM})
"""Written by the scaffold and not taken back; nor is what lies in the folder `query`."""
ANY_PYTHON = "/usr/bin/env python3"


def prepare_view(
    session: Session,
    sources: Iterable[Path],
    skill: Path,
    digest: str,
    *,
    data: Mapping[str, Any] | None = None,
    evidence_at: str = "",
    python: str = ANY_PYTHON,
) -> None:
    """Make the view anew: harness sources, the contract, the digest and what the session is.

    `data` are the documents of `query_data`; with them, `mh-query` is there. `evidence_at` is where
    the session finds the evidence, if that is not the session's own folder: a path of its box, or
    one relative to the view. `python` is the interpreter that it starts `mh-query` with.
    """
    remove_tree(session.view)
    (session.view / "harnesses").mkdir(parents=True)
    for file in sources:
        if not is_placebo(file.stem):
            (session.view / "harnesses" / file.name).write_bytes(file.read_bytes())
    if text := contract(skill):
        (session.view / "SKILL.md").write_text(text, encoding="utf-8")
    (session.view / "digest.md").write_text(digest, encoding="utf-8")
    evidence = evidence_at or str(session.evidence)
    if data is not None:
        _add_query(session, data, evidence, python)
    text = session_text(session, evidence, with_query=data is not None)
    (session.view / "session.md").write_text(text, encoding="utf-8")


def clear_view(view: Path, known: Mapping[str, str]) -> None:
    """Remove from the view of a closed iteration what it was only given: the sources of harnesses
    that are `known` by name and digest, contract, digest and questions. What the session wrote, or
    changed in such a source, stays."""
    for name in (*GIVEN, QUERY):
        if (view / name).is_dir() and not (view / name).is_symlink():
            remove_tree(view / name)
        else:
            (view / name).unlink(missing_ok=True)
    for file in untrusted_files(view / "harnesses"):
        wanted = known.get(file.stem) if file.suffix == ".py" else None
        is_there = file.parent == view / "harnesses" and wanted is not None
        if is_there and digest_bytes([file.read_bytes()]) == wanted:
            file.unlink()


def _add_query(session: Session, data: Mapping[str, Any], evidence: str, python: str) -> None:
    where = {"iteration": session.iteration, "evidence": evidence}
    folder = session.view / QUERY
    folder.mkdir()
    for name, document in {**data, "session": {**data["session"], **where}}.items():
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (session.view / PROGRAM).write_bytes(pack_program(python))
    (session.view / PROGRAM).chmod(0o755)


def session_text(session: Session, evidence: str, *, with_query: bool) -> str:
    """What the session is, in at most 3.5 kB; of many dev tasks only the first are named."""
    asking = "\nQuestions: `./mh-query --help`\n" if with_query else ""
    text = (
        f"# This session\n\nIteration: {session.iteration}\nIncumbent: {session.incumbent}\n"
        f"Evidence folder: {evidence}\n{asking}\nDev tasks:\n"
    )
    others = "- and {} more" + (": `query/session.json` names all\n" if with_query else "\n")
    room = LARGEST_SESSION_TEXT - len(text.encode()) - len(others) - 8
    for number, task in enumerate(session.dev_tasks):
        line = f"- {task}\n"
        room -= len(line.encode())
        if room < 0:
            return text + others.format(len(session.dev_tasks) - number)
        text += line
    return text


def session_texts(session: Session, *, with_harnesses: bool = True) -> dict[str, str]:
    """Everything that a session left, by name, for the audit; links are not followed. The folder of
    harnesses may be left out. Of a large file there is no more than its name: see `large_files`."""
    return {
        name: "" if _is_large(path) else path.read_text("utf-8", errors="replace")
        for name, path in _left_in(session.view)
        if with_harnesses or not name.startswith("harnesses/")
    }


def large_files(view: Path) -> Iterator[tuple[str, Path]]:
    """What a session left that is too large to be read whole, with its name in the view. It is
    scratch: neither a candidate nor a claim may be so large."""
    return (item for item in _left_in(view) if _is_large(item[1]))


def pieces_of(file: Path) -> Iterator[str]:
    """A large file's text in pieces, each with the end of the one before it."""
    kept = b""
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield (kept + piece).decode(errors="replace")
            kept = piece[-OVERLAP:]


def _is_large(file: Path) -> bool:
    return file.stat().st_size > LARGEST_FILE


def _left_in(view: Path) -> Iterator[tuple[str, Path]]:
    for path in untrusted_files(view):
        name = path.relative_to(view).as_posix()
        if name not in GIVEN and not name.startswith(f"{QUERY}/"):
            yield name, path
