"""What simulated searches show of some gates, as a table and as JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness_search.promotion.simulation.figures import Figures

if TYPE_CHECKING:
    from rich.console import Console

NOTE = (
    "Simulated gates: this compares decision rules in a model of noise and of candidates. "
    "It says nothing about any language model, nor about what a search will gain."
)


@dataclass(frozen=True, slots=True)
class SimulatedGates:
    """Several gates that met the same candidates in the same noise."""

    figures: Mapping[str, Figures]
    """By preset."""
    noise: str
    """`reference`, or `project`."""
    searches: int
    iterations: int
    tasks: int
    trials: int
    recall: float
    seed: int
    usd_per_rollout: float | None = None
    """Judge included; None where that is not known."""

    def usd(self, figures: Figures) -> float | None:
        """What a search under a gate pays for its rollouts, in the mean."""
        price = self.usd_per_rollout
        return None if price is None else price * figures.rollouts

    @property
    def setting(self) -> str:
        """In one line, what was simulated."""
        whose = "the reference model" if self.noise == "reference" else "this project's A/A run"
        return (
            f"{self.searches:,} searches of {self.iterations} iterations; {self.tasks} tasks x "
            f"{self.trials} trials; noise of {whose}; claims know {self.recall:.0%} of what they "
            f"fix; seed {self.seed}"
        )

    def to_json(self) -> dict[str, Any]:
        """The document of `gate simulate --json`."""
        fields = (
            "noise", "searches", "iterations", "tasks", "trials", "recall", "seed",
            "usd_per_rollout",
        )  # fmt: skip
        return {
            "simulated": True,
            **{name: getattr(self, name) for name in fields},
            "gates": {
                name: {**_document(found), "usd": _rounded(self.usd(found))}
                for name, found in self.figures.items()
            },
        }


def print_gates(console: "Console", found: SimulatedGates) -> None:
    """One line a gate; what the columns mean, below."""
    from rich.table import Table

    from harness_search.reports.tables import print_lines

    title = "Simulated gates"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("gate", no_wrap=True)
    for name in (
        "true gain", "promoted", "false", "harmful", "missed", "rollouts", "USD", "gain /\n1,000",
        "inflation",
    ):  # fmt: skip
        table.add_column(name, justify="right", no_wrap=True)
    for name, figures in found.figures.items():
        table.add_row(name, *_cells(figures, found.usd(figures)))
    console.print(table)
    print_lines(console, (found.setting, *LEGEND, _price(found.usd_per_rollout), NOTE))


LEGEND = (
    "Means of a search. true gain: blended points over the baseline, ± the 95 % interval of the "
    "mean; false: promoted with a true gain of at most 0.1; harmful: below -0.25; missed: rejected "
    "with at least 1, of so many; inflation: the last incumbent's score above its true one.",
)


def _price(usd: float | None) -> str:
    if usd is None:
        return "USD: not known without the price of a rollout, judge included (--usd-per-rollout)."
    return f"USD: {usd:,.4f} for each rollout, judge included; neither proposer nor confirmation."


def _cells(figures: Figures, usd: float | None) -> list[str]:
    half = f" ±{figures.gain.half:.2f}" if math.isfinite(figures.gain.half) else ""
    return [
        f"{figures.gain.value:+.2f}{half}",
        _count(figures.promoted),
        _count(figures.false),
        _count(figures.harmful),
        f"{_count(figures.missed)} of {_count(figures.real)}",
        f"{figures.rollouts:,.0f}",
        shown_usd(usd),
        f"{figures.gain_per_thousand:.1f}",
        f"{figures.inflation:+.2f}",
    ]


def _count(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def shown_usd(usd: float | None) -> str:
    """An amount in at most seven characters, up to a billion; "-" where it is not known."""
    if usd is None:
        return "-"
    if usd < 100:
        return f"{usd:.2f}"
    return f"{usd:,.0f}" if usd < 1_000_000 else f"{usd / 1_000_000:.1f}M"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _document(figures: Figures) -> dict[str, float | None]:
    plain = {name: value for name, value in asdict(figures).items() if name != "gain"}
    half = figures.gain.half
    return {
        "gain": round(figures.gain.value, 4),
        "gain_half_width": round(half, 4) if math.isfinite(half) else None,
        **{name: round(value, 4) for name, value in plain.items()},
        "gain_per_thousand": round(figures.gain_per_thousand, 4),
    }
