"""The families of filing memos, consent surveys and abstracts: solvable, and full of traps."""

import datetime
import functools
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from harness_search.judging.checks import evaluate, parse_check
from harness_search.judging.documents import extract_text
from harness_search.judging.reading import contains, dates_in, normalise
from harness_search.simulated.arithmetic import computed
from harness_search.simulated.extraction import (
    answer,
    is_of_another_matter,
    library_of,
    points_of,
    proper_names,
)
from harness_search.simulated.tasks import abstract, consent, filing
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.spec import Email, Matter, PointSpec, Revised, Table, plain

FAMILIES = (filing, consent, abstract)
DRAWS = range(4)

Texts = dict[str, str]


def drawn(family: ModuleType, number: int) -> Matter:
    """One matter of a family, each number in another area."""
    matter: Matter = family.build(Draw(number, number), family.AREAS[number % len(family.AREAS)])
    return matter


@pytest.fixture(scope="module")
def texts_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[ModuleType, int], Texts]:
    """What the documents of a matter say once they are written and read again."""

    @functools.cache
    def texts(family: ModuleType, number: int) -> Texts:
        folder: Path = tmp_path_factory.mktemp("documents")
        for document in drawn(family, number).documents:
            (folder / document.name).write_bytes(render(document.name, document.blocks))
        return {path.name: extract_text(path) for path in sorted(folder.iterdir())}

    return texts


def assignment(matter: Matter) -> str:
    numbered = (f"{number}. {point.text}" for number, point in enumerate(matter.points, start=1))
    return "\n".join([f"{matter.opening} Save the work as `memo.docx`.", "", *numbered])


def lines_of(answers: Iterator[tuple[PointSpec, list[str]]]) -> str:
    return "\n\n".join("\n\n".join([f"## {point.heading}", *lines]) for point, lines in answers)


def passed(matter: Matter, text: str) -> dict[str, bool]:
    return {
        criterion.title: evaluate(parse_check("task.json", "check", dict(criterion.check)), text)
        .passed
        for point in matter.points
        for criterion in point.criteria
    }  # fmt: skip


def written_from(matter: Matter, texts: Texts) -> str:
    """What a reader writes who looks every point up in these papers."""
    library = library_of({f"documents/{name}": text for name, text in texts.items()},
                         assignment(matter))  # fmt: skip
    found = []
    for point, asked in zip(matter.points, points_of(assignment(matter)), strict=True):
        result = computed(asked, library)
        found.append((point, answer(asked, library) if result is None else [result]))
    return lines_of(iter(found))


matters = pytest.mark.parametrize(
    ("family", "number"),
    [(family, number) for family in FAMILIES for number in DRAWS],
    ids=lambda value: value if isinstance(value, int) else value.FAMILY,
)


@matters
def test_every_answer_stands_in_one_line_of_a_paper_that_counts(
    family: ModuleType, number: int, texts_of: Callable[[ModuleType, int], Texts]
) -> None:
    matter, texts = drawn(family, number), texts_of(family, number)
    lines = [
        normalise(line)
        for document in matter.documents
        if document.counts
        for line in texts[document.name].splitlines()
    ]
    missing = [
        source
        for point in matter.points
        for source in point.sources
        if not any(contains(line, normalise(source)) for line in lines)
    ]
    assert not missing


@matters
def test_the_ideal_answers_pass_everything_and_no_answers_pass_nothing(
    family: ModuleType, number: int
) -> None:
    matter = drawn(family, number)
    ideal = lines_of((point, list(point.answer)) for point in matter.points)
    assert all(passed(matter, ideal).values())
    assert not any(passed(matter, lines_of((point, []) for point in matter.points)).values())


@matters
def test_a_reader_of_all_papers_finds_nearly_everything_and_of_the_distractors_nothing(
    family: ModuleType, number: int, texts_of: Callable[[ModuleType, int], Texts]
) -> None:
    matter, texts = drawn(family, number), texts_of(family, number)
    of_all = passed(matter, written_from(matter, texts))
    wrong = {d.name: texts[d.name] for d in matter.documents if not d.counts}
    of_wrong = passed(matter, written_from(matter, wrong))
    assert sum(of_all.values()) >= 0.9 * len(of_all)
    assert sum(of_wrong.values()) <= 0.1 * len(of_wrong)


