"""What the gate looks at in an iteration, and what a whole search says of its gate.

Pure views of the ledger's rows under the current weights.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from pydantic import ValidationError

from harness_search.errors import InputError, invalid
from harness_search.ledger.derived import Derived, Pair, source_of
from harness_search.ledger.figures import Shape
from harness_search.ledger.frontier import GateRecord
from harness_search.ledger.gains import Gain, Variance
from harness_search.ledger.memo import Codec
from harness_search.ledger.rows import DecisionKind, IterationRow, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.promotion.decision import Pairing
from harness_search.promotion.drift import control_reason
from harness_search.promotion.inflation import Inflation, Promotion, inflation
from harness_search.promotion.placebo import has_passed
from harness_search.promotion.recall import Forecast, Named, named, recall_of, slice_bypass
from harness_search.settings import Settings
from harness_search.workspace import Workspace

_LINEAGE = frozenset({DecisionKind.BASELINE, DecisionKind.PROMOTED})
_DECIDED_BY_THE_GATE = frozenset({DecisionKind.PROMOTED, DecisionKind.ORPHAN})


@dataclass(frozen=True)
class History:
    """The iterations of a search with what their harnesses' rows say."""

    iterations: Sequence[IterationRow]
    derived: Derived
    settings: Settings
    drift: str = ""
    """What the A/A run showed of a pass or day component; empty for none."""
    unclaimed: frozenset[int] = frozenset()
    """Iterations whose claims cannot be read: what claims had named is told without them."""

    @classmethod
    def of(cls, workspace: Workspace, ledger: Ledger, drift: str = "") -> "History":
        """The search as the ledger has it now."""
        settings = workspace.settings
        shape = Shape(
            workspace.criteria(Split.DEV),
            settings.search.trials,
            settings.weights,
            settings.most_trials,
        )
        # What does not say when it changes is derived anew each time.
        memo = ledger.memo if ledger.look().known else None
        derived = Derived(source_of(ledger), shape, memo)
        return cls(ledger.iterations(), derived, settings, drift)

    @cached_property
    def compared(self) -> Derived:
        """What is derived with the trial noise of the whole lineage known."""
        return self.derived.under(self.variance(len(self.iterations)))

    def rows(self, harness: str) -> Sequence[RolloutRow]:
        """Raw rows of a harness's own trials, given by its digest."""
        return self.derived.source.rows(harness)

    def incumbent_rows(self, row: IterationRow) -> Sequence[RolloutRow]:
        """Raw rows of the incumbent of an iteration: its own trials, and its control beside it."""
        incumbent, source = self.incumbent_digest(row), self.derived.source
        return [*source.rows(incumbent), *source.rows(incumbent, row.number)]

    @cached_property
    def _digests(self) -> Mapping[str, str]:
        """By name; of a name that was used twice, the later one's."""
        return {item.name: item.harness for item in self.iterations}

    @property
    def incumbent(self) -> IterationRow | None:
        """The last promoted harness, else the baseline; None before the search begins."""
        promoted = (
            row for row in reversed(self.iterations) if row.decision is DecisionKind.PROMOTED
        )
        return next(promoted, self.iterations[0] if self.iterations else None)

    def incumbent_digest(self, row: IterationRow) -> str:
        """Digest of the incumbent of an iteration; empty for the baseline's."""
        return self._digests.get(row.incumbent, "")

    def variance(self, before: int, without: str = "") -> Variance:
        """Trial noise of the baseline and of what was promoted before an iteration, `without` the
        harness of this name."""
        lineage = [
            row
            for row in self.iterations[:before]
            if row.decision in _LINEAGE and row.name != without
        ]
        parts = (self.derived.figures(row.harness).variance for row in lineage)
        return sum(parts, Variance())

    def pairing(self, row: IterationRow) -> Pairing:
        """What the gate is asked about a candidate."""
        claim = claimed(row)
        rules, seed = self.settings.rules, self.settings.search.seed
        candidate, incumbent = self.rows(row.harness), self.incumbent_rows(row)
        bypass = slice_bypass(
            rules, seed, row.number, self.recall(row.number), aims_at_cost=claim.aim == "cost"
        )
        control = control_reason(rules, candidate, incumbent, self.drift)
        # The incumbent's stored rows are in the comparison already, unless a control stands in.
        known = self.variance(row.number, without="" if control else row.incumbent)
        return Pairing(
            candidate=candidate,
            incumbent=incumbent,
            criteria=self.derived.shape.criteria,
            weights=self.settings.weights,
            iteration=row.number,
            fix_tasks=claim.fix_tasks,
            bypass_reason=bypass,
            control_reason=control,
            reference_variance=known,
            inflation=self.inflation(row.number).known,
        )

    def recall(self, before: int | None = None) -> float | None:
        """Share of what claims could have named of the tasks they fixed; None while unknown."""
        last = len(self.iterations) if before is None else before
        return recall_of([found for number, found in self._named if number < last])

    @cached_property
    def _named(self) -> Sequence[tuple[int, Named]]:
        """Of each iteration that counts, by its number."""
        found = self.compared.of_iterations(
            "claimed", self.iterations, self._digests, self._named_in
        )
        named_in = zip(self.iterations, found, strict=True)
        return [(row.number, item) for row, item in named_in if item is not None]

    def _named_in(self, row: IterationRow) -> Named | None:
        """None where an iteration does not count."""
        counts = row.decision in _DECIDED_BY_THE_GATE and row.number not in self.unclaimed
        if not (counts and self.is_complete(row)):
            return None
        return self.compared.of_pair(
            "named", self._pair(row), partial(_named, row), _NAMED, row.claim
        )

    def is_complete(self, row: IterationRow) -> bool:
        """Whether an iteration's harness has every planned rollout."""
        return self.derived.figures(row.harness).complete(self.derived.shape)

    def measured(self) -> list[IterationRow]:
        """Iterations whose harness has a score, if only of some tasks."""
        derived = self.derived
        has_score = derived.of_iterations(
            "measured",
            self.iterations,
            self._digests,
            lambda row: derived.figures(row.harness).score is not None,
        )
        return [row for row, yes in zip(self.iterations, has_score, strict=True) if yes]

    def _pair(self, row: IterationRow) -> Pair:
        return Pair(row.harness, self.incumbent_digest(row), row.number)

    def inflation(self, before: int | None = None) -> Inflation:
        """What selection has added to the incumbent's score, and how often it will have erred."""
        promotions = []
        for row in self.iterations[:before]:
            if row.decision is DecisionKind.PROMOTED:
                found, blended = self.compared.gain(self._pair(row)), self._blended(row.harness)
                if found is not None and blended is not None:
                    promotions.append(Promotion(blended, found.gain))
        baseline = self._blended(self.iterations[0].harness) if self.iterations else None
        return inflation(baseline or 0.0, promotions)

    def gate_record(self) -> GateRecord | None:
        """What the search says of its gate; None before a candidate is decided."""
        decided = [row for row in self.iterations if row.number and row.decision is not None]
        if not decided:
            return None
        placebos = [row for row in decided if row.decision is DecisionKind.PLACEBO]
        found = self.inflation()
        promotion = self.settings.promotion
        return GateRecord(
            preset=promotion.gate or promotion.preset,
            overrides=promotion.overrides,
            promotions=sum(row.decision is DecisionKind.PROMOTED for row in decided),
            false_promotions=found.false_promotions,
            inflation=found.points,
            placebos=len(placebos),
            placebos_passed=sum(has_passed(row.reason) for row in placebos),
            recall=self.recall(),
        )

    def _blended(self, harness: str) -> float | None:
        found = self.derived.figures(harness).score
        return found.blended if found else None


def _named(row: IterationRow, gain: Gain | None) -> Named | None:
    """None where the gate had nothing to compare."""
    return None if gain is None else named(Forecast(claimed(row).fix_tasks, gain))


def _named_to_json(item: Named | None) -> tuple[int, int, bool] | None:
    return None if item is None else (item.hits, item.chances, item.fixed)


def _named_from_json(found: Sequence[Any] | None) -> Named | None:
    return None if found is None else Named(*found)


_NAMED = Codec(_named_to_json, _named_from_json)


def claimed(row: IterationRow) -> CandidateClaim:
    """The claim of an iteration's candidate; raises InputError for one that cannot be read."""
    try:
        return Claim.model_validate_json(row.claim).candidate
    except ValidationError as error:
        raise invalid(f"the claim of iteration {row.number} in the ledger", error) from error


def unreadable_claims(iterations: Iterable[IterationRow]) -> frozenset[int]:
    """Numbers of the iterations without a claim that can be read."""
    found = []
    for row in iterations:
        try:
            claimed(row)
        except InputError:
            found.append(row.number)
    return frozenset(found)
