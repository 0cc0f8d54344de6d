"""Answers to requests for information, and letters beside an agreement: solvable families."""

import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from harness_search.judging.checks import evaluate, parse_check
from harness_search.judging.documents import extract_text
from harness_search.judging.reading import contains, normalise
from harness_search.simulated.tasks import data_request, side_letters
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import lines_of
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.spec import (
    CriterionSpec,
    DocumentSpec,
    Email,
    Matter,
    PointSpec,
    Table,
    plain,
)

FAMILIES = (data_request, side_letters)
REQUEST_AREA, LETTER_AREA = "immigration", "insurance"
AREAS = {data_request: REQUEST_AREA, side_letters: LETTER_AREA}
BOTH_SHAPES = (0, 1, 2, 3)
"""Indices among which each family draws both of its sets of papers."""

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.FAMILY)


def matter_of(family: ModuleType, index: int = 0) -> Matter:
    matter = family.build(Draw(7, index), AREAS[family])
    assert isinstance(matter, Matter)
    return matter


def says(document: DocumentSpec) -> str:
    return "\n".join(lines_of(document.blocks))


def papers(matter: Matter, *, count: bool) -> list[DocumentSpec]:
    return [document for document in matter.documents if document.counts == count]


def criteria(matter: Matter) -> Iterator[tuple[PointSpec, CriterionSpec]]:
    return ((point, criterion) for point in matter.points for criterion in point.criteria)


def passes(criterion: CriterionSpec, text: str) -> bool:
    return evaluate(parse_check("task.json", "check", criterion.check), text).passed


def point_called(matter: Matter, heading: str) -> PointSpec:
    return next(point for point in matter.points if point.heading == heading)


@each_family
def test_the_oracle_passes_every_criterion_and_silence_none(family: ModuleType) -> None:
    matter = matter_of(family)
    oracle = "\n\n".join(
        f"## {point.heading}\n\n" + "\n\n".join(point.answer) for point in matter.points
    )
    for _, criterion in criteria(matter):
        assert passes(criterion, oracle), criterion.title
        assert not passes(criterion, ""), criterion.title


@each_family
def test_every_answer_stands_in_one_line_of_a_rendered_paper_that_counts(
    family: ModuleType, tmp_path: Path
) -> None:
    matter = matter_of(family)
    lines = []
    for document in papers(matter, count=True):
        (tmp_path / document.name).write_bytes(render(document.name, document.blocks))
        lines += [normalise(line) for line in extract_text(tmp_path / document.name).splitlines()]
    for point in matter.points:
        for source in point.sources:
            assert any(contains(line, normalise(source)) for line in lines), source


@each_family
def test_no_slot_is_left_open_in_any_area(family: ModuleType) -> None:
    for area in family.AREAS:
        for index in BOTH_SHAPES[:2]:
            matter = family.build(Draw(7, index), area)
            texts = [says(document) for document in matter.documents]
            asked = [point.text for point in matter.points]
            assert "{" not in "".join([*texts, *asked, matter.opening, matter.title]), area


@each_family
def test_every_area_has_points_and_papers_as_planned(family: ModuleType) -> None:
    for area in family.AREAS:
        matter = family.build(Draw(3, 4), area)
        assert 18 <= len(matter.points) <= 26
        assert 4 <= len(matter.documents) <= 6
        headings = [point.heading for point in matter.points]
        assert len(set(headings)) == len(headings)
        assert not any(":" in heading for heading in headings)


@each_family
def test_the_papers_of_a_family_come_in_many_formats(family: ModuleType) -> None:
    matters = [matter_of(family, index) for index in BOTH_SHAPES]
    kinds = {
        Path(document.name).suffix for matter in matters for document in papers(matter, count=True)
    }
    assert {".docx", ".xlsx", ".pdf", ".eml"} < kinds
    assert kinds & {".pptx", ".md"}


@each_family
@pytest.mark.parametrize("index", BOTH_SHAPES)
def test_the_distractors_answer_next_to_nothing(family: ModuleType, index: int) -> None:
    matter = matter_of(family, index)
    text = "\n\n".join(
        line for paper in papers(matter, count=False) for line in says(paper).split("\n")
    )
    passed = [criterion.title for _, criterion in criteria(matter) if passes(criterion, text)]
    assert len(passed) <= 1, passed


@each_family
@pytest.mark.parametrize("index", BOTH_SHAPES)
def test_a_guarded_answer_beside_its_wrong_side_fails(family: ModuleType, index: int) -> None:
    matter = matter_of(family, index)
    guarded = [
        (point, criterion)
        for point, criterion in criteria(matter)
        if criterion.check["kind"] == "all"
    ]
    assert len(guarded) >= 15
    neighbour = papers(matter, count=False)[-1]
    told = says(neighbour).replace("\n", "\n\n")
    refused = [
        criterion.title
        for point, criterion in guarded
        if not passes(criterion, f"## {point.heading}\n\n{'  '.join(point.answer)}\n\n{told}")
    ]
    assert len(refused) >= 12


@each_family
@pytest.mark.parametrize("index", BOTH_SHAPES)
def test_the_neighbours_papers_name_nobody_of_the_matter(family: ModuleType, index: int) -> None:
    matter = matter_of(family, index)
    names = set(re.findall(r"(?<=[a-z,] )[A-Z][a-zA-Z]{3,}", matter.opening)) - {"Project"}
    assert len(names) >= 3  # the project, and both words of the company's name
    neighbour, *drafts = reversed(papers(matter, count=False))
    for name in names:
        assert name.lower() not in says(neighbour).lower()
        assert all(name.lower() in says(paper).lower() for paper in matter.documents[2:4])
    for draft in drafts:
        assert "superseded" in says(draft)[:400]


