"""Places on the page of a PDF file: matrices of six numbers, and boxes with level sides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Matrix = Sequence[float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a page, in points."""

    left: float
    foot: float
    right: float
    top: float

    @property
    def area(self) -> float:
        """In square points; 0 for a box without extent."""
        return max(self.right - self.left, 0.0) * max(self.top - self.foot, 0.0)

    def meets(self, other: "Box") -> bool:
        """Whether the two share a place."""
        level = self.left <= other.right and other.left <= self.right
        return level and self.foot <= other.top and other.foot <= self.top

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies within."""
        return self.left <= x <= self.right and self.foot <= y <= self.top

    def common(self, other: "Box") -> "Box":
        """What the two share; without extent where they do not meet."""
        return Box(
            max(self.left, other.left), max(self.foot, other.foot),
            min(self.right, other.right), min(self.top, other.top),
        )  # fmt: skip

    def through(self, matrix: Matrix) -> "Box":
        """The box around this one as a matrix moves it."""
        corners = ((x, y) for x in (self.left, self.right) for y in (self.foot, self.top))
        return bounds(moved(matrix, x, y) for x, y in corners)


def bounds(points: Iterable[tuple[float, float]]) -> Box:
    """The smallest box around at least one point."""
    across, up = zip(*points, strict=True)
    return Box(min(across), min(up), max(across), max(up))


def is_level(matrix: Matrix) -> bool:
    """Whether a matrix keeps level and upright lines so: it turns by quarters, if at all."""
    return abs(matrix[0] * matrix[1]) + abs(matrix[2] * matrix[3]) < 1e-6


def moved(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    """Where a matrix puts a point."""
    across, up = turned(matrix, x, y)
    return across + matrix[4], up + matrix[5]


def turned(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    """What a matrix makes of a distance."""
    return matrix[0] * x + matrix[2] * y, matrix[1] * x + matrix[3] * y


def product(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that does what the first does, then the second."""
    return (
        *turned(second, first[0], first[1]), *turned(second, first[2], first[3]),
        *moved(second, first[4], first[5]),
    )  # fmt: skip
