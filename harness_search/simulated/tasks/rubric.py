"""Which points a task asks for, and the criteria that grade them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import lines_of
from harness_search.simulated.tasks.spec import CriterionSpec, DocumentSpec, PointSpec

FEWEST_POINTS, MOST_POINTS = 9, 22
FEWEST_CRITERIA, MOST_CRITERIA = 12, 40
PAPERS_RELIED_ON = "Papers relied on"
_MOST_HEADINGS = 4

Placed = Mapping[str, Sequence[PointSpec]]
"""The points of each deliverable, by its name."""


def choose_points(draw: Draw, points: Sequence[PointSpec], opening: str) -> tuple[PointSpec, ...]:
    """9 to 22 of the points that a family offers; a total and another computed point among them.

    Points whose answer the opening of the instructions or some point tells are left out.
    """
    told = "\n".join([opening, *(point.text for point in points)]).lower()
    offered = [point for point in points if not _is_told(point, told)]
    wanted = draw.count(FEWEST_POINTS, min(MOST_POINTS, len(offered)))
    totals = [point for point in offered if point.asks_total]
    others = [point for point in offered if point.computed and not point.asks_total]
    kept = [
        sample(draw, group, min(len(group), most)) for group, most in ((totals, 1), (others, 2))
    ]
    computed = [point for group in kept for point in group]
    rest = [point for point in offered if point not in computed]
    chosen = [*computed, *sample(draw, rest, wanted - len(computed))]
    while sum(len(point.criteria) for point in chosen) > MOST_CRITERIA - _MOST_HEADINGS - 7:
        chosen.pop()
    return tuple(point for point in offered if point in chosen)


def _is_told(point: PointSpec, told: str) -> bool:
    checks = [criterion.check for criterion in point.criteria]
    parts = [part for check in checks for part in check.get("of", [check])[:1]]
    return any(form.lower() in told for part in parts for form in part.get("forms", ()))


def sample(draw: Draw, options: Sequence[PointSpec], count: int) -> list[PointSpec]:
    """That many of the options, in their order."""
    return [options[place] for place in draw.positions(len(options), count)]


def papers_relied_on(points: Sequence[PointSpec], documents: Sequence[DocumentSpec]) -> PointSpec:
    """The point that asks for the papers which the other points need, and for no distractor."""
    needed = needed_documents(points, documents)
    distractors = [document.name for document in documents if not document.counts]
    criteria = [
        CriterionSpec(
            f"Relies on {name}",
            f'the deliverable names "{name}" among the papers relied on',
            "it is not named",
            _names(name),
            "source grounding",
        )
        for name in needed
    ]
    clean = CriterionSpec(
        "Relies on no draft and on no paper of another matter",
        "the deliverable names papers of this matter, and none of: " + ", ".join(distractors),
        "it names one of these, or no paper at all",
        {"kind": "all", "of": [_names(*needed), {"kind": "not", "of": _names(*distractors)}]},
        "coverage",
    )
    return PointSpec(
        heading=PAPERS_RELIED_ON,
        request="name, by file name, the executed papers and correspondence of this matter that "
        "you relied on.",
        criteria=(*criteria, clean),
        computed=f"Relied on: {'; '.join(needed)}.",
    )


def _names(*names: str) -> dict[str, Any]:
    return {"kind": "fact", "forms": list(names)}


def needed_documents(
    points: Sequence[PointSpec], documents: Sequence[DocumentSpec]
) -> tuple[str, ...]:
    """The names of the documents in which the answers to some points stand."""
    wanted = [source for point in points for source in point.sources]
    texts = {
        document.name: "\n".join(lines_of(document.blocks))
        for document in documents
        if document.counts
    }
    found = [next(name for name, text in texts.items() if source in text) for source in wanted]
    return tuple(name for name in texts if name in found)


def rubric(draw: Draw, placed: Placed) -> Iterator[Mapping[str, Any]]:
    """The criteria of all points, and of some headings; half of them see one deliverable only."""
    criteria = [
        (criterion, name)
        for name, points in placed.items()
        for point in points
        for criterion in point.criteria
    ]
    main = next(iter(placed))
    wanted = max(draw.count(1, _MOST_HEADINGS), FEWEST_CRITERIA - len(criteria))
    headed = sample(draw, placed[main], min(wanted, len(placed[main])))
    criteria += [(_heading_criterion(point), main) for point in headed]
    if not FEWEST_CRITERIA <= len(criteria) <= MOST_CRITERIA:
        raise ValueError(f"{len(criteria)} criteria")
    for number, (criterion, name) in enumerate(criteria, start=1):
        scope = {"deliverables": [name]} if draw.chance(0.5) else {}
        yield {
            "id": f"C-{number:03d}",
            "title": criterion.title,
            "match_criteria": f"PASS if {criterion.passes}. FAIL if {criterion.fails}.",
            **scope,
            "error_class": criterion.error_class,
            "check": dict(criterion.check),
        }


def _heading_criterion(point: PointSpec) -> CriterionSpec:
    return CriterionSpec(
        f'Has a section "{point.heading}"',
        f'the deliverable answers the point under a heading of its own, "{point.heading}"',
        "there is no such heading",
        {"kind": "section", "titles": [point.heading]},
        "deliverable/format",
    )