@matters
def test_a_neighbours_paper_holds_no_name_of_the_assignment_and_every_other_paper_does(
    family: ModuleType, number: int, texts_of: Callable[[ModuleType, int], Texts]
) -> None:
    matter, texts = drawn(family, number), texts_of(family, number)
    names = proper_names(assignment(matter))
    for document in matter.documents:
        text = f"{document.name}\n{texts[document.name]}"
        is_draft = "superseded" in text[:400]
        assert is_of_another_matter(text, names) == (not document.counts and not is_draft)
        assert not (document.counts and is_draft)


@matters
def test_an_email_corrects_a_date_that_an_earlier_paper_tells_wrong(
    family: ModuleType, number: int, texts_of: Callable[[ModuleType, int], Texts]
) -> None:
    matter, texts = drawn(family, number), texts_of(family, number)
    (correction,) = (
        source
        for point in matter.points
        for source in point.sources
        if re.search(r"\bcorrect", source, re.IGNORECASE)
    )
    (point,) = (point for point in matter.points if correction in point.sources)
    counting = {d.name: texts[d.name] for d in matter.documents if d.counts}
    (mail,) = (name for name, text in counting.items() if correction in text)
    assert mail.endswith(".eml")
    (check,) = (criterion.check for criterion in point.criteria)
    wrong = datetime.date.fromisoformat(check["of"][1]["of"]["date"])
    shown = f"{wrong.day} {wrong:%B %Y}"
    assert shown not in counting[mail]
    assert any(shown in text for text in counting.values())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.FAMILY)
def test_a_family_has_varied_papers_points_and_kinds_of_errors(family: ModuleType) -> None:
    drawn_matters = [drawn(family, number) for number in range(24)]
    for matter in drawn_matters:
        names = [document.name for document in matter.documents]
        counting = {Path(d.name).suffix for d in matter.documents if d.counts}
        assert 5 <= len(names) == len(set(names)) <= 6
        assert {".docx", ".xlsx", ".eml"} <= counting
        assert not all(document.counts for document in matter.documents)
        assert 18 <= len(matter.points) <= 26
    everything = [document for matter in drawn_matters for document in matter.documents]
    assert {".pdf", ".eml", ".pptx"} <= {Path(document.name).suffix for document in everything}
    assert any(isinstance(b, Revised) for d in everything if not d.counts for b in d.blocks)
    assert all(isinstance(d.blocks[0], Email) for d in everything if d.name.endswith(".eml"))
    assert len({tuple(d.name for d in matter.documents) for matter in drawn_matters}) > 6
    points = [point for matter in drawn_matters for point in matter.points]
    classes = {criterion.error_class for point in points for criterion in point.criteria}
    assert classes >= {
        "numbers/dates", "missing facts/entities", "legal-rule use", "remedial action",
        "materiality/impact", "cross-doc synthesis",
    }  # fmt: skip
    assert max(len(point.criteria) for point in points) >= 2


def test_the_same_draw_gives_the_same_matter() -> None:
    assert all(drawn(family, 3) == drawn(family, 3) for family in FAMILIES)


# The arithmetic once more, from what the papers say.

DATE = r"(\d{1,2} [A-Z][a-z]+ \d{4})"
DEADLINES = (
    (filing, "Last day for", r"than (\d+) business days after the date of", f"signing was {DATE}"),
    (filing, "End of the", r"lasts (\d+) calendar days", rf"of submission \| {DATE}"),
    (consent, "Deemed answer", r"within (\d+) calendar days after it was", f"courier on {DATE}"),
    (consent, "Last day to", r"within (\d+) business days after", f"action is planned for {DATE}"),
    (abstract, "Release date", r"within (\d+) calendar days after the end", f"the term is {DATE}"),
    (abstract, "End of the", r"within (\d+) business days after receipt", f"in full was on {DATE}"),
)  # fmt: skip
SUMS = (
    (filing, "Sum of", ""),
    (filing, "Largest remedy", r"ceiling of ([\d.]+)%"),
    (consent, "Total annual fees", ""),
    (consent, "Sum kept back", r"keeps back ([\d.]+)%"),
    (abstract, "Total ", ""),
    (abstract, "Price of the", r"surcharge of ([\d.]+)%"),
)


