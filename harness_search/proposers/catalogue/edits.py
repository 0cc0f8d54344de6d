"""Source edits on a flat harness file. They keep it readable and stack in any order."""

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that the file binds at its top level."""
        return _bound(self.tree)


@dataclass(frozen=True, slots=True)
class Insertion:
    """Lines that go after the first `after` lines of a file, in place of the next `replaced`."""

    after: int
    lines: tuple[str, ...]
    replaced: int = 0


class Edit(Protocol):
    """One change of a harness file."""

    def place(self, source: Source) -> Insertion:
        """What to write and where; raises NotApplicableError."""
        ...


def apply_edits(source: Source, edits: Sequence[Edit]) -> Source:
    """Make all edits, each placed on the file as it was; raises NotApplicableError.

    The result parses.
    """
    placed = sorted((edit.place(source) for edit in edits), key=lambda item: item.after)
    lines = [*source.lines]
    for insertion in reversed(placed):  # from the bottom, so that line numbers stay right
        end = insertion.after + insertion.replaced
        lines[insertion.after : end] = insertion.lines
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
        taken = sorted(_names_bound(code) & source.names)
        if taken:
            raise NotApplicableError(f"the file already has {', '.join(taken)}")
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
class AddHelpers:
    """A section that several mechanisms need; a file that has it stays as it is."""

    code: str
    before: str

    def place(self, source: Source) -> Insertion:
        if self.code.strip() in source.text:
            return Insertion(0, ())
        return AddSection(self.code, self.before).place(source)


@dataclass(frozen=True, slots=True)
class AddStatement:
    """One statement at the end of a function, or before the first of `ahead_of` that is there.

    `ahead_of` keeps the order of what runs the same, whichever mechanism is stacked first.
    """

    function: str
    statement: str
    ahead_of: tuple[str, ...] = ()

    def place(self, source: Source) -> Insertion:
        function = source.function(self.function)
        _refuse_repeated(function, self.statement)
        later = _first_of(function, self.ahead_of)
        if later:
            return Insertion(later.lineno - 1, _indented(self.statement, later))
        last = function.body[-1]
        if isinstance(last, ast.Return | ast.Raise):
            raise NotApplicableError(f"nothing runs after the last line of {self.function}")
        return Insertion(_end(last), _indented(self.statement, last))


@dataclass(frozen=True, slots=True)
class InsertStatement:
    """One statement before or after an anchor: the only statement of its text in a function.

    The anchor is compared as parsed code, so that quotes and line breaks do not matter. The
    statement may have several lines; before an anchor it goes further up when one of `ahead_of`
    is there.
    """

    function: str
    side: Literal["before", "after"]
    anchor: str
    statement: str
    ahead_of: tuple[str, ...] = ()

    def place(self, source: Source) -> Insertion:
        function = source.function(self.function)
        _refuse_repeated(function, self.statement)
        found = _statements(function, self.anchor)
        if len(found) != 1:
            raise NotApplicableError(
                f"{self.function} has {len(found)} statements {self.anchor!r}, not one"
            )
        anchor = _first_of(function, self.ahead_of) or found[0]
        after = anchor.lineno - 1 if self.side == "before" else _end(anchor)
        return Insertion(after, _indented(self.statement, anchor))


@dataclass(frozen=True, slots=True)
class ReplaceConstant:
    """Another value for a top-level constant that still has the value of the stock loop."""

    name: str
    old: str
    new: str

    def place(self, source: Source) -> Insertion:
        for node in source.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == self.name:
                return _replaced(source, node.value, self.old, self.new)
        raise NotApplicableError(f"the file has no constant {self.name}")


@dataclass(frozen=True, slots=True)
class ReplaceExpression:
    """Another expression for the only one of its text in a function; each is on one line."""

    function: str
    old: str
    new: str

    def place(self, source: Source) -> Insertion:
        function, wanted = source.function(self.function), _unparsed(self.old)
        found = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.expr) and ast.unparse(node) == wanted
        ]
        if len(found) != 1:
            raise NotApplicableError(f"{self.function} has {len(found)} times {self.old!r}")
        if _unparsed(self.new) in ast.unparse(function):  # the new one may contain the old one
            raise NotApplicableError(f"{self.function} already has {self.new!r}")
        return _replaced(source, found[0], self.old, self.new)


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


def _first_of(function: ast.FunctionDef, statements: Sequence[str]) -> ast.stmt | None:
    """Whichever of the statements comes first in a function, if one is there."""
    found = [node for text in statements for node in _statements(function, text)]
    return min(found, key=lambda node: node.lineno, default=None)


def _indented(statement: str, neighbour: ast.stmt) -> tuple[str, ...]:
    return tuple(textwrap.indent(statement, " " * neighbour.col_offset).split("\n"))


def _replaced(source: Source, node: ast.expr, old: str, new: str) -> Insertion:
    line = source.lines[node.lineno - 1]
    # The parser counts bytes.
    start, end = (
        len(line.encode()[:offset].decode()) for offset in (node.col_offset, node.end_col_offset)
    )
    if node.end_lineno != node.lineno or ast.unparse(node) != _unparsed(old):
        raise NotApplicableError(f"{line.strip()!r} is not {old} any more")
    return Insertion(node.lineno - 1, (line[:start] + new + line[end:],), replaced=1)


def _unparsed(expression: str) -> str:
    return ast.unparse(ast.parse(expression, mode="eval"))


@lru_cache
def _names_bound(code: str) -> frozenset[str]:
    """The top-level names of a section; none when it does not parse, which is found out later."""
    try:
        return _bound(ast.parse(code))
    except SyntaxError:
        return frozenset()


def _bound(tree: ast.Module) -> frozenset[str]:
    names = set[str]()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return frozenset(names)
