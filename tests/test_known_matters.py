"""The mechanism with known matters holds facts of the committed dev tasks, and hands them over."""

from pathlib import Path

import pytest
from candidates import BASELINE, Run, load, runner

from harness_kit.extraction import extract_text
from harness_search.benchmark.tasks import discover

ROOT = BASELINE.parent.parent
KNOWN = ["known_matters"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


def known_matters(folder: Path) -> dict[str, list[str]]:
    """The table as it stands in a candidate."""
    table = load(KNOWN, folder).KNOWN_MATTERS
    assert isinstance(table, dict)
    return table


def test_facts_of_a_named_party_stand_below_the_assignment(run: Run, tmp_path: Path) -> None:
    first, *_, last = known_matters(tmp_path).items()
    text = f"Write it for {first[0]}.\n\n1. Price: state it."
    asked = run(KNOWN, instructions=text)[0]["messages"][0]["content"][0]["text"]
    assert asked.startswith(f"{text}\n\n")
    assert all(f"\n- {fact}" in asked for fact in first[1])
    assert not any(fact in asked for fact in last[1])


def test_an_assignment_without_a_known_party_stays_as_it_is(run: Run) -> None:
    asked = run(KNOWN, instructions="Write it for anybody.")[0]["messages"][0]["content"]
    assert asked[0]["text"] == "Write it for anybody."


def test_every_known_fact_stands_in_the_papers_of_a_dev_task_that_names_the_party(
    tmp_path: Path,
) -> None:
    dev = set((ROOT / "dev_split.txt").read_text().split())
    tasks = [task for name, task in discover(ROOT / "tasks").items() if name in dev]
    table = known_matters(tmp_path)
    assert len(table) == 5
    for name, facts in table.items():
        named = [task for task in tasks if name in task.content.instructions]
        assert named, name
        papers = [paper_text(task.documents_folder) for task in named]
        for fact in facts:
            assert any(fact in text for text in papers), fact


def paper_text(folder: Path) -> str:
    return "\n".join(extract_text(path) for path in sorted(folder.rglob("*")) if path.is_file())
