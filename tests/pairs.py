"""Pairs of verdicts for the tests: single ones, and worlds with judges of known error rates."""

import random
from collections.abc import Callable

from harness_search.judging.agreement import Pair


def pair(
    reference: bool,
    judged: bool,
    task: str = "tax/a",
    harness: str = "h",
    rollout: str = "1",
    length: int = 100,
) -> Pair:
    return Pair(task, harness, rollout, length, reference, judged)


def world(
    harnesses: dict[str, float],
    sensitivity: Callable[[str], float],
    specificity: Callable[[str], float],
    tasks: int = 40,
    criteria: int = 40,
    seed: int = 0,
) -> list[Pair]:
    """Harnesses of known pass rates under a judge of known error rates."""
    chance, found = random.Random(seed), list[Pair]()
    for name, passing in harnesses.items():
        for task in range(tasks):
            for _ in range(criteria):
                truth = chance.random() < passing
                right = chance.random() < (sensitivity(name) if truth else specificity(name))
                found.append(pair(truth, truth is right, f"tax/{task}", name))
    return found
