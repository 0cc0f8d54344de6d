"""What every candidate gained against the incumbent of its time, as a forest plot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import (
    INK,
    MARKS,
    MUTED,
    SMALL,
    VERMILLION,
    draw_intervals,
    dress,
    handle,
    line_handle,
    name_rows,
    seen_marks,
    whole_numbers,
)
from harness_search.plots.values import (
    IntervalKind,
    Measured,
    checked,
    counted,
    interval_note,
    measured_text,
    signed,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Gain of each candidate"
UNIT = "difference from the incumbent (blended points)"
MOST_ROWS = 60
"""Candidates up to which each has a row with its name."""
ROW = 0.19  # inches


@dataclass(frozen=True, slots=True)
class CandidateGain:
    """One candidate against the incumbent of its time."""

    iteration: int
    name: str
    decision: DecisionKind
    difference: Measured | None
    """Blended points; None where the two were never compared."""


@dataclass(frozen=True, slots=True)
class Gains:
    """Of a whole search."""

    candidates: Sequence[CandidateGain]
    min_delta: float
    """Points that a promotion needs."""
    simulated: bool = False

    def __post_init__(self) -> None:
        checked(self.min_delta, "min_delta")


def gains(shown: Gains) -> Picture:
    """One row a candidate in the order of iterations; many candidates stand side by side."""
    ordered = sorted(shown.candidates, key=lambda one: one.iteration)
    compared = [one for one in ordered if one.difference is not None]
    if not compared:
        return sentence(TITLE, "No candidate has been compared yet.", simulated=shown.simulated)
    few = len(ordered) <= MOST_ROWS

    def paint(sheet: Sheet) -> None:
        axes = sheet.figure.subplots()
        if few:
            _rows(sheet, axes, ordered, shown.min_delta)
        else:
            _columns(axes, compared, shown.min_delta)
        marks = seen_marks(one.decision for one in compared)
        lines = [line_handle(VERMILLION, "--", 1.0), *map(handle, marks)]
        sheet.legend(lines, [f"min_delta {shown.min_delta:g}", *(mark.label for mark in marks)])
        left = len(ordered) - len(compared)
        sheet.note(
            interval_note((one.difference for one in compared), IntervalKind.TRIAL_NOISE),
            f"Never compared: {counted(left, 'candidate')}." if left else "",
        )

    height = 1.35 + ROW * max(3, len(ordered)) if few else 3.6
    return Picture(TITLE, _description(shown, compared), shown.simulated, height, paint)


def _rows(sheet: Sheet, axes: "Axes", ordered: Sequence[CandidateGain], min_delta: float) -> None:
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.axvline(min_delta, color=VERMILLION, linewidth=1.0, linestyle=(0, (4, 3)))
    for place, one in enumerate(ordered):
        if one.difference is None:
            continue
        mark = MARKS[one.decision]
        draw_intervals(axes, [place], [one.difference], mark.colour, width=1.3, across=True)
        axes.plot([one.difference.value], [place], **mark.options(), zorder=3)
    dress(axes, across=UNIT, grid="x")
    name_rows(axes, [f"{one.iteration}  {sheet.name(one.name)}" for one in ordered], SMALL)
    for place, one in enumerate(ordered):
        text = "not compared" if one.difference is None else signed(one.difference.value)
        axes.annotate(
            text, (1.01, place), xycoords=("axes fraction", "data"), va="center",
            size=SMALL, color=INK, annotation_clip=False,
        )  # fmt: skip


def _columns(axes: "Axes", compared: Sequence[CandidateGain], min_delta: float) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axhline(min_delta, color=VERMILLION, linewidth=1.0, linestyle=(0, (4, 3)), zorder=4)
    for kind, mark in MARKS.items():
        chosen = [(one.iteration, one.difference) for one in compared if one.decision is kind]
        pairs = [(place, value) for place, value in chosen if value is not None]
        if not pairs:
            continue
        places, values = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        strong = kind is DecisionKind.PROMOTED
        draw_intervals(
            axes, places, values, mark.colour,
            width=1.1 if strong else 0.5, opacity=1.0 if strong else 0.3,
        )  # fmt: skip
        heights = [value.value for value in values]
        axes.plot(
            places, heights, **mark.options(0.8 if strong else 0.5), zorder=5 if strong else 3
        )
    dress(axes, across="iteration", up=UNIT.replace(" (", "\n("))
    whole_numbers(axes)


def _description(shown: Gains, compared: Sequence[CandidateGain]) -> str:
    promoted = sum(one.decision is DecisionKind.PROMOTED for one in shown.candidates)
    best = max(compared, key=lambda one: one.difference.value if one.difference else 0.0)
    return (
        f"Differences of {counted(len(compared), 'candidate')} from the incumbent of their time, "
        f"{promoted:,} promoted, min_delta {shown.min_delta:g}; largest "
        f"{measured_text(best.difference)} points in iteration {best.iteration:,}."
    )
