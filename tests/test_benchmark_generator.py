"""The generated benchmark: deterministic, and solvable from the papers that count."""

import hashlib
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.benchmark.tasks import Task, discover
from harness_search.judging.checks import evaluate, parse_check
from harness_search.judging.deterministic import judge
from harness_search.judging.documents import TextStore, extract_text
from harness_search.simulated.arithmetic import computed
from harness_search.simulated.extraction import Point, answer, library_of
from harness_search.simulated.tasks.build import (
    build_benchmark,
    generated_spec,
    render_oracle,
    task_json,
    task_spec,
)
from harness_search.simulated.tasks.check import check_benchmark
from harness_search.simulated.tasks.families import AREAS, FAMILIES, family_and_area
from harness_search.simulated.tasks.general_papers import LEAST_LONG, MOST_LONG
from harness_search.simulated.tasks.names import COMPANIES, PEOPLE, Draw
from harness_search.simulated.tasks.papers import lines_of
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.rendering.plain import plain_text
from harness_search.simulated.tasks.rubric import PAPERS_RELIED_ON
from harness_search.simulated.tasks.spec import DocumentSpec, Paragraph, TaskSpec

REPOSITORY = Path(__file__).parent.parent
SMALL = 9
DIGEST_OF_TEXTS = "c4e54e781007da08be0df6108439ef6a23493ebe5d93d143b3635dcf72b90400"
"""Of the extracted texts of the first nine tasks of seed 0, on any machine. When the generator was
changed on purpose: raise GENERATOR, put the new digest here and write `tasks/` again."""

