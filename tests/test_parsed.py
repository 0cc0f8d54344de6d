"""The parts of a source are the source, and what is said of them is said of it."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.audit.source import read_source
from harness_search.parsed import parsed, parts_of
from harness_search.promotion.validation import ast_digest

STATEMENTS = (
    "import os", "a = 1; b = 'two'", "# a remark", "", "x = '''one\n# two\n'''; y = 3.5",
    "@property\n# of a decorator\ndef f(a, b=4):\n    'said'\n    return a  # so",
    "class C:\n    # within\n    def g(self):\n        return 'x' 'y'", "z = (\n  7,\n\n  # 8\n)",
    "if a:\n    b = 9\nelse:\n    b = 10", "w = 1 + \\\n    2", "'a string alone'",
)  # fmt: skip
SOURCES = st.lists(st.sampled_from(STATEMENTS), max_size=8).map("\n".join)


@given(SOURCES)
def test_parts_in_a_row_are_the_source(source: str) -> None:
    parts = parts_of(source)
    assert "".join(part.text for part in parts) == source
    for part in parts:
        assert source.count("\n", 0, source.find(part.text)) <= part.line - 1
    body = [node for part in parts for node in ast.parse(part.text).body]
    assert [ast.dump(node) for node in body] == [ast.dump(node) for node in parsed(source).body]


@given(SOURCES)
def test_what_is_read_by_parts_is_what_the_whole_holds(source: str) -> None:
    """Written with carriage returns a source is one part."""
    whole = read_source(source.replace("\n", "\r\n"))
    found = read_source(source)
    assert [piece.line for piece in found.strings] == [piece.line for piece in whole.strings]
    numbers = ([(piece.line, piece.text) for piece in read.numbers] for read in (found, whole))
    assert len({tuple(sorted(row)) for row in numbers}) == 1
    said = [(piece.line, piece.text.strip()) for piece in whole.comments]
    assert [(piece.line, piece.text) for piece in found.comments] == said


@given(SOURCES)
def test_the_same_code_has_one_digest_however_it_is_parted(source: str) -> None:
    assert ast_digest(source.encode()) == ast_digest(source.replace("\n", "\r\n").encode())
    assert ast_digest(source.encode()) == ast_digest(b"# coding: utf-8\n" + source.encode())


def test_a_local_name_is_no_difference_in_any_part() -> None:
    one = b"def f(a):\n    b = a\n    return b\n\n\ndef g(c):\n    d = c\n    return d\n"
    assert ast_digest(one) == ast_digest(one.replace(b"d", b"e").replace(b"eef", b"def"))
    assert ast_digest(one) != ast_digest(one.replace(b"return d", b"return c"))


def test_a_source_in_another_encoding_is_read_as_python_reads_it(tmp_path: Path) -> None:
    source = "# coding: latin-1\nname = 'é'\n".encode("latin-1")
    (tmp_path / "f.py").write_bytes(source)
    assert parts_of(source) == ()
    assert ast.literal_eval(ast.unparse(parsed(source).body[0].value)) == "é"  # type: ignore[attr-defined]
    assert ast_digest(source) == ast_digest("name = 'é'\n".encode())


@pytest.mark.parametrize("source", ["", "\n\n", "# nothing", "'''only this'''"])
def test_a_source_of_no_statements_is_one_part(source: str) -> None:
    assert "".join(part.text for part in parts_of(source)) == source
