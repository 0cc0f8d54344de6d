"""The numbers of a gate, and the presets: configuration values, not code.

Sources: 004_f152e661325a6a68.txt for the study's rule (`seed`); our own simulation of staged gates
for the others (docs/gate.md says how to repeat it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Control = Literal["stored", "same_day", "auto"]
Reference = Literal["mean", "shrunken"]


@dataclass(frozen=True, slots=True)
class GateRules:
    """What a gate decides by. Chances are probabilities from 0 to 1."""

    min_delta: float = 1.0
    """Blended points that a candidate must gain."""
    trials: int = 3
    """Rollouts of every task before a candidate can be promoted."""
    most_trials: int = 6
    """Rollouts of every task of either arm, at most; when a comparison is borderline."""
    slice_trials: int = 2
    """Rollouts of each task that the claim says it fixes, before others; 0 for none."""
    slice_chance: float = 0.20
    """Below this chance of half of min_delta from there, a candidate ends at its fix slice."""
    futility_chance: float = 0.10
    """It ends after an early pass below this chance of gaining min_delta; 0 never ends it."""
    sure_chance: float = 0.80
    """At full trials it is promoted from this chance of being better at all; 0 asks for none."""
    band: float = 1.0
    """Standard errors below min_delta beyond which it ends at full trials."""
    bypass_share: float = 0.10
    """Share of the candidates, chosen at random, that skip the fix slice."""
    fewest_recall: float = 0.5
    """Share of what changes that claims must name, or the fix slice is off."""
    control: Control = "auto"
    """Whom a survivor is compared with; the incumbent's stored trials, new ones of the same day, or
    those only when drift is seen."""
    oldest_days: float = 7.0
    """Stored trials of an incumbent that are older than this count as drift."""
    incumbent_trials: int = 0
    """Rollouts of every task that an incumbent is topped up to beforehand; 0: it keeps those that
    it has."""
    reference: Reference = "mean"
    """The incumbent's score; what was measured, or shrunken by what selection adds to it."""


PRESETS: Mapping[str, GateRules] = MappingProxyType(
    {
        "seed": GateRules(
            most_trials=3,
            slice_trials=0,
            futility_chance=0.0,
            sure_chance=0.0,
            band=0.0,
            control="stored",
        ),
        "standard": GateRules(),
        "economy": GateRules(futility_chance=0.20, band=0.5),
        "strict": GateRules(sure_chance=0.90, control="same_day", incumbent_trials=6),
        "explore": GateRules(reference="shrunken"),
    }
)
DEFAULT_PRESET: Literal["standard"] = "standard"
