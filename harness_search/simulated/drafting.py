"""Turns what was found into deliverables, with the substance that a model loses on the way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness_search.simulated.chance import Chance
from harness_search.simulated.extraction import Point, answer, library_of, points_of

OMISSIONS, SOMETIMES = 0.10, 0.04
"""Shares of points on which the model stays vague on nearly every try, or on every other one.
One point of every task is beyond it altogether: substance that no harness can buy."""
RECOVERED_ON_REVIEW = 0.08
VAGUE = "To be confirmed with the client; the papers were not conclusive."


@dataclass(frozen=True, slots=True)
class Draft:
    """One deliverable as the model means to write it."""

    name: str
    sections: tuple[str, ...]
    """Markdown sections, each with its heading."""

    @property
    def content(self) -> str:
        return "\n\n".join(self.sections)


def requested_names(assignment: str) -> list[str]:
    """File names in backticks, in order."""
    found = re.findall(r"`([^`/\s]+\.(?:docx|xlsx|md|txt))`", assignment)
    return list(dict.fromkeys(found))


def drafts(
    assignment: str, documents: Mapping[str, str], chance: Chance, review: int
) -> list[Draft]:
    """Every requested deliverable; `review` counts how often the work was looked over."""
    names = requested_names(assignment) or ["answer.md"]
    by_name: dict[str, list[Point]] = {name: [] for name in names}
    for point in points_of(assignment):
        by_name[_place_of(point, assignment, names)].append(point)
    library = library_of(documents, assignment)
    beyond = 1 + chance.pick("beyond", max(1, len(points_of(assignment))))

    def findings(point: Point) -> list[str]:
        vague = point.number == beyond or _omits(point, chance, review)
        return [] if vague else answer(point, library)

    return [
        Draft(name, _sections(name, [(point, findings(point)) for point in points]))
        for name, points in by_name.items()
    ]


def _place_of(point: Point, assignment: str, names: list[str]) -> str:
    """The deliverable that a point goes into: `Points 7 to 10 go into X`, else the first."""
    routes = re.findall(r"[Pp]oints (\d+) to (\d+) go into `([^`]+)`", assignment)
    for first, last, name in routes:
        if int(first) <= point.number <= int(last) and name in names:
            return str(name)
    routed = {name for _, _, name in routes}
    return next((name for name in names if name not in routed), names[0])


def _sections(name: str, answers: list[tuple[Point, list[str]]]) -> tuple[str, ...]:
    as_rows = name.endswith(".xlsx")
    sections = [] if as_rows else [f"# {_title(name)}"]
    for point, found in answers:
        lines = found or [VAGUE]
        if as_rows:
            body = "\n".join(f"| {point.heading} | {line} |" for line in lines)
            sections.append(f"## {point.number} {point.heading}\n\n{body}")
        else:
            sections.append(f"## {point.heading}\n\n" + "\n\n".join(lines))
    return tuple(sections)


def _omits(point: Point, chance: Chance, review: int) -> bool:
    event = f"omits point {point.number}"
    if not chance.happens(event, prone=OMISSIONS, mixed=SOMETIMES):
        return False
    missed_again = chance.happens(f"{event} again", prone=1 - RECOVERED_ON_REVIEW)
    return review == 0 or missed_again


def _title(name: str) -> str:
    return name.rsplit(".", 1)[0].replace("-", " ").replace("_", " ").capitalize()
