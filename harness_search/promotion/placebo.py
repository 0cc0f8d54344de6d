"""Placebo candidates: other bytes, the same behaviour. What the gate says of them is its own noise.

A placebo that the gate would have promoted is a false promotion that was seen; those of real
candidates are not. It never becomes the incumbent.
"""

import random
from collections.abc import Sequence
from typing import Literal

from harness_search.ledger.rows import PLACEBO_PREFIX
from harness_search.promotion.claim import FEWEST_TASKS, CandidateClaim, Claim

PASSED = "The gate would have promoted it. "
STOPPED = "The gate stopped it. "


def placebo_reason(verdict: Literal["promote", "reject"], reason: str) -> str:
    """What is recorded of a decided placebo: rows may be added later, and change what the gate
    would say then."""
    return f"{PASSED if verdict == 'promote' else STOPPED}{reason}"


def has_passed(reason: str) -> bool:
    """Whether a placebo with this reason was let through."""
    return reason.startswith(PASSED)


def placebo_source(parent: bytes, iteration: int) -> bytes:
    """The parent's source with a last line that changes nothing."""
    return parent.rstrip(b"\n") + f"\n# Placebo of iteration {iteration}.\n".encode()


def placebo_claim(iteration: int, parent: str, dev_tasks: Sequence[str], seed: int) -> Claim:
    """A claim as a proposer makes it, about tasks that are drawn at random: so the placebo meets
    every stage of the gate that a candidate meets."""
    generator = random.Random(f"placebo {seed} {iteration}")
    some = min(FEWEST_TASKS, len(dev_tasks))
    candidate = CandidateClaim(
        name=f"{PLACEBO_PREFIX}{iteration:03d}",
        hypothesis="None: it behaves as its parent does, and shows how often noise is promoted.",
        changes=f"Copied {parent}; added a comment.",
        fix_tasks=tuple(generator.sample(list(dev_tasks), some)),
        regression_tasks=tuple(generator.sample(list(dev_tasks), some)),
        mechanism="placebo",
        parent=parent,
    )
    return Claim(iteration=iteration, candidates=(candidate,))
