"""Source edits keep a harness file readable, whatever is stacked on it in which order."""

import pytest

from harness_search.proposers.catalogue.edits import (
    AddImport,
    AddNote,
    AddSection,
    AddStatement,
    Edit,
    InsertStatement,
    NotApplicableError,
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
        ("solve", "import Path\n\n\ndef added():\n    pass\n\n\ndef solve"),
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
