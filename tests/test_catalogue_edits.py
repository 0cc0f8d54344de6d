"""Source edits keep a harness file readable, whatever is stacked on it in which order."""

import itertools
from collections.abc import Iterable

import pytest

from harness_search.proposers.catalogue.edits import (
    AddHelpers,
    AddImport,
    AddNote,
    AddSection,
    AddStatement,
    Edit,
    InsertStatement,
    NotApplicableError,
    ReplaceConstant,
    ReplaceExpression,
    Source,
    apply_edits,
)

SOURCE = '''\
"""A small harness.

It does little.
"""

import re
import sys
from pathlib import Path

LIMIT = 8_000  # tokens


def solve(task, model):
    """Solve."""
    first(task)
    for item in task:
        if item:
            return


# The tools.


@decorated
def first(task):
    use("text", [1,
                 2])
    return re.sub("a", "b", str(Path(sys.argv[0])))
'''


def changed(source: str, *edits: Edit) -> str:
    return apply_edits(Source(source), edits).text


@pytest.mark.parametrize(
    ("module", "neighbours"),
    [
        ("ast", "import ast\nimport re\n"),
        ("shutil", "import re\nimport shutil\nimport sys\n"),
        ("zlib", "import sys\nimport zlib\nfrom pathlib"),
    ],
)
def test_an_import_goes_to_its_alphabetical_place(module: str, neighbours: str) -> None:
    assert neighbours in changed(SOURCE, AddImport(module))


def test_an_import_that_is_there_is_not_added_again() -> None:
    assert changed(SOURCE, AddImport("re")) == SOURCE


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("# The   tools.", "def added():\n    pass\n\n\n# The tools.\n\n\n@decorated"),
        ("first", "# The tools.\n\n\ndef added():\n    pass\n\n\n@decorated\ndef first"),
        ("solve", "8_000  # tokens\n\n\ndef added():\n    pass\n\n\ndef solve"),
    ],
)
def test_a_section_stands_alone_before_a_function_or_a_comment(before: str, expected: str) -> None:
    assert expected in changed(SOURCE, AddSection("\ndef added():\n    pass\n", before))


def test_a_statement_at_the_end_is_indented_like_the_function_not_like_its_last_block() -> None:
    text = changed(SOURCE, AddStatement("solve", "finish(task)"))
    assert "        if item:\n            return\n    finish(task)\n\n\n# The tools." in text


def test_an_inserted_statement_takes_the_indentation_of_its_anchor() -> None:
    before = changed(SOURCE, InsertStatement("solve", "before", "return", "tidy(task)"))
    assert "        if item:\n            tidy(task)\n            return\n" in before
    after = changed(SOURCE, InsertStatement("solve", "after", "first(task)", "second(task)"))
    assert "    first(task)\n    second(task)\n    for item" in after


def test_an_anchor_is_found_however_it_is_quoted_and_broken_into_lines() -> None:
    edit = InsertStatement("first", "after", "use('text', [1, 2])", "more()")
    assert "                 2])\n    more()\n    return" in changed(SOURCE, edit)


def test_a_statement_of_several_lines_is_indented_as_a_whole() -> None:
    edit = InsertStatement("solve", "before", "return", "if tidy(task):\n    continue")
    text = changed(SOURCE, edit)
    assert "            if tidy(task):\n                continue\n            return\n" in text


def test_statements_before_an_anchor_run_in_their_order_whichever_is_added_first() -> None:
    edits = [
        InsertStatement("solve", "before", "return", "one()", ahead_of=("two()", "three()")),
        InsertStatement("solve", "before", "return", "two()", ahead_of=("three()",)),
        InsertStatement("solve", "before", "return", "three()"),
    ]
    (text,) = {changed_in_turn(order) for order in itertools.permutations(edits)}
    indent = " " * 12
    assert f"{indent}one()\n{indent}two()\n{indent}three()\n{indent}return\n" in text


def test_statements_at_the_end_run_in_their_order_whichever_is_added_first() -> None:
    edits = [
        AddStatement("solve", "one()", ahead_of=("two()", "three()")),
        AddStatement("solve", "two()", ahead_of=("three()",)),
        AddStatement("solve", "three()"),
    ]
    (text,) = {changed_in_turn(order) for order in itertools.permutations(edits)}
    assert "            return\n    one()\n    two()\n    three()\n" in text


def changed_in_turn(edits: Iterable[Edit]) -> str:
    text = SOURCE
    for edit in edits:
        text = changed(text, edit)
    return text


def test_a_constant_gets_another_value_and_keeps_its_comment() -> None:
    text = changed(SOURCE, ReplaceConstant("LIMIT", "8000", "32_000"))
    assert text == SOURCE.replace("8_000", "32_000")


def test_an_expression_is_replaced_where_it_stands() -> None:
    edit = ReplaceExpression("first", "str(Path(sys.argv[0]))", "tidy(str(Path(sys.argv[0])))")
    text = changed(SOURCE, edit)
    assert 'return re.sub("a", "b", tidy(str(Path(sys.argv[0]))))\n' in text
    with pytest.raises(NotApplicableError, match="already has"):
        changed(text, edit)


