"""Search progress: what every iteration scored, and the incumbent of its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import (
    BLUE,
    INK,
    MARKS,
    SKY,
    Look,
    area_handle,
    draw_intervals,
    dress,
    handle,
    line_handle,
    seen_marks,
    whole_numbers,
)
from harness_search.plots.values import (
    IntervalKind,
    Measured,
    checked_all,
    counted,
    interval_note,
    measured_text,
    signed,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Search progress"
MANY = 120
"""Iterations from which marks shrink and intervals fade, so that the incumbent stays visible."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """One candidate on the dev split; scores are None where it was never evaluated in full."""

    number: int
    decision: DecisionKind
    blended: Measured | None = None
    """Points."""
    pooled: Measured | None = None
    """Per cent of criteria passed."""
    inflation: float | None = 0.0
    """Points by which selection is expected to have raised the blended score of the incumbent that
    this iteration leaves, None where that is unknown; looked at where it was promoted."""

    def __post_init__(self) -> None:
        checked_all((self.inflation, self.number))


@dataclass(frozen=True, slots=True)
class Progress:
    """A whole search, in the order of its iterations."""

    iterations: Sequence[Iteration]
    baseline_blended: Measured | None = None
    baseline_pooled: Measured | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class _Steps:
    """The incumbent's score from each iteration on that changed it."""

    numbers: list[float]
    points: list[float]
    floors: list[float]


def progress(shown: Progress) -> Picture:
    """Blended score above, pooled pass rate below, one mark an iteration."""
    scored = [one for one in shown.iterations if one.blended or one.pooled]
    if not scored and shown.baseline_blended is None:
        return sentence(TITLE, "No harness has been evaluated yet.", simulated=shown.simulated)

    def paint(sheet: Sheet) -> None:
        upper, lower = sheet.figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        steps = _steps(shown)
        _incumbent(upper, steps, 4 if len(shown.iterations) > MANY else 2)
        _panel(upper, shown.iterations, [one.blended for one in shown.iterations])
        _panel(lower, shown.iterations, [one.pooled for one in shown.iterations])
        _baseline(upper, shown.baseline_blended)
        _baseline(lower, shown.baseline_pooled)
        dress(upper, up="blended score (points)")
        dress(lower, across="iteration", up="pooled pass rate (%)")
        whole_numbers(lower)
        lower.margins(x=0.02)
        _legend(sheet, shown, scored, steps)
        sheet.note(*_notes(shown, scored))

    return Picture(TITLE, _description(shown), shown.simulated, 5.0, paint)


def _steps(shown: Progress) -> _Steps:
    found = _Steps([], [], [])
    start = shown.baseline_blended
    changes = [(0, start, 0.0)] + [
        (one.number, one.blended, one.inflation or 0.0)
        for one in shown.iterations
        if one.decision is DecisionKind.PROMOTED
    ]
    for number, score, inflation in changes:
        if score is not None:
            found.numbers.append(number)
            found.points.append(score.value)
            found.floors.append(score.value - inflation)
    if found.numbers:
        # To the last iteration, or one step on where the search has just begun.
        found.numbers.append(max((one.number for one in shown.iterations), default=1) + 0.5)
        found.points.append(found.points[-1])
        found.floors.append(found.floors[-1])
    return found


def _incumbent(axes: "Axes", steps: _Steps, order: float) -> None:
    look: Look = {"color": BLUE, "linewidth": 1.6, "drawstyle": "steps-post", "zorder": order}
    axes.plot(steps.numbers, steps.points, **look)
    if steps.floors != steps.points:
        band: Look = {"step": "post", "color": SKY, "alpha": 0.35, "linewidth": 0, "zorder": 1}
        axes.fill_between(steps.numbers, steps.floors, steps.points, **band)


def _baseline(axes: "Axes", score: Measured | None) -> None:
    if score is not None:
        axes.axhline(score.value, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        draw_intervals(axes, [0], [score], INK)
        axes.plot([0], [score.value], **MARKS[DecisionKind.BASELINE].options())


def _panel(
    axes: "Axes", iterations: Sequence[Iteration], scores: Sequence[Measured | None]
) -> None:
    many = len(iterations) > MANY
    for kind, mark in MARKS.items():
        pairs = [
            (one.number, score)
            for one, score in zip(iterations, scores, strict=True)
            if one.decision is kind and score is not None
        ]
        faint = many and kind is not DecisionKind.PROMOTED
        places, values = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        draw_intervals(
            axes, places, values, mark.colour,
            width=0.5 if faint else 1.0, opacity=0.25 if faint else 0.8,
        )  # fmt: skip
        if pairs:
            heights = [value.value for value in values]
            axes.plot(places, heights, **mark.options(0.45 if faint else 1.0), zorder=3)


def _legend(sheet: Sheet, shown: Progress, scored: Sequence[Iteration], steps: _Steps) -> None:
    handles, labels = [], []
    if steps.numbers:
        handles.append(line_handle(BLUE))
        labels.append("incumbent")
    if steps.floors != steps.points:
        handles.append(area_handle(SKY, opacity=0.35))
        labels.append("expected inflation")
    if shown.baseline_blended or shown.baseline_pooled:
        handles.append(line_handle(INK, "--", 0.9))
        labels.append("baseline")
    marks = seen_marks(one.decision for one in scored)
    sheet.legend([*handles, *map(handle, marks)], [*labels, *(mark.label for mark in marks)])


def _notes(shown: Progress, scored: Sequence[Iteration]) -> list[str]:
    values = [score for one in scored for score in (one.blended, one.pooled)]
    left = len(shown.iterations) - len(scored)
    unscored = f"Not drawn, for want of a score: {counted(left, 'iteration')}." if left else ""
    values += [shown.baseline_blended, shown.baseline_pooled]
    return [interval_note(values, IntervalKind.TRIAL_NOISE), _unshaded(scored), unscored]


def _unshaded(scored: Sequence[Iteration]) -> str:
    """Without it, a line that has no shade would seem to have no inflation."""
    unknown = [
        one
        for one in scored
        if one.decision is DecisionKind.PROMOTED and one.blended and one.inflation is None
    ]
    if not unknown:
        return ""
    incumbents = counted(len(unknown), "incumbent")
    return f"Not shaded, for want of repeated rollouts: the inflation of {incumbents}."


def _description(shown: Progress) -> str:
    promoted = [one for one in shown.iterations if one.decision is DecisionKind.PROMOTED]
    start = shown.baseline_blended
    text = (
        f"{counted(len(shown.iterations), 'iteration')}, {len(promoted):,} promoted; "
        f"blended score of the baseline {measured_text(start)}"
    )
    if promoted and promoted[-1].blended is not None:
        last = promoted[-1].blended
        gain = f", {signed(last.value - start.value)} points" if start is not None else ""
        text += f", of the incumbent {measured_text(last)}{gain}"
    return f"{text}."
