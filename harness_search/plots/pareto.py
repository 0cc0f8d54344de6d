"""Pooled pass rate against what a rollout takes: tokens, and money where a price is known."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.labels import Label, place_labels
from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import (
    BLUE,
    GRID,
    MARKS,
    MUTED,
    PAPER,
    Mark,
    draw_intervals,
    dress,
    handle,
    line_handle,
    seen_marks,
)
from harness_search.plots.values import (
    IntervalKind,
    Measured,
    checked_all,
    counted,
    interval_note,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Pass rate against cost"
FEW = 12
"""Harnesses of which the dominated ones have names as well, where there is room."""
MOST_LABELS = 7
MOST_INTERVALS = 60
LONGEST_NAME = 30
MANY = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """One harness: what it reaches, and what one rollout of it takes."""

    name: str
    kind: DecisionKind
    pooled: Measured
    """Per cent of criteria passed."""
    tokens: float
    """Per rollout, of all kinds."""
    dollars: float | None = None
    """Per rollout; None where a price is unknown."""
    incumbent: bool = False

    def __post_init__(self) -> None:
        checked_all((self.tokens, self.dollars))


@dataclass(frozen=True, slots=True)
class Pareto:
    """All harnesses with a full evaluation."""

    standings: Sequence[Standing]
    simulated: bool = False


def undominated(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each (pass rate, cost): whether none is at least as good in both and better in one."""
    kept = [False] * len(points)
    best, best_cost = float("-inf"), float("nan")
    order = sorted(range(len(points)), key=lambda place: (points[place][1], -points[place][0]))
    for place in order:
        rate, cost = points[place]
        if rate > best:
            best, best_cost = rate, cost
        # An equal twin of a point that is kept is not worse than that.
        kept[place] = rate == best and cost == best_cost
    return kept


def pareto(shown: Pareto) -> Picture:
    """One panel for tokens and one for money where at least one price is known."""
    if not shown.standings:
        return sentence(
            TITLE, "No harness has been evaluated in full yet.", simulated=shown.simulated
        )
    priced = [one for one in shown.standings if one.dollars is not None]

    def paint(sheet: Sheet) -> None:
        panels = sheet.figure.subplots(1, 2 if priced else 1, sharey=True, squeeze=False)[0]
        unit, name = _token_unit(one.tokens for one in shown.standings)
        drawn = [_panel(sheet, panels[0], shown.standings, lambda one: one.tokens / unit)]
        dress(panels[0], across=f"tokens per rollout{name}", up="pooled pass rate (%)", grid="both")
        if priced:
            drawn.append(_panel(sheet, panels[1], priced, lambda one: one.dollars or 0.0))
            dress(panels[1], across="cost per rollout (USD)", grid="both")
        _legend(sheet, shown)
        sheet.note(*_notes(shown, len(shown.standings) - len(priced)))
        sheet.figure.draw_without_rendering()  # labels need to know where the axes are
        sheet.figure.set_layout_engine("none")
        for axes, (labels, steps) in zip(panels, drawn, strict=False):
            place_labels(axes, labels, steps)

    return Picture(TITLE, _description(shown), shown.simulated, 4.0, paint)


def _token_unit(tokens: Iterable[float]) -> tuple[float, str]:
    most = max(tokens)
    return (
        (1e6, " (millions)") if most >= 1e6 else (1e3, " (thousands)") if most >= 1e4 else (1, "")
    )


def _panel(
    sheet: Sheet, axes: "Axes", standings: Sequence[Standing], cost: Callable[[Standing], float]
) -> tuple[list[Label], list[tuple[float, float]]]:
    """What is to be named, and the corners of the frontier, which names keep clear of."""
    points = [(one.pooled.value, cost(one)) for one in standings]
    kept = undominated(points)
    edge = sorted({(x, y) for (y, x), good in zip(points, kept, strict=True) if good})
    steps = [edge[0], *chain(*(((x, y), (x, up)) for (_, y), (x, up) in pairwise(edge)))]
    axes.plot(*zip(*steps, strict=True), color=BLUE, linewidth=1.2, zorder=1)
    drawn = [one for one, good in zip(standings, kept, strict=True) if good or _wanted(one)]
    if len(standings) <= MOST_INTERVALS:
        drawn = list(standings)
    faint = GRID if len(standings) > 12 else MUTED
    draw_intervals(axes, [cost(one) for one in drawn], [one.pooled for one in drawn], faint)
    _marks(axes, standings, points, kept)
    axes.margins(0.12, 0.12)
    ranked = sorted(
        zip(standings, points, kept, strict=True),
        key=lambda each: (not _wanted(each[0]), not each[2], -each[1][0]),
    )
    labels = [
        Label(sheet.name(one.name, LONGEST_NAME), x, y, bold=one.incumbent, must=_wanted(one))
        for one, (y, x), good in ranked
        if good or _wanted(one) or len(standings) <= FEW
    ][:MOST_LABELS]
    return [*labels, *(Label("", x, y) for y, x in points)], steps


def _wanted(one: Standing) -> bool:
    return one.incumbent or one.kind is DecisionKind.BASELINE


def _marks(
    axes: "Axes",
    standings: Sequence[Standing],
    points: Sequence[tuple[float, float]],
    kept: Sequence[bool],
) -> None:
    alike: dict[tuple[DecisionKind, bool, bool], list[tuple[float, float]]] = {}
    for one, (rate, cost), good in zip(standings, points, kept, strict=True):
        alike.setdefault((one.kind, one.incumbent, good), []).append((cost, rate))
    for (kind, incumbent, good), places in alike.items():
        mark = MARKS[kind]
        look = mark.options(1.3 if incumbent else 1.0 if good or len(standings) < MANY else 0.6)
        look["markerfacecolor"] = mark.colour if good else PAPER
        axes.plot(*zip(*places, strict=True), **look, zorder=4 if good else 3)


def _legend(sheet: Sheet, shown: Pareto) -> None:
    marks = seen_marks(one.kind for one in shown.standings)
    filled = [Mark(mark.label, mark.shape, mark.colour, mark.size) for mark in marks]
    hollow = Mark("dominated (hollow)", "o", MUTED, 5.0, filled=False)
    handles = [*map(handle, filled), handle(hollow), line_handle(BLUE, width=1.2)]
    sheet.legend(handles, [*(mark.label for mark in filled), hollow.label, "Pareto frontier"])


def _notes(shown: Pareto, unpriced: int) -> list[str]:
    notes = [interval_note((one.pooled for one in shown.standings), IntervalKind.TRIAL_NOISE)]
    if len(shown.standings) > MOST_INTERVALS:
        notes.append("Of dominated harnesses they are left out.")
    if 0 < unpriced < len(shown.standings):
        notes.append(f"Without a known price: {counted(unpriced, 'harness', 'harnesses')}.")
    elif unpriced:
        notes.append("No price is known.")
    return notes


def _description(shown: Pareto) -> str:
    kept = undominated([(one.pooled.value, one.tokens) for one in shown.standings])
    best = max(shown.standings, key=lambda one: one.pooled.value)
    return (
        f"Pooled pass rate against tokens per rollout of "
        f"{counted(len(kept), 'harness', 'harnesses')}; {sum(kept):,} not dominated; highest "
        f"{best.pooled.value:.1f} % with {best.tokens:,.0f} tokens."
    )
