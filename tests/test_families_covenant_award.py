"""Covenants with a certificate, and a decision beside its claim: solvable families with traps."""

import datetime
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

from harness_search.judging.checks import Check, evaluate, parse_check
from harness_search.judging.documents import extract_text
from harness_search.simulated.tasks import award, covenant
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import lines_of
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.spec import (
    CriterionSpec,
    DocumentSpec,
    Matter,
    PointSpec,
    Revised,
    Table,
    plain,
)

AREAS = {covenant: "banking-finance", award: "bankruptcy-restructuring"}
INDICES = range(6)
"""Among them each family draws both of its sets of papers."""
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
LONG_DATE = re.compile(rf"(\d{{1,2}}) ({'|'.join(MONTHS)}) (\d{{4}})")

each_family = pytest.mark.parametrize("family", AREAS, ids=lambda family: family.FAMILY)


def matter_of(family: ModuleType, index: int = 0) -> Matter:
    matter = family.build(Draw(7, index), AREAS[family])
    assert isinstance(matter, Matter)
    return matter


def is_draft(document: DocumentSpec) -> bool:
    return "DRAFT" in says(document)[:300]


def says(document: DocumentSpec) -> str:
    return "\n".join(lines_of(document.blocks))


def text_of(matter: Matter, *, counts: bool) -> str:
    return "\n".join(says(paper) for paper in matter.documents if paper.counts == counts)


def paper(matter: Matter, ending: str) -> DocumentSpec:
    return next(paper for paper in matter.documents if paper.counts and paper.name.endswith(ending))


def neighbour(matter: Matter) -> DocumentSpec:
    return next(
        paper
        for paper in matter.documents
        if not paper.counts and PurePosixPath(paper.name).suffix == ".pdf"
    )


def criteria(matter: Matter) -> Iterator[CriterionSpec]:
    return (criterion for point in matter.points for criterion in point.criteria)


def passes(criterion: CriterionSpec, text: str) -> bool:
    return evaluate(parsed(criterion.check), text).passed


def parsed(check: object) -> Check:
    return parse_check("task.json", "check", check)


def refused(criterion: CriterionSpec) -> Check | None:
    """The check that looks for the wrong side of a guarded criterion."""
    if criterion.check["kind"] != "all":
        return None
    wrong = dict(criterion.check["of"][1]["of"])
    wrong.pop("near", None)
    return parsed(wrong)


def point_called(matter: Matter, heading: str) -> PointSpec:
    return next(point for point in matter.points if point.heading == heading)


def oracle(matter: Matter) -> str:
    return "\n\n".join(
        f"## {point.heading}\n\n" + "\n\n".join(point.answer) for point in matter.points
    )


@each_family
@pytest.mark.parametrize("index", INDICES)
def test_the_oracle_passes_every_criterion_and_silence_none(family: ModuleType, index: int) -> None:
    matter = matter_of(family, index)
    for criterion in criteria(matter):
        assert passes(criterion, oracle(matter)), criterion.title
        assert not passes(criterion, ""), criterion.title


@each_family
def test_every_answer_stands_in_one_line_of_a_rendered_paper_that_counts(
    family: ModuleType, tmp_path: Path
) -> None:
    matter = matter_of(family)
    lines = []
    for document in matter.documents:
        if document.counts:
            file = tmp_path / document.name
            file.write_bytes(render(document.name, document.blocks))
            lines += extract_text(file).splitlines()
    for point in matter.points:
        for source in point.sources:
            assert any(source in line for line in lines), source


@each_family
def test_the_papers_come_in_the_formats_of_a_real_folder(family: ModuleType) -> None:
    kinds = {
        PurePosixPath(paper.name).suffix
        for index in INDICES
        for paper in matter_of(family, index).documents
        if paper.counts
    }
    assert {".docx", ".xlsx", ".pdf", ".eml"} < kinds
    assert kinds & {".pptx", ".md"}


