"""What names stand for in a harness file, as far as the code says it: constants, the assignment."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness_search.audit.source import folded
from harness_search.parsed import walked

HASHES = frozenset(
    {"hash", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512",
     "blake2b", "blake2s", "crc32", "adler32", "digest", "hexdigest"}
)  # fmt: skip
_ASSIGNMENT = "instructions"
LENGTH_OF_AN_ASSIGNMENT = 100
"""Characters; equality with a smaller number is about something else."""
_ROUNDS = 3
"""A table, the names that loop over it, and a function that is handed one of them."""


@dataclass(slots=True)
class Scope:
    """One top-level function, or what stands outside of any, with the meanings of its names."""

    nodes: Sequence[ast.stmt]
    constants: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """String constants of the literal that a name is bound to, or that it is an item of."""
    assignment: set[str] = field(default_factory=set)
    """Names of the task's instructions, in any form."""
    hashes: set[str] = field(default_factory=set)
    hashes_of_assignment: set[str] = field(default_factory=set)
    lengths: set[str] = field(default_factory=set)
    """Names of the length of the instructions."""
    numbers: set[str] = field(default_factory=set)
    """Names of literals that hold a number which could be such a length."""
    hashers: frozenset[str] = frozenset()
    """Other names that the file gives to functions that take a hash."""
    _walked: list[ast.AST] = field(default_factory=list)

    def walk(self) -> Sequence[ast.AST]:
        """Everything in it, in the order of `ast.walk`."""
        if not self._walked:
            self._walked = [part for node in self.nodes for part in walked(node)]
        return self._walked

    def texts_in(self, node: ast.expr) -> set[str]:
        """Every string constant that an expression holds, by itself or by name."""
        named = (self.constants[name] for name in names_of(node) if name in self.constants)
        return {*strings_in(node)}.union(*named)

    def is_assignment(self, node: ast.AST) -> bool:
        """Whether an expression is the task's instructions, or a part or a form of them."""
        if isinstance(node, ast.Attribute):
            return node.attr == _ASSIGNMENT
        if isinstance(node, ast.Name):
            return node.id in self.assignment
        if isinstance(node, ast.Subscript):
            return self.is_assignment(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self.is_assignment(node.func.value)
        return False

    def hashes_assignment(self, node: ast.AST) -> bool:
        """Whether an expression takes a hash of the instructions, or names one."""
        calls = [*hash_calls(node, self.hashers), *sums_of_letters(node)]
        taken = any(self.is_assignment(part) for call in calls for part in walked(call))
        return taken or bool(names_of(node) & self.hashes_of_assignment)

    def is_hash(self, node: ast.AST) -> bool:
        return bool(hash_calls(node, self.hashers)) or bool(names_of(node) & self.hashes)

    def is_length(self, node: ast.AST) -> bool:
        """Whether an expression is the length of the instructions, or is made of it."""
        return any(map(self.is_assignment, counted_in(node))) or bool(names_of(node) & self.lengths)

    def holds_a_length(self, node: ast.expr) -> bool:
        """Whether an expression has a number written down that could be such a length."""
        return has_large_number(node) or bool(names_of(node) & self.numbers)

    def learn(self, binding: "Binding", outer: Mapping[str, set[str]]) -> None:
        """Take in that a name is bound to a value, or goes through its items."""
        name = binding.name
        if binding.texts:
            self.constants[name] |= binding.texts
        for inner in binding.gone_through:
            self.constants[name] |= self.constants.get(inner) or outer.get(inner, set())
        if self.is_assignment(binding.value):
            self.assignment.add(name)
        if _is_amount(binding.value) and (
            any(map(self.is_assignment, binding.counted)) or binding.names & self.lengths
        ):
            self.lengths.add(name)
        if binding.has_large_number:
            self.numbers.add(name)
        if binding.is_hash or binding.names & self.hashes:
            self.hashes.add(name)
        if any(map(self.is_assignment, binding.hashed)) or (
            binding.names & self.hashes_of_assignment
        ):
            self.hashes_of_assignment.add(name)


@dataclass(frozen=True, slots=True)
class Binding:
    """A name and what it is bound to, with what the value says by itself."""

    name: str
    value: ast.expr
    texts: frozenset[str]
    """String constants of a value that is written down."""
    gone_through: frozenset[str]
    names: frozenset[str]
    hashed: tuple[ast.AST, ...]
    """Its calls that take a hash or sum up letters, and all within them."""
    is_hash: bool
    counted: tuple[ast.expr, ...]
    """What it takes the length of."""
    has_large_number: bool
    """Of a value that is written down."""

    @classmethod
    def of(cls, name: str, value: ast.expr, hashers: frozenset[str]) -> "Binding":
        return cls(
            name,
            value,
            frozenset(strings_in(value) if is_literal(value) else ()),
            frozenset(_gone_through(value)),
            frozenset(names_of(value)),
            tuple(
                part
                for call in (*hash_calls(value, hashers), *sums_of_letters(value))
                for part in walked(call)
            ),
            bool(hash_calls(value, hashers)),
            tuple(counted_in(value)),
            is_literal(value) and has_large_number(value),
        )


def scopes_of(tree: ast.Module) -> tuple[Scope, ...]:
    """Every top-level function and class, and first the rest of the file, whose names all know."""
    functions = [
        item
        for item in tree.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    hashers = hashers_of(tree)
    outside = Scope([item for item in tree.body if item not in functions], hashers=hashers)
    scopes = {item.name: Scope([item], hashers=hashers) for item in functions}
    signatures = {
        item.name: item.args.args for item in functions if not isinstance(item, ast.ClassDef)
    }
    everyone = (outside, *scopes.values())
    bindings = [
        (scope, Binding.of(*found, hashers)) for scope in everyone for found in _bindings(scope)
    ]
    handed = [(scope, found) for scope in everyone for found in _handed(scope, signatures)]
    for _ in range(_ROUNDS):
        for scope, binding in bindings:
            scope.learn(binding, outside.constants)
        for scope, (function, name, value) in handed:
            if scope.is_assignment(value):
                scopes[function].assignment.add(name)
    for scope in scopes.values():
        scope.numbers |= outside.numbers
        for name, texts in outside.constants.items():
            if texts:
                scope.constants[name] |= texts
    return everyone


def _bindings(scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    for node in scope.walk():
        targets: Sequence[ast.expr] = ()
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        if value is not None:
            yield from ((name, value) for target in targets for name in names_of(target))


def _handed(
    scope: Scope, signatures: Mapping[str, Sequence[ast.arg]]
) -> Iterator[tuple[str, str, ast.expr]]:
    """Functions of the file and their parameters, with what they are called with."""
    for call in scope.walk():
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            parameters = [item.arg for item in signatures.get(call.func.id, ())]
            keywords = [(item.arg, item.value) for item in call.keywords if item.arg in parameters]
            for name, value in [*zip(parameters, call.args, strict=False), *keywords]:
                if name:
                    yield call.func.id, name, value


def names_of(node: ast.AST) -> set[str]:
    return {item.id for item in walked(node) if isinstance(item, ast.Name)}


def strings_in(node: ast.AST) -> Iterator[str]:
    """String constants; of a table its keys alone, by which it is looked up."""
    text = folded(node)
    if text is not None:
        yield text
        return
    children = node.keys if isinstance(node, ast.Dict) else ast.iter_child_nodes(node)
    for child in children:
        if child is not None:
            yield from strings_in(child)


def is_literal(node: ast.expr) -> bool:
    """Whether a value is written down: constants, and lists, sets and tables of them."""
    if folded(node) is not None or isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(is_literal(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return all(key is not None and is_literal(key) for key in node.keys)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"frozenset", "set", "dict"} and all(map(is_literal, node.args))
    return False


def hash_calls(node: ast.AST, hashers: frozenset[str] = frozenset()) -> list[ast.Call]:
    calls = [item for item in walked(node) if isinstance(item, ast.Call)]
    known = HASHES | hashers
    return [call for call in calls if _called(call) in known]


def sums_of_letters(node: ast.AST) -> list[ast.Call]:
    """Calls that sum up letters or bytes: of the assignment that is a hash, of what else a size."""
    calls = [item for item in walked(node) if isinstance(item, ast.Call)]
    return [call for call in calls if _sums_letters(call)]


def counted_in(node: ast.AST) -> list[ast.expr]:
    """What an expression takes the length of."""
    calls = (item for item in walked(node) if isinstance(item, ast.Call))
    return [argument for call in calls if _called(call) == "len" for argument in call.args]


def _is_amount(node: ast.expr) -> bool:
    """Arithmetic on a length, and no choice by one nor a range up to one."""
    if isinstance(node, ast.Call):
        return _called(node) != "range"
    return not isinstance(node, ast.Compare | ast.BoolOp | ast.IfExp | ast.Subscript | ast.ListComp)


def _sums_letters(call: ast.Call) -> bool:
    if not (isinstance(call.func, ast.Name) and call.func.id == "sum"):
        return False
    inner = [item for argument in call.args for item in walked(argument)]
    if any(isinstance(item, ast.Call) and _called(item) == "len" for item in inner):
        return False  # bytes are counted, and none is looked at
    parts = inner
    return any(
        (isinstance(part, ast.Name) and part.id in {"ord", "bytes"})
        or (isinstance(part, ast.Attribute) and part.attr == "encode")
        for part in parts
    )


def hashers_of(tree: ast.Module) -> frozenset[str]:
    """Names that are bound to functions that take a hash: `from zlib import crc32 as check`."""
    found = set[str]()
    for node in walked(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {item.asname for item in node.names if item.asname and item.name in HASHES}
        elif isinstance(node, ast.Assign) and _names_a_hash(node.value):
            found |= {name for target in node.targets for name in names_of(target)}
    return frozenset(found)


def _names_a_hash(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in HASHES
    return isinstance(node, ast.Name) and node.id in HASHES


def has_large_number(node: ast.expr) -> bool:
    """Whether an expression has a number that could be the length of an assignment; of a table
    its keys count alone, by which it is looked up."""
    if isinstance(node, ast.Dict):
        return any(has_large_number(key) for key in node.keys if key is not None)
    if isinstance(node, ast.Constant):
        return type(node.value) is int and node.value >= LENGTH_OF_AN_ASSIGNMENT
    children = (item for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr))
    return any(map(has_large_number, children))


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id
    if not isinstance(function, ast.Attribute):
        return ""
    # `new` is a hash of hashlib only; of anything else it says nothing.
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    return "hash" if (owner, function.attr) == ("hashlib", "new") else function.attr


def _gone_through(node: ast.expr) -> set[str]:
    """The name that an expression is, or whose items it goes through."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        goes_through = node.func.attr in {"items", "keys", "values"}
        return _gone_through(node.func.value) if goes_through else set()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return _gone_through(node.args[0])
    return {node.id} if isinstance(node, ast.Name) else set()
