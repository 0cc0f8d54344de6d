"""Every attempt of one rollout, and what was said of its criteria, read without becoming the
ledger's writer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness_search.ledger.raw import one_look
from harness_search.ledger.reading import KEY_COLUMNS
from harness_search.ledger.rows import Outcome, RolloutKey, Usage

Status = Literal["running", "interrupted", "done"]
_COLUMNS = (
    f"{KEY_COLUMNS}, attempt, status, outcome, reason, passed, total, judge_version, tokens_input, "
    "tokens_output, tokens_cache_write, tokens_cache_read, paid_input, paid_output, "
    "paid_cache_write, paid_cache_read, cost_usd, paid_usd, calls, seconds, sandbox, started_at, "
    "served_model"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a rollout, also one that did not end."""

    key: RolloutKey
    number: int
    status: Status
    outcome: Outcome | None
    """None of one that runs, or ended with its scaffold."""
    reason: str
    passed: int
    total: int
    judge_version: str
    usage: Usage
    """Of all its calls, replayed ones included."""
    paid: Usage
    """What it newly paid."""
    cost_usd: float
    paid_usd: float
    calls: int
    seconds: float
    sandbox: str
    started_at: str
    served_model: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a judge said of one criterion."""

    criterion: str
    verdict: str
    reason: str
    first: str
    """What the first judge had said where a second one was asked; else empty."""


def read_attempts(file: Path, harness: str, task: str, trial: int) -> tuple[Attempt, ...]:
    """All attempts of a rollout of a harness (its digest), the first one first.

    A task that was changed, or another profile, makes another rollout: of several, the latest.
    Raises InputError for a file that is no ledger.
    """
    query = (
        f"SELECT {_COLUMNS} FROM rollouts WHERE harness = ? AND task = ? AND trial = ? ORDER BY id"
    )
    with one_look(file) as database:
        found = [_attempt(row) for row in database.execute(query, (harness, task, trial))]
    return tuple(item for item in found if item.key == found[-1].key)


def read_said(file: Path, attempt: Attempt) -> tuple[Said, ...]:
    """The verdicts that count of an attempt, with their reasons. Raises InputError."""
    key = attempt.key
    where = " AND ".join(f"{name.strip()} = ?" for name in KEY_COLUMNS.split(","))
    values = (key.harness, key.task, key.task_digest, key.trial, key.profile, attempt.number)
    query = (
        "SELECT v.criterion, v.verdict, v.reason, coalesce(s.first, '') FROM verdicts AS v "
        "LEFT JOIN settled AS s ON s.rollout = v.rollout AND s.criterion = v.criterion "
        f"WHERE v.rollout = (SELECT id FROM rollouts WHERE {where} AND attempt = ?) "
        "ORDER BY v.criterion"
    )
    with one_look(file) as database:
        return tuple(Said(*row) for row in database.execute(query, values))


def read_trials(file: Path, harness: str, task: str) -> tuple[int, ...]:
    """The trials that a harness (its digest) has had on a task. Raises InputError."""
    query = "SELECT DISTINCT trial FROM rollouts WHERE harness = ? AND task = ? ORDER BY trial"
    with one_look(file) as database:
        return tuple(trial for (trial,) in database.execute(query, (harness, task)))


def read_names(file: Path) -> dict[str, str]:
    """Digests of the harnesses that a ledger knows by name. Raises InputError."""
    with one_look(file) as database:
        query = "SELECT name, harness FROM iterations WHERE harness <> '' ORDER BY number"
        return dict(database.execute(query).fetchall())


def read_digests(file: Path) -> tuple[str, ...]:
    """Digests of all harnesses with rollouts. Raises InputError."""
    with one_look(file) as database:
        query = "SELECT DISTINCT harness FROM rollouts"
        return tuple(digest for (digest,) in database.execute(query))


def _attempt(row: tuple[Any, ...]) -> Attempt:
    number, status, outcome, reason, passed, total, judge = row[5:12]
    tokens = [value or 0 for value in row[12:20]]
    cost, paid, calls, seconds = (value or 0 for value in row[20:24])
    return Attempt(
        key=RolloutKey(*row[:5]),
        number=number,
        status=status,
        outcome=Outcome(outcome) if outcome else None,
        reason=reason or "",
        passed=passed or 0,
        total=total or 0,
        judge_version=judge or "",
        usage=Usage(*tokens[:4]),
        paid=Usage(*tokens[4:]),
        cost_usd=cost,
        paid_usd=paid,
        calls=calls,
        seconds=seconds,
        sandbox=row[24],
        started_at=row[25],
        served_model=row[26],
    )
