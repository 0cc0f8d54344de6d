"""Mechanisms that change how much the model may say in one reply."""

from harness_search.proposers.catalogue.edits import AddNote, ReplaceConstant
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import HALF, TOLD, Mechanism, weighed
from harness_search.proposers.catalogue.symptoms import cut_replies

STOCK, LARGE, SHORT = "8_000", "32_000", "1_000"
SHORT_CHARACTERS = 4 * int(SHORT)


def talkative(rollout: RolloutEvidence) -> float:
    """How much of what the model says in words is beyond a short reply."""
    lengths = [len(text) for text in rollout.said]
    beyond = sum(max(0, length - SHORT_CHARACTERS) for length in lengths)
    return TOLD * beyond / max(1, sum(lengths)) if rollout.lost else 0.0


LARGER = Mechanism(
    name="larger_replies",
    hypothesis=(
        "Some replies are cut at the limit of 8,000 tokens in the middle of a deliverable. A limit "
        "of 32,000 leaves room for long deliverables and raises the pooled pass rate."
    ),
    changes="changed ONE constant: MAX_TOKENS is 32_000 instead of 8_000.",
    edits=(
        AddNote("a reply may be four times as long"),
        ReplaceConstant("MAX_TOKENS", STOCK, LARGE),
    ),
    symptom=weighed(HALF, cut_replies),
)

SHORTER = Mechanism(
    name="short_replies",
    hypothesis=(
        "Output tokens are the dearest part of a rollout, and much of what the model says is "
        "deliberation. A limit of 1,000 tokens a reply keeps it brief and lowers the cost."
    ),
    changes="changed ONE constant: MAX_TOKENS is 1_000 instead of 8_000.",
    edits=(
        AddNote("a reply may have 1,000 tokens"),
        ReplaceConstant("MAX_TOKENS", STOCK, SHORT),
    ),
    symptom=talkative,
)
