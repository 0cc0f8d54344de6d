"""Mechanisms stack in any order, each once, and leave a file that reads as if written by hand."""

import ast
import difflib
import gc
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from candidates import BASELINE, CATALOGUE, Run, call, paragraphs, runner, stacked, write
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness_search.promotion.candidate import check_source
from harness_search.proposers.catalogue import Mechanism
from harness_search.proposers.catalogue.edits import ADDED, NotApplicableError, Source

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
STOCK = BASELINE.read_text(encoding="utf-8")
ALTERNATIVES = ("larger_replies", "short_replies")
"""Both set the same constant: whichever comes first leaves no place for the other."""
EVERYTHING = [name for name in CATALOGUE if name != "short_replies"]
GENERATOR = random.Random("orders")
ORDERS = [GENERATOR.sample(EVERYTHING, len(EVERYTHING)) for _ in range(4)]

within_the_time_for_tests = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes and tells no more
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    # Two orders give files of one size, which bytecode of the same second would mix up.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return runner(tmp_path, monkeypatch)


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """Looking again and again through large syntax trees would double the time."""
    gc.disable()
    yield
    gc.enable()


@st.composite
def orders(draw: st.DrawFn) -> list[str]:
    """Any number of mechanisms in any order; half of the time all that go together."""
    left_out = draw(st.sampled_from(ALTERNATIVES))
    order = draw(st.permutations([name for name in CATALOGUE if name != left_out]))
    count = draw(st.one_of(st.just(len(order)), st.integers(0, len(order))))
    return order[:count]


@cache
def stacked_alphabetically(names: frozenset[str]) -> str:
    return stacked(sorted(names))


@pytest.mark.usefixtures("no_garbage_collection")
@within_the_time_for_tests
@given(orders())
def test_any_mechanisms_stack_in_any_order(order: list[str]) -> None:
    text = stacked(order)
    assert text.count(ADDED) == (1 if order else 0)
    assert repeated(top_level_names(text)) == []
    other = stacked_alphabetically(frozenset(order))
    assert sorted(text.splitlines()) == sorted(other.splitlines()), "the order of sections is all"


def top_level_names(text: str) -> list[str]:
    """Every name that a file binds at its top level, as often as it does."""
    names: list[str] = []
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                names.append(node.name)
            case ast.Import() | ast.ImportFrom():
                names += [alias.asname or alias.name for alias in node.names]
            case ast.Assign():
                names += [ast.unparse(target) for target in node.targets]
            case ast.AnnAssign():
                names.append(ast.unparse(node.target))
    return names


def repeated(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def test_of_two_mechanisms_that_set_one_constant_the_first_one_stays() -> None:
    for order in (ALTERNATIVES, ALTERNATIVES[::-1]):
        with pytest.raises(NotApplicableError, match="MAX_TOKENS"):
            stacked(order)


@pytest.mark.usefixtures("no_garbage_collection")
@within_the_time_for_tests
@given(orders())
def test_what_is_in_its_place_stays_there_whatever_is_stacked(run: Run, order: list[str]) -> None:
    content = "# Memo\n\nThe price is agreed.\n\n## Price\n\nIt is EUR 500."
    run(
        order,
        call("glob", {"pattern": "**/*"}),
        write("memo.docx", content, "write_docx"),
        deliverables=("memo.docx",),
        instructions="Write `memo.docx`.\n\n1. Price: state the price.",
    )
    assert paragraphs("output/memo.docx") == [
        *("Memo", "The price is agreed."),
        *("Price", "It is EUR 500."),
    ]
    Path("output/memo.docx").unlink()


@pytest.mark.parametrize("order", ORDERS, ids=range(len(ORDERS)))
def test_all_mechanisms_together_bring_a_spoilt_deliverable_to_its_place(
    run: Run, order: list[str]
) -> None:
    """Chunked, misnamed and malformed at once."""
    parts = ["# Memo\n\nOne.", "## Second\n\nTwo."]
    broken = json.dumps({"file_path": "drafts/memo-v1.docx", "content": parts[1]})[:-1]
    first = write("drafts/memo-v1.docx", parts[0], "write_docx")
    run(order, first, call("write_docx", broken), deliverables=("memo.docx",))
    assert paragraphs("output/memo.docx") == ["Memo", "One.", "Second", "Two."]


def test_candidates_look_hand_written_and_can_be_harnesses(tmp_path: Path) -> None:
    for name in CATALOGUE:
        (tmp_path / f"{name}.py").write_text(stacked([name]), encoding="utf-8")
    for number, order in enumerate(ORDERS):
        (tmp_path / f"everything_{number}.py").write_text(stacked(order), encoding="utf-8")
    for file in tmp_path.glob("*.py"):
        check_source(file)
    for command in (["format", "--diff"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(PYPROJECT)]
        done = subprocess.run([*ruff, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mechanism", CATALOGUE.values(), ids=CATALOGUE)
def test_a_mechanism_only_adds_lines_but_for_a_value_that_it_replaces(
    mechanism: Mechanism,
) -> None:
    old, new = STOCK.splitlines(), mechanism.add_to(Source(STOCK)).text.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind in {"delete", "replace"}:
            assert end - start == last - first == 1, "one line is replaced by one line"
            assert old[start].partition("=")[0] == new[first].partition("=")[0]


@pytest.mark.parametrize("mechanism", CATALOGUE.values(), ids=CATALOGUE)
def test_no_mechanism_applies_twice(mechanism: Mechanism) -> None:
    with pytest.raises(NotApplicableError):
        mechanism.add_to(Source(stacked([mechanism.name])))


def test_mechanisms_differ_in_what_they_change() -> None:
    assert len({mechanism.digest for mechanism in CATALOGUE.values()}) == len(CATALOGUE)
