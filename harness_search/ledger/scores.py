"""Scores: pure functions of raw rows under the current weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from harness_search.ledger.rows import RolloutRow


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the blended score (source: 004_f152e661325a6a68.txt, "the promotion rule").

    `all_pass` is points per point of all-pass rate, `cost` points per million tokens a rollout.
    """

    all_pass: float = 0.5
    cost: float = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """One harness on one split. Rates and scores are in points, 0 to 100."""

    pooled: float
    all_pass: float
    tokens_m: float
    """Mean tokens per rollout, in millions, cached ones included."""
    blended: float
    coverage: Fraction
    """Finished rollouts divided by planned rollouts."""

    @property
    def complete(self) -> bool:
        return self.coverage == 1


def blended(pooled: float, all_pass: float, tokens_m: float, weights: Weights) -> float:
    """The blended score in points: dense rate, a bonus for all-pass, a price for tokens."""
    return pooled + weights.all_pass * all_pass - weights.cost * tokens_m


def rows_by_task(
    rows: Iterable[RolloutRow], tasks: Iterable[str], trials: int
) -> dict[str, list[RolloutRow]]:
    """The finished rows of each task, at most one for each of the first `trials` trials."""
    by_task: dict[str, dict[int, RolloutRow]] = {task: {} for task in tasks}
    for row in rows:
        if row.outcome.finished and row.key.task in by_task and row.key.trial <= trials:
            by_task[row.key.task][row.key.trial] = row
    return {task: list(found.values()) for task, found in by_task.items()}


def score(
    rows: Iterable[RolloutRow],
    criteria: Mapping[str, int],
    trials: int,
    weights: Weights,
    most: int | None = None,
) -> Score | None:
    """The score of one harness's rows over the tasks named in `criteria` (criteria per task).

    `trials` are planned of each task; up to `most` count where a comparison asked for more.

    Computed per task first, with fixed task weights, so that a missing rollout cannot shift the
    weights; equal to the pooled rates when every rollout is there. None without a finished one.
    """
    by_task = rows_by_task(rows, criteria, most or trials)
    seen = {task: found for task, found in by_task.items() if found}
    if not seen:
        return None
    planned = trials * len(criteria)
    total = sum(criteria[task] for task in seen)
    pooled = sum(criteria[task] * mean(pass_rates(found)) for task, found in seen.items()) / total
    all_pass = mean([mean(all_passes(found)) for found in seen.values()])
    tokens = mean([mean([row.usage.total for row in found]) for found in seen.values()]) / 1e6
    coverage = Fraction(sum(min(len(found), trials) for found in seen.values()), planned)
    return Score(pooled, all_pass, tokens, blended(pooled, all_pass, tokens, weights), coverage)


def pass_rates(rows: Sequence[RolloutRow]) -> list[float]:
    """Share of passed criteria of each rollout, in points."""
    return [100 * row.passed / row.total for row in rows]


def all_passes(rows: Sequence[RolloutRow]) -> list[float]:
    """100 for each rollout that passes every criterion, else 0."""
    return [100.0 if row.passed == row.total else 0.0 for row in rows]


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; raises ZeroDivisionError for no values."""
    return sum(values) / len(values)
