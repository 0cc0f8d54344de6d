"""Every task under every promoted harness, as differences from the baseline."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from statistics import fmean
from typing import TYPE_CHECKING

from harness_search.plots.colours import readable_on, step_of
from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import GRID, INK, MUTED, SMALL, Look
from harness_search.plots.values import checked_all, counted, signed
from harness_search.plots.words import CUT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Tasks, from the baseline to each promoted harness"
MOST_TASKS = 200
MOST_HARNESSES = 16
FULL_COLOUR = 40.0
"""Points of difference from which the colour deepens no more."""
ROW = 0.155  # inches
DIGITS = 6.0  # points
LONGEST_NAME = 36
LONGEST_AREA = 48
MISSING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class TaskRates:
    """One task: per cent of criteria passed, mean over trials; None without a finished rollout."""

    task: str
    area: str
    baseline: float | None
    rates: Sequence[float | None]
    """Under each promoted harness, in the order of `HeatMap.harnesses`."""

    def __post_init__(self) -> None:
        checked_all((self.baseline, *self.rates))


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The promoted lineage, oldest first, on all tasks of a split.

    Raises ValueError for a task with another number of rates than there are harnesses.
    """

    harnesses: Sequence[str]
    tasks: Sequence[TaskRates]
    simulated: bool = False

    def __post_init__(self) -> None:
        for task in self.tasks:
            if len(task.rates) != len(self.harnesses):
                raise ValueError(
                    f"rates of a task: found {len(task.rates)}, expected {len(self.harnesses)}"
                )


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the picture: a task, or the name of a practice area above its tasks."""

    name: str
    task: TaskRates | None
    area: str = ""
    """Shown at the right where no heading says it."""


def heat_map(shown: HeatMap) -> Picture:
    """Tasks by practice area; the baseline's rate first, then differences from it."""
    if not shown.tasks:
        return sentence(TITLE, "No task has been evaluated yet.", simulated=shown.simulated)
    fitting = _fitting(shown)
    rows = list(_rows(fitting.tasks))

    def paint(sheet: Sheet) -> None:
        axes = sheet.figure.subplots()
        columns = ["baseline", *fitting.harnesses]
        _cells(axes, rows, len(columns))
        _names(sheet, axes, rows, columns)
        sheet.note(*_notes(shown, fitting))

    return Picture(TITLE, _description(shown), shown.simulated, 1.9 + ROW * len(rows), paint)


def _fitting(shown: HeatMap) -> HeatMap:
    """What there is room for: the last harnesses, and the tasks that moved most."""
    first = max(0, len(shown.harnesses) - MOST_HARNESSES)
    tasks = [replace(task, rates=task.rates[first:]) for task in shown.tasks]
    kept = set(sorted(range(len(tasks)), key=lambda place: -_moved(tasks[place]))[:MOST_TASKS])
    return HeatMap(
        shown.harnesses[first:], [task for place, task in enumerate(tasks) if place in kept]
    )


def _moved(task: TaskRates) -> float:
    change = _change(task)
    return -1.0 if change is None else abs(change)


def _change(task: TaskRates) -> float | None:
    """From the baseline to the last promoted harness; None where either is missing."""
    last = task.rates[-1] if task.rates else None
    return None if last is None or task.baseline is None else last - task.baseline


def _rows(tasks: Sequence[TaskRates]) -> Iterator[_Row]:
    areas: dict[str, list[TaskRates]] = {}
    for task in tasks:
        areas.setdefault(task.area, []).append(task)
    # A heading above each single task would double the height for nothing.
    headed = 1 < len(areas) <= len(tasks) / 2
    for area, members in areas.items():
        if headed:
            yield _Row(area, None)
        names = _names_of([task.task for task in members], with_area=len(areas) == 1)
        for name, task in zip(names, members, strict=True):
            yield _Row(name, task, "" if headed or len(areas) == 1 else area)


def _names_of(tasks: Sequence[str], *, with_area: bool) -> list[str]:
    """Names that fit, without the folders of an area that is shown, unless only these tell the
    tasks apart."""
    last = [task if with_area else task.rpartition("/")[2] or task for task in tasks]
    shapes = [
        [cut(name) for name in names]
        for cut in (_without_middle, _end_of)
        for names in (last, tasks)
    ]
    alike = [f"{place}. {_without_middle(name)}" for place, name in enumerate(last, start=1)]
    return next((names for names in shapes if len(set(names)) == len(tasks)), alike)


