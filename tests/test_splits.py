"""Drawing, writing and reading the dev and test splits."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.benchmark.splits import (
    Splits,
    check_digests,
    draw_splits,
    read_splits,
    write_splits,
)
from harness_search.benchmark.tasks import Task, TaskFile, discover
from harness_search.errors import InputError

CRITERION = {"id": "C-001", "title": "t", "match_criteria": "PASS if so"}
CONTENT = {"title": "T", "instructions": "Do", "criteria": [CRITERION]}
IDS = ("tax/a", "tax/b", "insurance/a", "insurance/b", "real-estate/a")


def imagined(ids: list[str]) -> list[Task]:
    content = TaskFile.model_validate(CONTENT)
    return [Task(task_id, Path(task_id), content) for task_id in ids]


class Files:
    """A benchmark on disk, and the three files of its splits."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for task_id in IDS:
            (root / "tasks" / task_id / "documents").mkdir(parents=True)
            task_file = root / "tasks" / task_id / "task.json"
            task_file.write_text(json.dumps(CONTENT), encoding="utf-8")
        self.tasks = discover(root / "tasks")
        self.dev, self.test = root / "dev_split.txt", root / "test_split.txt"
        self.digests = root / "task_digests.json"
        write_splits(self.draw(), self.dev, self.test, self.digests)

    def draw(self) -> Splits:
        return draw_splits(list(self.tasks.values()), 3, 2, seed=1)

    def read(self) -> Splits:
        splits = read_splits(self.tasks, self.dev, self.test)
        check_digests((*splits.dev, *splits.test), self.digests)
        return splits


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


area_sizes = st.lists(st.integers(1, 5), min_size=1, max_size=6)


@given(area_sizes, st.integers(0, 10**6), st.data())
def test_drawn_splits_are_disjoint_complete_and_spread_over_areas_first(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    tasks = imagined([f"area-{area}/{n}" for area, size in enumerate(sizes) for n in range(size)])
    dev = data.draw(st.integers(1, len(tasks)))
    test = data.draw(st.integers(0, len(tasks) - dev))
    splits = draw_splits(tasks, dev, test, seed)
    assert (len(splits.dev), len(splits.test)) == (dev, test)
    ids = [task.id for task in (*splits.dev, *splits.test)]
    assert len(set(ids)) == len(ids)
    left = Counter(task.practice_area for task in tasks)
    for split in (splits.dev, splits.test):
        drawn = Counter(task.practice_area for task in split)
        most = max(drawn.values(), default=0)
        # an area falls behind the others by more than one only when it has no more tasks
        assert all(drawn[area] >= min(most - 1, left[area]) for area in left)
        left -= drawn
        assert list(split) == sorted(split, key=lambda task: task.id)


@given(st.permutations(range(12)), st.integers(0, 1000))
def test_a_draw_depends_on_the_seed_and_not_on_the_order_of_tasks(
    order: list[int], seed: int
) -> None:
    ids = [f"area-{number % 5}/{number}" for number in range(12)]
    shuffled = imagined([ids[place] for place in order])
    one, other = draw_splits(imagined(ids), 6, 4, seed), draw_splits(shuffled, 6, 4, seed)
    assert [task.id for task in one.dev] == [task.id for task in other.dev]
    assert [task.id for task in one.test] == [task.id for task in other.test]


def test_other_seeds_draw_other_splits() -> None:
    tasks = imagined([f"area-{number % 5}/{number}" for number in range(30)])
    drawn = {tuple(task.id for task in draw_splits(tasks, 10, 10, seed).dev) for seed in range(8)}
    assert len(drawn) > 1


@pytest.mark.parametrize(("dev", "test"), [(0, 1), (-1, 0), (1, -1), (4, 2), (6, 0)])
def test_sizes_that_cannot_be_drawn_are_refused(dev: int, test: int) -> None:
    with pytest.raises(InputError, match="--dev"):
        draw_splits(imagined(list(IDS)), dev, test, 0)


def test_written_splits_read_back_the_same(files: Files) -> None:
    assert files.read() == files.draw()
    assert list(json.loads(files.digests.read_text())) == sorted(IDS)


def test_comments_blank_lines_and_the_order_of_lines_are_the_users(files: Files) -> None:
    ids = files.dev.read_text().split()
    files.dev.write_text("# mine\n\n" + "".join(f"  {task_id}\n" for task_id in reversed(ids)))
    assert [task.id for task in files.read().dev] == ids[::-1]


def refused(files: Files) -> InputError:
    with pytest.raises(InputError) as caught:
        files.read()
    return caught.value


def test_an_overlap_names_the_line_in_the_file(files: Files) -> None:
    stolen = files.dev.read_text().split()[0]
    files.test.write_text(f"# test\n\n{files.test.read_text()}{stolen}\n")
    error = refused(files)
    assert (error.file, error.field) == (str(files.test), "line 5")


@pytest.mark.parametrize("split", ["dev", "test"])
def test_an_unknown_task_names_the_line(files: Files, split: str) -> None:
    file: Path = getattr(files, split)
    file.write_text(f"# note\ntax/none\n{file.read_text()}")
    error = refused(files)
    assert (error.file, error.field, error.found) == (str(file), "line 2", "'tax/none'")


def test_a_repeated_task_names_the_line(files: Files) -> None:
    first = files.dev.read_text().split()[0]
    files.dev.write_text(f"{files.dev.read_text()}{first}\n")
    error = refused(files)
    assert (error.field, error.expected) == ("line 4", "each task once")


def test_an_empty_dev_split_is_refused_and_an_empty_test_split_is_not(files: Files) -> None:
    files.test.write_text("")
    assert files.read().test == ()
    files.dev.write_text("# none\n")
    assert refused(files).file == str(files.dev)


@pytest.mark.parametrize("name", ["dev", "test", "digests"])
@pytest.mark.parametrize("damage", ["missing", "binary"])
def test_a_missing_or_unreadable_file_is_named(files: Files, name: str, damage: str) -> None:
    file: Path = getattr(files, name)
    file.unlink()
    if damage == "binary":
        file.write_bytes(b"\xff\xfe")
    assert refused(files).file == str(file)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_damaged_digests_are_bad_input(files: Files, content: str) -> None:
    files.digests.write_text(content)
    assert refused(files).file == str(files.digests)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_task_that_changed_since_the_draw_is_refused(files: Files, split: str) -> None:
    task = getattr(files.draw(), split)[0]
    (task.folder / "documents" / "new.txt").write_text("late", encoding="utf-8")
    error = refused(files)
    assert (error.file, error.field) == (str(task.folder), "content")


def test_a_task_without_a_pinned_digest_is_refused(files: Files) -> None:
    files.digests.write_text("{}")
    assert refused(files).field == "content"
