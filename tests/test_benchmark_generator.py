"""The generated benchmark: deterministic, and solvable from the papers that count."""

import json
import re
from pathlib import Path

import pytest

from harness_search.benchmark.tasks import Task, discover
from harness_search.errors import InputError
from harness_search.judging.deterministic import judge
from harness_search.judging.documents import TextStore, extract_text
from harness_search.simulated.tasks.build import (
    FAMILIES,
    build_benchmark,
    generated_spec,
    oracle_deliverables,
)
from harness_search.simulated.tasks.check import check_benchmark
from harness_search.simulated.tasks.office import render
from harness_search.simulated.tasks.spec import Paragraph

STOP_WORDS = frozenset(
    {"state", "name", "from", "with", "that", "which", "when", "what", "have", "been", "into"}
    | {"their", "under", "within", "whose", "than", "this", "will", "shall", "many", "after"}
    | {"before", "other"}
)
FORMATS = {".docx", ".xlsx", ".txt"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("benchmark")
    build_benchmark(out, seed=0)
    return out


@pytest.fixture(scope="module")
def tasks(folder: Path) -> list[Task]:
    return list(discover(folder).values())


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def content_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower())) - STOP_WORDS


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    build_benchmark(tmp_path, seed=0)
    assert contents(tmp_path) == contents(folder)


def test_building_again_into_the_same_folder_changes_nothing(tmp_path: Path) -> None:
    first = build_benchmark(tmp_path, seed=5, count=2)
    before = contents(tmp_path)
    assert build_benchmark(tmp_path, seed=5, count=2) == first
    assert contents(tmp_path) == before


def test_two_benchmarks_never_mix_in_one_folder(tmp_path: Path) -> None:
    build_benchmark(tmp_path, seed=5, count=2)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="this seed"):
        build_benchmark(tmp_path, seed=6, count=2)
    assert contents(tmp_path) == before


