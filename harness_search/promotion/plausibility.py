"""What a person should look at before believing a result. Remarks, never decisions."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from harness_search.ledger.gains import Gain, difference
from harness_search.ledger.rows import RolloutKey, RolloutRow

JUMP_POINTS = 3.0
JUMP_ERRORS = 2.0
SAME_BEHAVIOUR = 1.0
"""Standard errors by which calls and tokens of the two arms may differ and still be the same."""

Verdicts = Mapping[RolloutKey, Mapping[str, str]]
"""Verdict by criterion of each finished rollout."""


def remarks(
    candidate: Sequence[RolloutRow],
    incumbent: Sequence[RolloutRow],
    gain: Gain | None,
    verdicts: Verdicts,
) -> tuple[str, ...]:
    """One sentence for each thing that looks implausible in a comparison of the two."""
    found = (
        changed_verdicts([*candidate, *incumbent], verdicts),
        unexplained_jump(candidate, incumbent, gain),
    )
    return tuple(sentence for sentence in found if sentence)


def changed_verdicts(rows: Iterable[RolloutRow], verdicts: Verdicts) -> str:
    """Verdicts that differ although the judge and every byte of the deliverables are the same."""
    alike: dict[tuple[str, str, str], list[Mapping[str, str]]] = defaultdict(list)
    for row in rows:
        if row.outcome.finished and row.output_digest and row.key in verdicts:
            alike[row.key.task, row.output_digest, row.judge_version].append(verdicts[row.key])
    flips = [count for group in alike.values() if (count := _flips(group))]
    if not flips:
        return ""
    return (
        f"The judge gave {_number(sum(flips), 'criterion', 'criteria')} different verdicts under "
        f"identical deliverables, on {_number(len(flips), 'set', 'sets')} of them: its noise, or a "
        "judge that does not read what it is given."
    )


def unexplained_jump(
    candidate: Sequence[RolloutRow], incumbent: Sequence[RolloutRow], gain: Gain | None
) -> str:
    """A large gain of a harness that calls, reads and writes as the other one does."""
    if gain is None or gain.trial_error is None:
        return ""
    if gain.points <= max(JUMP_POINTS, JUMP_ERRORS * gain.trial_error):
        return ""
    if not all(_is_alike(candidate, incumbent, measure) for measure in _BEHAVIOUR):
        return ""
    return (
        f"{gain.points:+.2f} points without a change in calls and tokens: the gain comes from what "
        "is written after the last call; look at it."
    )


def _flips(group: Sequence[Mapping[str, str]]) -> int:
    """Criteria on which verdicts of the same deliverables disagree."""
    criteria = {criterion for verdicts in group for criterion in verdicts}
    given = ({item[name] for item in group if name in item} for name in criteria)
    return sum(len(verdicts) > 1 for verdicts in given)


def _calls(row: RolloutRow) -> int:
    return row.calls


def _read(row: RolloutRow) -> int:
    return row.usage.total - row.usage.output


def _written(row: RolloutRow) -> int:
    return row.usage.output


_BEHAVIOUR: tuple[Callable[[RolloutRow], int], ...] = (_calls, _read, _written)


def _is_alike(
    candidate: Sequence[RolloutRow],
    incumbent: Sequence[RolloutRow],
    measure: Callable[[RolloutRow], int],
) -> bool:
    """Whether the two differ by less than trial noise, on the same tasks and in proportion."""
    tasks = sorted({row.key.task for row in (*candidate, *incumbent)})
    left, right = (_logarithms(rows, tasks, measure) for rows in (candidate, incumbent))
    found = difference(left, right)
    if found is None or found.trial_error is None:
        return False
    return found.points == 0 or abs(found.points) < SAME_BEHAVIOUR * found.trial_error


def _logarithms(
    rows: Iterable[RolloutRow], tasks: Iterable[str], measure: Callable[[RolloutRow], int]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {task: [] for task in tasks}
    for row in rows:
        if row.outcome.finished:
            found[row.key.task].append(math.log1p(measure(row)))
    return found


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
