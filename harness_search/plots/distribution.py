"""How per-task scores are spread, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from statistics import fmean
from typing import TYPE_CHECKING

from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import (
    AFTER,
    BEFORE,
    INK,
    PAPER,
    SIZE,
    Mark,
    dress,
    whole_numbers,
)
from harness_search.plots.values import (
    IntervalKind,
    Measured,
    checked_all,
    counted,
    interval_note,
    measured_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Scores of single tasks, before and after"
BIN = 10  # points
MOST_BINS = 40


@dataclass(frozen=True, slots=True)
class Spread:
    """One harness: per cent of criteria passed for each task, and their mean over the split."""

    name: str
    rates: Sequence[float]
    mean: Measured | None = None
    """With its interval; the plain mean of the rates where it is None."""

    def __post_init__(self) -> None:
        checked_all(self.rates)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Two harnesses on one split."""

    before: Spread
    after: Spread
    simulated: bool = False


def distribution(shown: Distribution) -> Picture:
    """Tasks per 10 points, one panel above the other on one scale, with the means."""
    if not shown.before.rates and not shown.after.rates:
        return sentence(TITLE, "No task has been evaluated yet.", simulated=shown.simulated)

    def paint(sheet: Sheet) -> None:
        panels = sheet.figure.subplots(2, 1, sharex=True, sharey=True)
        edges = _edges([*shown.before.rates, *shown.after.rates])
        pairs = ((shown.before, BEFORE), (shown.after, AFTER))
        for axes, (spread, mark) in zip(panels, pairs, strict=True):
            _panel(sheet, axes, spread, mark, edges)
        dress(panels[1], across="criteria of a task passed (%)", up="tasks")
        whole_numbers(panels[0], "y", 5)
        panels[0].set_ylim(0, max(1.0, 1.25 * panels[0].get_ylim()[1]))
        sheet.note(
            f"Tasks per {BIN} points; the mark at the top is the mean over tasks.",
            interval_note(map(_mean, (shown.before, shown.after)), IntervalKind.TRIAL_NOISE),
        )

    return Picture(TITLE, _description(shown), shown.simulated, 3.7, paint)


def _edges(rates: Sequence[float]) -> list[float]:
    """From 0 to 100, and farther where scores are."""
    low, high = min(0, floor(min(rates) / BIN)), max(10, floor(max(rates) / BIN))
    wide = -(-(high - low) // MOST_BINS)  # in bins
    return [BIN * (low + wide * place) for place in range(-(-(high - low) // wide) + 1)]


def _panel(sheet: Sheet, axes: "Axes", spread: Spread, mark: Mark, edges: Sequence[float]) -> None:
    rates = [min(rate, edges[-1]) for rate in spread.rates]
    axes.hist(
        rates, bins=edges, color=mark.colour if mark.filled else PAPER, edgecolor=mark.colour,
        linewidth=1.0, rwidth=0.9,
    )  # fmt: skip
    mean = _mean(spread)
    name = sheet.name(spread.name, 40)
    title = f"{mark.label}: {name}, mean {measured_text(mean)}"
    axes.set_title(title, loc="left", size=SIZE, color=INK, pad=3)
    dress(axes, up="tasks")
    if mean is not None:
        axes.axvline(mean.value, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), ymax=0.94)
        _mean_mark(axes, mean, mark)


def _mean_mark(axes: "Axes", mean: Measured, mark: Mark) -> None:
    top = axes.get_xaxis_transform()  # scores across, share of the height up
    if mean.interval is not None:
        axes.plot(mean.interval, [0.94, 0.94], color=INK, linewidth=1.2, transform=top)
    axes.plot([mean.value], [0.94], **mark.options(), transform=top, zorder=4, clip_on=False)


def _mean(spread: Spread) -> Measured | None:
    if spread.mean is not None or not spread.rates:
        return spread.mean
    return Measured(fmean(spread.rates))


def _description(shown: Distribution) -> str:
    full = [sum(rate >= 100 for rate in spread.rates) for spread in (shown.before, shown.after)]
    return (
        f"Pass rates of {counted(len(shown.before.rates), 'task')} before and "
        f"{len(shown.after.rates):,} after: mean {measured_text(_mean(shown.before))} and "
        f"{measured_text(_mean(shown.after))} %; tasks passed in full {full[0]:,} and {full[1]:,}."
    )