def _without_middle(name: str) -> str:
    """Its beginning and its end, which is where tasks of a kind differ."""
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half]}{CUT}{name[-half:]}"


def _end_of(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{CUT}{name[1 - LONGEST_NAME :]}"


def _cells(axes: "Axes", rows: Sequence[_Row], columns: int) -> None:
    cells = [
        (colour, column, line, text)
        for line, row in enumerate(rows)
        for column, (colour, text) in enumerate(_row_cells(row))
    ]
    for colour, members in groupby(sorted(cells), key=itemgetter(0)):
        _rectangles(axes, colour, [(column, line) for _, column, line, _ in members])
    # Neighbours of one colour share it in SVG.
    for ink, column, line, text in sorted((_ink(cell[0]), *cell[1:]) for cell in cells):
        look: Look = {"size": DIGITS, "ha": "center", "va": "center_baseline", "color": ink}
        axes.text(column, line, text, **look)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)


def _ink(colour: str) -> str:
    return INK if colour == "none" else readable_on(colour)


def _row_cells(row: _Row) -> Iterator[tuple[str, str]]:
    """Colour and text of each cell."""
    if row.task is None:
        return
    start = row.task.baseline
    yield "none", MISSING if start is None else f"{start:.0f}"
    for rate in row.task.rates:
        if rate is None:
            yield "none", MISSING
        elif start is None:
            yield "none", f"{rate:.0f}"
        else:
            yield step_of((rate - start) / FULL_COLOUR), signed(rate - start, 0)


def _rectangles(axes: "Axes", colour: str, cells: Iterable[tuple[int, int]]) -> None:
    """All cells of one colour as one path, which keeps the SVG small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners = ((-0.46, -0.46), (0.46, -0.46), (0.46, 0.46), (-0.46, 0.46), (-0.46, -0.46))
    outlines = [Path([(x + dx, y + dy) for dx, dy in corners], closed=True) for x, y in cells]
    hollow = colour == "none"
    axes.add_patch(
        PathPatch(
            Path.make_compound_path(*outlines), facecolor=colour,
            edgecolor=GRID if hollow else "none", linewidth=0.5 if hollow else 0.0,
        )
    )  # fmt: skip


def _names(sheet: Sheet, axes: "Axes", rows: Sequence[_Row], columns: Sequence[str]) -> None:
    axes.set_yticks(range(len(rows)), [sheet.name(row.name, LONGEST_AREA) for row in rows])
    axes.xaxis.tick_top()
    names = [sheet.name(name, 30) for name in columns]
    axes.set_xticks(range(len(columns)), names, rotation=35, ha="left", rotation_mode="anchor")
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=INK, pad=2)
    for line, (row, text) in enumerate(zip(rows, axes.get_yticklabels(), strict=True)):
        if row.task is None:
            text.set_fontweight("bold")
        if row.area:
            axes.annotate(
                sheet.name(row.area, LONGEST_AREA), (1.0, line), xycoords=("axes fraction", "data"),
                va="center", size=DIGITS, color=MUTED, annotation_clip=False,
            )  # fmt: skip
    axes.spines[:].set_visible(False)
    axes.set_facecolor("none")


def _notes(shown: HeatMap, fitting: HeatMap) -> list[str]:
    notes = [
        "First column: criteria passed (%); others: difference from it in points, blue better and "
        "orange worse. A dash: no finished rollout. Single tasks are noisy: look at whole rows."
    ]
    if len(shown.harnesses) > len(fitting.harnesses):
        left = len(shown.harnesses) - len(fitting.harnesses)
        notes.append(f"Left out: {counted(left, 'earlier harness', 'earlier harnesses')}.")
    if len(shown.tasks) > len(fitting.tasks):
        left = len(shown.tasks) - len(fitting.tasks)
        notes.append(f"Left out: {counted(left, 'task')} that moved least.")
    return notes


def _description(shown: HeatMap) -> str:
    changes = [change for change in map(_change, shown.tasks) if change is not None]
    text = (
        f"Pass rates of {counted(len(shown.tasks), 'task')} under the baseline and "
        f"{counted(len(shown.harnesses), 'promoted harness', 'promoted harnesses')}"
    )
    if changes:
        better, worse = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
        text += f"; with the last one {better:,} better, {worse:,} worse, mean difference "
        text += f"{signed(fmean(changes))} points"
    return f"{text}."
