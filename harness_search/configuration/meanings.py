"""What each setting means, in the words that stand under it in the source."""

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args


def meanings(model: type[Any]) -> dict[str, str]:
    """The first clause of the text under each field of a class."""
    return {name: first_clause(text) for name, text in _texts(model).items()}


def first_clause(text: str) -> str:
    """A text up to its first full stop or semicolon, beginning as it would within a line."""
    clause = re.split(r"[.;](?:\s|$)", " ".join(text.split()), maxsplit=1)[0]
    within = clause[:1].lower() + clause[1:]
    return clause if clause[1:2].isupper() else within


def choices(annotation: Any) -> tuple[Any, ...]:
    """What a setting may be, when that is a list; empty when it is a kind of value."""
    found = [choices(kind) or (kind,) for kind in get_args(annotation)]
    values = tuple(value for inner in found for value in inner if value is not type(None))
    return values if all(isinstance(value, str | int) for value in values) else ()


def _texts(model: type[Any]) -> dict[str, str]:
    file = inspect.getsourcefile(model)
    assert file is not None
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    body = next(
        node.body
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == model.__name__
    )
    found = {}
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                found[name] = said
    return found
