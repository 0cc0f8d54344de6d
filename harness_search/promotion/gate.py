"""The promotion gate: decides about a candidate from raw rows, under the current weights.

It walks through its stages. The first one that lacks a rollout leaves the candidate undecided; else
the stage's rule ends the candidate or lets it through to the next. The last one always decides.
"""

import importlib
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness_search.errors import InputError
from harness_search.ledger.gains import Gain
from harness_search.promotion.decision import Decision, Gate, Pairing
from harness_search.promotion.evidence import Evidence
from harness_search.promotion.rules import GateRules
from harness_search.promotion.stages import Stage, StageKind, stages

ROUNDING = 1e-9
"""Points. Floating point may miss a gain of exactly min_delta by about 1e-13; a gain that the
margin is meant to stop is larger than this by far."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rule of a stage concludes."""

    verdict: Literal["promote", "reject"]
    reason: str


@dataclass(frozen=True, slots=True)
class StagedGate:
    """The gate of this project; its rules are configuration values (`promotion/rules.py`)."""

    rules: GateRules

    def decide(self, pairing: Pairing) -> Decision:
        """Promote, reject, or ask for the rollouts that the present stage lacks."""
        evidence = Evidence.of(self.rules, pairing)
        *early, last = stages(self.rules, pairing, evidence.slice_tasks)
        for stage in early:
            gain = evidence.gain(stage)
            if gain is None:
                return evidence.undecided(stage)
            if ruling := self._ruling(stage, gain):
                return _decision(evidence, stage, gain, ruling, pairing)
        gain = evidence.gain(last)
        if gain is None:
            return evidence.undecided(last)
        return _decision(evidence, last, gain, self._plain(last, gain), pairing)

    def _ruling(self, stage: Stage, gain: Gain) -> Ruling | None:
        """None lets the candidate through to the next stage."""
        if stage.kind is StageKind.SLICE:
            return self._slice(stage, gain)
        if stage.kind is StageKind.PASS:
            return self._futility(stage, gain)
        return self._full(stage, gain)

    def _slice(self, stage: Stage, gain: Gain) -> Ruling | None:
        """Ends a candidate whose fix tasks give too little of min_delta."""
        half = self.rules.min_delta / 2
        chance = gain.chance_of_at_least(half - ROUNDING)
        if chance is None or chance >= self.rules.slice_chance:
            return None
        return Ruling(
            "reject",
            f"Fix slice: {gain.points:+.2f} points from {_extent(stage, gain)} that the claim "
            f"fixes; the chance of {half:.2f} from there is {_percent(chance)}, "
            f"below {_percent(self.rules.slice_chance)}.",
        )

    def _futility(self, stage: Stage, gain: Gain) -> Ruling | None:
        """Ends a candidate that will hardly gain min_delta."""
        chance = gain.chance_of_at_least(self.rules.min_delta - ROUNDING)
        if chance is None or chance >= self.rules.futility_chance:
            return None
        return Ruling(
            "reject",
            f"Pass {stage.trials}: {gain.points:+.2f} points after {_extent(stage, gain)}; the "
            f"chance of a gain of {self.rules.min_delta:.2f} is {_percent(chance)}, "
            f"below {_percent(self.rules.futility_chance)}.",
        )

    def _full(self, stage: Stage, gain: Gain) -> Ruling | None:
        """Promotes what is surely better, ends what clearly misses; lets the borderline through."""
        error = gain.trial_error
        better = gain.chance_of_at_least(0.0)
        if not error or better is None:
            return self._plain(stage, gain)
        if self._reached(gain) and better >= self.rules.sure_chance:
            asked = f"; the chance that it is better at all is {_percent(better)}, "
            asked += f"where {_percent(self.rules.sure_chance)} are asked"
            return Ruling("promote", self._sentence(gain, asked if self.rules.sure_chance else ""))
        missing = self.rules.min_delta - gain.points - ROUNDING
        if missing > self.rules.band * error:
            clear = f"; it misses them by {missing / error:.1f} standard errors, "
            clear += f"where more than {self.rules.band:.1f} end it"
            return Ruling("reject", self._sentence(gain, clear if self.rules.band else ""))
        return None

    def _plain(self, stage: Stage, gain: Gain) -> Ruling:
        """The study's rule, and the last word: has it gained min_delta?"""
        last = f"; {stage.trials} trials of each task are the most"
        extra = stage.kind is StageKind.EXTRA
        verdict: Literal["promote", "reject"] = "promote" if self._reached(gain) else "reject"
        return Ruling(verdict, self._sentence(gain, last if extra else ""))

    def _reached(self, gain: Gain) -> bool:
        return gain.points >= self.rules.min_delta - ROUNDING

    def _sentence(self, gain: Gain, more: str) -> str:
        new = math.fsum(task.challenger for task in gain.tasks) / len(gain.tasks)
        measured = math.fsum(task.reference for task in gain.tasks) / len(gain.tasks)
        old = new - gain.points
        lowered = "" if abs(old - measured) < ROUNDING else f" (measured {measured:.2f})"
        return (
            f"Blended {new:.2f} against the incumbent's {old:.2f}{lowered}, "
            f"{gain.points:+.2f} points, where at least {self.rules.min_delta:+.2f} are needed"
            f"{more}."
        )


def gate_of(rules: GateRules, own: str, folder: Path | None = None) -> Gate:
    """The configured gate: this project's, or one's own as `module:factory`.

    The module is looked for in the `folder` too, the last. The factory is called with the rules.
    Raises InputError naming `promotion.gate` when there is no such factory, or when what it returns
    cannot decide.
    """
    if not own:
        return StagedGate(rules)
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))
    module, _, factory = own.partition(":")
    try:
        gate = getattr(importlib.import_module(module), factory)(rules)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        found = f"{own!r} ({error})"
        raise _no_gate(found) from error
    if not isinstance(gate, Gate):
        raise _no_gate(f"{own!r}, which gives a {type(gate).__name__} without `decide`")
    return gate


def _no_gate(found: str) -> InputError:
    expected = "module:factory, a function of the rules that returns an object with `decide`"
    return InputError("meta_harness.toml", "promotion.gate", found, expected)


def _decision(
    evidence: Evidence, stage: Stage, gain: Gain, ruling: Ruling, pairing: Pairing
) -> Decision:
    control = f"Compared with a control. {pairing.control_reason}" if stage.control else ""
    return Decision(
        verdict=ruling.verdict,
        reason=ruling.reason,
        stage=stage.name,
        gain=gain,
        coverage=evidence.coverage(stage),
        candidate_rollouts=evidence.candidate_rollouts,
        incumbent_rollouts=evidence.incumbent_rollouts,
        has_control=stage.control,
        notes=tuple(note for note in (pairing.bypass_reason, control) if note),
    )


def _extent(stage: Stage, gain: Gain) -> str:
    tasks, trials = len(gain.tasks), stage.trials
    return f"{tasks} task{'s' if tasks > 1 else ''} x {trials} trial{'s' if trials > 1 else ''}"


def _percent(chance: float) -> str:
    """Rounded down, so that a chance below a bound never reads like the bound."""
    return f"{math.floor(100 * chance + ROUNDING)} %"
