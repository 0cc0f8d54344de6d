"""What experiments write into `observed` of a claim: one line each, beside the evaluation's."""

from harness_search.ledger.gains import Gain
from harness_search.ledger.scores import Score
from harness_search.promotion.claim import Claim

REPLAY_MARK = "Replay of "
AB_MARK = "Fresh rollouts, "
MARKS = (REPLAY_MARK, AB_MARK)


def noted(claim: Claim, mark: str, sentence: str) -> Claim:
    """The claim with a line more; an earlier one that begins with the same mark is replaced."""
    lines = [line for line in _lines(claim) if not line.startswith(mark)]
    return _with(claim, [*lines, sentence])


def shows_replay(claim: Claim) -> bool:
    """Whether a replay of the claim's candidate is recorded that at least one rollout came of."""
    nothing = f"{REPLAY_MARK}0 of "
    return any(
        line.startswith(REPLAY_MARK) and not line.startswith(nothing) for line in _lines(claim)
    )


def keeping_notes(earlier: Claim, decided: Claim) -> Claim:
    """A claim as an evaluation left it, with the experiments' lines that it had before."""
    notes = [line for line in _lines(earlier) if line.startswith(MARKS)]
    own = [line for line in _lines(decided) if line not in notes]
    return _with(decided, [*own, *notes])


def _lines(claim: Claim) -> list[str]:
    return [line for line in claim.candidate.observed.splitlines() if line.strip()]


def _with(claim: Claim, lines: list[str]) -> Claim:
    observed = claim.candidate.model_copy(update={"observed": "\n".join(lines)})
    return claim.model_copy(update={"candidates": (observed,)})


# One sentence for each kind of evidence; rates and differences in points.


def replayed_sentence(
    parent: str, stored: int, replayed: int, changed: int, before: Score, after: Score
) -> str:
    """What a replay showed."""
    return (
        f"{REPLAY_MARK}{replayed} of {stored} stored rollouts of {parent}: "
        f"pooled {before.pooled:.1f} -> {after.pooled:.1f}, "
        f"all-pass {before.all_pass:.1f} -> {after.all_pass:.1f}, "
        f"blended {after.blended - before.blended:+.2f}; "
        f"{changed} of {replayed} outputs changed, 0 model tokens."
    )


def not_replayed_sentence(parent: str, stored: int, diverged: int) -> str:
    """That a replay showed nothing, and why."""
    sentence = f"{REPLAY_MARK}0 of {stored} stored rollouts of {parent}: {diverged} diverged"
    if diverged == stored:
        return f"{sentence}, so the mechanism is not post-solve and nothing can be said."
    return f"{sentence}, {stored - diverged} were lost; nothing can be said."


def slice_part(name: str, before: Score, after: Score, pooled: Gain) -> str:
    """For example `fix tasks 80.1 -> 91.4 (+11.3, 95 % interval +5.0 to +17.6)`."""
    change = f"{before.pooled:.1f} -> {after.pooled:.1f}"
    interval = pooled.interval(pooled.trial_error)
    if interval is None:
        return f"{name} tasks {change} ({pooled.points:+.1f}, no interval from one trial)"
    low, high = interval
    said = f"{pooled.points:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}"
    if low <= 0 <= high:
        return f"{name} tasks flat ({change}, {said})"
    return f"{name} tasks {change} ({said})"


def slices_sentence(parent: str, trials: int, parts: list[str]) -> str:
    """What a comparison on slices showed."""
    count = "1 trial" if trials == 1 else f"{trials} trials"
    return f"{AB_MARK}{count}, against {parent}: {'; '.join(parts)}."
