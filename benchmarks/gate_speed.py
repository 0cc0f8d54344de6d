"""How long one decision of the gate takes: 24 tasks x 6 trials, at its last stage and in between.

python benchmarks/gate_speed.py
"""

import random
import time

from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Usage
from harness_search.ledger.scores import Weights
from harness_search.promotion.decision import Pairing
from harness_search.promotion.gate import StagedGate
from harness_search.promotion.rules import PRESETS

TASKS, MOST_TRIALS, REPEATS = 24, 6, 300
CRITERIA = {f"area/task-{number}": 40 + number for number in range(TASKS)}


def rows(harness: str, trials: int) -> list[RolloutRow]:
    """Finished rollouts of every task, of about 70 of 100 criteria."""
    chance = random.Random(harness)
    return [
        RolloutRow(
            RolloutKey(harness, task, "digest", trial, "profile"), 1, Outcome.SCORED, "",
            round(total * chance.uniform(0.6, 0.8)), total, Usage(input=100_000), 0.0, 20, 60.0,
            "judge", "output",
        )
        for task, total in CRITERIA.items()
        for trial in range(1, trials + 1)
    ]  # fmt: skip


def milliseconds(pairing: Pairing) -> float:
    """The median of many decisions."""
    gate, taken = StagedGate(PRESETS["standard"]), []
    for _ in range(REPEATS):
        started = time.perf_counter()
        gate.decide(pairing)
        taken.append(time.perf_counter() - started)
    return 1e3 * sorted(taken)[REPEATS // 2]


def main() -> None:
    incumbent = rows("incumbent", MOST_TRIALS)
    print(f"One decision over {TASKS} tasks, the incumbent with {MOST_TRIALS} trials (median):")
    for trials in range(1, MOST_TRIALS + 1):
        pairing = Pairing(rows("candidate", trials), incumbent, CRITERIA, Weights())
        decision = StagedGate(PRESETS["standard"]).decide(pairing)
        print(
            f"  {trials} trials  {milliseconds(pairing):5.2f} ms  "
            f"{decision.verdict} at {decision.stage}"
        )


if __name__ == "__main__":
    main()
