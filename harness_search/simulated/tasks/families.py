"""The families of matters, and which of them each practice area of a benchmark is about."""

import functools
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from harness_search.simulated.tasks import (
    abstract,
    award,
    breach,
    consent,
    covenant,
    data_request,
    filing,
    reconciliation,
    side_letters,
)
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.spec import Matter


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of matter, and the practice areas that it is written for."""

    name: str
    areas: tuple[str, ...]
    build: Callable[[Draw, str], Matter]


FAMILIES = tuple(
    Family(module.FAMILY, module.AREAS, module.build)
    for module in (
        consent, abstract, breach, reconciliation,
        covenant, award, data_request, side_letters, filing,
    )
)  # fmt: skip
AREAS = tuple(sorted({area for family in FAMILIES for area in family.areas}))


def family_and_area(seed: int, index: int) -> tuple[Family, str]:
    """What the task at one position (from 0) of a benchmark is about.

    Tasks come in passes over all areas, always in the same order, so that any stretch of as many
    tasks as there are areas holds each once. From pass to pass an area alternates between its two
    families, and every pass holds nearly half of the areas of each family.
    """
    ordered, first = _first_pass(seed)
    number, place = divmod(index, len(ordered))
    area = ordered[place]
    families = [family for family in FAMILIES if area in family.areas]
    return families[(first[area] + number) % len(families)], area


@functools.cache
def _first_pass(seed: int) -> tuple[tuple[str, ...], dict[str, int]]:
    """The order of the areas, and the position of the family that each begins with."""
    source = random.Random(f"benchmark/{seed}/areas")
    neighbours: dict[str, set[str]] = defaultdict(set)
    for family in FAMILIES:
        # Two areas of one family: one of them begins with it, the other with its other family.
        areas = source.sample(family.areas, len(family.areas))
        for one, other in list(pairwise(areas))[::2]:
            neighbours[one].add(other)
            neighbours[other].add(one)
    ordered = source.sample(AREAS, len(AREAS))
    return tuple(ordered), _two_sides(ordered, neighbours, source)


def _two_sides(
    areas: Iterable[str], neighbours: dict[str, set[str]], source: random.Random
) -> dict[str, int]:
    """A side, 0 or 1, for every area, so that neighbours are on different sides.

    Every area has at most one neighbour in each of its two families, so circles are even.
    """
    side: dict[str, int] = {}
    for area in areas:
        open_ends = [(area, source.randrange(2))]
        while open_ends:
            reached, chosen = open_ends.pop()
            if reached not in side:
                side[reached] = chosen
                open_ends += [(other, 1 - chosen) for other in sorted(neighbours[reached])]
    return side
