"""The lineage as a picture: SVG of our own, with links, and the same through matplotlib as PNG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, tostring

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.lineage import Lineage, Row, described, rows_of
from harness_search.plots.picture import SIMULATED, Picture, Sheet, sentence
from harness_search.plots.style import BLUE, INK, MARKS, MUTED, VARIABLES, seen_marks
from harness_search.plots.svg import check_prefix, root_attributes
from harness_search.plots.values import signed
from harness_search.plots.words import plain

TITLE = "Lineage"
HEADING = "gain in blended points (95 % interval)"
WIDTH = 547.2  # points, as the plots of matplotlib
ROW, STEP, TOP, LEFT = 17.0, 15.0, 54.0, 12.0  # points
LANE, MOST_LANES = 5.0, 10
"""Restacks run beside the tree on lanes of so many points, apart where there is room."""
CORNER = 5.0
MOST_COLUMNS = 8
LONGEST_NAME = 46

# Around 0, 0; in points.
SHAPES: Mapping[DecisionKind, str] = MappingProxyType(
    {
        DecisionKind.BASELINE: "M-4-4H4V4H-4z",
        DecisionKind.PROMOTED: "M-4.5 0A4.5 4.5 0 1 0 4.5 0A4.5 4.5 0 1 0-4.5 0z",
        DecisionKind.ORPHAN: "M-3 0A3 3 0 1 0 3 0A3 3 0 1 0-3 0z",
        DecisionKind.INCONCLUSIVE: "M0-4L4 0L0 4L-4 0z",
        DecisionKind.REJECTED: "M-4-3.5H4L0 4z",
        DecisionKind.NO_CLAIM: "M-3 0H3",
        DecisionKind.PLACEBO: "M-3-3L3 3M-3 3L3-3",
    }
)


@dataclass(frozen=True, slots=True)
class Tree:
    """A lineage that can be had as SVG or as PNG, as a `Picture` can."""

    lineage: Lineage
    rows: Sequence[Row]
    title: str = TITLE

    @property
    def description(self) -> str:
        """One sentence for those who do not see the tree."""
        return described(self.lineage)

    @property
    def label(self) -> str:
        """The accessible name."""
        return self._picture.label

    def svg(self, prefix: str) -> str:
        """See `Picture.svg`; names with a link are links."""
        check_prefix(prefix)
        if not self.rows:
            return self._picture.svg(prefix)
        return tostring(_svg(self, prefix), encoding="unicode")

    def png(self, dots_per_inch: int = 150) -> bytes:
        """See `Picture.png`."""
        return self._picture.png(dots_per_inch)

    @property
    def _picture(self) -> Picture:
        if not self.rows:
            text = "No harness has been recorded yet."
            return sentence(TITLE, text, simulated=self.lineage.simulated)
        paint = _Painted(self.rows)
        height = _height(self.rows) / 72
        return Picture(TITLE, self.description, self.lineage.simulated, height, paint)


def tree(lineage: Lineage) -> Tree:
    """The promoted lineage from top to bottom, what branched off it, and what came back."""
    return Tree(lineage, rows_of(lineage))


def _height(rows: Sequence[Row]) -> float:
    return TOP + ROW * len(rows) + 8


def _x(row: Row) -> float:
    return LEFT + STEP * min(row.column, MOST_COLUMNS)


def _y(place: int) -> float:
    return TOP + ROW * (place + 0.5)


def _text_x(rows: Sequence[Row]) -> float:
    lanes = {lane for _, _, lane in _lanes(rows)}
    return max(map(_x, rows)) + 12 + LANE * (max(lanes) + 1 if lanes else 0)


def _kind(row: Row) -> DecisionKind | None:
    return row.candidate.kind if row.candidate else None


def _branches(rows: Sequence[Row]) -> Iterator[tuple[bool, list[tuple[float, float]]]]:
    """Of each row but the first, whether it is promoted, and the corners on the way to it."""
    for place, row in enumerate(rows):
        if row.parent is not None:
            start, end = rows[row.parent], (_x(row), _y(place))
            turn = (_x(start), _y(place))
            corners = (
                [(_x(start), _y(row.parent)), turn, end]
                if turn != end
                else [(_x(start), _y(row.parent)), end]
            )
            yield _kind(row) is DecisionKind.PROMOTED, corners


def _lanes(rows: Sequence[Row]) -> list[tuple[int, int, int]]:
    """Source, taker and lane of each restack: the first lane that is free on the whole way."""
    ends = sorted((source, place) for place, row in enumerate(rows) for source in row.restacks)
    free_from = [0] * MOST_LANES
    lanes = []
    for source, place in ends:
        free = (lane for lane, row in enumerate(free_from) if row <= source)
        lane = next(free, MOST_LANES - 1)
        free_from[lane] = max(free_from[lane], place + 1)
        lanes.append((source, place, lane))
    return lanes


def _restacks(rows: Sequence[Row]) -> Iterator[list[tuple[float, float]]]:
    """The way from each mechanism to the harness that took it up again."""
    first = max(map(_x, rows)) + 11
    for source, place, number in _lanes(rows):
        lane, start, end = first + LANE * number, _y(source), _y(place)
        yield [
            (_x(rows[source]) + 5, start),
            (lane, start),
            (lane, end),
            (_x(rows[place]) + 6, end),
        ]


def _rounded(corners: Sequence[tuple[float, float]]) -> str:
    """A path with round corners."""
    text = f"M{_pair(corners[0])}"
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        text += (
            f"L{_pair(_towards(corner, before))}Q{_pair(corner)} {_pair(_towards(corner, after))}"
        )
    return f"{text}L{_pair(corners[-1])}"


def _towards(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """CORNER from the start, or halfway where that is nearer; one of the two axes is equal."""
    across, up = end[0] - start[0], end[1] - start[1]
    share = min(CORNER, (abs(across) + abs(up)) / 2) / max(abs(across) + abs(up), 1e-9)
    return start[0] + across * share, start[1] + up * share


def _pair(point: tuple[float, float]) -> str:
    return f"{point[0]:g} {point[1]:g}"


def _svg(shown: Tree, prefix: str) -> Element:
    attributes = root_attributes(shown.label, WIDTH, _height(shown.rows))
    if any(row.candidate and row.candidate.link for row in shown.rows):
        attributes["role"] = "group"  # an image would hide its links from assistive technology
    root = Element("svg", {**attributes, "fill": "currentColor", "font-size": "8"})
    _head(root, shown)
    kinds = {kind for kind in map(_kind, shown.rows) if kind}
    _define(root, prefix, kinds)
    _legend(root, prefix, kinds)
    _lines(root, shown.rows)
    for place, row in enumerate(shown.rows):
        _write_row(root, row, _y(place), _text_x(shown.rows), prefix)
    return root


def _head(root: Element, shown: Tree) -> None:
    _text(root, 5.5, 13, TITLE, {"font-size": "10", "font-weight": "bold"})
    if shown.lineage.simulated:
        box = {"x": "392", "y": "3.5", "width": "150", "height": "13", "rx": "3"}
        SubElement(root, "rect", {**box, "fill": "none", "stroke": "currentColor"})
        bold = {"font-weight": "bold", "font-size": "7", "text-anchor": "middle"}
        _text(root, 467, 12.6, SIMULATED, bold)


def _define(root: Element, prefix: str, kinds: set[DecisionKind]) -> None:
    defined = SubElement(root, "defs")
    for number, (kind, shape) in enumerate(SHAPES.items()):
        if kind in kinds:
            mark = MARKS[kind]
            colour = VARIABLES[mark.colour]
            fill = colour if mark.filled else "var(--plot-paper,Canvas)"
            look = {"id": f"{prefix}-{number}", "d": shape, "fill": fill, "stroke": colour}
            SubElement(defined, "path", look)


def _mark(parent: Element, prefix: str, kind: DecisionKind, x: float, y: float) -> None:
    number = list(SHAPES).index(kind)
    SubElement(parent, "use", {"href": f"#{prefix}-{number}", "x": f"{x:g}", "y": f"{y:g}"})


def _legend(root: Element, prefix: str, kinds: set[DecisionKind]) -> None:
    x = LEFT
    for kind, mark in MARKS.items():
        if kind in kinds:
            _mark(root, prefix, kind, x, 30)
            _text(root, x + 9, 32.7, mark.label, {})
            x += 24 + 4.9 * len(mark.label)
    _text(root, WIDTH - 5, 48, HEADING, {"text-anchor": "end", "fill": VARIABLES[MUTED]})


def _lines(root: Element, rows: Sequence[Row]) -> None:
    drawn = list(_branches(rows))
    trunk = "".join(_rounded(corners) for promoted, corners in drawn if promoted)
    sides = "".join(_rounded(corners) for promoted, corners in drawn if not promoted)
    again = "".join(map(_rounded, _restacks(rows)))
    styles = (
        (sides, {"stroke": VARIABLES[MUTED], "stroke-width": ".8"}),
        (trunk, {"stroke": VARIABLES[BLUE], "stroke-width": "1.8"}),
        (again, {"stroke": VARIABLES[BLUE], "stroke-dasharray": "3 2"}),
    )
    # Before the marks, which lie above.
    for path, style in styles:
        if path:
            SubElement(root, "path", {"d": path, "fill": "none", **style})


def _write_row(root: Element, row: Row, y: float, x: float, prefix: str) -> None:
    muted = {"fill": VARIABLES[MUTED]}
    if row.candidate is None:
        _text(root, x + 22, y + 2.8, row.text, {**muted, "font-style": "italic"})
        return
    one = row.candidate
    _mark(root, prefix, one.kind, _x(row), y)
    _text(root, x + 16, y + 2.8, str(one.iteration), {**muted, "text-anchor": "end"})
    place = SubElement(root, "a", {"href": one.link}) if one.link else root
    promoted = {"font-weight": "bold"} if one.kind is DecisionKind.PROMOTED else {}
    name = _text(place, x + 22, y + 2.8, plain(one.name, LONGEST_NAME), promoted)
    if len(one.name) > LONGEST_NAME:
        SubElement(name, "title").text = plain(one.name, 300)
    _text(root, WIDTH - 5, y + 2.8, _gain(row), {"text-anchor": "end", **promoted})


def _gain(row: Row) -> str:
    if row.candidate is None or row.candidate.kind is DecisionKind.BASELINE:
        return ""
    difference = row.candidate.difference
    if difference is None:
        return MARKS[row.candidate.kind].label
    start = signed(difference.value)
    if difference.low is None or difference.high is None:
        return f"{start} (no interval)"
    return f"{start} ({signed(difference.low)} to {signed(difference.high)})"


def _text(parent: Element, x: float, y: float, text: str, attributes: Mapping[str, str]) -> Element:
    element = SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:.4g}", **attributes})
    element.text = text
    return element


@dataclass(frozen=True, slots=True)
class _Painted:
    """The same tree for matplotlib."""

    rows: Sequence[Row]

    def __call__(self, sheet: Sheet) -> None:
        sheet.figure.set_layout_engine("none")
        axes = sheet.figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(_height(self.rows), 0)
        axes.axis("off")
        for promoted, corners in _branches(self.rows):
            look = (BLUE, 1.8) if promoted else (MUTED, 0.8)
            axes.plot(*zip(*corners, strict=True), color=look[0], linewidth=look[1])
        for corners in _restacks(self.rows):
            axes.plot(*zip(*corners, strict=True), color=BLUE, linewidth=1, linestyle=(0, (3, 2)))
        x = LEFT
        for mark in seen_marks(kind for kind in map(_kind, self.rows) if kind):
            axes.plot([x], [30], **mark.options())
            axes.text(x + 9, 30, mark.label, size=8, va="center", color=INK)
            x += 24 + 4.9 * len(mark.label)
        axes.text(WIDTH - 5, 45, HEADING, size=8, va="center", ha="right", color=MUTED)
        for place, row in enumerate(self.rows):
            self._row(sheet, row, _y(place))

    def _row(self, sheet: Sheet, row: Row, y: float) -> None:
        axes, x = sheet.figure.axes[0], _text_x(self.rows)
        if row.candidate is None:
            axes.text(x + 22, y, row.text, size=8, va="center", color=MUTED, style="italic")
            return
        one = row.candidate
        weight = "bold" if one.kind is DecisionKind.PROMOTED else "normal"
        axes.plot([_x(row)], [y], **MARKS[one.kind].options(), zorder=3)
        axes.text(x + 16, y, str(one.iteration), size=8, va="center", ha="right", color=MUTED)
        name = sheet.name(one.name, LONGEST_NAME)
        axes.text(x + 22, y, name, size=8, va="center", color=INK, weight=weight)
        gain = _gain(row)
        axes.text(WIDTH - 5, y, gain, size=8, va="center", ha="right", color=INK, weight=weight)
