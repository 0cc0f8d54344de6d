"""True gain against rollouts, gate by gate; the upper left corner is where a gate should be."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness_search.plots.labels import Label, place_labels
from harness_search.plots.picture import Picture, Sheet
from harness_search.plots.style import draw_intervals, dress, segment
from harness_search.plots.values import Measured, checked, measured_text

TITLE = "Simulated gates"


@dataclass(frozen=True, slots=True)
class GateMeans:
    """What one gate came to in a simulation; several names where they came out the same."""

    names: tuple[str, ...]
    rollouts: float
    """Of a search, in the mean."""
    gain: Measured
    """True gain of the last incumbent over the baseline, in blended points."""
    said: str
    """A short line below the names."""

    def __post_init__(self) -> None:
        checked(self.rollouts, "rollouts")


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of one simulation."""

    gates: Sequence[GateMeans]
    setting: str
    """One line on what was simulated."""


def gates(shown: Gates) -> Picture:
    """One point a gate, with its interval and its names."""

    def paint(sheet: Sheet) -> None:
        axes = sheet.figure.add_subplot()
        labels = []
        for number, gate in enumerate(shown.gates):
            colour, _ = segment(number)
            draw_intervals(axes, [gate.rollouts], [gate.gain], colour, width=1.3)
            axes.plot([gate.rollouts], [gate.gain.value], "o", markersize=6, color=colour)
            text = f"{sheet.name(', '.join(gate.names))}\n{sheet.name(gate.said, 60)}"
            labels.append(Label(text, gate.rollouts, gate.gain.value, must=True))
        axes.margins(0.2, 0.2)
        dress(axes, across="rollouts of a search", up="true gain (blended points)", grid="both")
        sheet.note("Lines are 95 % intervals of the mean over searches.", shown.setting + ".")
        sheet.figure.draw_without_rendering()  # labels need to know where the axes are
        sheet.figure.set_layout_engine("none")
        place_labels(axes, labels)

    return Picture(TITLE, _description(shown), True, 4.2, paint)


def _description(shown: Gates) -> str:
    each = (
        f"{', '.join(gate.names)}: {measured_text(gate.gain, 2)} points for "
        f"{gate.rollouts:,.0f} rollouts"
        for gate in shown.gates
    )
    return f"True gain against rollouts: {'; '.join(each)}."
