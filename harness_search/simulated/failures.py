"""Which operational failures befall a rollout."""

import math
from collections.abc import Iterator, Mapping

from harness_search.simulated.chance import OFTEN, RARELY, Chance
from harness_search.simulated.extraction import task_of
from harness_search.simulated.personas import ADVISED_AGAINST, Advice, Failure, Persona

APART = 0.8
"""Share of tasks that never meet a failure of delivery and one of the process together: two at once
hide what mending one of them is worth."""


def failures_of(
    assignment: str, persona: Persona, noise: str, advice: frozenset[Advice] = frozenset()
) -> frozenset[Failure]:
    """The failures that a rollout of the assignment meets, with the advice that it was given."""
    chance = Chance(persona.family, task_of(assignment), noise)
    prone = prone_to(assignment, persona, advice)
    spared = _spared(chance, persona, advice) - prone
    possible = {**persona.delivery, **persona.process}
    return frozenset(
        failure
        for failure in Failure
        if failure in prone or (failure in possible and failure not in spared)
        if chance.occurs(failure, OFTEN if failure in prone else RARELY)
    )


def prone_to(
    assignment: str, persona: Persona, advice: frozenset[Advice] = frozenset()
) -> frozenset[Failure]:
    """The failures that the model meets on this assignment nearly always."""
    chance = Chance(persona.family, task_of(assignment), "")
    start = chance.place("failures")
    apart = chance.place("apart") < APART
    other = (start + 0.5) % 1 if apart else chance.place("failures of the process")
    own = {*_sampled(persona.delivery, start), *_sampled(persona.process, other)}
    brought = {
        failure
        for topic, (failure, share) in persona.backfires.items()
        if topic in advice and chance.place("backfires", topic) < share
    }
    return frozenset((own - _spared(chance, persona, advice)) | brought)


def _spared(chance: Chance, persona: Persona, advice: frozenset[Advice]) -> set[Failure]:
    heeded = [
        topic for topic in advice if chance.place("heeds", topic) < persona.heeds.get(topic, 0.0)
    ]
    return {failure for topic in heeded for failure in ADVISED_AGAINST[topic]}


def _sampled(rates: Mapping[Failure, float], start: float) -> Iterator[Failure]:
    """Failures in proportion to their rates, as many as the rates sum up to, rounded up or down.

    Systematic sampling: independent draws would make some tasks hopeless and others perfect, and
    two benchmarks of 24 tasks would differ by more than any mechanism is worth.
    """
    reached = 0.0
    for failure, rate in rates.items():
        before, reached = reached, reached + rate
        if math.floor(reached - start) > math.floor(before - start):
            yield failure
