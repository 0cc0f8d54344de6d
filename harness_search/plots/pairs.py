"""Two harnesses side by side in several groups: practice areas, work types, classes of errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import (
    BLUE,
    INK,
    MUTED,
    PAPER,
    SIZE,
    SMALL,
    Look,
    area_handle,
    draw_intervals,
    dress,
    name_rows,
)
from harness_search.plots.values import IntervalKind, Measured, counted, interval_note, signed

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MOST_GROUPS = 60
ROW = 0.3  # inches
BAR = 0.36  # of a row


@dataclass(frozen=True, slots=True)
class Pair:
    """One group, before and after; None where nothing of it was measured."""

    name: str
    before: Measured | None
    after: Measured | None
    size: int | None = None
    """How much the group holds, as tasks or criteria; shown beside its name."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Groups in the order in which they are to be shown."""

    title: str
    unit: str
    """What the axis counts, as 'criteria passed (%)'."""
    pairs: Sequence[Pair]
    intervals: IntervalKind
    before: str = "baseline"
    after: str = "final"
    empty: str = "Nothing has been measured yet."
    """The sentence to show where there is no group."""
    simulated: bool = False


def by_area(pairs: Sequence[Pair], *, kind: str = "practice area", simulated: bool) -> Pairs:
    """Pass rates by practice area, or by another `kind` of group."""
    return Pairs(
        f"Results by {kind}", "criteria passed (%)", pairs, IntervalKind.TRIAL_NOISE,
        empty="No task has been evaluated yet.", simulated=simulated,
    )  # fmt: skip


def by_error(pairs: Sequence[Pair], *, unit: str, simulated: bool) -> Pairs:
    """Failed criteria by class of error; `unit` says of what the numbers are a count or share."""
    return Pairs(
        "Why criteria failed", unit, pairs, IntervalKind.OTHER_TASKS,
        empty="No failed criterion.", simulated=simulated,
    )  # fmt: skip


def paired_bars(shown: Pairs) -> Picture:
    """A hollow bar before and a filled bar after in each row, with intervals."""
    if not any(pair.before or pair.after for pair in shown.pairs):
        return sentence(shown.title, shown.empty, simulated=shown.simulated)
    rows = shown.pairs[:MOST_GROUPS]

    def paint(sheet: Sheet) -> None:
        axes = sheet.figure.subplots()
        _bars(axes, rows, lambda pair: pair.before, -BAR / 2, hollow=True)
        _bars(axes, rows, lambda pair: pair.after, BAR / 2, hollow=False)
        dress(axes, across=shown.unit, grid="x")
        name_rows(axes, [_row_name(sheet, pair) for pair in rows])
        _differences(axes, rows)
        handles = [_hollow(), area_handle(BLUE)]
        sheet.legend(handles, [sheet.name(shown.before, 40), sheet.name(shown.after, 40)])
        left = len(shown.pairs) - len(rows)
        values = (value for pair in rows for value in (pair.before, pair.after))
        sheet.note(
            interval_note(values, shown.intervals),
            "At the right: after minus before.",
            f"Left out: {counted(left, 'group')}." if left else "",
        )

    height = 1.25 + ROW * max(2, len(rows))
    return Picture(shown.title, _description(shown), shown.simulated, height, paint)


def _bars(
    axes: "Axes",
    rows: Sequence[Pair],
    side: Callable[[Pair], Measured | None],
    offset: float,
    *,
    hollow: bool,
) -> None:
    places, values = [], []
    for place, pair in enumerate(rows):
        value = side(pair)
        if value is not None:
            places.append(place + offset)
            values.append(value)
    look: Look = {"facecolor": PAPER, "edgecolor": MUTED} if hollow else {"color": BLUE}
    axes.barh(places, [value.value for value in values], height=BAR * 0.92, linewidth=0.8, **look)
    draw_intervals(axes, places, values, INK, across=True, width=1.4)


def _hollow() -> "Artist":
    from matplotlib.patches import Patch

    return Patch(facecolor=PAPER, edgecolor=MUTED, linewidth=0.8)


def _row_name(sheet: Sheet, pair: Pair) -> str:
    size = "" if pair.size is None else f"  ({pair.size:,})"
    return sheet.name(pair.name) + size


def _differences(axes: "Axes", rows: Sequence[Pair]) -> None:
    for place, pair in enumerate(rows):
        text = "not measured"
        if pair.before is not None and pair.after is not None:
            text = signed(pair.after.value - pair.before.value)
        axes.annotate(
            text, (1.01, place), xycoords=("axes fraction", "data"), va="center",
            size=SIZE if text[0] != "n" else SMALL, color=INK, annotation_clip=False,
        )  # fmt: skip


def _description(shown: Pairs) -> str:
    both = [
        (pair.after.value - pair.before.value, pair)
        for pair in shown.pairs
        if pair.before is not None and pair.after is not None
    ]
    text = f"{shown.unit} of {counted(len(shown.pairs), 'group')}, before and after"
    if both:
        low, high = min(both, key=lambda one: one[0]), max(both, key=lambda one: one[0])
        text += f"; differences from {signed(low[0])} ({low[1].name[:40]}) "
        text += f"to {signed(high[0])} ({high[1].name[:40]})"
    return f"{text}."
