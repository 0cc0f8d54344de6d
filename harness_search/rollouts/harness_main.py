"""What a rollout's process runs: the harness file. Copied into the kit; imports nothing of the
scaffold.

The harness is loaded so that each statement in a function leaves a mark, by its line, before it
runs. A tracing function would slow down every library as well, and could fail in the harness's name
near a limit or under a signal; marks are part of the code, and its lines stay where they were.
"""

import sys
from _ast import (
    AST,
    Assign,
    AsyncFunctionDef,
    ClassDef,
    Constant,
    Expr,
    FunctionDef,
    Module,
    Store,
    Subscript,
    stmt,
)
from importlib.machinery import SourceFileLoader
from pathlib import Path

TYPE_CHECKING = False  # the real one costs a tenth of a rollout's start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from mmap import mmap
    from types import CodeType, ModuleType
    from typing import Any

BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")
ONLY_AST = 0x400
RECORD = b"\0where the lines that ran are recorded"
"""Stands for the record in code until that is compiled, for no other constant can be compiled."""


def main(policy: "dict[str, Any]", begin: "Callable[[], None]") -> None:
    """Load the harness and let it solve the task; what fails before `begin` is not its fault."""
    # Otherwise compiled files would appear beside the harness file.
    sys.dont_write_bytecode = True
    task, model = _task_and_model(policy)
    record = _opened(policy["record"])
    begin()
    _load(policy["harness"], record).solve(task, model)


def _task_and_model(policy: "dict[str, Any]") -> "tuple[Any, Any]":
    from harness_kit import Model, Task

    task = Task(
        instructions=policy["instructions"],
        documents=Path("documents"),
        workspace=Path(),
        output=Path("output"),
        deliverables=tuple(policy["deliverables"]),
    )
    model = Model(
        policy["gateway"],
        policy["token"],
        policy["model"],
        policy["sampling"],
        policy["context_tokens"],
        base_url=policy["base_url"],
    )
    return task, model


def _load(file: str, record: "mmap") -> "ModuleType":
    loader = _Recording("harness", file, record)
    module = type(sys)("harness")
    module.__file__, module.__loader__ = file, loader
    sys.modules["harness"] = module
    loader.exec_module(module)
    return module


# The record: a byte for each line, and a first one that says that there are marks at all.


def _opened(file: str) -> "mmap":
    """The record as shared memory: what is in it outlives this process, however that ends."""
    from mmap import mmap

    with open(file, "r+b", buffering=0) as opened:  # noqa: PTH123
        return mmap(opened.fileno(), 0)


class _Recording(SourceFileLoader):
    """Loads a file with marks; one that cannot have any, as it is."""

    def __init__(self, name: str, file: str, record: "mmap") -> None:
        super().__init__(name, file)
        self._record = record

    def source_to_code(  # type: ignore[override]
        self, data: "Any", path: "Any", **options: "Any"
    ) -> "CodeType":
        try:
            tree = compile(data, path, "exec", ONLY_AST, dont_inherit=True)
            _mark(tree, len(self._record))
            marked = compile(tree, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            marked = None
        if marked is None:  # and says so itself, if it has to
            return super().source_to_code(data, path, **options)
        self._record[0] = 1
        return _bound(marked, self._record)


def blocks(tree: Module) -> "Iterator[tuple[AST, str, list[stmt]]]":
    """Every list of statements in a function: what it belongs to, as which field, and itself.

    Those of a class count where they are in a method.
    """
    waiting: list[tuple[AST, bool]] = [(tree, False)]
    while waiting:
        node, within = waiting.pop()
        if isinstance(node, (FunctionDef, AsyncFunctionDef, ClassDef)):
            within = not isinstance(node, ClassDef)
        for name in BLOCKS:
            block = getattr(node, name, None) or ()
            waiting += [(item, within) for item in block]
            if within and block and isinstance(block[0], stmt):
                yield node, name, block


def is_idle(node: stmt) -> bool:
    """Whether a statement is but a constant: a docstring, which has to stay the first one."""
    return isinstance(node, Expr) and isinstance(node.value, Constant)


def _mark(tree: Module, lines: int) -> None:
    """Put a mark before each statement in a function whose line is one of so many."""
    for owner, name, block in blocks(tree):
        marked: list[stmt] = []
        for node in block:
            if not is_idle(node) and node.lineno < lines:
                marked.append(_mark_of(node))
            marked.append(node)
        setattr(owner, name, marked)


def _mark_of(node: stmt) -> Assign:
    """`RECORD[line] = 1`, where the statement begins."""
    at: dict[str, Any] = {"lineno": node.lineno, "col_offset": node.col_offset}
    byte = Subscript(Constant(RECORD, **at), Constant(node.lineno, **at), Store(), **at)
    return Assign([byte], Constant(1, **at), **at)


def _bound(code: "CodeType", record: "mmap") -> "CodeType":
    """The code with the record in place of what stood for it."""
    constants = [
        _bound(item, record)
        if isinstance(item, type(code))
        else record
        if isinstance(item, bytes) and item == RECORD
        else item
        for item in code.co_consts
    ]
    return code.replace(co_consts=tuple(constants))
