"""Tables for a terminal."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness_search.ledger.frontier import Frontier, FrontierRow
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import NO_SANDBOX, DecisionKind, Split
from harness_search.ledger.sandboxes import warning
from harness_search.ledger.scores import Score
from harness_search.reports.comparison import Comparison
from harness_search.reports.differences import intervals

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH_OF_A_FILE = 100


def console_for_people(*, json_wanted: bool) -> "Console":
    """Tables go to stdout; with `--json` nothing but the document does."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
    return Console(stderr=json_wanted, width=width, markup=False)


_STYLES = {
    DecisionKind.PROMOTED: "green",
    DecisionKind.REJECTED: "red",
    DecisionKind.ORPHAN: "dim",
    DecisionKind.PLACEBO: "dim",
}
_LOUD = "bold red"


MOST_ROWS = 60
"""Of a frontier table that nobody asked the whole of."""
LAST_ROWS = 20
"""Shown of a longer one, beside the lineage."""
_LINEAGE = frozenset({DecisionKind.BASELINE, DecisionKind.PROMOTED})


def rows_shown(rows: Sequence[FrontierRow], *, everything: bool) -> list[FrontierRow]:
    """The rows of a table: all of a short search; of a long one the lineage and the last ones."""
    if everything or len(rows) <= MOST_ROWS:
        return list(rows)
    begin = len(rows) - LAST_ROWS
    earlier = [row for row in rows[:begin] if row.decision in _LINEAGE]
    return [*earlier[:1], *earlier[1:][-(MOST_ROWS - LAST_ROWS - 1) :], *rows[begin:]]


def print_frontier(console: "Console", frontier: Frontier, *, everything: bool = False) -> None:
    """The frontier table, the incumbent, and the weights that the scores were made with.

    Of a long search the lineage and the last iterations, unless `everything` is wanted.
    """
    from rich.table import Table

    if not frontier.rows:
        print_lines(console, ["The search has not begun (`meta-harness start`)."])
        return
    title = "Frontier (simulated model)" if frontier.simulated else "Frontier"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("harness", overflow="fold", min_width=10)
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("decision", no_wrap=True)
    for name in ("pooled", "all-pass", "tokens\n(M)", "blended", "delta", "rollouts"):
        table.add_column(name, justify="right", no_wrap=True)
    numbers = {row.harness: str(row.iteration) for row in frontier.rows}
    shown = rows_shown(frontier.rows, everything=everything)
    for row in shown:
        style = _STYLES.get(row.decision) if row.decision else "yellow"
        table.add_row(*_cells(row, numbers.get(row.parent, "-")), style=style)
    console.print(table)
    if len(shown) < len(frontier.rows):
        left_out = len(frontier.rows) - len(shown)
        said = f"{left_out:,} earlier iterations are left out; `--all` shows them."
        console.print(said, highlight=False)
    console.print(_summary(frontier), highlight=False)
    print_warning(console, frontier.sandboxes)


def print_warning(console: "Console", sandboxes: Mapping[str, int]) -> None:
    """Say loudly how many rollouts ran without a sandbox; nothing when none did."""
    if said := warning(sandboxes):
        print_lines(console, [said], style=_LOUD)


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
        return [*names, "-", "-", "-", "-", "-", "0"]
    # A score of some tasks compares with no other; the difference on them does.
    *scores, _ = score_cells(row.score) if row.whole else ["-"] * 5
    lost = "" if row.decision is not DecisionKind.INCONCLUSIVE else "\n(incomplete)"
    return [*names, *scores, gain_text(row.gain), f"{row.rollouts}{lost}"]


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
        "± half of the 95 % interval of trial noise; `-`: ended before every task was run.",
    ]
    if frontier.gate:
        lines.append(frontier.gate.sentence())
    if frontier.ceiling:
        lines.append(frontier.ceiling.sentence())
    if frontier.simulated:
        lines.append(SIMULATED_NOTE)
    return "\n".join(lines)


SIMULATED_NOTE = (
    "Simulated: these figures show that the machinery works; they say nothing about a real model."
)


def print_comparison(console: "Console", comparison: Comparison) -> None:
    """Scores of one or two harnesses on a split; of two also the difference with both intervals,
    by practice area, and what of the dev gain is found again."""
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
    print_lines(console, [*_differences(comparison), *_all_passes(comparison)])
    if comparison.areas:
        _print_areas(console, comparison)
    print_lines(console, _conclusion(comparison))
    print_warning(console, comparison.sandboxes)


def print_lines(console: "Console", lines: Iterable[str], style: str | None = None) -> None:
    """Sentences below a table: between words on a terminal, whole in a file, to be searched."""
    for line in lines:
        console.print(line, style=style, highlight=False, soft_wrap=not console.is_terminal)


def _differences(comparison: Comparison) -> list[str]:
    kinds = {"blended": comparison.gain, "pooled": comparison.pooled}
    return [
        f"Difference in {kind} points: {gain.points:+.1f} ({intervals(gain)})."
        for kind, gain in kinds.items()
        if gain is not None
    ]


def _all_passes(comparison: Comparison) -> list[str]:
    """The all-pass rates with their intervals, once every rollout is there."""
    if not comparison.complete:
        return []
    planned = comparison.tasks * comparison.trials
    rates = "; ".join(
        "{} {} of {} rollouts, {:.1f} to {:.1f} %".format(
            name, comparison.all_passes(score), planned, *comparison.all_pass_interval(score)
        )
        for name, score in comparison.scores
        if score is not None
    )
    return [f"All-pass: {rates} (95 % Wilson interval; its units are the tasks)."]


def _print_areas(console: "Console", comparison: Comparison) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("practice area", overflow="fold")
    for name in ("tasks", "pooled", "difference", "all-pass"):
        table.add_column(name, justify="right", no_wrap=True)
    for area in comparison.areas:
        before, after = (comparison.all_passes(side, area.tasks) for side in area.sides)
        table.add_row(
            area.name,
            str(area.tasks),
            f"{area.before.pooled:.1f} -> {area.after.pooled:.1f}",
            f"{area.difference:+.1f}",
            f"{before} -> {after} of {area.tasks * comparison.trials}",
        )
    console.print()
    console.print(table)
    console.print()


def _conclusion(comparison: Comparison) -> list[str]:
    lines = [SIMULATED_NOTE] if comparison.simulated else []
    if comparison.split is Split.DEV or comparison.gain is None:
        return lines
    if comparison.transfer is None:
        return ["There is no dev gain to compare with: not all of dev was measured.", *lines]
    return [comparison.transfer.words(), *lines]
