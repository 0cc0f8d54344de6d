"""How all plots look: colours, marks, axes.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), told apart by people who see
fewer colours. Marks differ in shape as well, so that a grey print can be read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.values import Measured

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

# Values that no mixture of colours hits by chance: in SVG they are exchanged for the page's own.
INK, MUTED, GRID, PAPER = "#1a1b1c", "#6b6c6d", "#d8d9da", "#fefefd"
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#e69f00", "#009e73", "#cc79a7"
SKY, VERMILLION = "#56b4e9", "#d55e00"

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        INK: "currentColor",
        MUTED: "var(--plot-muted,light-dark(#686868,#9c9c9c))",
        GRID: "var(--plot-grid,#8884)",
        PAPER: "var(--plot-paper,Canvas)",
        BLUE: f"var(--plot-blue,light-dark({BLUE},#4aa3df))",
        ORANGE: f"var(--plot-orange,{ORANGE})",
        GREEN: f"var(--plot-green,{GREEN})",
        PINK: f"var(--plot-pink,{PINK})",
        SKY: f"var(--plot-sky,{SKY})",
        VERMILLION: f"var(--plot-vermillion,{VERMILLION})",
    }
)
"""What stands for each colour in SVG, so that one picture serves light and dark pages."""

SEGMENTS = (
    (BLUE, ""),
    (ORANGE, "//"),
    (GREEN, "\\\\"),
    (PINK, "xx"),
    (SKY, "--"),
    (VERMILLION, "||"),
    (MUTED, ""),
)
"""Colour and hatching of the parts of a stacked bar, in their order."""

Look = dict[str, Any]
"""Named arguments of a function of matplotlib."""

SIZE, SMALL = 8.0, 7.0  # points
WIDTH = 7.6  # inches: the column of a report


@dataclass(frozen=True, slots=True)
class Mark:
    """How one kind of point is drawn."""

    label: str
    shape: str
    colour: str
    size: float
    filled: bool = True

    def options(self, scale: float = 1.0) -> Look:
        """For `Axes.plot`; `scale` shrinks marks where there are many."""
        return {
            "marker": self.shape,
            "markersize": self.size * scale,
            "markeredgecolor": self.colour,
            "markerfacecolor": self.colour if self.filled else PAPER,
            "markeredgewidth": 1.0 * scale,
            "linestyle": "none",
        }


MARKS: Mapping[DecisionKind, Mark] = MappingProxyType(
    {
        DecisionKind.BASELINE: Mark("baseline", "s", INK, 5.5),
        DecisionKind.PROMOTED: Mark("promoted", "o", BLUE, 6.0),
        DecisionKind.ORPHAN: Mark("orphan", "o", MUTED, 4.0, filled=False),
        DecisionKind.INCONCLUSIVE: Mark("inconclusive", "D", ORANGE, 4.0, filled=False),
        DecisionKind.REJECTED: Mark("rejected by audit", "v", VERMILLION, 5.0),
        DecisionKind.NO_CLAIM: Mark("no claim", "1", MUTED, 6.0),
        DecisionKind.PLACEBO: Mark("placebo", "x", PINK, 5.0),
    }
)
BEFORE = Mark("before", "s", MUTED, 4.5, filled=False)
AFTER = Mark("after", "o", BLUE, 5.0)


def draw_intervals(
    axes: "Axes",
    places: Sequence[float],
    values: Sequence[Measured],
    colour: str,
    *,
    width: float = 1.0,
    opacity: float = 1.0,
    across: bool = False,
) -> None:
    """Lines from end to end of each known interval: one path, however many there are."""
    along: list[float] = []
    ends: list[float] = []
    for place, value in zip(places, values, strict=True):
        if value.interval is not None:
            along += [place, place, float("nan")]
            ends += [*value.interval, float("nan")]
    if along:
        pair = (ends, along) if across else (along, ends)
        (line,) = axes.plot(*pair, color=colour, linewidth=width, alpha=opacity, zorder=2)
        line.set_solid_capstyle("butt")


def dress(
    axes: "Axes", *, across: str = "", up: str = "", grid: Literal["x", "y", "both"] = "y"
) -> None:
    """Labels with units, a faint grid behind, and no frame."""
    axes.set_xlabel(across, size=SIZE, color=INK)
    axes.set_ylabel(up, size=SIZE, color=INK)
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.grid(visible=True, axis=grid, color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=SIZE, length=3, width=0.6)


def whole_numbers(axes: "Axes", which: Literal["x", "y"] = "x", most: int = 10) -> None:
    """Ticks at whole numbers only, and not many."""
    from matplotlib.ticker import MaxNLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(
        MaxNLocator(nbins=most, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    )


def name_rows(axes: "Axes", names: Sequence[str], size: float = SIZE) -> None:
    """Names from top to bottom at 0, 1, 2...; the first row is the uppermost."""
    axes.set_yticks(range(len(names)), names, size=size)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def handle(mark: Mark) -> "Artist":
    """For a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **mark.options())


def line_handle(colour: str, style: Literal["-", "--"] = "-", width: float = 1.5) -> "Artist":
    """For a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linestyle=style, linewidth=width)


def area_handle(colour: str, hatch: str = "", opacity: float = 1.0) -> "Artist":
    """For a legend."""
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, hatch=hatch, alpha=opacity, edgecolor=PAPER, linewidth=0.0)


def segment(place: int) -> tuple[str, str]:
    """Colour and hatching of the part of a stacked bar at this place; the last one for the rest."""
    return SEGMENTS[min(place, len(SEGMENTS) - 1)]


def seen_marks(kinds: Iterable[DecisionKind]) -> list[Mark]:
    """The marks of these kinds, in one order whatever theirs."""
    present = set(kinds)
    return [mark for kind, mark in MARKS.items() if kind in present]