STOP_WORDS = frozenset(
    {"state", "name", "from", "with", "that", "which", "when", "what", "have", "been", "into"}
    | {"their", "under", "within", "whose", "than", "this", "will", "shall", "many", "after"}
    | {"before", "other"}
)
FORMATS = {".docx", ".xlsx", ".pptx", ".pdf", ".eml", ".md", ".txt"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first nine tasks of seed 0."""
    out = tmp_path_factory.mktemp("benchmark")
    build_benchmark(out, seed=0, dev=SMALL, test=0)
    return out


@pytest.fixture(scope="module")
def tasks(folder: Path) -> list[Task]:
    return list(discover(folder).values())


@cache
def specs() -> tuple[TaskSpec, ...]:
    """The whole benchmark of seed 0, before it is written."""
    return tuple(task_spec(0, index) for index in range(2 * len(AREAS)))


@cache
def texts_of(document: DocumentSpec) -> str:
    return plain_text(document.blocks).decode()


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def content_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9-]{4,}", text.lower())) - STOP_WORDS


# Determinism.


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    build_benchmark(tmp_path, seed=0, dev=SMALL, test=0)
    assert contents(tmp_path) == contents(folder)


def test_every_machine_reads_the_same_texts(folder: Path) -> None:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = extract_text(path) if path.name != "task.json" else path.read_text("utf-8")
            digest.update(f"{path.relative_to(folder).as_posix()}\0{text}\0".encode())
    assert digest.hexdigest() == DIGEST_OF_TEXTS


def test_the_bundled_benchmark_is_what_seed_0_gives() -> None:
    bundled = discover(REPOSITORY / "tasks")
    assert sorted(bundled) == sorted(spec.id for spec in specs())
    for spec in specs():
        written = (bundled[spec.id].folder / "task.json").read_text(encoding="utf-8")
        assert written == task_json(spec)
        names = {path.name for path in bundled[spec.id].documents()}
        assert names == {document.name for document in spec.documents}


def test_the_bundled_benchmark_is_small() -> None:
    assert sum(map(len, contents(REPOSITORY / "tasks").values())) < 15 * 2**20


def test_the_bundled_splits_are_those_of_seed_0() -> None:
    split = [(REPOSITORY / f"{name}_split.txt").read_text().split() for name in ("dev", "test")]
    ids = [spec.id for spec in specs()]
    assert split == [sorted(ids[: len(AREAS)]), sorted(ids[len(AREAS) :])]


def test_another_seed_gives_other_tasks_that_are_proved_solvable(
    tmp_path: Path, tasks: list[Task]
) -> None:
    built = build_benchmark(tmp_path, seed=77, dev=SMALL - 4, test=4)
    assert not {*built.dev, *built.test} & {task.id for task in tasks}
    report = check_benchmark(tmp_path)
    assert report.problems == ()
    assert {task.task_id for task in report.tasks} == {*built.dev, *built.test}
    assert all(task.generated for task in report.tasks)


def test_the_first_tasks_of_seed_0_are_proved_solvable(folder: Path) -> None:
    assert check_benchmark(folder).problems == ()


# What the tasks are about.


@given(st.integers(0, 10**6), st.integers(0, 400))
@settings(deadline=None)
def test_any_24_tasks_in_a_row_hold_every_area_once(seed: int, first: int) -> None:
    areas = [family_and_area(seed, index)[1] for index in range(first, first + 24)]
    assert sorted(areas) == list(AREAS)


@given(st.integers(0, 10**6))
@settings(deadline=None)
def test_both_splits_hold_every_family_about_equally(seed: int) -> None:
    drawn = [family_and_area(seed, index)[0].name for index in range(48)]
    for split in (drawn[:24], drawn[24:]):
        assert set(Counter(split).values()) == {2, 3}
        assert len(set(split)) == len(FAMILIES) == 9
    assert all(one != other for one, other in zip(drawn[:24], drawn[24:], strict=True))


def test_every_area_has_two_families() -> None:
    served = Counter(area for family in FAMILIES for area in family.areas)
    assert set(served.values()) == {2}
    assert len(served) == 24


def test_no_company_occurs_in_two_of_480_tasks() -> None:
    roots: set[str] = set()
    for index in range(480):
        draw = Draw(0, index)
        roots |= {draw.company("Works").short for _ in range(COMPANIES)}
    assert len(roots) == 480 * COMPANIES


def test_no_project_occurs_twice_in_a_split_and_no_name_twice_in_a_task() -> None:
    assert len({Draw(0, index).project for index in range(100)}) == 100
    draw = Draw(0, 7)
    people = [draw.person() for _ in range(PEOPLE)]
    assert len({part for person in people for part in person.split()}) == 2 * PEOPLE


def test_slugs_and_canaries_are_unique_and_cannot_be_guessed() -> None:
    slugs = [spec.id.rsplit("/", 1)[1] for spec in specs()]
    canaries = [spec.metadata["canary"] for spec in specs()]
    assert len(set(slugs)) == len(set(canaries)) == 48
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[0-9a-f]{6}", slug) for slug in slugs)


def test_tasks_have_the_promised_shape() -> None:
    for spec in specs():
        assert 4 <= len(spec.documents) <= 9
        assert 12 <= len(spec.criteria) <= 40
        assert 1 <= len(spec.deliverables) <= 3
        scoped = [criterion for criterion in spec.criteria if "deliverables" in criterion]
        assert 0 < len(scoped) < len(spec.criteria)
        assert any(not document.counts for document in spec.documents)


def test_easy_and_heavy_tasks_exist() -> None:
    criteria = [len(spec.criteria) for spec in specs()]
    assert min(criteria) < 18
    assert max(criteria) > 32


def test_every_format_occurs_and_every_kind_of_deliverable() -> None:
    formats = {Path(document.name).suffix for spec in specs() for document in spec.documents}
    assert formats == FORMATS
    deliverables = {Path(name).suffix for spec in specs() for name in spec.deliverables}
    assert deliverables == {".docx", ".xlsx", ".md"}
    assert {len(spec.deliverables) for spec in specs()} == {1, 2, 3}


def test_criteria_cover_the_classes_of_errors() -> None:
    classes = {criterion["error_class"] for spec in specs() for criterion in spec.criteria}
    assert classes >= {
        "numbers/dates", "missing facts/entities", "deliverable/format", "legal-rule use",
        "coverage", "remedial action", "materiality/impact", "source grounding",
        "cross-doc synthesis",
    }  # fmt: skip


def test_some_tasks_have_a_paper_that_fills_a_context_window() -> None:
    longest = [max(len(texts_of(paper)) for paper in spec.documents) for spec in specs()]
    assert 5 <= sum(LEAST_LONG <= length <= MOST_LONG for length in longest) <= 20
    assert max(longest) <= MOST_LONG


# Instructions and answers.


def test_instructions_list_numbered_points_and_name_every_deliverable() -> None:
    for spec in specs():
        opening, _, points = spec.instructions.partition(
            "Address each of the following points under its own heading:\n"
        )
        lines = points.strip().splitlines()
        assert 9 <= len(lines) <= 23
        for number, line in enumerate(lines, start=1):
            assert re.fullmatch(rf"{number}\. [^:]{{2,90}}: \S.*\.", line)
        assert set(re.findall(r"`([^`]+)`", opening)) == set(spec.deliverables)
        assert "Only executed documents" in opening


def test_every_deliverable_after_the_first_comes_with_its_range_of_points() -> None:
    for spec in specs():
        main, *others = spec.deliverables
        for name in others:
            first, last = spec.deliverables[name][0] + 1, spec.deliverables[name][-1] + 1
            assert f"oints {first} to {last} go into `{name}`" in spec.instructions
        if others:
            assert f", the others into `{main}`." in spec.instructions
        placed = [place for places in spec.deliverables.values() for place in places]
        assert sorted(placed) == list(range(len(spec.points)))


def test_instructions_tell_no_answer() -> None:
    for spec in specs():
        assert "PASS if" not in spec.instructions
        for criterion in spec.criteria:
            check = parse_check(spec.id, criterion["id"], criterion["check"])
            assert not evaluate(check, spec.instructions).passed, (spec.id, criterion["title"])


def test_every_answer_shares_words_with_its_point() -> None:
    for spec in specs():
        for point in spec.points:
            for source in point.sources:
                shared = content_words(point.text) & content_words(source)
                assert len(shared) >= 2, (spec.id, point.text, source)


def test_computed_answers_stand_nowhere_in_the_documents() -> None:
    for spec in specs():
        points = [point for point in spec.points if point.computed]
        points = [point for point in points if point.heading != PAPERS_RELIED_ON]
        assert points
        text = "\n".join(texts_of(document) for document in spec.documents)
        for point in points:
            found = re.search(r"[\d,]{5,}(?:\.\d+)?|\d{1,2} [A-Z][a-z]+ \d{4}", point.computed)
            assert found is not None, point.computed
            bare = found[0].replace(",", "")
            stated = re.search(rf"(?<!\d)({re.escape(found[0])}|{re.escape(bare)})(?!\d)", text)
            assert stated is None, (spec.id, point.computed)


def test_the_column_of_a_total_stands_in_one_paper_that_counts() -> None:
    for spec in specs():
        texts = [texts_of(document) for document in spec.documents if document.counts]
        for column in re.findall(r'total of the "([^"]+)" column', spec.instructions):
            assert sum(f"| {column} |" in text for text in texts) == 1, (spec.id, column)


def test_the_papers_relied_on_are_those_that_hold_answers() -> None:
    asked = [spec for spec in specs() if spec.points[-1].heading == PAPERS_RELIED_ON]
    assert 30 < len(asked) < 48
    for spec in asked:
        named = spec.points[-1].computed.removeprefix("Relied on: ").removesuffix(".").split("; ")
        counting = {document.name: document for document in spec.documents if document.counts}
        assert set(named) <= set(counting)
        sources = [source for point in spec.points for source in point.sources]
        for name in named:
            lines = list(lines_of(counting[name].blocks))
            assert any(source in line for source in sources for line in lines)


def found_by_reading(spec: TaskSpec, documents: list[DocumentSpec]) -> list[list[str]]:
    """What a reader finds who takes, for every point but the last, what seems to answer it."""
    library = library_of({paper.name: texts_of(paper) for paper in documents}, spec.instructions)
    points = [point for point in spec.points if point.heading != PAPERS_RELIED_ON]
    found = []
    for number, point in enumerate(points, start=1):
        request = Point(number, point.heading, point.request)
        result = computed(request, library)
        found.append(answer(request, library) if result is None else [result])
    return found


def test_a_reader_of_every_paper_finds_nearly_every_answer() -> None:
    met = total = 0
    for spec in specs():
        found = found_by_reading(spec, list(spec.documents))
        for point, lines in zip(spec.points, found, strict=False):
            text = "\n\n".join([f"## {point.heading}", *lines])
            checks = [parse_check(spec.id, one.title, dict(one.check)) for one in point.criteria]
            met += sum(evaluate(check, text).passed for check in checks)
            total += len(checks)
    assert met / total > 0.95


GENERAL_PAPERS = (
    "Engagement of counsel", "kick-off", "bundle index", "contact list", "pro forma",
    "Standard terms for", "Common definitions", "General procedural",
)  # fmt: skip


def test_general_papers_seem_to_answer_nothing() -> None:
    papers = 0
    for spec in specs():
        general = [paper for paper in spec.documents if paper.name.startswith(GENERAL_PAPERS)]
        lines = {line for paper in general for line in texts_of(paper).splitlines()}
        for found in found_by_reading(spec, list(spec.documents)):
            assert not lines & set(found), spec.id
        papers += len(general)
    assert papers > 48


def test_copying_every_document_into_the_deliverables_is_no_solution(
    tasks: list[Task], tmp_path: Path
) -> None:
    passed = total = 0
    for task in tasks:
        output = tmp_path / task.id
        output.mkdir(parents=True)
        text = "\n\n".join(extract_text(path) for path in task.documents())
        for name in task.content.deliverables:
            if not name.endswith(".xlsx"):
                lines = tuple(Paragraph(line) for line in text.splitlines() if line)
                (output / name).write_bytes(render(name, lines))
        verdicts = judge(task, output, TextStore(tmp_path / "text"))
        passed += sum(verdict.verdict == "pass" for verdict in verdicts)
        total += len(verdicts)
    assert passed / total < 0.5


# The oracle.


def test_the_oracle_is_made_again_from_the_metadata_alone(tasks: list[Task]) -> None:
    task = tasks[0]
    assert set(render_oracle(generated_spec(task))) == set(task.content.deliverables)
    assert render_oracle(generated_spec(task)) == render_oracle(generated_spec(task))


def test_neither_oracle_nor_canary_stands_in_what_a_harness_reads(tasks: list[Task]) -> None:
    for task in tasks:
        canary = generated_spec(task).metadata["canary"]
        text = task.content.instructions + "".join(extract_text(path) for path in task.documents())
        assert canary not in text
        assert "PASS if" not in text
