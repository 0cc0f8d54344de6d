"""Symptoms that several mechanisms address, each to its own degree."""

import re

from harness_search.proposers.catalogue.evidence import RolloutEvidence, suffix

_DOCUMENT = re.compile(r"^documents/\S.*\.\w{2,5}$", re.MULTILINE)


def missing(rollout: RolloutEvidence) -> float:
    """Missing deliverables."""
    return rollout.share_of_lost(len(rollout.missing))


def misplaced(rollout: RolloutEvidence) -> float:
    """Missing deliverables for which a file of the same kind lies elsewhere."""
    kinds = {suffix(path) for path in rollout.stray}
    return rollout.share_of_lost(sum(suffix(name) in kinds for name in rollout.missing))


def incomplete(rollout: RolloutEvidence) -> float:
    """Criteria lost in deliverables that are there."""
    return 1 - missing(rollout) if rollout.lost else 0.0


def unread(rollout: RolloutEvidence) -> float:
    """Criteria lost in deliverables that are there, by the share of documents never opened."""
    listed = {path for call in rollout.calls for path in _DOCUMENT.findall(call.result)}
    opened = {str(call.arguments.get("file_path")) for call in rollout.calls if call.name == "read"}
    return incomplete(rollout) * len(listed - opened) / max(1, len(listed))


def cut_replies(rollout: RolloutEvidence) -> float:
    """Criteria lost where a reply met its limit."""
    return 1.0 if rollout.lost and "max_tokens" in rollout.stops else 0.0
