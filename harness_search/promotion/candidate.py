"""Takes a candidate and its claim out of a proposer's view, believing neither."""

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness_search.errors import InputError
from harness_search.files import digest_bytes, is_regular
from harness_search.promotion.claim import Claim, check_claim, read_claim

LARGEST_SOURCE = 200_000  # bytes
ALLOWED_IMPORTS = frozenset({"harness_kit"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate and its claim, read out of a view and found sound."""

    claim: Claim
    source: bytes
    parent: str

    @property
    def name(self) -> str:
        return self.claim.candidate.name

    @property
    def mechanism(self) -> str:
        return self.claim.candidate.mechanism or self.name


def collect(
    view: Path, iteration: int, incumbent: str, dev_tasks: set[str], known: Mapping[str, str]
) -> Candidate:
    """Take the candidate and its claim out of `view`; raises InputError for an unsound one.

    `known` are the harnesses that exist already: digest by name. One that was never compared has
    an empty digest: it may be proposed again under another name, and its finished rollouts count.
    """
    claim_file = view / "pending_eval.json"
    claim = read_claim(claim_file)
    check_claim(claim_file, claim, iteration, dev_tasks)
    name = claim.candidate.name
    if name in known:
        raise InputError(claim_file, "candidates.0.name", repr(name), "a name not used before")
    parent = claim.candidate.parent or incumbent
    if parent not in known:
        raise InputError(claim_file, "candidates.0.parent", repr(parent), "a known harness")
    file = view / "harnesses" / f"{name}.py"
    source = check_source(file)
    digest = digest_bytes([source])
    twin = next((other for other, known_digest in known.items() if known_digest == digest), None)
    if twin is not None:
        raise InputError(file, "content", f"the same as {twin}", "one mechanism more")
    return Candidate(claim, source, parent)


def check_source(file: Path) -> bytes:
    """The source of a harness file; raises InputError unless it can be a harness at all."""
    if not is_regular(file) or file.parent.is_symlink():
        raise InputError(file, "", "no regular file", "the candidate's harness file")
    source = file.read_bytes()
    if len(source) > LARGEST_SOURCE:
        raise InputError(file, "size", f"{len(source)} bytes", f"at most {LARGEST_SOURCE}")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # The last two are how the parser answers absurd nesting, not a shortage of memory.
        found = f"invalid Python ({type(error).__name__}: {error})"
        raise InputError(file, "", found, "a Python file") from error
    _check_imports(file, tree)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "solve" not in functions or not _takes_two(functions["solve"].args):
        raise InputError(file, "solve", "no such function", "`def solve(task, model)`")
    return source


def _takes_two(arguments: ast.arguments) -> bool:
    plain = [*arguments.posonlyargs, *arguments.args]
    needed = [default for default in arguments.kw_defaults if default is None]
    return len(plain) == 2 and not needed


def _check_imports(file: Path, tree: ast.Module) -> None:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top not in ALLOWED_IMPORTS:
                raise InputError(
                    file,
                    f"line {getattr(node, 'lineno', 0)}",
                    f"import of {name}",
                    "the standard library and harness_kit only",
                )
