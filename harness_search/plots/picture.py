"""A plot that can be had as SVG or as PNG."""

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

from harness_search.plots.style import INK, MUTED, PAPER, SIZE, SMALL, VARIABLES, WIDTH, Look
from harness_search.plots.svg import check_prefix, tidy
from harness_search.plots.words import Lettering, plain

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

LONGEST_TITLE = 56  # more would run into the mark of a simulated run
LONGEST_DESCRIPTION = 400
SIMULATED = "SIMULATED: not a language model"
NOTE_COLUMNS = 124
SENTENCE_HEIGHT = 0.8  # inches; nothing that is plotted is as low
HEAD, LINE = 0.3, 0.165  # inches: the title, and a line of the legend
LEGEND_MARK, LETTER = 32.0, 4.7  # points
_DRAWING = threading.Lock()  # matplotlib's settings and fonts are shared by all threads


@dataclass(frozen=True, slots=True)
class Sheet:
    """One figure while it is drawn."""

    figure: "Figure"
    lettering: Lettering

    def name(self, text: str, longest: int = 34) -> str:
        """A name from elsewhere, fit for matplotlib."""
        return self.lettering.drawn(text, longest)

    def legend(self, handles: "Sequence[Artist]", labels: Sequence[str]) -> None:
        """Between title and plot, in as many lines as it needs, so that it never hides a value."""
        # matplotlib fills columns of one width, so the longest label counts for all of them.
        widest = LEGEND_MARK + LETTER * max(map(len, labels))
        columns = max(1, min(len(labels), int(WIDTH * 72 / widest)))
        height = self.figure.get_figheight()
        self.figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.0, 1 - HEAD / height),
            ncols=columns, fontsize=SIZE, labelcolor=INK, frameon=False, borderpad=0.2,
            columnspacing=1.4, handletextpad=0.5, handlelength=1.8, labelspacing=0.4,
        ).set_in_layout(False)  # fmt: skip
        _keep_free(self.figure, HEAD + 0.06 + LINE * -(-len(labels) // columns))

    def note(self, *sentences: str) -> None:
        """What a reader must know beside the picture, in small print beneath it."""
        text = fill(" ".join(filter(None, sentences)), NOTE_COLUMNS)
        if text:
            self.figure.supxlabel(text, x=0.01, ha="left", size=SMALL, color=MUTED)


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot, drawn anew each time that it is asked for; equal values give equal bytes."""

    title: str
    description: str
    """One sentence for those who do not see the picture."""
    simulated: bool
    height: float
    """Inches."""
    paint: Callable[[Sheet], None]

    def svg(self, prefix: str) -> str:
        """One `svg` element, without a prolog, to stand in a page or in a file of its own.

        All of its ids begin with the prefix, which is to be another for each plot of a page. Text
        and axes have the colour of the text around; a page may set --plot-paper, --plot-muted,
        --plot-grid and the colours of `style.VARIABLES`. Raises ValueError for a prefix that no
        id may begin with.
        """
        check_prefix(prefix)
        written = io.StringIO()
        with _drawn(self, put_back=True) as sheet:
            sheet.figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
        return tidy(
            written.getvalue(), prefix=prefix, label=self.label, colours=VARIABLES,
            restore=sheet.lettering.restore,
        )  # fmt: skip

    def png(self, dots_per_inch: int = 150) -> bytes:
        """On white, for where SVG is not shown."""
        written = io.BytesIO()
        with _drawn(self, put_back=False) as sheet:
            sheet.figure.savefig(
                written, format="png", dpi=dots_per_inch, metadata={"Software": None}
            )
        return written.getvalue()

    @property
    def label(self) -> str:
        """The accessible name: the description, and that it is of a simulated run."""
        start = "Simulated run. " if self.simulated else ""
        return start + plain(self.description, LONGEST_DESCRIPTION)


def sentence(title: str, text: str, *, simulated: bool) -> Picture:
    """What is shown where there is nothing to plot: the reason, in words."""

    def paint(sheet: Sheet) -> None:
        sheet.figure.text(0.01, 0.3, sheet.name(text, 120), size=9, color=INK)

    return Picture(title, text, simulated, SENTENCE_HEIGHT, paint)


@contextmanager
def _drawn(picture: Picture, *, put_back: bool) -> Iterator[Sheet]:
    """The finished figure; others wait until it is written."""
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import findfont, get_font

    settings = {
        "svg.fonttype": "none", "svg.hashsalt": "plots", "path.simplify": False,
        "font.family": "DejaVu Sans", "hatch.linewidth": 0.7, "axes.unicode_minus": True,
    }  # fmt: skip
    with _DRAWING, matplotlib.style.context(["default", settings]):
        letters = set.intersection(
            *(set(get_font(findfont(name)).get_charmap()) for name in _FACES)
        )
        lettering = Lettering(lambda sign: ord(sign) in letters, put_back=put_back)
        figure = Figure(figsize=(WIDTH, picture.height), layout="constrained", facecolor=PAPER)
        FigureCanvasAgg(figure)
        sheet = Sheet(figure, lettering)
        _head(sheet, picture)
        picture.paint(sheet)
        yield sheet


_FACES = ("DejaVu Sans", "DejaVu Sans:bold")


def _head(sheet: Sheet, picture: Picture) -> None:
    _keep_free(sheet.figure, HEAD)
    place = 1 - 0.17 / picture.height
    look: Look = {"va": "center_baseline", "color": INK, "weight": "bold", "in_layout": False}
    title = sheet.name(picture.title, LONGEST_TITLE)
    sheet.figure.text(0.01, place, title, size=10, **look)
    if picture.simulated:
        box = {"boxstyle": "round,pad=0.3", "facecolor": "none", "edgecolor": INK, "linewidth": 0.8}
        sheet.figure.text(0.99, place, SIMULATED, ha="right", size=SMALL, bbox=box, **look)


def _keep_free(figure: "Figure", inches: float) -> None:
    """Axes begin so far below the upper edge."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - inches / figure.get_figheight()))
