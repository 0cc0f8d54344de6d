"""What a candidate adds to its parent, by the syntax of both: code, wording, or several things.

A harness file is a list of top-level units: functions, classes, constants. A mechanism is a group
of new units and of edits in old ones that hang together: one names the other, or both name what the
parent has no word for. Nothing here judges whether it is a good one.
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum

from harness_search.parsed import first_line, parsed, walked
from harness_search.promotion.wording import is_text, without_wording

MODULE = "module"
"""Stands for the statements at the top level that bind no name."""
MOST_NAMED = 4
WORDING = "wording"


class Kind(StrEnum):
    """What a mechanism is made of."""

    CODE = "code"
    PROMPT = "prompt"
    """Nothing but the words that the model is given."""


@dataclass(frozen=True, slots=True)
class Addition:
    """One connected group of changes."""

    kind: Kind
    units: tuple[str, ...]
    """New top-level units, and those that are gone; the ones that edits name come first."""
    places: tuple[str, ...]
    """Units of the parent that were edited: call sites, constants, texts."""

    def __str__(self) -> str:
        parts = [_listed(self.units), f"edits in {_listed(self.places)}" if self.places else ""]
        return f"{self.kind}: {', '.join(part for part in parts if part)}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A unit that came or went, or an edit in one that stayed."""

    kind: Kind
    unit: str
    place: str
    labels: frozenset[str]
    """Parts with a label in common hang together."""


@dataclass(frozen=True, slots=True)
class _Edit:
    place: str
    names: frozenset[str]
    """Names in it that the other file does not have."""
    fresh: frozenset[str]
    """Names in it that the same unit of the other file does not have."""


def additions(source: str | bytes, parent: str | bytes) -> tuple[Addition, ...]:
    """The connected groups of what a candidate changes; raises SyntaxError for invalid Python.

    Imports, comments, docstrings and the order of top-level units are no change.
    """
    new, old = (without_docstring(parsed(text).body) for text in (source, parent))
    units, units_before = _units(new), _units(old)
    came = {name: node for name, node in units.items() if name not in units_before}
    went = {name: node for name, node in units_before.items() if name not in units}
    texts_now, texts_before = _texts(source, units), _texts(parent, units_before)
    stayed = [
        name
        for name in units
        if name in units_before
        and (name == MODULE or texts_now.get(name) != texts_before.get(name))
    ]
    texts = frozenset(name for name, node in came.items() if is_text(node))
    worded, edits = list[str](), list[_Edit]()
    for name in stayed:
        removed, added = _difference([_bare(units_before[name])], [_bare(units[name])])
        removed, added, has_wording = without_wording(removed, added, texts)
        worded += [name] * has_wording
        if added:
            edits += _edits(name, added, _names(old), _names([units_before[name]]))
        if removed:
            edits += _edits(name, removed, _names(new), _names([units[name]]))
    data = (ast.Assign, ast.AnnAssign)
    constants = {edit.place for edit in edits if isinstance(units[edit.place], data)}
    moved = {**came, **went}
    tied = {*constants, *moved} - {MODULE}
    parts = [*_parts_of_units(moved, tied), *_parts_of_edits(edits, tied)]
    return _grouped([*_with_prompts(parts, texts, worded)])


# Units and their edits.

_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def _bare(unit: ast.AST) -> ast.AST:
    """A copy of a unit without docstrings."""
    unit = deepcopy(unit)
    for node in walked(unit):
        if isinstance(node, _DEFINITION):
            node.body = without_docstring(node.body)
    return unit


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a block without the string that heads it."""
    match body[:1]:
        case [ast.Expr(value=ast.Constant(value=str()))]:
            return body[1:]
    return body


def _units(body: list[ast.stmt]) -> dict[str, ast.AST]:
    """Top-level units by name; what binds no single name is one unit of its own."""
    found: dict[str, ast.AST] = {}
    others: list[ast.stmt] = []
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found[node.name] = node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node
            case _:
                others.append(node)
    return found | {MODULE: ast.Module(body=others, type_ignores=[])}


def _texts(source: str | bytes, units: Mapping[str, ast.AST]) -> dict[str, bytes]:
    """The lines of each unit: one whose lines nobody touched need not be compared by its syntax."""
    raw = source.encode(errors="surrogatepass") if isinstance(source, str) else source
    lines = raw.splitlines()
    return {
        name: b"\n".join(lines[first_line(node) - 1 : node.end_lineno])
        for name, node in units.items()
        if isinstance(node, ast.stmt)
    }


def _difference(
    old: Sequence[ast.AST], new: Sequence[ast.AST]
) -> tuple[list[ast.AST], list[ast.AST]]:
    """Statements that went and that came, each as small as can be; where only their order is
    another one, all of them."""
    gone, come = _unmatched(old, new), _unmatched(new, old)
    if not gone and not come:
        moved = [ast.dump(node) for node in old] != [ast.dump(node) for node in new]
        return (list(old), list(new)) if moved else ([], [])
    removed, added = list[ast.AST](), list[ast.AST]()
    for node in come:
        twin = next((other for other in gone if _opening(other) == _opening(node)), None)
        if twin is None or _opening(node) is None:
            added.append(node)
            continue
        gone.remove(twin)
        for before, after in zip(_blocks(twin), _blocks(node), strict=True):
            less, more = _difference(before, after)
            removed += less
            added += more
    return [*removed, *gone], added


def _unmatched(nodes: Sequence[ast.AST], others: Iterable[ast.AST]) -> list[ast.AST]:
    left = Counter(map(ast.dump, others))
    found: list[ast.AST] = []
    for node in nodes:
        text = ast.dump(node)
        if left[text]:
            left[text] -= 1
        else:
            found.append(node)
    return found


def _opening(node: ast.AST) -> str | None:
    """What two nodes share when only what is inside them differs; None for one without inside."""
    if isinstance(node, _DEFINITION):
        return f"{type(node).__name__} {node.name}"
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        plain = isinstance(node.value, ast.List | ast.Tuple | ast.Set | ast.Dict)
        return f"{' '.join(map(ast.dump, targets))} = {type(node.value).__name__}" * plain or None
    if isinstance(node, ast.Module):
        return MODULE
    if not any(hasattr(node, name) for name in _BLOCKS) or not isinstance(node, ast.stmt):
        return None
    head = [(name, value) for name, value in ast.iter_fields(node) if name not in _BLOCKS]
    shown = [ast.dump(value) if isinstance(value, ast.AST) else str(value) for _, value in head]
    return f"{type(node).__name__} {' '.join(shown)}"


def _blocks(node: ast.AST) -> list[Sequence[ast.AST]]:
    """The lists inside a node whose openings may be compared."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        returns = [node.returns] if node.returns else []
        return [[node.args], node.decorator_list, returns, node.body]
    if isinstance(node, ast.ClassDef):
        return [node.bases, node.keywords, node.decorator_list, node.body]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        value = node.value
        if isinstance(value, ast.Dict):
            pairs = zip(value.keys, value.values, strict=True)
            return [[ast.Dict(keys=[key], values=[item]) for key, item in pairs]]
        return [getattr(value, "elts", [])]
    return [getattr(node, name, []) for name in _BLOCKS]


