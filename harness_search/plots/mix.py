"""What rollouts did: shares of the kinds of actions, as bars of 100 %."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness_search.plots.picture import Picture, Sheet, sentence
from harness_search.plots.style import INK, PAPER, SMALL, area_handle, dress, name_rows, segment
from harness_search.plots.values import checked_all, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "What the rollouts did"
MOST_ROWS = 16
MOST_KINDS = 7
ROW = 0.34  # inches
NARROWEST = 0.07
"""Of a bar: parts that are narrower have no room for their number."""


@dataclass(frozen=True, slots=True)
class Mix:
    """One harness: how many actions of each kind, in the order of `Mixes.kinds`."""

    name: str
    counts: Sequence[int]

    def __post_init__(self) -> None:
        checked_all(self.counts)
        if any(count < 0 for count in self.counts):
            raise ValueError("actions: found a number below 0, expected counts")


@dataclass(frozen=True, slots=True)
class Mixes:
    """Several harnesses. Raises ValueError for one with another number of kinds."""

    kinds: Sequence[str]
    mixes: Sequence[Mix]
    simulated: bool = False

    def __post_init__(self) -> None:
        for mix in self.mixes:
            if len(mix.counts) != len(self.kinds):
                raise ValueError(
                    f"actions: found {len(mix.counts)} kinds, expected {len(self.kinds)}"
                )


def action_mix(shown: Mixes) -> Picture:
    """One bar of 100 % a harness; of many the first and the last ones.

    Kinds beyond the seventh are counted together.
    """
    if not any(sum(mix.counts) for mix in shown.mixes):
        return sentence(TITLE, "No action has been recorded yet.", simulated=shown.simulated)
    rows = [*shown.mixes[:1], *shown.mixes[1:][-MOST_ROWS + 1 :]]
    kinds = _kinds(shown.kinds)

    def paint(sheet: Sheet) -> None:
        axes = sheet.figure.subplots()
        _bars(axes, [_shares(mix) for mix in rows])
        dress(axes, across="share of actions (%)", grid="x")
        name_rows(axes, [sheet.name(mix.name) for mix in rows])
        axes.set_xlim(0, 100)
        _totals(axes, rows)
        handles = [area_handle(*segment(place)) for place in range(len(kinds))]
        sheet.legend(handles, [sheet.name(kind, 24) for kind in kinds])
        left = len(shown.mixes) - len(rows)
        sheet.note(f"Left out: {counted(left, 'harness', 'harnesses')}." if left else "")

    height = 1.1 + ROW * max(2, len(rows))
    return Picture(TITLE, _description(shown), shown.simulated, height, paint)


def _kinds(kinds: Sequence[str]) -> list[str]:
    kept = list(kinds[:MOST_KINDS])
    if len(kinds) > MOST_KINDS:
        kept[-1] = "all others"
    return kept


def _shares(mix: Mix) -> list[float]:
    """Per cent of each kind that is shown."""
    kept = [float(count) for count in mix.counts[:MOST_KINDS]]
    if len(mix.counts) > MOST_KINDS:
        kept[-1] += sum(mix.counts[MOST_KINDS:])
    total = sum(kept)
    return [100 * count / total if total else 0.0 for count in kept]


def _bars(axes: "Axes", rows: Sequence[Sequence[float]]) -> None:
    starts = [0.0] * len(rows)
    for place in range(len(rows[0])):
        colour, hatch = segment(place)
        widths = [row[place] for row in rows]
        axes.barh(
            range(len(rows)), widths, left=starts, height=0.7, facecolor=colour, hatch=hatch,
            edgecolor=PAPER, linewidth=0.0,
        )  # fmt: skip
        for row, (start, width) in enumerate(zip(starts, widths, strict=True)):
            if width >= 100 * NARROWEST:
                _number(axes, start + width / 2, row, width)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]


def _number(axes: "Axes", x: float, row: int, width: float) -> None:
    box = {"boxstyle": "round,pad=0.18", "facecolor": PAPER, "edgecolor": "none"}
    axes.text(x, row, f"{width:.0f}", size=SMALL, ha="center", va="center", color=INK, bbox=box)


def _totals(axes: "Axes", rows: Sequence[Mix]) -> None:
    for place, mix in enumerate(rows):
        axes.annotate(
            counted(sum(mix.counts), "action"), (1.01, place), va="center", size=SMALL,
            xycoords=("axes fraction", "data"), color=INK, annotation_clip=False,
        )  # fmt: skip


def _description(shown: Mixes) -> str:
    parts = []
    for mix in (shown.mixes[0], shown.mixes[-1])[: len(shown.mixes)]:
        shares = zip(_kinds(shown.kinds), _shares(mix), strict=True)
        parts.append(
            f"{mix.name[:30]}: " + ", ".join(f"{kind[:20]} {share:.0f} %" for kind, share in shares)
        )
    return f"Shares of actions; {'; '.join(parts)}."
