"""Finds branches on the identity of a task: code that behaves otherwise on one matter it knows."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from harness_search.audit.constants import amounts_in, dates_in
from harness_search.audit.knowledge import Kind, Knowledge
from harness_search.audit.scopes import Scope, is_literal, scopes_of
from harness_search.audit.words import words
from harness_search.parsed import walked

LONG_LITERAL = 40
"""Characters, of at least six words: no pattern for file names, but wording of one assignment."""
LONG_LITERAL_WORDS = 6
WHOLE_SENTENCE = 4
"""Words, one of them rare, that no two tasks share by chance."""
LONGEST_CONSTANT = 10_000
"""Characters; what is longer is no condition."""
SHORTEST_CODE = 5
"""Characters of a word of letters and digits, such as a docket number."""
SMALL_NUMBER = 9
"""A hash that is compared with no more is one of few buckets."""

_ONE_LETTER = re.compile(r"\[(\w)\]")
_ASKING = frozenset(
    {"startswith", "endswith", "find", "index", "count", "removeprefix", "partition"}
)
_LOOKING = _ASKING | {"search", "match", "fullmatch", "get", "exists", "is_file", "glob"}


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch on a task's identity."""

    line: int
    rule: str
    text: str
    """The condition as parsed code: what is compared with the parent's, and never shown."""


def branches_in(tree: ast.Module, known: Knowledge) -> tuple[Branch, ...]:
    """Every such branch, one of each rule a line, in the order of the file."""
    found: dict[tuple[int, str], Branch] = {}
    for scope in scopes_of(tree):
        for condition in _conditions(scope):
            for rule in _rules(condition, scope, known):
                branch = Branch(condition.lineno, rule, ast.unparse(condition))
                found.setdefault((branch.line, rule), branch)
    return tuple(found[place] for place in sorted(found))


def _conditions(scope: Scope) -> Iterator[ast.expr]:
    """What decides which code runs: tests, comparisons, matched values, look-ups in tables."""
    for node in scope.walk():
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            yield node.test
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.Match):
            yield from _cases(node)
        elif isinstance(node, ast.Compare | ast.BoolOp) or _is_lookup(node):
            yield node


def _cases(node: ast.Match) -> Iterator[ast.expr]:
    """Each value of a `match`, compared with its subject."""
    for case in node.cases:
        for part in walked(case.pattern):
            if isinstance(part, ast.MatchValue):
                compared = ast.Compare(node.subject, [ast.Eq()], [part.value])
                yield ast.copy_location(compared, part)


def _is_lookup(node: ast.AST) -> TypeGuard[ast.expr]:
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name | ast.Dict) and isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Call) and _method(node) in _LOOKING


def _is_table_lookup(node: ast.AST) -> bool:
    """Of one key; a part of a text, or a place in it, is none."""
    if isinstance(node, ast.Subscript):
        return not isinstance(node.slice, ast.Slice) and _is_lookup(node)
    return isinstance(node, ast.Call) and _method(node) == "get"


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


# The rules. Each says what the code does, and quotes nothing.


def _rules(condition: ast.expr, scope: Scope, known: Knowledge) -> Iterator[str]:
    parts = walked(condition)
    has_hash = scope.is_hash(condition)
    texts = scope.texts_in(condition)
    if any(_tells_a_task(form, known) for text in texts for form in _forms(text)):
        yield "branches on a constant that few tasks' papers hold"
    if scope.hashes_assignment(condition) or (has_hash and _compares_a_hash(parts, scope)):
        yield "branches on a hash of the assignment, or on one that it knows"
    if any(_compares_at_length(part, scope) for part in parts):
        yield "compares the assignment with a long literal"
    if any(_compares_the_length(part, scope) for part in parts):
        yield "compares the length of the assignment with one number"


def _forms(text: str) -> set[str]:
    """A text, and what it says as a pattern with classes of one letter."""
    return {text, _ONE_LETTER.sub(r"\1", text)} if "[" in text else {text}


def _tells_a_task(text: str, known: Knowledge) -> bool:
    """Whether a constant stands in few tasks, and not by chance."""
    if not text.strip() or len(text) > LONGEST_CONSTANT:
        return False
    plain = text.casefold().strip("/ ")
    if any(plain in known.constants[kind] for kind in (Kind.ID, Kind.FILE)):
        return True
    telling = _is_telling(text, words(text), known)
    return telling and 1 <= known.tasks_with(text) <= known.words.limit


def _is_telling(text: str, row: Sequence[str], known: Knowledge) -> bool:
    rare = [word for word in row if known.is_rare(word)]
    if len(row) >= WHOLE_SENTENCE and rare:
        return True
    if any(amounts_in(text)) or any(dates_in(text.casefold())):
        return True
    return any(_is_name_or_code(word, known) for word in rare)


def _is_name_or_code(word: str, known: Knowledge) -> bool:
    if word in known.constants[Kind.NAME] or word in known.test_names:
        return True
    mixed = re.search(r"\d", word) and re.search(r"[^\W\d_]", word)
    return bool(mixed) and len(word) >= SHORTEST_CODE


def _compares_a_hash(parts: Iterable[ast.AST], scope: Scope) -> bool:
    """Of anything, with a constant; to take one of the assignment is told already."""
    return any(
        any(scope.is_hash(side) for side in sides) and any(_is_known(side, scope) for side in sides)
        for sides in map(_sides, parts)
        if sides
    )


def _sides(node: ast.AST) -> tuple[ast.expr, ...]:
    """What a comparison or a look-up holds against each other."""
    if isinstance(node, ast.Compare):
        return (node.left, *node.comparators)
    if isinstance(node, ast.Subscript):
        return (node.value, node.slice)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return (node.func.value, *node.args) if _method(node) in _LOOKING else ()
    return ()


def _is_known(node: ast.expr, scope: Scope) -> bool:
    """Whether one side is written down, and is more than a bucket's number."""
    if isinstance(node, ast.Name):
        return bool(scope.constants.get(node.id))
    if isinstance(node, ast.Constant):
        number = node.value if type(node.value) is int else 0
        return isinstance(node.value, str) or number > SMALL_NUMBER
    return is_literal(node) and not isinstance(node, ast.Call)


def _compares_at_length(node: ast.AST, scope: Scope) -> bool:
    is_method = isinstance(node, ast.Call) and _method(node) in _ASKING
    if not is_method and not isinstance(node, ast.Compare):
        return False
    sides = _sides(node)
    if not any(scope.is_assignment(side) for side in sides):
        return False
    others = [side for side in sides if not scope.is_assignment(side)]
    return any(_is_long(text) for side in others for text in scope.texts_in(side))


def _is_long(text: str) -> bool:
    return len(text) >= LONG_LITERAL and len(text.split()) >= LONG_LITERAL_WORDS


def _compares_the_length(node: ast.AST, scope: Scope) -> bool:
    if isinstance(node, ast.Compare):
        if not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            return False
    elif not _is_table_lookup(node):
        return False
    sides = _sides(node)
    return any(map(scope.holds_a_length, sides)) and any(map(scope.is_length, sides))
