"""A calibration for a terminal, and as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness_search.judging.agreement import Agreement, Estimate, Rate
from harness_search.judging.arms import TOLERATED_ERRORS, Arm
from harness_search.judging.fitness import arm_ranks
from harness_search.reports.tables import SIMULATED_NOTE

if TYPE_CHECKING:
    from rich.console import Console

    from harness_search.experiments.calibration import Calibration, JudgeFigures, Plan

WIDTH = 100
UNKNOWN = "-"


def print_sample(console: "Console", plan: "Plan") -> None:
    """What will be judged, and for how much."""
    estimate, stored = plan.estimate, len(plan.stored.rollouts)
    shared = f"; same deliverable and answer: {estimate.shared:,}" if estimate.shared else ""
    usd = "USD unknown (no price)" if estimate.usd is None else f"about {estimate.usd:,.2f} USD"
    lines = [
        f"{len(plan.sample)} of {stored} stored rollouts, {plan.again} of them twice, by "
        f"{plan.judge.name} and by {plan.reference.name}.",
        *_left_out(plan.stored.left_out),
        f"To ask: {estimate.asked:,} verdicts, {usd}; kept from before: {estimate.kept:,}{shared}.",
        *estimate.notes,
    ]
    _print(console, lines)


def print_calibration(console: "Console", found: "Calibration") -> None:
    """The figures, by practice area, length and harness, and what follows from them."""
    from rich.table import Table

    model = " (simulated)" if found.simulated else ""
    title = f"{found.judge.name} against {found.reference.name}{model}, {found.sampled} rollouts"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), width=WIDTH)
    table.add_column("", overflow="fold", ratio=1)
    for name in ("verdicts", "agree %", "kappa", "false pass %", "false fail %", "bias"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("all", *_cells(found.overall))
    groups = {
        "by practice area": found.areas,
        "by length": found.lengths,
        "by harness": tuple(arm.found for arm in found.arms),
    }
    for heading, group in groups.items():
        table.add_row(heading, style="bold")
        for item in group:
            table.add_row(f" {item.name}", *_cells(item))
    console.print(table)
    _print_arms(console, found.arms)
    _print_levels(console, found)
    _print(console, _lines(found))


def _cells(item: Agreement) -> list[str]:
    return [
        f"{item.confusion.total:,}",
        _percent(item.agreement),
        _kappa(item.kappa),
        _percent(item.false_pass),
        _percent(item.false_fail),
        _estimate(item.bias, "+.1f"),
    ]


def _kappa(item: Estimate | None) -> str:
    """With both ends: the interval of kappa is not symmetric."""
    if item is None:
        return UNKNOWN
    if item.low is None or item.high is None:
        return f"{item.value:.2f}"
    return f"{item.value:.2f} ({item.low:.2f}-{item.high:.2f})"


def _percent(item: Rate | None) -> str:
    if item is None:
        return UNKNOWN
    return f"{100 * item.share:.1f} ({100 * item.low:.0f}-{100 * item.high:.0f})"


def _estimate(item: Estimate | None, style: str, unit: float = 1.0) -> str:
    if item is None:
        return UNKNOWN
    value = format(unit * item.value, style)
    return value if item.high is None else f"{value} ±{unit * (item.high - item.value):.1f}"


def _print_arms(console: "Console", arms: Iterable[Arm]) -> None:
    """Each harness against the others."""
    from rich.table import Table

    shown = [(arm.found.name, arm.against_others) for arm in arms]
    contrasts = [(name, item) for name, item in shown if item is not None]
    if not contrasts:
        return
    table = Table(box=None, padding=(0, 1, 0, 0), width=WIDTH)
    table.add_column("against the others", overflow="fold", ratio=1)
    for name in ("bias", "false pass %", "false fail %", "alarm"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, item in contrasts:
        rates = (_estimate(side, "+.1f", 100) for side in (item.false_pass, item.false_fail))
        alarm = "YES" if item.alarms else ("no" if item.known else "unknown")
        table.add_row(name, _estimate(item.bias, "+.1f"), *rates, alarm)
    console.print()
    console.print(table)


def _print_levels(console: "Console", found: "Calibration") -> None:
    """The pass rate of each harness as the reference would have it."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), width=WIDTH)
    table.add_column("pass rate of all stored rollouts", overflow="fold", ratio=1)
    table.add_column(f"by {found.judge.name}", justify="right", no_wrap=True)
    table.add_column(f"by {found.reference.name}, estimated", justify="right", no_wrap=True)
    for item in found.levels:
        table.add_row(item.harness, f"{item.judged:.1f}", _estimate(item.estimate, ".1f"))
    console.print()
    console.print(table)
    console.print()