def test_a_benchmark_has_at_least_one_task(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--count"):
        build_benchmark(tmp_path, seed=0, count=0)


@pytest.mark.parametrize("seed", [0, 1, 77])
def test_every_seed_gives_a_benchmark_that_is_proved_solvable(seed: int, tmp_path: Path) -> None:
    ids = build_benchmark(tmp_path, seed, count=24)
    report = check_benchmark(tmp_path)
    assert report.problems == ()
    assert [task.task_id for task in report.tasks] == ids
    assert all(task.generated for task in report.tasks)


def test_another_seed_shares_no_task_with_it(folder: Path, tmp_path: Path) -> None:
    assert not set(build_benchmark(tmp_path, seed=1)) & set(discover(folder))


def test_twenty_tasks_cover_twenty_practice_areas_and_all_families(tasks: list[Task]) -> None:
    assert len({task.practice_area for task in tasks}) == len(tasks) == 20
    families = [task.content.tags[0] for task in tasks]
    assert {families.count(family.name) for family in FAMILIES} == {5}


def test_slugs_and_canaries_are_unique_and_cannot_be_guessed(tasks: list[Task]) -> None:
    slugs = [task.id.rsplit("/", 1)[1] for task in tasks]
    canaries = [json.loads((task.folder / "task.json").read_text())["metadata"]["canary"]
                for task in tasks]  # fmt: skip
    assert len(set(slugs)) == len(set(canaries)) == 20
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[0-9a-f]{6}", slug) for slug in slugs)


def test_tasks_have_the_promised_shape(tasks: list[Task]) -> None:
    for task in tasks:
        documents = task.documents()
        length = sum(len(extract_text(path)) for path in documents)
        assert 4 <= len(documents) <= 6
        assert {path.suffix for path in documents} <= FORMATS
        assert 6_000 <= length <= 12_000
        assert 12 <= len(task.criteria) <= 18
        assert 1 <= len(task.content.deliverables) <= 2
        scoped = [criterion for criterion in task.criteria if criterion.deliverables]
        assert 0 < len(scoped) < len(task.criteria)
        assert any(not document.counts for document in generated_spec(task).documents)


def test_the_whole_benchmark_is_small(folder: Path) -> None:
    assert sum(len(data) for data in contents(folder).values()) < 2 * 2**20


def test_instructions_list_numbered_points_and_name_every_deliverable(tasks: list[Task]) -> None:
    for task in tasks:
        opening, _, points = task.content.instructions.partition(
            "Address each of the following points under its own heading:\n"
        )
        lines = points.strip().splitlines()
        assert 8 <= len(lines) <= 14
        for number, line in enumerate(lines, start=1):
            assert re.fullmatch(rf"{number}\. [^:]{{2,90}}: \S.*\.", line)
        named = re.findall(r"`([^`]+)`", opening)
        assert set(named) == set(task.content.deliverables)
        assert "Only executed documents" in opening


def test_a_second_deliverable_comes_with_its_range_of_points(tasks: list[Task]) -> None:
    both = [task for task in tasks if len(task.content.deliverables) == 2]
    assert both
    for task in both:
        main, second = task.content.deliverables
        pattern = rf"Points \d+ to \d+ go into `{second}`, the others into `{main}`\."
        assert re.search(pattern, task.content.instructions)


def test_every_answer_shares_words_with_its_point(tasks: list[Task]) -> None:
    for task in tasks:
        for point in generated_spec(task).points:
            for source in point.sources:
                shared = content_words(point.text) & content_words(source)
                assert len(shared) >= 2, (task.id, point.text, source)


def test_totals_and_computed_dates_stand_nowhere_in_the_documents(tasks: list[Task]) -> None:
    for task in tasks:
        computed = [point for point in generated_spec(task).points if point.computed]
        assert sum(point.asks_total for point in computed) == 1
        assert len(computed) <= 2
        text = "\n".join(extract_text(path) for path in task.documents())
        for point in computed:
            answer = re.search(r"[\d,]{5,}|\d{1,2} [A-Z][a-z]+ \d{4}", point.computed)
            assert answer is not None
            assert answer[0] not in text
            assert answer[0].replace(",", "") not in text


def test_the_column_of_a_total_stands_in_a_paper_that_counts(tasks: list[Task]) -> None:
    for task in tasks:
        column = re.search(r'total of the "([^"]+)" column', task.content.instructions)
        assert column is not None
        counting = {document.name for document in generated_spec(task).documents if document.counts}
        texts = [extract_text(path) for path in task.documents() if path.name in counting]
        assert sum(f"| {column[1]} |" in text for text in texts) == 1


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


def test_the_oracle_is_made_again_from_the_metadata_alone(tasks: list[Task]) -> None:
    task = tasks[0]
    assert set(oracle_deliverables(task)) == set(task.content.deliverables)
    assert oracle_deliverables(task) == oracle_deliverables(task)


def test_neither_oracle_nor_canary_stands_in_what_a_harness_reads(tasks: list[Task]) -> None:
    for task in tasks:
        canary = json.loads((task.folder / "task.json").read_text())["metadata"]["canary"]
        text = task.content.instructions + "".join(extract_text(path) for path in task.documents())
        assert canary not in text
        assert "PASS if" not in text


def edited_benchmark(tmp_path: Path) -> tuple[Path, Path]:
    build_benchmark(tmp_path, seed=3, count=1)
    return tmp_path, next(tmp_path.rglob("task.json"))


def test_an_edited_task_is_reported(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    file.write_text(file.read_text().replace("FAIL if", "FAIL unless", 1))
    assert any("seed generates" in problem for problem in check_benchmark(folder).problems)


def test_a_lost_document_is_reported_with_the_points_it_answered(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    for path in (file.parent / "documents").glob("*.docx"):
        path.unlink()
    report = check_benchmark(folder)
    assert not report.sound
    assert any("stands in no document" in problem for problem in report.problems)


def test_a_malformed_check_is_bad_input(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    file.write_text(file.read_text().replace('"kind": "all"', '"kind": "most"', 1))
    with pytest.raises(InputError) as caught:
        check_benchmark(folder)
    assert re.fullmatch(r"criteria\.\d+\.check", caught.value.field)


def test_tasks_from_elsewhere_are_validated_without_an_oracle(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    content = json.loads(file.read_text())
    content["metadata"] = {"source": "LAB"}
    for criterion in content["criteria"]:
        del criterion["check"]
    file.write_text(json.dumps(content))
    report = check_benchmark(folder)
    assert report.sound
    assert not report.tasks[0].generated
    with pytest.raises(InputError) as caught:
        oracle_deliverables(discover(folder)[report.tasks[0].task_id])
    assert caught.value.field == "metadata"