def test_an_expression_behind_letters_of_several_bytes_is_found() -> None:
    text = changed(SOURCE.replace('"b"', '"é→"'), ReplaceExpression("first", "sys", "os"))
    assert '"é→", str(Path(os.argv[0]))' in text


def test_a_replacement_goes_together_with_additions_above_and_below() -> None:
    edits = [
        AddStatement("solve", "finish(task)"),
        ReplaceConstant("LIMIT", "8_000", "1_000"),
        AddImport("json"),
    ]
    text = changed(SOURCE, *edits)
    assert text.count("\n") == SOURCE.count("\n") + 2
    assert "import json\n" in text
    assert "\nLIMIT = 1_000  # tokens\n" in text
    assert "    finish(task)\n" in text


def test_helpers_are_added_once() -> None:
    helpers = AddHelpers("def added():\n    pass", before="# The tools.")
    text = changed(SOURCE, helpers)
    assert text == changed(SOURCE, AddSection("def added():\n    pass", before="# The tools."))
    assert changed(text, helpers) == text


@pytest.mark.parametrize("code", ["def solve():\n    pass", "LIMIT: int = 1", "class Path: ..."])
def test_a_section_never_takes_a_name_that_is_taken(code: str) -> None:
    for edit in (AddSection(code, before="# The tools."), AddHelpers(code, before="# The tools.")):
        with pytest.raises(NotApplicableError, match=r"already has (solve|LIMIT|Path)"):
            changed(SOURCE, edit)


def test_edits_at_the_same_place_keep_their_order() -> None:
    sections = [AddSection(f"{name} = 1", before="# The tools.") for name in "ab"]
    assert "a = 1\n\n\nb = 1\n\n\n# The tools." in changed(SOURCE, *sections)


def test_notes_of_several_mechanisms_share_one_list() -> None:
    first = changed(SOURCE, AddNote("one thing"))
    both = changed(first, AddNote("another thing, told in so many words " * 4))
    docstring = both.split('"""')[1]
    assert docstring.startswith("A small harness.\n\nIt does little.\n\nAdded to the stock loop:\n")
    assert docstring.count("Added to the stock loop:") == 1
    assert docstring.count("\n- ") == 2
    assert max(map(len, docstring.splitlines())) <= 100


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (AddSection("def added(): ...", before="# Elsewhere."), "no line '# Elsewhere.'"),
        (AddSection("def added(): ...", before="second"), "no function second"),
        (AddStatement("second", "x()"), "no function second"),
        (AddStatement("first", "x()"), "nothing runs after"),
        (InsertStatement("solve", "after", "third(task)", "x()"), "0 statements 'third(task)'"),
        (InsertStatement("solve", "after", "first(task)", "first(task)"), "already has"),
        (ReplaceConstant("MOST", "1", "2"), "no constant MOST"),
        (ReplaceConstant("LIMIT", "9_000", "2"), "is not 9_000 any more"),
        (ReplaceExpression("first", "Path(sys.argv)", "x"), "0 times"),
        (ReplaceExpression("first", "[1, 2]", "[]"), r"is not \[1, 2\] any more"),
    ],
)
def test_an_edit_without_its_place_is_not_applicable(edit: Edit, words: str) -> None:
    with pytest.raises(NotApplicableError, match=words.replace("(", r"\(").replace(")", r"\)")):
        changed(SOURCE, edit)


def test_an_anchor_that_occurs_twice_is_not_applicable() -> None:
    twice = SOURCE.replace("    first(task)\n", "    first(task)\n    first(task)\n")
    with pytest.raises(NotApplicableError, match="2 statements"):
        changed(twice, InsertStatement("solve", "after", "first(task)", "x()"))


@pytest.mark.parametrize(
    "edit",
    [
        AddSection("def added():\n    pass", before="# The tools."),
        AddStatement("solve", "finish(task)"),
        InsertStatement("solve", "before", "return", "tidy(task)"),
        InsertStatement("solve", "before", "return", "if tidy(task):\n    continue"),
        ReplaceConstant("LIMIT", "8_000", "1_000"),
    ],
)
def test_no_edit_applies_twice(edit: Edit) -> None:
    with pytest.raises(NotApplicableError):
        changed(changed(SOURCE, edit), edit)


def test_a_note_needs_a_docstring_of_several_lines() -> None:
    with pytest.raises(NotApplicableError, match="docstring"):
        changed('"""Short."""\n\nimport re\n', AddNote("one thing"))


def test_a_result_that_does_not_parse_is_never_handed_on() -> None:
    with pytest.raises(NotApplicableError, match="does not parse"):
        changed(SOURCE, AddSection("def broken(:", before="# The tools."))
    with pytest.raises(NotApplicableError, match="does not parse"):
        changed("def broken(:", AddImport("os"))