def _edits(
    place: str, nodes: Iterable[ast.AST], file: frozenset[str], unit: frozenset[str]
) -> list[_Edit]:
    """Edits in a unit, with what the other file, and the other version of the unit, do not name."""
    named = [_names([node]) for node in nodes]
    return [_Edit(place, names - file, names - unit) for names in named]


def _names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Every name, and every string that could be one."""
    return frozenset(name for one in _said(nodes) for name in _names_at(one))


def _said(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them, without docstrings."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, _DEFINITION) and without_docstring(node.body) is not node.body:
            waiting.remove(node.body[0])


def _names_at(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            yield name
        case ast.keyword(arg=str(name)):
            yield name
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Constant(value=str(name)) if name.isidentifier():
            yield name


# Groups.


def _parts_of_units(units: Mapping[str, ast.AST], tied: Collection[str]) -> list[_Part]:
    """Units that came or went, each tied to those that it names and to constants that changed."""
    return [
        _Part(Kind.CODE, name, "", frozenset({name}) | (_names([node]) & set(tied)))
        for name, node in units.items()
        if name != MODULE
    ]


def _parts_of_edits(edits: Sequence[_Edit], tied: Collection[str]) -> list[_Part]:
    """Edits, each tied to such units, and to what else the other file has no word for; one that
    names nothing new goes with its neighbours in the same unit."""
    own = [edit.names | (edit.fresh & set(tied)) for edit in edits]
    parts: list[_Part] = []
    for edit, labels in zip(edits, own, strict=True):
        near = [names for other, names in zip(edits, own, strict=True) if other.place == edit.place]
        neighbour = next(filter(None, near), frozenset({f"in {edit.place}"}))
        parts.append(_Part(Kind.CODE, "", edit.place, labels or neighbour))
    return parts


def _with_prompts(
    parts: Sequence[_Part], texts: Collection[str], worded: Sequence[str]
) -> Iterator[_Part]:
    """The parts, where texts that only prompts use are prompts; all wording is one part: no syntax
    tells where one piece of advice ends."""
    used = {label for part in parts if part.unit not in texts for label in part.labels}
    for part in parts:
        if worded and part.unit in texts and part.unit not in used:
            yield _Part(Kind.PROMPT, part.unit, "", part.labels | {WORDING})
        else:
            yield part
    yield from (_Part(Kind.PROMPT, "", place, frozenset({WORDING})) for place in worded)


def _grouped(parts: Sequence[_Part]) -> tuple[Addition, ...]:
    """Parts that hang together, directly or by others, in the order of the file."""
    groups: list[tuple[set[str], list[_Part]]] = []
    for part in parts:
        labels, members = set(part.labels), [part]
        for group in [group for group in groups if group[0] & labels]:
            groups.remove(group)
            labels, members = labels | group[0], [*group[1], *members]
        groups.append((labels, members))
    found = tuple(_addition(members) for _, members in groups)
    # What nothing in the file uses never runs: it is no second mechanism.
    return tuple(item for item in found if item.places) or found


def _addition(members: Sequence[_Part]) -> Addition:
    worded = all(part.kind is Kind.PROMPT for part in members)
    called = {label for part in members if part.place for label in part.labels}
    units = dict.fromkeys(part.unit for part in members if part.unit)
    return Addition(
        kind=Kind.PROMPT if worded else Kind.CODE,
        units=tuple(sorted(units, key=lambda unit: unit not in called)),
        places=tuple(dict.fromkeys(part.place for part in members if part.place)),
    )


def _listed(names: Sequence[str]) -> str:
    left = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {left} more" if left > 0 else "")
