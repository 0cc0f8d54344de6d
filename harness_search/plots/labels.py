"""Names beside points, without one lying over another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from harness_search.plots.style import INK, MUTED, PAPER, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Across = Literal["left", "center", "right"]
_Up = Literal["bottom", "center", "top"]
SIDE = 8.0  # dots that stay free at the border: text is not equally wide at all resolutions
EDGE = 2.0  # the same above and below, where it is nearly as high at all of them
MARK = 4.0  # half the width of a mark, in points
LINE = 1.5  # the same of a line, with a little room

_AROUND: tuple[tuple[float, float, _Across, _Up], ...] = (
    (7, 0, "left", "center"),
    (-7, 0, "right", "center"),
    (5, 6, "left", "bottom"),
    (-5, 6, "right", "bottom"),
    (5, -6, "left", "top"),
    (-5, -6, "right", "top"),
    (0, 8, "center", "bottom"),
    (0, -8, "center", "top"),
)

Box = tuple[float, float, float, float]
"""Left, low, right, high, in dots."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Where a text is from its mark, in points, and which of its sides face the mark."""

    x: float
    y: float
    across: _Across
    up: _Up
    far: bool
    """Needs a line to its mark."""


# Nearest first.
OFFSETS = tuple(
    Offset(x * times, y * times, across, up, times > 1)
    for times in (1.0, 2.2, 3.6, 5.0)
    for x, y, across, up in _AROUND
)


@dataclass(frozen=True, slots=True)
class Label:
    """A name for the point at x, y in the axes' units; without text, a mark to keep clear of."""

    text: str
    x: float
    y: float
    bold: bool = False
    must: bool = False
    """Drawn even where it lies over something."""


def place_labels(
    axes: "Axes", labels: Sequence[Label], line: Sequence[tuple[float, float]] = ()
) -> None:
    """Write each where it is free, in their order of importance; one without room is left out.

    Nothing is written over the `line`, whose corners are in the axes' units: it runs straight up
    and across.
    """
    point = axes.figure.dpi / 72
    places = axes.transData.transform([(label.x, label.y) for label in labels])
    taken = [_around(x, y, MARK * point) for x, y in places]
    taken += _along(axes.transData.transform(line), LINE * point) if line else []
    for label, place in zip(labels, places, strict=True):
        if not label.text:
            continue
        size = _size(axes, label)
        boxes = [(offset, _box(place, offset, size, point)) for offset in OFFSETS]
        free = [(offset, box) for offset, box in boxes if _is_free(axes, box, taken)]
        if free or label.must:
            offset, box = (free or boxes)[0]
            taken.append(box)
            _write(axes, label, offset)


def _along(corners: Iterable[Sequence[float]], half: float) -> list[Box]:
    return [
        (min(x, to_x) - half, min(y, to_y) - half, max(x, to_x) + half, max(y, to_y) + half)
        for (x, y), (to_x, to_y) in pairwise(corners)
    ]


def _around(x: float, y: float, half: float) -> Box:
    return x - half, y - half, x + half, y + half


def _size(axes: "Axes", label: Label) -> tuple[float, float]:
    probe = axes.text(0, 0, label.text, size=SMALL, weight="bold" if label.bold else "normal")
    box = probe.get_window_extent()
    probe.remove()
    return box.width, box.height


def _box(place: Sequence[float], offset: Offset, size: tuple[float, float], point: float) -> Box:
    x, y = place[0] + offset.x * point, place[1] + offset.y * point
    left = x - size[0] * {"left": 0.0, "center": 0.5, "right": 1.0}[offset.across]
    low = y - size[1] * {"bottom": 0.0, "center": 0.5, "top": 1.0}[offset.up]
    return left, low, left + size[0], low + size[1]


def _is_free(axes: "Axes", box: Box, taken: Sequence[Box]) -> bool:
    room = axes.get_window_extent().padded(-SIDE, -EDGE)
    inside = room.x0 <= box[0] and box[2] <= room.x1 and room.y0 <= box[1] and box[3] <= room.y1
    return inside and not any(_overlap(box, other) for other in taken)


def _overlap(one: Box, other: Box) -> bool:
    apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    return not apart


def _write(axes: "Axes", label: Label, offset: Offset) -> None:
    line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkB": 4}
    axes.annotate(
        label.text, (label.x, label.y), (offset.x, offset.y), textcoords="offset points",
        size=SMALL, ha=offset.across, va=offset.up, color=INK, zorder=5, annotation_clip=False,
        weight="bold" if label.bold else "normal", arrowprops=line if offset.far else None,
        bbox={"boxstyle": "square,pad=0.08", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.8},
    )  # fmt: skip