def counted(matter: Matter, texts: Texts) -> str:
    return "\n".join(texts[d.name] for d in matter.documents if d.counts)


def computed_answer(matter: Matter, heading: str) -> PointSpec:
    (point,) = (p for p in matter.points if p.computed and p.heading.startswith(heading))
    return point


def found_in(text: str, pattern: str) -> str:
    (found,) = set(re.findall(pattern, text))
    return str(found)


def date_in(text: str) -> datetime.date:
    (date,) = set(dates_in(normalise(text)))
    return date


def later(first: datetime.date, days: int, *, business: bool) -> datetime.date:
    following = (first + datetime.timedelta(days=n) for n in range(1, 2 * days + 7))
    return [day for day in following if not business or day.isoweekday() <= 5][days - 1]


def column_of(matter: Matter, request: str) -> list[int]:
    title = request.split('"')[1]
    blocks = (block for d in matter.documents if d.counts for block in d.blocks)
    tables = [block for block in blocks if isinstance(block, Table)]
    (table,) = (table for table in tables if title in table.header)
    return [int(plain(row[table.header.index(title)])) for row in table.rows]


def last_figure(text: str) -> Decimal:
    return Decimal(re.findall(r"\d[\d,]*(?:\.\d+)?", text)[-1].replace(",", ""))


@pytest.mark.parametrize(("family", "heading", "period", "start"), DEADLINES)
@pytest.mark.parametrize("number", DRAWS)
def test_a_deadline_is_so_many_days_after_the_day_that_the_papers_give(
    family: ModuleType, heading: str, period: str, start: str, number: int,
    texts_of: Callable[[ModuleType, int], Texts],
) -> None:  # fmt: skip
    matter = drawn(family, number)
    papers = counted(matter, texts_of(family, number))
    point = computed_answer(matter, heading)
    first, days = date_in(found_in(papers, start)), int(found_in(papers, period))
    expected = later(first, days, business="in business days" in point.request)
    assert date_in(point.computed) == expected
    assert f"{expected.day} {expected:%B %Y}" not in papers


@pytest.mark.parametrize(("family", "heading", "percentage"), SUMS)
@pytest.mark.parametrize("number", DRAWS)
def test_a_sum_is_that_of_the_column_and_stands_in_no_paper(
    family: ModuleType, heading: str, percentage: str, number: int,
    texts_of: Callable[[ModuleType, int], Texts],
) -> None:  # fmt: skip
    matter = drawn(family, number)
    papers = counted(matter, texts_of(family, number))
    point = computed_answer(matter, heading)
    share = Decimal(found_in(papers, percentage)) / 100 if percentage else Decimal(1)
    expected = sum(column_of(matter, point.request)) * share
    assert last_figure(point.computed) == expected
    assert f"{expected:,.0f}" not in papers
    assert f"{expected:.0f}" not in papers


@pytest.mark.parametrize("number", DRAWS)
def test_the_budget_left_is_the_budget_without_the_estimates(
    number: int, texts_of: Callable[[ModuleType, int], Texts]
) -> None:
    matter = drawn(filing, number)
    point = computed_answer(matter, "Budget left")
    budget = last_figure(
        found_in(counted(matter, texts_of(filing, number)), r"budget of \w+ ([\d,]+)")
    )
    assert last_figure(point.computed) == budget - sum(column_of(matter, point.request)) > 0


@pytest.mark.parametrize("number", DRAWS)
def test_the_concentration_follows_from_the_market_table(
    number: int, texts_of: Callable[[ModuleType, int], Texts]
) -> None:
    matter = filing.build(Draw(number, number), "antitrust-competition")
    point = next(p for p in matter.points if p.heading == "Concentration")
    sales = column_of(matter, computed_answer(matter, "Sum of").request)
    shares = [100 * figure / sum(sales) for figure in sales]
    before = sum(share**2 for share in shares)
    after = before + 2 * shares[0] * shares[1]
    change, level = re.findall(r"([\d,]+) points", point.sources[0])
    stated = [float(last_figure(change)), float(last_figure(level))]
    assert stated == pytest.approx([after - before, after])
    assert after > 1_800
    assert after - before > 200
