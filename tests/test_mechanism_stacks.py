"""Mechanisms stack in any order, each once, and leave a file that reads as if written by hand."""

import gc
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from candidates import BASELINE, CATALOGUE, Run, call, paragraphs, runner, stacked, write

from harness_search.proposers.catalogue import Mechanism
from harness_search.proposers.catalogue.edits import ADDED, NotApplicableError, Source

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


def orders() -> Iterator[tuple[str, ...]]:
    return itertools.permutations(CATALOGUE)


def sources_of_all_orders() -> Iterator[str]:
    """All six in each of the 720 orders; orders with a common start share the work."""

    def grow(source: Source, left: frozenset[str]) -> Iterator[str]:
        if not left:
            yield source.text
        for name in sorted(left):
            yield from grow(CATALOGUE[name].add_to(source), left - {name})

    return grow(Source(BASELINE.read_text(encoding="utf-8")), frozenset(CATALOGUE))


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """Looking again and again through large syntax trees would double the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collection")
def test_every_stacking_order_gives_the_same_file_but_for_the_order_of_sections() -> None:
    sources = list(sources_of_all_orders())  # each was parsed when it was made
    assert len(sources) == 720
    assert len({tuple(sorted(source.splitlines())) for source in sources}) == 1
    compile(sources[0], "candidate", "exec")
    assert sources[0].count(ADDED) == 1
    assert sources[0].count("\n") < 480


def everything(run: Run, order: Sequence[str]) -> None:
    """Chunked, misnamed and malformed at once, with a second look that changes nothing."""
    parts = ["# Memo\n\nOne.", "## Second\n\nTwo."]
    broken = json.dumps({"file_path": "drafts/memo-v1.docx", "content": parts[1]})[:-1]
    first = write("drafts/memo-v1.docx", parts[0], "write_docx")
    run(order, first, call("write_docx", broken), deliverables=("memo.docx",))
    assert paragraphs("output/memo.docx") == ["Memo", "One.", "Second", "Two."]


@pytest.mark.parametrize("order", random.Random("orders").sample(sorted(orders()), 12))
def test_all_mechanisms_work_together_in_any_order(run: Run, order: tuple[str, ...]) -> None:
    everything(run, order)


@pytest.mark.parametrize("names", [[name] for name in CATALOGUE] + [list(CATALOGUE)])
def test_a_candidate_looks_hand_written(names: list[str], tmp_path: Path) -> None:
    file = tmp_path / "candidate.py"
    file.write_text(stacked(names), encoding="utf-8")
    for command in (["format", "--diff"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(PYPROJECT)]
        done = subprocess.run([*ruff, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mechanism", CATALOGUE.values(), ids=CATALOGUE)
def test_no_mechanism_applies_twice(mechanism: Mechanism) -> None:
    with pytest.raises(NotApplicableError):
        mechanism.add_to(Source(stacked([mechanism.name])))


def test_mechanisms_differ_in_what_they_change() -> None:
    assert len({mechanism.digest for mechanism in CATALOGUE.values()}) == 6