def _lines(found: "Calibration") -> list[str]:
    table, simulated = found.overall.confusion, [SIMULATED_NOTE] if found.simulated else []
    return [
        "Rates in %, bias in points, each with its 95 % interval, clustered by task. An alarm: "
        f"error rates differ by more than {TOLERATED_ERRORS:g} standard errors.",
        f"Both pass {table.both_pass:,}, both fail {table.both_fail:,}; only "
        f"{found.judge.name} passes {table.false_pass:,}, only {found.reference.name} passes "
        f"{table.false_fail:,}.",
        *_all_pass(found),
        *(_judge_line(item) for item in (found.judge, found.reference)),
        *_left_out(found.left_out),
        *simulated,
        found.fitness.sentence,
    ]


def _all_pass(found: "Calibration") -> list[str]:
    item = found.all_pass
    if item is None:
        return ["All-pass: no rollout had every verdict decided by both."]
    return [
        f"All-pass: {item.judged} by {found.judge.name}, {item.reference} by "
        f"{found.reference.name}, of {item.agreement.units} rollouts; they agree on "
        f"{_percent(item.agreement)} %. A judge's false fails weigh most here."
    ]


def _judge_line(item: "JudgeFigures") -> str:
    flips = "not asked again"
    if item.flips is not None:
        most = f"at most {item.flips.high:.1%}, 95 %"
        flips = f"{item.flips.count} of {item.flips.units:,} flipped when asked again ({most})"
    return (
        f"{item.name}: {item.verdicts:,} verdicts, {item.reused:,} of them stored; undecided "
        f"{_share(item.undecided, item.verdicts)}, not judged or in no usable form "
        f"{_share(item.flagged, item.verdicts)}; {flips}; {_cost(item)}."
    )


def _cost(item: "JudgeFigures") -> str:
    if not item.asked:
        return "no answer was bought now"
    thousand = item.usd_per_thousand
    known = "at an unknown cost" if thousand is None else f"at {thousand:,.2f} USD for 1,000"
    return f"{item.asked:,} answers got now, {known}"


def _share(count: int, units: int) -> str:
    return f"{count / units:.1%}" if units else UNKNOWN


def _left_out(reasons: Mapping[str, int]) -> list[str]:
    if not reasons:
        return []
    said = "; ".join(f"{count}: {reason}" for reason, count in reasons.items())
    return [f"Rollouts left out: {said}."]


def _print(console: "Console", lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def to_json(found: "Calibration") -> dict[str, Any]:
    """Everything, as it is stored: rates from 0 to 1, bias and levels in points."""
    return {
        "at": found.at,
        "simulated": found.simulated,
        "verdict": found.fitness.use.value,
        "sentence": found.fitness.sentence,
        "reasons": list(found.fitness.reasons),
        "more_rollouts": found.fitness.more_rollouts,
        "seed": found.seed,
        "sample": {
            "rollouts": found.sampled,
            "again": found.again,
            "stored": found.stored,
            "left_out": dict(found.left_out),
        },
        "judge": _figures(found.judge),
        "reference": _figures(found.reference),
        "overall": _agreement(found.overall),
        "practice_areas": [_agreement(item) for item in found.areas],
        "lengths": [_agreement(item) for item in found.lengths],
        "harnesses": [_arm(arm) for arm in found.arms],
        "rank_correlation": arm_ranks(found.arms),
        "all_pass": asdict(found.all_pass) if found.all_pass else None,
        "levels": [asdict(item) for item in found.levels],
    }


def _figures(item: "JudgeFigures") -> dict[str, Any]:
    own = {"flips": _rate(item.flips), "usd_per_thousand": item.usd_per_thousand}
    return {**asdict(item), **own}


def _agreement(item: Agreement) -> dict[str, Any]:
    rates = {
        "agreement": item.agreement,
        "false_pass": item.false_pass,
        "false_fail": item.false_fail,
    }
    shares = {name: _rate(rate) for name, rate in rates.items()}
    return {**asdict(item), **shares, "youden": item.youden}


def _rate(item: Rate | None) -> dict[str, float] | None:
    return {**asdict(item), "share": item.share} if item else None


def _arm(arm: Arm) -> dict[str, Any]:
    table, contrast = arm.found.confusion, arm.against_others
    return {
        **_agreement(arm.found),
        "judged": 100 * table.judged_rate,
        "reference": 100 * table.reference_rate,
        "against_others": {**asdict(contrast), "youden": contrast.youden} if contrast else None,
    }
