"""The picture of `gate simulate`, as a file."""

import math
from pathlib import Path

from harness_search.errors import InputError
from harness_search.plots.gates import GateMeans, Gates, gates
from harness_search.plots.values import Measured
from harness_search.promotion.simulation.figures import Figures
from harness_search.reports.gate_simulation import SimulatedGates, shown_usd

SUFFIXES = (".png", ".svg")


def check_picture(file: Path) -> Path:
    """The file itself; raises InputError unless a picture can be written there."""
    if file.suffix not in SUFFIXES:
        found = repr(file.suffix) if file.suffix else "no suffix"
        raise InputError(
            "command line", "--plot", found, f"a file ending in {' or '.join(SUFFIXES)}"
        )
    if not file.parent.is_dir():
        raise InputError("command line", "--plot", f"no folder {file.parent}", "one that exists")
    return file


def plot_gates(found: SimulatedGates, file: Path) -> None:
    """Write the picture."""
    means = [
        _means(figures, names, found.usd(figures)) for figures, names in _by_figures(found).items()
    ]
    picture = gates(Gates(means, found.setting))
    if file.suffix == ".png":
        file.write_bytes(picture.png())
    else:
        file.write_text(picture.svg("gates"), encoding="utf-8")


def _means(figures: Figures, names: list[str], usd: float | None) -> GateMeans:
    value, half = figures.gain.value, figures.gain.half
    gain = Measured(value, value - half, value + half) if math.isfinite(half) else Measured(value)
    said = f"{figures.false:.2f} false of {figures.promoted:.1f} promoted"
    if usd is not None:
        said += f", {shown_usd(usd)} USD"
    return GateMeans(tuple(names), figures.rollouts, gain, said)


def _by_figures(found: SimulatedGates) -> dict[Figures, list[str]]:
    """Gates that came out the same, as a preset and a workspace without numbers of its own do."""
    names: dict[Figures, list[str]] = {}
    for name, figures in found.figures.items():
        names.setdefault(figures, []).append(name)
    return names
