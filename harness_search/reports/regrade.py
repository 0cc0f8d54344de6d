"""What a regrade will do and cost, and what it did."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness_search.experiments.regrade import Fate, Item, Plan, Regraded
from harness_search.judging.estimates import Estimate
from harness_search.ledger.rows import Purpose

if TYPE_CHECKING:
    from rich.console import Console

MOST_SHOWN = 5
"""Rollouts to run again, by name; `--json` has them all."""
NOTHING_TO_DO = "Every rollout is graded by this judge already: nothing to do, nothing to pay."
DECISIONS_STAND = (
    "Scores are derived from the rows, and from now on from this judge's verdicts. Decisions that "
    "were taken stand as they are; by the new scores another harness may be the best."
)


def print_plan(console: "Console", plan: Plan) -> None:
    """Rollouts by ledger and fate, the reasons, and the estimate."""
    from rich.table import Table

    model = " (simulated model)" if plan.simulated else ""
    table = Table(
        title=f"Regrade with {plan.judge}{model}",
        title_justify="left",
        box=None,
        padding=(0, 1, 0, 0),
    )
    table.add_column("rollouts of")
    table.add_column("graded by", overflow="fold")
    for fate in Fate:
        table.add_column(fate.value, justify="right")
    for purpose, counts in _counts(plan).items():
        cells = [str(counts[fate]) for fate in Fate]
        table.add_row(purpose.value, plan.known[purpose], *cells)
    console.print(table)
    lines = [NOTHING_TO_DO] if plan.nothing_to_do else [*_lines(plan), *_costs(plan.estimate)]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _counts(plan: Plan) -> dict[Purpose, Counter[Fate]]:
    return {
        purpose: Counter(item.fate for item in plan.items if item.purpose is purpose)
        for purpose in plan.known
    }


def _lines(plan: Plan) -> Iterator[str]:
    reasons = Counter((item.fate, item.reason) for item in plan.items)
    for (fate, reason), count in sorted(reasons.items()):
        yield f"{count:>6} to {fate.value}: {reason}"
    rerun = plan.of(Fate.RERUN)
    for item in rerun[:MOST_SHOWN]:
        yield f"To run again: {_name(plan, item)}, {item.row.key.task}, trial {item.row.key.trial}"
    if (left := len(rerun) - MOST_SHOWN) > 0:
        yield f"... and {left} more"


def _name(plan: Plan, item: Item) -> str:
    return plan.names.get(item.row.key.harness, item.row.key.harness[:8])


def _costs(estimate: Estimate) -> tuple[str, ...]:
    return estimate_line(estimate), *estimate.notes


def estimate_line(estimate: Estimate) -> str:
    """What is to be paid, for people."""
    if not estimate.asked:
        free = f"{estimate.kept:,} verdicts are kept" if estimate.kept else "no model is asked"
        return f"Estimated cost: nothing ({free})."
    shared = f", and {estimate.shared:,} have the same answers" if estimate.shared else ""
    price = "at an unknown price" if estimate.usd is None else f"{estimate.usd:,.2f} USD"
    return (
        f"Estimated cost: {estimate.usage.total:,} tokens, {price}, for {estimate.asked:,} "
        f"verdicts; {estimate.kept:,} more are kept and cost nothing{shared}."
    )


def print_regraded(console: "Console", plan: Plan, done: Regraded) -> None:
    """What was done, and what follows from it."""
    for line in _done_lines(plan, done):
        console.print(line, highlight=False, soft_wrap=True)


def _done_lines(plan: Plan, done: Regraded) -> Iterator[str]:
    yield (
        f"{done.rollouts} rollouts graded anew: {done.flipped.to_pass} verdicts became a pass, "
        f"{done.flipped.from_pass} a fail; the old ones are kept in the ledger."
    )
    if done.flagged:
        yield (
            f"{done.flagged} verdicts are fails because the judge could not judge them, twice, or "
            "gave no usable answer."
        )
    if rerun := len(plan.of(Fate.RERUN)):
        yield (
            f"{rerun} rollouts were set aside and count no longer: `run` runs again those that it "
            "needs, `evaluate` those of one harness."
        )
    yield DECISIONS_STAND


def to_json(plan: Plan, done: Regraded | None) -> dict[str, Any]:
    """The document of `regrade --json`; `done` is None when nothing was changed."""
    estimate, reasons = plan.estimate, Counter((item.fate, item.reason) for item in plan.items)
    return {
        "judge": plan.judge,
        "simulated": plan.simulated,
        "nothing_to_do": plan.nothing_to_do,
        "ledgers": [
            {
                "of": purpose.value,
                "graded_by": plan.known[purpose],
                **{fate.value: counts[fate] for fate in Fate},
            }
            for purpose, counts in _counts(plan).items()
        ],
        "reasons": [
            {"fate": fate.value, "reason": reason, "rollouts": count}
            for (fate, reason), count in sorted(reasons.items())
        ],
        "rerun": [
            {
                "of": item.purpose.value,
                "harness": _name(plan, item),
                "task": item.row.key.task,
                "trial": item.row.key.trial,
                "reason": item.reason,
            }
            for item in plan.of(Fate.RERUN)
        ],
        "estimate": {
            "verdicts_asked": estimate.asked,
            "verdicts_kept": estimate.kept,
            "verdicts_shared": estimate.shared,
            "tokens": estimate.usage.total,
            "usd": None if estimate.usd is None else round(estimate.usd, 6),
            "notes": list(estimate.notes),
        },
        "done": _done_to_json(done),
    }


def _done_to_json(done: Regraded | None) -> dict[str, int] | None:
    if done is None:
        return None
    return {
        "rollouts": done.rollouts,
        "became_pass": done.flipped.to_pass,
        "became_fail": done.flipped.from_pass,
        "flagged": done.flagged,
    }
