"""How much single passes over the dev split differ, and how complete they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import (
    BLUE,
    GRID,
    INK,
    ORANGE,
    SKY,
    SMALL,
    VERMILLION,
    Look,
    Mark,
    area_handle,
    dress,
    handle,
    line_handle,
    name_rows,
)
from harness_search.plots.values import Measured, checked_all, counted, measured_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Noise and coverage of single passes"
PASS = Mark("single pass", "o", BLUE, 5.5)
INCOMPLETE = Mark("incomplete pass", "D", ORANGE, 5.0, filled=False)
MOST_PASSES = 60
ROW = 0.2  # inches


@dataclass(frozen=True, slots=True)
class Pass:
    """One rollout of every task of the split by one harness."""

    name: str
    blended: float | None
    """Points; None without a finished rollout."""
    finished: int
    planned: int

    def __post_init__(self) -> None:
        checked_all((self.blended, self.finished, self.planned))

    @property
    def coverage(self) -> float:
        """From 0 to 1; 1 where nothing was planned."""
        return self.finished / self.planned if self.planned else 1.0


@dataclass(frozen=True, slots=True)
class Noise:
    """Passes of one harness, or of two that are the same."""

    passes: Sequence[Pass]
    mean: Measured | None = None
    """Over all passes; their plain mean where it is None."""
    half: float | None = None
    """Half width of the 95 % interval of a single pass, in points; None where unknown."""
    min_delta: float | None = None
    """Points that a promotion needs, to compare the spread with."""
    simulated: bool = False

    def __post_init__(self) -> None:
        checked_all((self.half, self.min_delta))


def noise(shown: Noise) -> Picture:
    """Scores of the passes at the left, shares of finished rollouts at the right."""
    if not any(one.blended is not None for one in shown.passes):
        return sentence(TITLE, "No pass has been finished yet.", simulated=shown.simulated)
    rows = shown.passes[:MOST_PASSES]
    mean = shown.mean or Measured(
        fmean(one.blended for one in shown.passes if one.blended is not None)
    )

    def paint(sheet: Sheet) -> None:
        left, right = sheet.figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        _scores(left, rows, mean, shown)
        _coverage(right, rows)
        dress(left, across="blended score (points)", grid="x")
        dress(right, across="rollouts finished (%)", grid="x")
        right.spines["left"].set_visible(False)
        name_rows(left, [sheet.name(one.name, 24) for one in rows], SMALL)
        right.tick_params(axis="y", length=0)
        _legend(sheet, rows, mean, shown)
        sheet.note(*_notes(shown, mean))

    height = 1.5 + ROW * max(4, len(rows))
    return Picture(TITLE, _description(shown, mean), shown.simulated, height, paint)


def _scores(axes: "Axes", rows: Sequence[Pass], mean: Measured, shown: Noise) -> None:
    if shown.half is not None:
        span: Look = {"color": SKY, "alpha": 0.3, "linewidth": 0, "zorder": 0}
        axes.axvspan(mean.value - shown.half, mean.value + shown.half, **span)
    if mean.interval is not None:
        axes.axvspan(*mean.interval, color=BLUE, alpha=0.3, linewidth=0, zorder=1)
    axes.axvline(mean.value, color=INK, linewidth=0.9)
    if shown.min_delta is not None:
        axes.axvline(
            mean.value + shown.min_delta, color=VERMILLION, linewidth=1.0, linestyle=(0, (4, 3))
        )
    for place, one in enumerate(rows):
        if one.blended is not None:
            mark = PASS if one.coverage >= 1 else INCOMPLETE
            axes.plot([one.blended], [place], **mark.options(), zorder=3)


def _coverage(axes: "Axes", rows: Sequence[Pass]) -> None:
    places = range(len(rows))
    axes.barh(places, [100.0] * len(rows), height=0.6, color=GRID)
    shares = [100 * one.coverage for one in rows]
    colours = [BLUE if share >= 100 else ORANGE for share in shares]
    axes.barh(places, shares, height=0.6, color=colours)
    for place, one in enumerate(rows):
        axes.annotate(
            f"{one.finished:,} of {one.planned:,}", (1.02, place), va="center", size=SMALL,
            xycoords=("axes fraction", "data"), color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(0, 100)


def _legend(sheet: Sheet, rows: Sequence[Pass], mean: Measured, shown: Noise) -> None:
    entries = [(handle(PASS), PASS.label)]
    if any(one.coverage < 1 for one in rows):
        entries.append((handle(INCOMPLETE), INCOMPLETE.label))
    entries.append((line_handle(INK, width=0.9), "mean"))
    if mean.interval is not None:
        entries.append((area_handle(BLUE, opacity=0.3), "95 % of the mean"))
    if shown.half is not None:
        entries.append((area_handle(SKY, opacity=0.3), "95 % of a single pass"))
    if shown.min_delta is not None:
        entries.append((line_handle(VERMILLION, "--", 1.0), "mean + min_delta"))
    sheet.legend([entry[0] for entry in entries], [entry[1] for entry in entries])


def _notes(shown: Noise, mean: Measured) -> list[str]:
    notes = []
    if mean.interval is None:
        notes.append("No interval of the mean is known.")
    if shown.half is None:
        notes.append("The spread of a single pass is unknown.")
    left = len(shown.passes) - MOST_PASSES
    if left > 0:
        notes.append(f"Left out: {counted(left, 'pass', 'passes')}.")
    return notes


def _description(shown: Noise, mean: Measured) -> str:
    finished = sum(one.finished for one in shown.passes)
    planned = sum(one.planned for one in shown.passes)
    spread = "unknown" if shown.half is None else f"±{shown.half:.1f} points"
    return (
        f"{counted(len(shown.passes), 'single pass', 'single passes')}, mean blended score "
        f"{measured_text(mean)}, 95 % spread of one pass {spread}; {finished:,} of {planned:,} "
        "rollouts finished."
    )