@each_family
@pytest.mark.parametrize("index", INDICES)
def test_an_answer_from_the_papers_that_do_not_count_is_refused(
    family: ModuleType, index: int
) -> None:
    matter = matter_of(family, index)
    misled = text_of(matter, counts=False)
    guards = [(criterion, guard) for criterion in criteria(matter)
              if (guard := refused(criterion)) is not None]  # fmt: skip
    assert len(guards) > 15
    told = [criterion for criterion, guard in guards if evaluate(guard, misled).passed]
    assert len(told) > 0.7 * len(guards)
    assert not any(passes(criterion, f"{oracle(matter)}\n\n{misled}") for criterion in told)


@each_family
@pytest.mark.parametrize("index", INDICES)
def test_no_name_of_the_assignment_stands_in_the_neighbours_paper(
    family: ModuleType, index: int
) -> None:
    matter = matter_of(family, index)
    names = re.findall(r"(?<=[a-z,] )[A-Z][a-zA-Z]{3,}", matter.opening)
    assert len(names) > 2
    other = says(neighbour(matter)).lower()
    assert not [name for name in names if name.lower() in other]
    for document in matter.documents:
        if document.counts:
            assert any(name in says(document) for name in names), document.name


@each_family
def test_a_draft_says_at_once_what_it_is_and_shows_tracked_changes(family: ModuleType) -> None:
    drafts = [
        document
        for index in INDICES
        for document in matter_of(family, index).documents
        if is_draft(document)
    ]
    assert 0 < len(drafts) < len(INDICES)
    draft = drafts[0]
    assert not draft.counts
    assert "superseded" in says(draft)[:300]
    assert sum(isinstance(block, Revised) for block in draft.blocks) >= 3


@pytest.mark.parametrize(
    ("family", "heading", "earlier"),
    [(covenant, "Test date", ".xlsx"), (award, "Start of interest", "Claims Ruling.pdf")],
    ids=["covenant", "award"],
)
def test_a_message_corrects_a_date_without_repeating_it(
    family: ModuleType, heading: str, earlier: str
) -> None:
    matter = matter_of(family)
    (criterion,) = point_called(matter, heading).criteria
    wrong = refused(criterion)
    assert wrong is not None
    message = says(paper(matter, ".eml"))
    assert evaluate(wrong, says(paper(matter, earlier))).passed
    assert not evaluate(wrong, message).passed
    assert passes(criterion, message)
    assert "correct" in message


@pytest.mark.parametrize(
    "heading", ["Leverage after the amendment", "Allowance for capital expenditure"]
)
def test_the_amendment_replaces_what_the_agreement_says(heading: str) -> None:
    matter = matter_of(covenant)
    (criterion,) = point_called(matter, heading).criteria
    wrong = refused(criterion)
    assert wrong is not None
    assert evaluate(wrong, says(paper(matter, "Agreement.docx"))).passed
    assert passes(criterion, says(paper(matter, "Amendment.pdf")))


def column(matter: Matter, title: str) -> list[float]:
    """The cells of a column, from the table itself."""
    for block in paper(matter, ".xlsx").blocks:
        if isinstance(block, Table) and title in block.header:
            return [float(plain(row[block.header.index(title)])) for row in block.rows]
    raise AssertionError(title)


def found(matter: Matter, pattern: str) -> str:
    """The one value that the counting papers give for a pattern."""
    (value,) = {match[1] for match in re.finditer(pattern, text_of(matter, counts=True))}
    return str(value)


def amount(text: str) -> float:
    return float(re.findall(r"[\d,]{5,}", text)[-1].replace(",", ""))


def day(text: str) -> datetime.date:
    number, month, year = LONG_DATE.findall(text)[-1]
    return datetime.date(int(year), MONTHS.index(month) + 1, int(number))


