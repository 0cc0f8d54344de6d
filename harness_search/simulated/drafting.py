"""Turns what was found into deliverables, with the substance that a model loses on the way."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness_search.simulated.arithmetic import computed
from harness_search.simulated.chance import Chance
from harness_search.simulated.extraction import (
    Library,
    Point,
    answer,
    is_of_another_matter,
    library_of,
    points_of,
    proper_names,
)
from harness_search.simulated.personas import Persona

RECOVERED_ON_REVIEW = 0.08
VAGUE = "To be confirmed with the client; the papers were not conclusive."
_NAME = r"[A-Z][\w&'\u2019.-]*"
_NAMES = re.compile(rf"(?<=[a-z,] ){_NAME}(?: {_NAME})+")


@dataclass(frozen=True, slots=True)
class Draft:
    """One deliverable as the model means to write it."""

    name: str
    sections: tuple[str, ...]
    """Markdown sections, each with its heading; the first says what the deliverable is about."""
    headings: tuple[str, ...]
    """The points that it answers."""

    @property
    def content(self) -> str:
        """All of it."""
        return joined(self.sections)


@dataclass(frozen=True)
class Author:
    """Who writes: the model, in one rollout, in one round of it."""

    persona: Persona
    chance: Chance
    review: int
    """How often the work was looked over."""
    wrong_matter: bool

    def drafts(self, assignment: str, documents: Mapping[str, str]) -> list[Draft]:
        """Every requested deliverable, from the documents that are known."""
        names = requested_names(assignment) or ["answer.md"]
        points = points_of(assignment)
        library = library_of(documents, assignment, wrong_matter=self.wrong_matter)
        found = {point.number: self._findings(point, points, library) for point in points}
        about = self._about(assignment, documents)
        placed: dict[str, list[Point]] = {name: [] for name in names}
        for point in points:
            placed[_place_of(point, assignment, names)].append(point)
        return [_draft(name, about, own, found) for name, own in placed.items()]

    def _findings(self, point: Point, points: Sequence[Point], library: Library) -> list[str]:
        if self._leaves_vague(point, len(points)):
            return []
        result = computed(point, library)
        if result is not None:
            return [result] if result else []
        if asks_for_sources(point):
            return [name.rsplit("/", 1)[-1] for name in library.trusted]
        return answer(point, library)

    def _leaves_vague(self, point: Point, points: int) -> bool:
        chance, event = self.chance, f"vague on point {point.number}"
        beyond = 1 + chance.pick("beyond", points)
        if point.number == beyond and chance.occurs("beyond", self.persona.beyond):
            return True
        if not chance.happens(event, self.persona.vague, self.persona.sometimes_vague):
            return False
        again = chance.happens(f"{event} again", prone=1 - RECOVERED_ON_REVIEW)
        return self.review == 0 or again

    def _about(self, assignment: str, documents: Mapping[str, str]) -> str:
        """The opening line: whom and what the deliverable is about."""
        names = matter_names(assignment)
        if self.wrong_matter:
            own = proper_names(assignment)
            others = [text for text in documents.values() if is_of_another_matter(text, own)]
            names = _most_frequent(others) or names
        return f"Matter: {'; '.join(names)}." if names else "Matter as instructed."


def joined(sections: Sequence[str]) -> str:
    """Sections as one text."""
    return "\n\n".join(sections)


def requested_names(assignment: str) -> list[str]:
    """File names in backticks, in order."""
    found = re.findall(r"`([^`/\s]+\.(?:docx|xlsx|md|txt))`", assignment)
    return list(dict.fromkeys(found))


def asks_for_sources(point: Point) -> bool:
    """Whether a point asks which papers the work rests on."""
    return "by file name" in point.request


def matter_names(assignment: str) -> list[str]:
    """Names of several words in the sentences before the points."""
    opening = re.split(r"^\s*1\.\s", assignment, maxsplit=1, flags=re.MULTILINE)[0]
    return list(dict.fromkeys(_NAMES.findall(opening)))


def _most_frequent(texts: Iterable[str]) -> list[str]:
    counts = Counter(name for text in texts for name in _NAMES.findall(text))
    return [name for name, _ in counts.most_common(3)]


def _place_of(point: Point, assignment: str, names: list[str]) -> str:
    """The deliverable that a point goes into: `Points 7 to 10 go into X`, else the first."""
    routes = re.findall(r"[Pp]oints (\d+) to (\d+) go into `([^`]+)`", assignment)
    for first, last, name in routes:
        if int(first) <= point.number <= int(last) and name in names:
            return str(name)
    routed = {name for _, _, name in routes}
    return next((name for name in names if name not in routed), names[0])


def _draft(name: str, about: str, points: list[Point], found: Mapping[int, list[str]]) -> Draft:
    as_rows = name.endswith(".xlsx")
    opening = f"## Matter\n\n| {about} |" if as_rows else f"# {_title(name)}\n\n{about}"
    sections = [opening]
    for point in points:
        lines = found[point.number] or [VAGUE]
        if as_rows:
            body = "\n".join(f"| {point.heading} | {line} |" for line in lines)
            sections.append(f"## {point.number} {point.heading}\n\n{body}")
        else:
            sections.append(f"## {point.heading}\n\n" + "\n\n".join(lines))
    return Draft(name, tuple(sections), tuple(point.heading for point in points))


def _title(name: str) -> str:
    return name.rsplit(".", 1)[0].replace("-", " ").replace("_", " ").capitalize()
