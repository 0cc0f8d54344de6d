"""Writing a generated benchmark, its splits, and the proof that it can be solved."""

import json
import re
from pathlib import Path

import pytest

from harness_search.benchmark.initialise import initialise
from harness_search.benchmark.splits import named_tasks
from harness_search.benchmark.tasks import discover
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.simulated.tasks.build import (
    Benchmark,
    build_benchmark,
    build_with_splits,
    generated_spec,
    task_spec,
)
from harness_search.simulated.tasks.check import check_benchmark
from harness_search.simulated.tasks.papers import lines_of
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.spec import Paragraph


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# Folders and splits.


def test_building_again_into_the_same_folder_changes_nothing(tmp_path: Path) -> None:
    first = build_with_splits(tmp_path / "tasks", seed=5, dev=1, test=1)
    before = contents(tmp_path)
    assert build_with_splits(tmp_path / "tasks", seed=5, dev=1, test=1) == first
    assert contents(tmp_path) == before


def test_two_benchmarks_never_mix_in_one_folder(tmp_path: Path) -> None:
    build_benchmark(tmp_path, seed=5, dev=1, test=0)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="this seed"):
        build_benchmark(tmp_path, seed=6, dev=1, test=0)
    assert contents(tmp_path) == before


def test_the_splits_of_a_workspace_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "dev_split.txt").write_text("tax/mine\n")
    with pytest.raises(InputError, match="splits of other tasks"):
        build_with_splits(tmp_path / "tasks", seed=5, dev=1, test=0)
    assert contents(tmp_path) == {"dev_split.txt": b"tax/mine\n"}


def test_pinned_digests_of_other_content_are_never_overwritten(tmp_path: Path) -> None:
    built = build_with_splits(tmp_path / "tasks", seed=5, dev=1, test=0)
    pinned = tmp_path / "task_digests.json"
    pinned.write_text(json.dumps({built.dev[0]: "0" * 64}))
    with pytest.raises(InputError, match="pinned"):
        build_with_splits(tmp_path / "tasks", seed=5, dev=1, test=0)
    assert "0" * 64 in pinned.read_text()


def built_with_splits(root: Path) -> Benchmark:
    return build_with_splits(root / "tasks", seed=1, dev=2, test=1)


def test_a_workspace_around_a_built_benchmark_takes_its_splits(tmp_path: Path) -> None:
    built = built_with_splits(tmp_path)
    splits = initialise(tmp_path / "work", tmp_path / "tasks")
    assert tuple(task.id for task in splits.dev) == built.dev
    assert tuple(task.id for task in splits.test) == built.test
    written = named_tasks(Layout(tmp_path / "work").test_split)
    assert tuple(written) == built.test


def test_sizes_or_a_seed_ask_for_other_splits(tmp_path: Path) -> None:
    built_with_splits(tmp_path)
    splits = initialise(tmp_path / "one", tmp_path / "tasks", dev=3, test=0)
    assert (len(splits.dev), len(splits.test)) == (3, 0)
    drawn = {
        tuple(
            task.id for task in initialise(tmp_path / str(seed), tmp_path / "tasks", seed=seed).dev
        )
        for seed in range(9)
    }
    assert len(drawn) > 1


@pytest.mark.parametrize(("dev", "test"), [(0, 1), (-1, 0), (1, -1), (400, 81)])
def test_sizes_that_cannot_be_built_are_refused(dev: int, test: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--dev"):
        build_benchmark(tmp_path, seed=0, dev=dev, test=test)
    assert contents(tmp_path) == {}


# The proof.


def edited_benchmark(tmp_path: Path) -> tuple[Path, Path]:
    build_benchmark(tmp_path, seed=3, dev=1, test=0)
    return tmp_path, next(tmp_path.rglob("task.json"))


def test_an_edited_task_is_reported(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    file.write_text(file.read_text().replace("FAIL if", "FAIL unless", 1))
    assert any("seed generates" in problem for problem in check_benchmark(folder).problems)


def test_a_lost_document_is_reported_with_the_points_it_answered(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    for path in (file.parent / "documents").glob("*.docx"):
        path.unlink()
    problems = check_benchmark(folder).problems
    assert any("stands in no document" in problem for problem in problems)


def test_a_document_that_does_not_open_is_reported(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    broken = next((file.parent / "documents").glob("*.docx"))
    broken.write_text("# no Word document")
    assert any("does not open as .docx" in problem for problem in check_benchmark(folder).problems)


def test_a_neighbouring_matter_that_names_this_one_is_reported(tmp_path: Path) -> None:
    folder, file = edited_benchmark(tmp_path)
    spec = task_spec(3, 0)
    other = next(
        paper
        for paper in spec.documents
        if not paper.counts
        and not re.search("draft|superseded", " ".join(lines_of(paper.blocks))[:400].lower())
    )  # fmt: skip
    names = Paragraph(spec.instructions.split(".")[0])
    path = file.parent / "documents" / other.name
    path.write_bytes(render(other.name, (*other.blocks, names)))
    assert any(
        "reads as if it did count" in problem for problem in check_benchmark(folder).problems
    )


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
        generated_spec(discover(folder)[report.tasks[0].task_id])
    assert caught.value.field == "metadata"
