"""Tells edits that change nothing but the words a model reads from those that change code."""

import ast
import re
from collections.abc import Collection, Iterable, Sequence
from copy import deepcopy
from typing import Any

FEWEST_WORDS = 3
"""Of a string that a model is to read; shorter ones are names, keys and formats."""
_TEXT = "<text>"


def is_prose(text: str) -> bool:
    """Whether a string is more than a name, a key or a format."""
    return len(re.findall(r"[^\W\d_]{2,}", text)) >= FEWEST_WORDS


def is_text(node: ast.AST) -> bool:
    """Whether a unit is a constant with nothing but text in it."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    return _is_blank(_Wordless(frozenset()).visit(deepcopy(node.value)))


def _is_blank(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == _TEXT


class _Wordless(ast.NodeTransformer):
    """Takes texts out: prose, new constants that hold some, and what only joins them."""

    def __init__(self, texts: Collection[str]) -> None:
        self.texts = texts

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        is_text = isinstance(node.value, str) and is_prose(node.value)
        return ast.Constant(value=_TEXT) if is_text else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(value=_TEXT) if node.id in self.texts else node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        value: ast.AST = self.visit(node.value)
        return value if node.format_spec is None and node.conversion == -1 else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return _joined([self.visit(value) for value in node.values], node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _joined([node.left, node.right], node) if isinstance(node.op, ast.Add) else node

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        left = [item for item in node.elts if not self._only_text(item)]
        return ast.List(elts=left, ctx=node.ctx)

    def _only_text(self, node: ast.AST) -> bool:
        inside = [*ast.walk(node)]
        return any(map(_is_blank, inside)) and not any(isinstance(i, ast.Name) for i in inside)


def _joined(parts: Sequence[Any], node: ast.AST) -> ast.AST:
    """What is left of joined strings once texts, and the blanks between them, are out."""
    if not any(map(_is_blank, parts)):
        return node
    left = [part for part in parts if not _is_blank(part) and not _is_space(part)]
    if len(left) == 1:
        found: ast.AST = left[0]
        return found
    return ast.Tuple(elts=left, ctx=ast.Load()) if left else ast.Constant(value=_TEXT)


def _is_space(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not str(node.value).strip("\n\t -*#.")


def without_wording(
    removed: Sequence[ast.AST], added: Sequence[ast.AST], texts: Collection[str]
) -> tuple[list[ast.AST], list[ast.AST], bool]:
    """The edits of a unit without those that only change words, and whether there are such."""
    wordless = _Wordless(texts)
    before = [(node, ast.dump(wordless.visit(deepcopy(node)))) for node in removed]
    left: list[ast.AST] = []
    for node in added:
        plain = wordless.visit(deepcopy(node))
        appends = isinstance(plain, ast.AugAssign) and _is_blank(plain.value)
        twin = next((item for item in before if item[1] == ast.dump(plain)), None)
        if twin is not None and _mentions_text([node, twin[0]], texts):
            before.remove(twin)
        elif not appends:
            left.append(node)
    changed = len(left) < len(added)
    return [node for node, _ in before], left, changed


def _mentions_text(nodes: Iterable[ast.AST], texts: Collection[str]) -> bool:
    wordless = _Wordless(texts)
    return any(ast.dump(node) != ast.dump(wordless.visit(deepcopy(node))) for node in nodes)
