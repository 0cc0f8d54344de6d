"""The noise of a project, for a terminal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness_search.promotion.components import Component
from harness_search.promotion.noise import (
    FEWEST_ERRORS,
    TOLERATED_CHANCE,
    Cost,
    Flips,
    GateChances,
    NoiseReport,
    PassNoise,
    drift,
)
from harness_search.reports.tables import SIMULATED_NOTE, print_lines, print_warning

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_TASKS = 5


def print_noise(console: "Console", report: NoiseReport) -> None:
    """The noisiest tasks, where noise comes from, and what the gate does in it."""
    from rich.table import Table

    model = " (simulated model)" if report.simulated else ""
    title = f"Noise{model}: the baseline twice, {report.trials} trials each"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("noisiest tasks", overflow="fold")
    for name in ("pass rate", "SD of a rollout (points)", "part of the noise"):
        table.add_column(name, justify="right", no_wrap=True)
    for task in report.tasks[:SHOWN_TASKS]:
        table.add_row(task.task, f"{task.rate:.1f}", f"{task.error:.1f}", f"{task.part:.0%}")
    console.print(table)
    _print_named(console, noise_lines(report))
    print_warning(console, report.sandboxes)


def _print_named(console: "Console", lines: Iterable[tuple[str, str]]) -> None:
    """Values beside their names on a terminal; in a file each on a line, to be searched."""
    if not console.is_terminal:
        print_lines(console, [f"{name:<17} {text}" for name, text in lines])
        return
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, min_width=17)
    table.add_column()
    for line in lines:
        table.add_row(*line)
    console.print(table, highlight=False)


def noise_lines(report: NoiseReport) -> list[tuple[str, str]]:
    """Names and values; a value without a name goes on with the one before."""
    arms = f"standard error of {report.trials} against {report.trials} trials"
    lines = [
        ("one pass", f"pooled {_spread(report.pooled)}"),
        ("", f"all-pass {_spread(report.all_pass)}"),
        ("", f"blended {_spread(report.blended)}"),
        ("noise floor", f"{report.floor:.2f} points ({arms})"),
        ("A against B", f"{report.difference:+.2f} points, where nothing differs"),
        ("between passes", _component(report.passes, "too few rollouts: unknown")),
        ("between days", _component(report.days, "one day only: unknown")),
        ("judge", _flips(report.flips)),
        *_gate(report.chances),
        ("cost", _cost(report.cost)),
    ]
    said = {"warning": report.warning, "drift": drift(report)}
    lines += [(name, text) for name, text in said.items() if text]
    return [*lines, *([("", SIMULATED_NOTE)] if report.simulated else [])]


def _spread(item: PassNoise) -> str:
    expected = f"{item.expected:.2f} expected of the rollouts of each task"
    return f"{item.mean:.1f}, SD {item.measured:.2f} points between passes ({expected})"


def _component(item: Component | None, unknown: str) -> str:
    if item is None:
        return unknown
    ratio = "-" if item.ratio is None else f"{item.ratio:.2f}"
    degrees = "{} and {}".format(*item.degrees)
    found = f"{item.points:.2f} points" if item.found else "nothing"
    return f"{found} beyond trial noise (F {ratio} on {degrees} degrees, p = {item.chance:.4f})"


def _flips(item: Flips | None) -> str:
    if item is None:
        return "not asked again"
    return f"{item.flipped} of {item.judged} verdicts flipped (at most {item.most:.1%}, 95 %)"


def _gate(item: GateChances | None) -> list[tuple[str, str]]:
    if item is None:
        return [("gate", "not simulated: it is one's own")]
    powers = ", ".join(f"{gain:+g} {chance:.0%}" for gain, chance in item.power)
    return [
        ("false promotion", f"{item.false_promotion:.0%} at min_delta {item.min_delta:g}"),
        ("power", f"{powers} (true gain in points)"),
        ("suggestion", f"min_delta {item.suggested:g}: {_why()}"),
    ]


def _why() -> str:
    return (
        f"at least {FEWEST_ERRORS:g} noise floors, and at most {TOLERATED_CHANCE:.0%} false "
        "promotions"
    )


def _cost(item: Cost | None) -> str:
    if item is None:
        return "unknown"
    usd = "USD unknown (no price)" if item.usd is None else f"{item.usd:,.2f} USD"
    judge = f", the judge's {item.judge_usd:,.2f} included" if item.usd and item.judge_usd else ""
    return (
        f"{item.rollouts} rollouts, {item.tokens:,} tokens, {usd}{judge}; all count for the search"
    )
