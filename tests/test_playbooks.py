"""Playbooks add advice to the system prompt, and nothing else, in whatever order they come."""

import ast
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from candidates import BASELINE, CATALOGUE, Run, runner, stacked

from harness_search.proposers.catalogue.edits import NotApplicableError, Source, apply_edits
from harness_search.proposers.catalogue.prompt_edits import AddAdvice

PLAYBOOKS = [name for name in CATALOGUE if name.endswith("_playbook")]
ORDERS = [list(order) for order in itertools.permutations(PLAYBOOKS)]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


def prompt(run: Run, names: Sequence[str]) -> str:
    """The system prompt that the model is sent."""
    text = run(names)[0]["system"][0]["text"]
    assert isinstance(text, str)
    return text


def sections(text: str) -> list[str]:
    return text.strip().split("\n\n")


@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
def test_each_playbook_is_a_section_of_its_own_after_the_stock_prompt(
    run: Run, order: list[str]
) -> None:
    stock = sections(prompt(run, []))
    added = [sections(prompt(run, [name]))[-1] for name in order]
    assert sections(prompt(run, order)) == [*stock, *added]
    for section in added:
        heading, *items = section.splitlines()
        assert re.fullmatch(r"[A-Z][^.:]*:", heading)
        assert items
        assert all(item.startswith(("- ", "  ")) for item in items)


def test_a_playbook_adds_a_note_and_a_section_of_the_prompt_and_no_code() -> None:
    for name in PLAYBOOKS:
        before, after = (Source(text).tree.body for text in (stacked([]), stacked([name])))
        changed = [new for old, new in zip(before, after, strict=True) if dump(old) != dump(new)]
        assert len(changed) == 2, "the docstring and the prompt"


def dump(node: ast.AST) -> str:
    return ast.unparse(node)


ADVICE = AddAdvice("Last:", ("Look again.",))


def test_advice_stands_at_the_end_of_the_prompt() -> None:
    changed = apply_edits(Source('SYSTEM = """\\\nBe brief.\n"""\n'), [ADVICE]).text
    assert changed == 'SYSTEM = """\\\nBe brief.\n\nLast:\n- Look again.\n"""\n'


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1\n", "no text SYSTEM"),
        ("SYSTEM = 1\n", "no text SYSTEM"),
        ('SYSTEM = f"""\nBe {x}.\n"""\n', "no text SYSTEM"),
        ('SYSTEM = """\nBe brief."""\n', "quotes on their own line"),
        ('SYSTEM = """\nBe brief.\n""".strip()\n', "no text SYSTEM"),
        ('SYSTEM = "Be brief."\n', "quotes on their own line"),
        ('SYSTEM = """\nLast:\n- Look.\n"""\n', "already has 'Last:'"),
    ],
)
def test_a_prompt_of_another_kind_is_left_alone(source: str, words: str) -> None:
    with pytest.raises(NotApplicableError, match=words):
        apply_edits(Source(source), [ADVICE])


def test_long_advice_is_wrapped_like_the_rest_of_the_file() -> None:
    advice = AddAdvice("Last:", ("word " * 60,))
    text = apply_edits(Source(BASELINE.read_text(encoding="utf-8")), [advice]).text
    assert max(map(len, text.splitlines())) <= 100
