"""Tables for a terminal."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness_search.ledger.frontier import Frontier, FrontierRow
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import NO_SANDBOX, DecisionKind, Split
from harness_search.ledger.sandboxes import warning
from harness_search.ledger.scores import Score
from harness_search.reports.comparison import Comparison

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH_OF_A_FILE = 120


def console_for_people(*, json_wanted: bool) -> "Console":
    """Tables go to stdout; with `--json` nothing but the document does."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
    return Console(stderr=json_wanted, width=width, markup=False)


_STYLES = {
    DecisionKind.PROMOTED: "green",
    DecisionKind.REJECTED: "red",
    DecisionKind.ORPHAN: "dim",
}
_LOUD = "bold red"


def print_frontier(console: "Console", frontier: Frontier) -> None:
    """The frontier table, the incumbent, and the weights that the scores were made with."""
    from rich.table import Table

    title = "Frontier (simulated model)" if frontier.simulated else "Frontier"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("harness", overflow="fold", min_width=10)
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("decision", no_wrap=True)
    for name in ("pooled", "all-pass", "tokens\n(M)", "blended", "delta", "coverage"):
        table.add_column(name, justify="right")
    numbers = {row.harness: str(row.iteration) for row in frontier.rows}
    for row in frontier.rows:
        style = _STYLES.get(row.decision) if row.decision else "yellow"
        table.add_row(*_cells(row, numbers.get(row.parent, "-")), style=style)
    console.print(table)
    console.print(_summary(frontier), highlight=False)
    print_warning(console, frontier.sandboxes)


def print_warning(console: "Console", sandboxes: Mapping[str, int]) -> None:
    """Say loudly how many rollouts ran without a sandbox; nothing when none did."""
    if said := warning(sandboxes):
        console.print(said, style=_LOUD, highlight=False, soft_wrap=True)


def _named(harness: str, sandboxes: Mapping[str, int]) -> "Text":
    """The harness, with how many of its rollouts ran without a sandbox below it."""
    from rich.text import Text

    unsafe = sandboxes.get(NO_SANDBOX, 0)
    return Text(harness) + Text(f"\n{unsafe} unsafe" if unsafe else "", style=_LOUD)


def _cells(row: FrontierRow, parent: str) -> list["str | Text"]:
    decision = row.decision.value if row.decision else "open"
    name = _named(row.harness, row.sandboxes)
    names = (str(row.iteration), name, parent, decision)
    if row.score is None:
        return [*names, "-", "-", "-", "-", "-", "0%"]
    *scores, coverage = score_cells(row.score)
    return [*names, *scores, gain_text(row.gain), coverage]


def score_cells(score: Score) -> list[str]:
    """Pooled, all-pass, tokens, blended and coverage as text."""
    return [
        f"{score.pooled:.1f}",
        f"{score.all_pass:.1f}",
        f"{score.tokens_m:.3f}",
        f"{score.blended:.1f}",
        f"{float(score.coverage):.0%}",
    ]


def gain_text(gain: Gain | None) -> str:
    """For example `+4.2 ±1.3`: points with the half width of the 95 % interval of trial noise."""
    if gain is None:
        return "-"
    interval = gain.interval(gain.trial_error)
    if interval is None:
        return f"{gain.points:+.1f}"
    return f"{gain.points:+.1f} ±{(interval[1] - interval[0]) / 2:.1f}"


def _summary(frontier: Frontier) -> str:
    weights = frontier.weights
    lines = [
        f"Incumbent: {frontier.incumbent or 'none yet'}",
        f"Scores in points. blended = pooled + {weights.all_pass:g} x all-pass "
        f"- {weights.cost:g} x million tokens a rollout; "
        "`from` is the iteration it was copied from; delta is against the incumbent of its time, "
        "± the 95 % interval of trial noise.",
    ]
    if frontier.simulated:
        lines.append(SIMULATED_NOTE)
    return "\n".join(lines)


SIMULATED_NOTE = (
    "Simulated: these figures show that the machinery works; they say nothing about a real model."
)


def print_comparison(console: "Console", comparison: Comparison) -> None:
    """Scores of one or two harnesses on a split, and the difference with both intervals."""
    from rich.table import Table

    split = "Held-out test split" if comparison.split is Split.TEST else "Dev split"
    model = " (simulated model)" if comparison.simulated else ""
    opened = f", opening {comparison.opening}" if comparison.opening else ""
    title = f"{split}{model}{opened}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("harness")
    for name in ("pooled", "all-pass", "tokens (M)", "blended", "coverage"):
        table.add_column(name, justify="right")
    for name, score in comparison.scores:
        cells = score_cells(score) if score else ["-"] * 4 + ["0%"]
        table.add_row(_named(name, comparison.sandboxes_of[name]), *cells)
    console.print(table)
    for line in _difference(comparison):
        console.print(line, highlight=False, soft_wrap=True)
    print_warning(console, comparison.sandboxes)


def _difference(comparison: Comparison) -> list[str]:
    lines: list[str] = []
    if comparison.gain is not None:
        gain = comparison.gain
        same, other = (
            "{:+.1f} to {:+.1f}".format(*interval) if interval else "unknown"
            for interval in (gain.interval(gain.trial_error), gain.interval(gain.task_error))
        )
        lines.append(
            f"Difference in blended points: {gain.points:+.1f} "
            f"(95 % interval: {same} on these tasks, {other} on other tasks of their kind)."
        )
    return [*lines, SIMULATED_NOTE] if comparison.simulated else lines