@each_family
def test_the_correcting_email_never_repeats_what_an_earlier_paper_says(family: ModuleType) -> None:
    matter = matter_of(family)
    email = next(document for document in matter.documents if document.name.endswith(".eml"))
    assert isinstance(email.blocks[0], Email)
    correction = next(line for line in lines_of(email.blocks) if "correct" in line)
    (point,) = [point for point in matter.points if point.sources == (correction,)]
    (criterion,) = point.criteria
    earlier = says(
        next(
            document
            for document in papers(matter, count=True)
            if document is not email and not passes(criterion, f"{correction}\n\n{says(document)}")
        )
    )
    assert passes(criterion, says(email))
    assert not passes(criterion, earlier)


# The computed points again, from the words of the papers and by arithmetic of our own.

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def found(matter: Matter, pattern: str) -> str:
    text = "\n".join(says(document) for document in papers(matter, count=True))
    (value,) = set(re.findall(pattern, text))
    return str(value)


def date_found(matter: Matter, before: str) -> datetime.date:
    day, month, year = found(matter, before + r" (\d+ [A-Z][a-z]+ \d{4})").split()
    return datetime.date(int(year), MONTHS.index(month) + 1, int(day))


def column(matter: Matter, title: str) -> list[float]:
    for document in matter.documents:
        for block in document.blocks:
            if isinstance(block, Table) and title in block.header:
                place = block.header.index(title)
                return [float(plain(row[place])) for row in block.rows]
    raise AssertionError(title)


def days_later(start: datetime.date, days: int, *, business: bool) -> datetime.date:
    every = (start + datetime.timedelta(days=ahead) for ahead in range(1, 500))
    counted = [day for day in every if not business or day.isoweekday() <= 5]
    return counted[days - 1]


def wanted(matter: Matter, heading: str) -> object:
    (criterion,) = point_called(matter, heading).criteria
    check = criterion.check
    return check["value"] if check["kind"] == "number" else check["date"]


@pytest.mark.parametrize("area", ["immigration", "healthcare-life-sciences"])
def test_what_a_request_leaves_to_compute_is_right(area: str) -> None:
    matter = data_request.build(Draw(7, 1), area)
    period, kind = found(matter, r"response period is (\d+ \w+) days").split()
    received = date_found(matter, "date of receipt is")
    due = days_later(received, int(period), business=kind == "business")
    assert wanted(matter, "Due date of the answer") == due.isoformat()
    certify = int(found(matter, r"certification period for custodians is (\d+) business"))
    certified = days_later(date_found(matter, "the hold notice is"), certify, business=True)
    assert wanted(matter, "Last day for certificates") == certified.isoformat()
    records, sample = sum(column(matter, "Records")), found(matter, r"percentage is (\d+)%")
    assert wanted(matter, "Total records") == records
    assert wanted(matter, "Size of the sample") == pytest.approx(records * int(sample) / 100)
    budget = float(found(matter, r"exercise is [A-Z]{3} ([\d,]+)").replace(",", ""))
    costs = [
        days * rate
        for days, rate in zip(column(matter, "Days"), column(matter, "Daily rate"), strict=True)
    ]
    assert column(matter, "Estimated cost") == costs
    assert wanted(matter, "Unspent budget") == budget - sum(costs) > 0


@pytest.mark.parametrize("area", ["insurance", "tax"])
def test_what_letters_leave_to_compute_is_right(area: str) -> None:
    matter = side_letters.build(Draw(7, 1), area)
    title = {"insurance": "Ceded limit", "tax": "Indemnity limit"}[area]
    total = sum(column(matter, title))
    assert wanted(matter, "Total in the register") == total
    period, kind = found(matter, r"election period is (\d+ \w+) days").split()
    closing = date_found(matter, "closing notice is")
    elected = days_later(closing, int(period), business=kind == "business")
    assert wanted(matter, "End of the election period") == elected.isoformat()
    answer = int(found(matter, r"answer period is (\d+) business"))
    offered = date_found(matter, r"The date of the (?!closing)[^.]+ is")
    answered = days_later(offered, answer, business=True)
    assert wanted(matter, "Last day for an answer") == answered.isoformat()
    share = int(found(matter, r"(?:premium|retention) percentage is (\d+)%"))
    sums = [point for point in matter.points if point.heading.startswith("Sum of the")]
    assert wanted(matter, sums[0].heading) == pytest.approx(total * share / 100)
    cap = float(found(matter, r"(?:limit|cap) is [A-Z]{3} ([\d,]+)[;,]").replace(",", ""))
    assert wanted(matter, "Headroom") == cap - total > 0


def test_the_register_agrees_with_the_corrected_figure() -> None:
    matter = matter_of(side_letters)
    corrected = next(
        point for point in matter.points if point.heading == "Corrected figure"
    ).criteria[0]
    assert passes(corrected, f"{column(matter, 'Ceded limit')[0]:,.0f}")


@each_family
def test_the_same_draw_gives_the_same_matter(family: ModuleType) -> None:
    assert matter_of(family, 2) == matter_of(family, 2)
    assert matter_of(family, 2) != matter_of(family, 3)
