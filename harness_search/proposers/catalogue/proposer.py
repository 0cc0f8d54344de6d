"""The catalogue proposer: one known mechanism a session, chosen by dev evidence."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness_search.files import to_json, write_atomically
from harness_search.proposers.catalogue.edits import NotApplicableError, Source
from harness_search.proposers.catalogue.evidence import EvidenceReader
from harness_search.proposers.catalogue.mechanism import Mechanism
from harness_search.proposers.catalogue.mechanisms import default_catalogue
from harness_search.proposers.catalogue.ranking import (
    Option,
    Ranked,
    Rollouts,
    name_tasks,
    rank,
    sort_out,
)
from harness_search.proposers.session import NothingLeft, Proposed, Session


@dataclass(frozen=True)
class CatalogueProposer:
    """Copies the incumbent and adds the mechanism with the most points at stake."""

    mechanisms: tuple[Mechanism, ...] = field(default_factory=default_catalogue)

    async def propose(self, session: Session) -> Proposed | NothingLeft:
        """Write a candidate and its claim into the view, with a log of what was read and why.

        Raises InputError for malformed evidence and OSError for a view without the incumbent.
        """
        return await asyncio.to_thread(self._propose, session)

    def _propose(self, session: Session) -> Proposed | NothingLeft:
        reader = EvidenceReader(session.evidence)
        source = Source(reader.text(_harness_file(session, session.incumbent)))
        rollouts = reader.rollouts(session.incumbent, session.dev_tasks)
        options, left_out = sort_out(self.mechanisms, session.history, session.incumbent)
        ranked = rank(options, rollouts, session.seed, session.iteration)
        notes = [*_reading(session, reader), *_table(ranked), *_left_out(left_out)]
        for item in ranked:
            try:
                candidate = item.option.mechanism.add_to(source).text
            except NotApplicableError as error:
                notes.append(f"{item.option.mechanism.name} does not apply: {error}.")
                continue
            name = _write(session, item, candidate, rollouts)
            _log(session, [*notes, _choice(item, name)])
            return Proposed()
        answer = NothingLeft(_nothing_left(session, len(self.mechanisms)))
        _log(session, [*notes, f"Choice: none; {answer.reason}."])
        return answer


def _harness_file(session: Session, name: str) -> Path:
    return session.view / "harnesses" / f"{name}.py"


def _write(session: Session, item: Ranked, source: str, rollouts: Rollouts) -> str:
    """Write the candidate and its claim; returns the candidate's name."""
    name = _new_name(session, item.option)
    fix, regression = name_tasks(item.by_task, rollouts)
    claim = {
        "name": name,
        "hypothesis": item.option.mechanism.hypothesis,
        "changes": _changes(session, item.option),
        "fix_tasks": fix,
        "regression_tasks": regression,
        "observed": "",
        "mechanism": item.option.mechanism.name,
        "parent": session.incumbent,
    }
    write_atomically(_harness_file(session, name), source)
    content = to_json({"iteration": session.iteration, "candidates": [claim]})
    write_atomically(session.claim_file, content)
    return name


def _new_name(session: Session, option: Option) -> str:
    """The mechanism's name, with the iteration when that name has been used."""
    name = option.mechanism.name
    used = option.earlier is not None or _harness_file(session, name).exists()
    return f"{name}_on_{session.iteration:03d}" if used else name


def _changes(session: Session, option: Option) -> str:
    text = f"Copied {session.incumbent}; {option.mechanism.changes}"
    if option.earlier is None:
        return text
    return f"{text} Restacked: {_past(option)}."


def _past(option: Option) -> str:
    """What an orphan reached before."""
    assert option.earlier is not None
    delta = option.earlier.delta
    if delta is None:
        figure = "was inconclusive"
    else:
        figure = f"{'gained' if delta > 0 else 'lost'} {abs(delta):.2f} points"
    return f"{option.earlier.name} {figure} against {option.earlier.incumbent}"


def _nothing_left(session: Session, count: int) -> str:
    return (
        f"none of the catalogue's {count} mechanisms is left to try on {session.incumbent}: each "
        "is in it already, was compared with it, lost before, or does not apply"
    )


# The log.


def _reading(session: Session, reader: EvidenceReader) -> list[str]:
    return [
        f"Iteration {session.iteration}, incumbent {session.incumbent}, seed {session.seed}.",
        "",
        f"Read ({len(reader.read)} files):",
        *(f"  {_shown(session, path)}" for path in reader.read),
        "",
    ]


def _shown(session: Session, path: Path) -> str:
    for name, folder in (("evidence", session.evidence), ("view", session.view)):
        if path.is_relative_to(folder):
            return f"{name}/{path.relative_to(folder).as_posix()}"
    return path.as_posix()


def _table(ranked: Sequence[Ranked]) -> list[str]:
    lines = [
        f"  {item.option.mechanism.name}: {item.stake:.2f} x {item.jitter:.2f} = {item.weight:.2f}"
        for item in ranked
    ]
    return ["Ranking (pooled points at stake x jitter):", *(lines or ["  (empty)"]), ""]


def _left_out(left_out: Sequence[tuple[Mechanism, str]]) -> list[str]:
    lines = [f"  {mechanism.name}: {reason}" for mechanism, reason in left_out]
    return ["Left out:", *lines, ""] if lines else []


def _choice(item: Ranked, name: str) -> str:
    why = "it has the most points at stake after the jitter"
    if item.stake == 0:
        why = "no mechanism left shows a symptom, and this one has not been tried"
    again = f" It restacks an orphan: {_past(item.option)}." if item.option.earlier else ""
    return f"Choice: {name}, because {why}.{again}"


def _log(session: Session, lines: Sequence[str]) -> None:
    write_atomically(session.log_file, "\n".join(lines) + "\n")
