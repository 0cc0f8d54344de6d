"""Source edits on a flat harness file. They keep it readable and stack in any order."""

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

ADDED = "Added to the stock loop:"
"""Heads the list, in a harness file's docstring, of what it has beyond the stock loop."""


class NotApplicableError(Exception):
    """The harness file lacks the place that an edit needs, or already has what the edit adds."""


@dataclass(frozen=True)
class Source:
    """The text of a harness file, parsed at most once."""

    text: str

    @cached_property
    def lines(self) -> list[str]:
        # str.splitlines would also split at form feeds and the like, which ast does not count.
        return self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text; raises NotApplicableError when it does not parse."""
        try:
            return ast.parse(self.text)
        except (SyntaxError, ValueError) as error:
            raise NotApplicableError(f"the file does not parse: {error}") from error

    def function(self, name: str) -> ast.FunctionDef:
        """A top-level function; raises NotApplicableError without one."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return node
        raise NotApplicableError(f"the file has no function {name}")


@dataclass(frozen=True, slots=True)
class Insertion:
    """Lines that go after the first `after` lines of a file."""

    after: int
    lines: tuple[str, ...]


class Edit(Protocol):
    """One addition to a harness file."""

    def place(self, source: Source) -> Insertion:
        """What to add and where; raises NotApplicableError."""
        ...


def apply_edits(source: Source, edits: Sequence[Edit]) -> Source:
    """Make all edits, each placed on the file as it was; raises NotApplicableError.

    The result parses.
    """
    placed = sorted((edit.place(source) for edit in edits), key=lambda item: item.after)
    lines = [*source.lines]
    for insertion in reversed(placed):  # from the bottom, so that line numbers stay right
        lines[insertion.after : insertion.after] = insertion.lines
    result = Source("\n".join(lines))
    _ = result.tree
    return result


@dataclass(frozen=True, slots=True)
class AddImport:
    """`import <module>` in its alphabetical place; a file that has it stays as it is."""

    module: str

    def place(self, source: Source) -> Insertion:
        imports = [
            node for node in source.tree.body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        if not imports:
            raise NotApplicableError("the file imports nothing")
        plain = {
            node.lineno: node.names[0].name for node in imports if isinstance(node, ast.Import)
        }
        if self.module in plain.values():
            return Insertion(0, ())
        # `from ... import` comes after every plain import.
        later = [node.lineno for node in imports if plain.get(node.lineno, "~") > self.module]
        return Insertion(later[0] - 1 if later else _end(imports[-1]), (f"import {self.module}",))


@dataclass(frozen=True, slots=True)
class AddSection:
    """A block of top-level code before a top-level function or before a comment that heads one."""

    code: str
    before: str
    """A function's name, or the text of a comment line, `#` included."""

    def place(self, source: Source) -> Insertion:
        code = self.code.strip()
        if code in source.text:
            raise NotApplicableError(f"the file already has {code.splitlines()[0]!r}")
        return Insertion(self._number(source), (*code.split("\n"), "", ""))

    def _number(self, source: Source) -> int:
        if not self.before.startswith("#"):
            function = source.function(self.before)
            decorators = [decorator.lineno for decorator in function.decorator_list]
            return min([function.lineno, *decorators]) - 1
        comments = [" ".join(line.split()) for line in source.lines]
        wanted = " ".join(self.before.split())
        if wanted not in comments:
            raise NotApplicableError(f"the file has no line {self.before!r}")
        return comments.index(wanted)


@dataclass(frozen=True, slots=True)
class AddStatement:
    """One statement at the end of a function."""

    function: str
    statement: str

    def place(self, source: Source) -> Insertion:
        function = source.function(self.function)
        _refuse_repeated(function, self.statement)
        last = function.body[-1]
        if isinstance(last, ast.Return | ast.Raise):
            raise NotApplicableError(f"nothing runs after the last line of {self.function}")
        return Insertion(_end(last), (" " * last.col_offset + self.statement,))


@dataclass(frozen=True, slots=True)
class InsertStatement:
    """One statement before or after an anchor: the only statement of its text in a function.

    The anchor is compared as parsed code, so that quotes and line breaks do not matter.
    """

    function: str
    side: Literal["before", "after"]
    anchor: str
    statement: str

    def place(self, source: Source) -> Insertion:
        function = source.function(self.function)
        _refuse_repeated(function, self.statement)
        found = _statements(function, self.anchor)
        if len(found) != 1:
            raise NotApplicableError(
                f"{self.function} has {len(found)} statements {self.anchor!r}, not one"
            )
        anchor = found[0]
        after = anchor.lineno - 1 if self.side == "before" else _end(anchor)
        return Insertion(after, (" " * anchor.col_offset + self.statement,))


@dataclass(frozen=True, slots=True)
class AddNote:
    """One item in the list, in the file's docstring, of what was added to the stock loop."""

    text: str

    def place(self, source: Source) -> Insertion:
        first = source.tree.body[0]
        closing = _end(first) - 1
        if not isinstance(first, ast.Expr) or source.lines[closing] != '"""':
            raise NotApplicableError("the file does not begin with a docstring of several lines")
        heading = [] if ADDED in source.lines[:closing] else ["", ADDED]
        item = textwrap.wrap(self.text, 100, initial_indent="- ", subsequent_indent="  ")
        return Insertion(closing, (*heading, *item))


def _end(node: ast.stmt) -> int:
    """The last line of a statement, counted from 1."""
    return node.end_lineno or node.lineno


def _statements(function: ast.FunctionDef, text: str) -> list[ast.stmt]:
    wanted = ast.parse(text).body[0]
    # Only statements of the wanted kind are turned into text: that is the slow part.
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.stmt)
        and type(node) is type(wanted)
        and ast.unparse(node) == ast.unparse(wanted)
    ]


def _refuse_repeated(function: ast.FunctionDef, statement: str) -> None:
    if _statements(function, statement):
        raise NotApplicableError(f"{function.name} already has {statement!r}")
