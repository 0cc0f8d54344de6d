"""The one headline of a search: what its confirmation measured, in words and as JSON."""

from typing import TYPE_CHECKING, Any

from harness_search.ledger.sandboxes import warning
from harness_search.ledger.scores import Score
from harness_search.reports.differences import gain_json, intervals

if TYPE_CHECKING:
    from harness_search.experiments.confirmed import Confirmation
    from harness_search.ledger.gains import Gain

NOTHING_PROMOTED = frozenset({"", "baseline"})
"""Incumbents that there is nothing to confirm of."""


def headline(found: "Confirmation | None", incumbent: str) -> str:
    """What may be said as the result of a search; empty while it has promoted nothing.

    Figures appear only when every planned rollout is finished.
    """
    if incumbent in NOTHING_PROMOTED:
        return ""
    if found is None:
        return (
            f"Not confirmed: the gain of {incumbent} is the search's own, which selection has "
            "raised."
        )
    said = _incomplete(found) if found.gain is None else _measured(found, found.gain)
    if incumbent != found.harness.name:
        said += f" Since then {incumbent} was promoted, which is not confirmed."
    return said


def to_json(found: "Confirmation | None", incumbent: str) -> dict[str, Any] | None:
    """The object `confirmation` of a search's JSON documents; None while there is nothing to
    confirm."""
    if found is None:
        said = headline(None, incumbent)
        return {"headline": said, "coverage": 0.0, "gain": None} if said else None
    sides = (found.baseline, found.harness)
    complete = found.gain is not None
    return {
        "headline": headline(found, incumbent),
        "iteration": found.iteration,
        "harness": found.harness.name,
        "trials": found.trials,
        "tasks": found.tasks,
        "coverage": round(float(found.coverage), 4),
        "simulated": found.simulated,
        "sandboxes": dict(found.sandboxes),
        "scores": {side.name: _score(side.score) for side in sides if complete and side.score},
        "gain": gain_json(found.gain),
    }


def _measured(found: "Confirmation", gain: "Gain") -> str:
    opening, remark = _verdict(gain)
    before, after = found.baseline.score, found.harness.score
    pooled = f", pooled {before.pooled:.1f} -> {after.pooled:.1f}" if before and after else ""
    model = " (simulated model)" if found.simulated else ""
    unsafe = warning(found.sandboxes)
    return (
        f"{opening} on dev{model}: {found.harness.name} against {found.baseline.name} "
        f"{gain.points:+.1f} blended points ({intervals(gain)}){pooled}, by "
        f"{found.trials * found.tasks} fresh rollouts of each that no decision used.{remark}"
        f"{f' {unsafe}' if unsafe else ''}"
    )


def _verdict(gain: "Gain") -> tuple[str, str]:
    """How the headline opens, and what it adds: a result that chance explains confirms nothing."""
    interval = gain.interval(gain.trial_error)  # that of other tasks is wide by the effect itself
    if interval is None:
        return "Measured once more", " How much of this is chance is unknown."
    low, high = interval
    if low > 0:
        return "Confirmed", ""
    if high < 0:
        return "Refuted", " It is worse than where the search began."
    return "Not confirmed", " Chance alone can explain this difference."


def _incomplete(found: "Confirmation") -> str:
    return (
        f"The confirmation of {found.harness.name} is not complete: {found.finished} of "
        f"{found.planned} rollouts are finished, and no figure is shown before all are. "
        "Run the same command again for them."
    )


def _score(score: Score) -> dict[str, float]:
    return {
        "pooled": round(score.pooled, 4),
        "all_pass": round(score.all_pass, 4),
        "tokens_m": round(score.tokens_m, 6),
        "blended": round(score.blended, 4),
    }
