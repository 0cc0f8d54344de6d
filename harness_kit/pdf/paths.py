"""Paths on the page of a PDF file: the lines that they draw and the areas that they fill."""

from collections.abc import Iterator, Sequence

from harness_kit.pdf.geometry import Box, Matrix, bounds, is_level, moved
from harness_kit.pdf.layout import Rule

STROKED = frozenset({b"S", b"s", b"B", b"B*", b"b", b"b*"})
FILLED = frozenset({b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"})
_POINTS = {b"m": 1, b"l": 1, b"c": 3, b"v": 2, b"y": 2}
_THIN = 2.0  # points: a filled rectangle of less is a line

Corners = tuple[float, float, float, float]


class Path:
    """A path in the making."""

    def __init__(self) -> None:
        self._point = (0.0, 0.0)
        self.lines: list[Corners] = []
        """Two opposite corners of each line and rectangle."""
        self.shapes: list[tuple[Box, bool]] = []
        """The box around each part, and whether the part is that box itself."""

    def extend(self, operator: bytes, numbers: Sequence[float], matrix: Matrix) -> None:
        """Take in an operation, if it is one that makes a path."""
        if operator == b"re" and len(numbers) == 4:
            x, y, width, height = numbers
            points = [moved(matrix, x, y), moved(matrix, x + width, y + height)]
            self.lines.append((*points[0], *points[1]))
            box = Box(x, y, x + width, y + height).through(matrix)
            self.shapes.append((box, is_level(matrix)))
        elif operator in _POINTS and len(numbers) == 2 * _POINTS[operator]:
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            points = [moved(matrix, x, y) for x, y in pairs]
            self._go_on(operator, points)
        else:
            return
        self._point = points[-1] if operator != b"re" else points[0]

    def _go_on(self, operator: bytes, points: list[tuple[float, float]]) -> None:
        if operator == b"l":
            self.lines.append((*self._point, *points[0]))
        if operator == b"m":
            self.shapes.append((bounds(points), False))
        elif self.shapes:
            box = self.shapes[-1][0]
            corners = [(box.left, box.foot), (box.right, box.top)]
            self.shapes[-1] = bounds(corners + points), False

    def rules(self, operator: bytes) -> Iterator[Rule]:
        """The upright and level lines that are drawn when the path is."""
        for corners in self.lines:
            yield from _rules(corners, stroked=operator in STROKED)


def _rules(corners: Corners, stroked: bool) -> Iterator[Rule]:
    """The upright and level lines of a line or a rectangle, given by two opposite corners."""
    left, right = sorted((corners[0], corners[2]))
    foot, top = sorted((corners[1], corners[3]))
    width, height = right - left, top - foot
    if width <= _THIN < height:
        yield Rule(left, foot, height, upright=True)
    elif height <= _THIN < width:
        yield Rule(left, foot, width, upright=False)
    elif stroked and width > _THIN:
        yield from (Rule(x, foot, height, upright=True) for x in (left, right))
        yield from (Rule(left, y, width, upright=False) for y in (foot, top))
