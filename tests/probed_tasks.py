"""Deliverables of two arms, to be probed."""

from harness_search.benchmark.tasks import Criterion
from harness_search.judging.model.prompt import joined
from harness_search.judging.probes import Delivered, DeliveredScope

AREAS = ("tax", "insurance", "real-estate")


def rubric(task: int, count: int) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(id=f"C-{n}", title=f"States fact {n}", match_criteria=f"PASS if {task}/{n}.")
        for n in range(count)
    )


def arm(
    harness: str,
    tasks: int = 8,
    trials: int = 3,
    criteria: int = 40,
    words: int = 2_000,
    more: str = "",
) -> Delivered:
    scopes = []
    for task in range(tasks):
        for trial in range(1, trials + 1):
            body = f"Memo on matter {task}\nSummary\n{f'fact {task} ' * (words // 2)}\n{more}"
            text = joined([("memo.md", body)])
            name = f"{AREAS[task % len(AREAS)]}/matter-{task}"
            scopes.append(
                DeliveredScope(
                    name, trial, ("memo.md",), text, rubric(task, criteria), "canary", f"On {name}"
                )
            )
    return Delivered(harness, tuple(scopes))
