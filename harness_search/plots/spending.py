"""What a search cost, by role, and what caches saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import (
    GRID,
    INK,
    MUTED,
    PAPER,
    SMALL,
    Look,
    area_handle,
    dress,
    name_rows,
    segment,
    whole_numbers,
)
from harness_search.plots.values import checked_all, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Cost by role"
MOST_BARS = 60
FEWEST_PLACES = 8


@dataclass(frozen=True, slots=True)
class RoleCost:
    """One role of the budget: rollouts, judge, proposer. In USD."""

    role: str
    dollars: float
    saved: float | None = None
    """What caches and replays saved against paying every token in full; None where unknown."""

    def __post_init__(self) -> None:
        checked_all((self.dollars, self.saved))


@dataclass(frozen=True, slots=True)
class IterationCost:
    """One iteration: USD of each role, in the order of `Spending.roles`."""

    number: int
    dollars: Sequence[float]

    def __post_init__(self) -> None:
        checked_all(self.dollars)


@dataclass(frozen=True, slots=True)
class Spending:
    """Of a whole search. Raises ValueError for an iteration with another number of roles."""

    roles: Sequence[RoleCost]
    iterations: Sequence[IterationCost] = ()
    simulated: bool = False

    def __post_init__(self) -> None:
        for one in self.iterations:
            if len(one.dollars) != len(self.roles):
                raise ValueError(
                    f"costs of an iteration: found {len(one.dollars)}, expected {len(self.roles)}"
                )


def spending(shown: Spending) -> Picture:
    """What was paid beside what full prices would have been; below, each iteration."""
    if not any(role.dollars or role.saved for role in shown.roles):
        return sentence(TITLE, "Nothing has been spent yet.", simulated=shown.simulated)

    def paint(sheet: Sheet) -> None:
        rows = 2 if shown.iterations else 1
        heights = (1.0, 2.2)[:rows]
        panels = sheet.figure.subplots(rows, 1, squeeze=False, height_ratios=heights)[:, 0]
        _totals(panels[0], shown.roles)
        if shown.iterations:
            _iterations(panels[1], shown)
        handles = [area_handle(*segment(place)) for place in range(len(shown.roles))]
        names = [sheet.name(role.role, 24) for role in shown.roles]
        sheet.legend([*handles, area_handle(GRID)], [*names, "saved by caches"])
        sheet.note(*_notes(shown.roles))

    height = 4.4 if shown.iterations else 2.1
    return Picture(TITLE, _description(shown.roles), shown.simulated, height, paint)


def _totals(axes: "Axes", roles: Sequence[RoleCost]) -> None:
    paid = 0.0
    for place, role in enumerate(roles):
        _bar(axes, 0, paid, role.dollars, place)
        _bar(axes, 1, paid, role.dollars, place)
        paid += role.dollars
    saved = sum(role.saved or 0.0 for role in roles)
    axes.barh([1], [saved], left=[paid], height=0.7, color=GRID)
    dress(axes, across="USD", grid="x")
    name_rows(axes, ["paid", "without caches"])
    for row, total in enumerate((paid, paid + saved)):
        axes.annotate(
            _money(total), (total, row), (4, 0), textcoords="offset points", va="center",
            size=SMALL, color=INK,
        )  # fmt: skip
    axes.margins(x=0.12)


def _bar(axes: "Axes", row: int, start: float, dollars: float, place: int) -> None:
    colour, hatch = segment(place)
    look: Look = {"facecolor": colour, "hatch": hatch, "edgecolor": PAPER, "linewidth": 0.0}
    axes.barh([row], [dollars], left=[start], height=0.7, **look)


def _iterations(axes: "Axes", shown: Spending) -> None:
    numbers, bars, each = _binned(shown.iterations, len(shown.roles))
    floor = [0.0] * len(bars)
    for place in range(len(shown.roles)):
        colour, hatch = segment(place)
        heights = [bar[place] for bar in bars]
        axes.bar(
            numbers, heights, bottom=floor, width=0.8 * each, facecolor=colour, hatch=hatch,
            edgecolor=PAPER, linewidth=0.0,
        )  # fmt: skip
        floor = [low + high for low, high in zip(floor, heights, strict=True)]
    suffix = f" (mean of {each:,} at a time)" if each > 1 else ""
    dress(axes, across="iteration", up=f"USD per iteration{suffix}")
    whole_numbers(axes)
    # A single bar is not to fill the plot.
    axes.set_xlim(numbers[0] - each, max(numbers[-1], numbers[0] + FEWEST_PLACES) + each)
    axes.spines["bottom"].set_color(MUTED)


def _binned(
    iterations: Sequence[IterationCost], roles: int
) -> tuple[list[float], list[list[float]], int]:
    """Middle and mean cost by role of each bar, and how many iterations one stands for."""
    ordered = sorted(iterations, key=lambda one: one.number)
    each = -(-len(ordered) // MOST_BARS)
    numbers, bars = [], []
    for first in range(0, len(ordered), each):
        group = ordered[first : first + each]
        numbers.append(sum(one.number for one in group) / len(group))
        bars.append([sum(one.dollars[role] for one in group) / len(group) for role in range(roles)])
    return numbers, bars, each


def _notes(roles: Sequence[RoleCost]) -> list[str]:
    unknown = [role for role in roles if role.saved is None]
    if not unknown:
        return []
    return [f"What caches saved is unknown for {counted(len(unknown), 'role')}."]


def _description(roles: Sequence[RoleCost]) -> str:
    paid, saved = sum(role.dollars for role in roles), sum(role.saved or 0.0 for role in roles)
    parts = ", ".join(f"{role.role[:24]} {_money(role.dollars)}" for role in roles[:8])
    return f"{_money(paid)} in total: {parts}; caches saved {_money(saved)}."


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if abs(dollars) < 1000 else f"${dollars:,.0f}"
