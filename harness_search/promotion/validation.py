"""What is known of a candidate before any money is spent: is it new, and is it one mechanism?"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from harness_search.errors import InputError
from harness_search.files import digest_text
from harness_search.parsed import parsed, parts_of, walked
from harness_search.promotion.units import additions, without_docstring

ONE_MECHANISM: Literal["one mechanism"] = "one mechanism"
MIXED: Literal["mixed"] = "mixed"
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Validation:
    """What a sound candidate adds to its parent. A mixed one is measured like any other; it is
    recorded, because nobody can then say which of its parts did what."""

    kind: Literal["one mechanism", "mixed"]
    reasons: tuple[str, ...]
    """One for each thing that it adds."""

    @property
    def added(self) -> str:
        """The reasons in one line."""
        return "; ".join(self.reasons)[:LONGEST_REASON]


def validate_candidate(
    file: Path, source: bytes, parent: bytes, tried: Mapping[str, bytes]
) -> Validation:
    """Hold a candidate against its parent and against all that was tried, sources by name.

    Both parse already. Raises InputError, naming `file`, for code that was tried before or that
    differs from its parent in nothing that could act.
    """
    refuse_twin(file, source, {name: ast_digest(other) for name, other in tried.items()})
    found = additions(source, parent)
    if not found:
        raise InputError(file, "content", "its parent with nothing added", "one mechanism more")
    kind = ONE_MECHANISM if len(found) == 1 else MIXED
    return Validation(kind, tuple(map(str, found)))


def refuse_twin(file: Path, source: bytes, tried: Mapping[str, str]) -> None:
    """Raise InputError for code that was tried before; `tried` are digests by `ast_digest`."""
    digest = ast_digest(source)
    twin = next((name for name, other in tried.items() if other == digest), None)
    if twin is not None:
        raise InputError(file, "content", f"the same code as {twin}", "one mechanism more")


# Sameness: comments, docstrings, layout and the names of local variables make no other harness.


@lru_cache(maxsize=16)
def ast_digest(source: bytes) -> str:
    """Digest of what a file does; raises SyntaxError for one that does not parse.

    Constants count, and so do names that other code can see. Docstrings do where the file can read
    them, and a parameter's name does where the file has a keyword argument of that name.
    """
    tree = parsed(source)
    keywords = {node.arg for node in walked(tree) if isinstance(node, ast.keyword)}
    reading = _Reading(
        frozenset(name for name in keywords if name), b"__doc__" in source or b"getdoc" in source
    )
    parts = [(part.text, part.line == 1) for part in parts_of(source)]
    found = [_written(*part, reading) for part in parts] or [_words(tree.body, reading, heads=True)]
    return digest_text(*(digest for digests in found for digest in digests))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What of a whole file says how each of its statements is read."""

    keywords: frozenset[str]
    docstrings: bool
    """Whether they may be read."""


@lru_cache(maxsize=256)
def _written(part: str, heads: bool, reading: _Reading) -> tuple[str, ...]:
    """Digests of the statements of a part of a file, of its head or of another one."""
    return _words(ast.parse(part).body, reading, heads=heads)


def _words(body: list[ast.stmt], reading: _Reading, *, heads: bool) -> tuple[str, ...]:
    spoken = without_docstring(body) if heads and not reading.docstrings else body
    return tuple(
        digest_text(*_Writer(reading.keywords, reading.docstrings).written(node)) for node in spoken
    )


_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_VARIABLES = (ast.Name, ast.arg, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


@dataclass
class _Writer:
    """Writes a tree as a list of words, with local variables numbered as they come."""

    keywords: frozenset[str]
    reads_docstrings: bool
    scopes: list[dict[str, str]] = field(default_factory=list)
    numbered: int = 0

    def written(self, node: Any) -> Iterator[str]:
        if isinstance(node, list):
            yield f"[{len(node)}"
            for item in node:
                yield from self.written(item)
        elif not isinstance(node, ast.AST):
            yield repr(node)
        elif isinstance(node, _Function):
            yield from self._function(node)
        elif isinstance(node, ast.ClassDef):
            kept = {name: repr(name) for name in _bound([*node.body])}
            yield from self._inside(kept, [node])
        else:
            yield from self._fields(node)

    def _function(self, node: _Function) -> Iterator[str]:
        """Defaults, annotations and decorators belong to what is around the function."""
        given, own = node.args, list[ast.arg]()
        plain = [given.posonlyargs, given.args, given.kwonlyargs]
        for some in plain:
            own += some
        own += [argument for argument in (given.vararg, given.kwarg) if argument]
        counts = [*map(len, plain), given.vararg is not None, given.kwarg is not None]
        yield f"{type(node).__name__} {getattr(node, 'name', '')} {counts}"
        yield from self.written([*given.defaults, *given.kw_defaults])
        yield from self.written([argument.annotation for argument in own])
        if not isinstance(node, ast.Lambda):
            yield from self.written([*node.decorator_list, node.returns])
        names = [argument.arg for argument in own]
        body: list[Any] = node.body if isinstance(node.body, list) else [node.body]
        kept = {name: repr(name) for name in names if name in self.keywords}
        local = dict.fromkeys((set(names) | _bound(body)) - _declared(body), "")
        yield from self._inside(local | kept, [*map(_variable, names), *self._spoken(node, body)])

    def _inside(self, names: dict[str, str], nodes: Sequence[ast.AST]) -> Iterator[str]:
        self.scopes.append(names)
        for node in nodes:
            yield from self._fields(node) if isinstance(node, ast.ClassDef) else self.written(node)
        self.scopes.pop()

    def _fields(self, node: ast.AST) -> Iterator[str]:
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if isinstance(value, str) and isinstance(node, _VARIABLES):
                yield self._seen(value)
            elif name == "body" and isinstance(node, _DOCUMENTED):
                yield from self.written(self._spoken(node, value))
            else:
                yield from self.written(value)

    def _spoken(self, node: ast.AST, body: list[Any]) -> list[Any]:
        """A block, with its docstring where that may be read."""
        is_documented = isinstance(node, _DOCUMENTED) and not self.reads_docstrings
        return without_docstring(body) if is_documented else body

    def _seen(self, name: str) -> str:
        """A variable's number, where a function around it binds it; else its name."""
        scope = next((scope for scope in reversed(self.scopes) if name in scope), None)
        if scope is None:
            return repr(name)
        if not scope[name]:
            self.numbered += 1
            scope[name] = f"local {self.numbered}"
        return scope[name]


def _variable(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Store())


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """Variables that a block binds itself, and no function or class inside it."""
    found = set[str]()
    for node in _own(nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
    return found


def _declared(nodes: Sequence[ast.AST]) -> set[str]:
    """Variables that a block says are not its own, or that it binds as something else as well."""
    found = set[str]()
    for node in _own(nodes):
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found |= {*names}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
    return found


def _own(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of a block without what is inside functions and classes in it."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _Function | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
