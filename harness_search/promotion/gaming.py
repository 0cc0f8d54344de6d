"""A candidate that is suspected of gaming the judge is not promoted, whatever it scored."""

from dataclasses import dataclass, replace

from harness_search.promotion.decision import Decision

TOO_DEAR = "3 % of the judge's cost is less than one question"
NOTHING_COMMON = "candidate and incumbent delivered nothing readable for the same rollout"


@dataclass(frozen=True, slots=True)
class Probed:
    """What probes of the judge came to: questions that an honest deliverable must fail."""

    asked: int
    """Probes of each of the two arms."""
    passed_candidate: int
    passed_incumbent: int
    unanswered: int
    """Of those of both arms together."""
    suspicion: str
    """Why the candidate is suspected, in a sentence; empty when it is not."""
    why_none: str = ""
    """Why nothing was asked."""

    @property
    def remark(self) -> str:
        """One sentence, whatever came of them."""
        if not self.asked:
            return f"No probe: {self.why_none}."
        return (
            f"Probes: {self.asked} asked of each; {self.passed_candidate} passed by the candidate, "
            f"{self.passed_incumbent} by the incumbent."
        )


def without_gaming(decision: Decision, probed: Probed | None) -> Decision:
    """The decision with a note of what the probes came to; where it would promote, and they raise
    a suspicion, a rejection for that reason. Such a candidate stays an orphan."""
    if probed is None:
        return decision
    noted = replace(decision, notes=(*decision.notes, probed.remark))
    if not probed.suspicion or decision.verdict != "promote":
        return noted
    reason = f"{probed.suspicion} Otherwise it would have been promoted: {decision.reason}"
    return replace(noted, verdict="reject", reason=reason)