def weekdays_between(first: datetime.date, last: datetime.date) -> int:
    days = (first + datetime.timedelta(step) for step in range(1, (last - first).days + 1))
    return sum(date.isoweekday() < 6 for date in days)


def computed(matter: Matter, heading: str) -> str:
    return point_called(matter, heading).computed


@pytest.mark.parametrize("index", INDICES)
def test_computed_answers_about_covenants_are_right(index: int) -> None:
    matter = matter_of(covenant, index)
    outstanding, proceeds = sum(column(matter, "Outstanding")), sum(column(matter, "Net proceeds"))
    assert amount(computed(matter, "Total debt outstanding")) == outstanding
    share = float(found(matter, r"sweep percentage is ([\d.]+)%"))
    paid = amount(computed(matter, "Prepayment out of disposals"))
    assert paid == pytest.approx(proceeds * share / 100)
    ceiling = amount(found(matter, r"(ceiling of \w+ [\d,]+)"))
    assert amount(computed(matter, "Headroom under the ceiling")) == ceiling - outstanding
    notified = day(found(matter, r"(notified the breach of .+ by letter)"))
    period = int(found(matter, r"cure period of (\d+) calendar days"))
    assert (day(computed(matter, "Last day for a cure")) - notified).days == period
    asked = day(found(matter, r"(request for information about .+ is still open)"))
    due = day(computed(matter, "Last day for an answer"))
    assert due.isoweekday() < 6
    assert weekdays_between(asked, due) == int(found(matter, r"of (\d+) business days"))


@pytest.mark.parametrize("index", INDICES)
def test_computed_answers_about_an_award_are_right(index: int) -> None:
    matter = matter_of(award, index)
    awarded, incurred = sum(column(matter, "Awarded")), sum(column(matter, "Incurred"))
    assert amount(computed(matter, "Total awarded")) == awarded
    share = float(found(matter, r"cost share of ([\d.]+)%"))
    paid = amount(computed(matter, "Costs to be reimbursed"))
    assert paid == pytest.approx(incurred * share / 100)
    principal = amount(found(matter, r"(principal sum of \w+ [\d,]+\d)"))
    assert amount(computed(matter, "Shortfall against the claim")) == principal - awarded
    notified = day(found(matter, r"(notified to counsel on .+ by courier)"))
    period = int(found(matter, r"is (\d+) calendar days"))
    end = day(computed(matter, "Last day for the request for review"))
    assert (end - notified).days == period
    served = day(found(matter, r"(served on the parties on .+)\."))
    due = day(computed(matter, "Due date of payment"))
    assert due.isoweekday() < 6
    assert weekdays_between(served, due) == int(found(matter, r"of (\d+) business days"))


@each_family
@pytest.mark.parametrize("index", INDICES)
def test_what_must_be_computed_stands_in_no_paper(family: ModuleType, index: int) -> None:
    matter = matter_of(family, index)
    papers = text_of(matter, counts=True) + text_of(matter, counts=False)
    for point in matter.points:
        if point.computed:
            answer = re.findall(r"[\d,]{5,}|\d{1,2} [A-Z][a-z]+ \d{4}", point.computed)[-1]
            assert answer not in papers
            assert answer.replace(",", "") not in papers


@each_family
def test_every_area_tells_a_matter_of_its_own(family: ModuleType) -> None:
    matters = {area: family.build(Draw(7, 1), area) for area in family.AREAS}
    texts = {text_of(matter, counts=True) for matter in matters.values()}
    assert len(texts) == len(family.AREAS)
    for area, matter in matters.items():
        assert 18 <= len(matter.points) <= 26, area
        assert 4 <= len(matter.documents) <= 6, area
        assert "{" not in "".join(says(paper) for paper in matter.documents), area


@each_family
def test_the_same_draw_tells_the_same_matter(family: ModuleType) -> None:
    assert matter_of(family, 3) == matter_of(family, 3)
    assert matter_of(family, 3) != matter_of(family, 4)
