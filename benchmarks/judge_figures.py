"""Prints what docs/judge.md says of calibrations and of batches.

Run from the repository root: `.venv/bin/python benchmarks/judge_figures.py`; it takes two minutes.
Calibrations are simulated: no judge is asked, and no figure depends on the machine.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from harness_search.benchmark.tasks import Criterion
from harness_search.gateway.prices import BATCH_FACTOR, Price
from harness_search.judging.agreement import Pair
from harness_search.judging.arms import arms_of
from harness_search.judging.model.estimate import BATCH_HITS, Terms
from harness_search.judging.model.questions import Question

CALIBRATIONS = 40
ROLLOUTS, CRITERIA, TASKS = 200, 57, 24
FALSE_PASS, FALSE_FAIL, GAMED = 0.03, 0.01, 0.10
GAMED_HARNESS = "h0"
PRICE = Price(input=3, output=15, cache_write=3.75, cache_write_1h=6, cache_read=0.3)
BATCH_CRITERIA, BATCH_TOKENS = 63, 10_000


def pairs(seed: int, harnesses: int, rollouts: int, *, gamed: bool) -> Iterator[Pair]:
    """Verdicts of a judge that errs alike on all harnesses, but for a gamed one."""
    chance = random.Random(seed)
    ease = [min(0.98, max(0.3, chance.gauss(0.8, 0.12))) for _ in range(TASKS)]
    for number in range(rollouts):
        harness, task = number % harnesses, (number // harnesses * 7 + number) % TASKS
        rate = min(0.99, max(0.01, ease[task] + chance.gauss(0, 0.03) + 0.002 * harness))
        more = GAMED if gamed and f"h{harness}" == GAMED_HARNESS else 0.0
        for _ in range(CRITERIA):
            reference = chance.random() < rate
            error = FALSE_FAIL if reference else FALSE_PASS + more
            judged = reference ^ (chance.random() < error)
            place = (f"a{task % 6}/t{task}", f"h{harness}", str(number))
            yield Pair(*place, 1_000, reference, judged)


def named(seed: int, harnesses: int, rollouts: int, *, gamed: bool) -> set[str]:
    """Harnesses that a calibration raises an alarm on."""
    arms = arms_of(list(pairs(seed, harnesses, rollouts, gamed=gamed)))
    return {
        arm.found.name for arm in arms if arm.against_others and arm.against_others.alarms
    }  # fmt: skip


def print_calibrations() -> None:
    print(f"{FALSE_PASS:.0%} false passes, {FALSE_FAIL:.0%} false fails, {CRITERIA} criteria")
    for harnesses, rollouts in ((8, ROLLOUTS), (20, ROLLOUTS), (20, 500)):
        fair = [named(n, harnesses, rollouts, gamed=False) for n in range(CALIBRATIONS)]
        gamed = [named(n, harnesses, rollouts, gamed=True) for n in range(CALIBRATIONS)]
        print(
            f"{harnesses} harnesses, {rollouts} rollouts: an alarm in {sum(map(bool, fair))} of "
            f"{CALIBRATIONS} fair calibrations; {GAMED:.0%} more false passes on one named in "
            f"{sum(GAMED_HARNESS in found for found in gamed)} of {CALIBRATIONS}"
        )


def cost(terms: Terms, questions: list[Question]) -> float:
    return terms.usd(terms.usage(questions)) or 0.0


def print_batches() -> None:
    print(f"{BATCH_CRITERIA} criteria on {BATCH_TOKENS:,} tokens, USD")
    criteria = [
        Criterion(id=str(number), title="t" * 40, match_criteria="m" * 400)
        for number in range(BATCH_CRITERIA)
    ]
    questions = [Question("d", "x" * 4 * BATCH_TOKENS, item) for item in criteria]
    for chunk in (1, 4, 8, 50):
        single = cost(Terms(PRICE, chunk), questions)
        batch = Terms(PRICE, chunk, one_hour=True, factor=BATCH_FACTOR)
        share = next(
            n for n in range(101) if cost(replace(batch, hits=n / 100), questions) <= single
        )  # fmt: skip
        usd = cost(replace(batch, hits=BATCH_HITS), questions)
        print(f"chunk {chunk}: {single:.2f}; batch {usd:.2f}; pays from {share} %")


if __name__ == "__main__":
    print_calibrations()
    print_batches()
