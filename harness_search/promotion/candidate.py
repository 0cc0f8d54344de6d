"""Takes a candidate and its claim out of a proposer's view, believing neither."""

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from harness_search.errors import InputError
from harness_search.files import digest_bytes, is_regular
from harness_search.parsed import parsed, walked
from harness_search.promotion.claim import (
    FEWEST_TASKS,
    CandidateClaim,
    Claim,
    check_claim,
    read_proposal,
)
from harness_search.promotion.validation import ast_digest, refuse_twin, validate_candidate

LARGEST_SOURCE = 200_000  # bytes
ALLOWED_IMPORTS = frozenset({"harness_kit"})
NOTHING_LEFT = "nothing_left.md"
LONGEST_REASON = 500  # characters


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
    view: Path,
    iteration: int,
    incumbent: str,
    dev_tasks: set[str],
    known: Mapping[str, str],
    sources: Mapping[str, bytes] | None = None,
    codes: Mapping[str, str] | None = None,
    replayed: Mapping[str, str] = MappingProxyType({}),
) -> Candidate:
    """Take the candidate and its claim out of `view`; raises InputError for an unsound one.

    `known` are the harnesses that exist already: digest by name. One that was never compared has
    an empty digest: it may be proposed again under another name, and its finished rollouts count.
    `sources` are theirs, as far as they are at hand: a candidate that differs from a compared one
    in no code is refused, and the claim says what it adds to its parent. `codes` are digests of
    the compared ones (`ast_digest`), whose sources are then not asked for. `replayed` are
    mechanisms by the names of harnesses of which a causal replay is recorded: only such a replay
    may stand in for the tasks of a claim.
    """
    claim_file = view / "pending_eval.json"
    claim = read_proposal(claim_file)
    check_claim(claim_file, claim, iteration, dev_tasks)
    name = claim.candidate.name
    if name in known:
        raise InputError(claim_file, "candidates.0.name", repr(name), "a name not used before")
    parent = claim.candidate.parent or incumbent
    if parent not in known:
        raise InputError(claim_file, "candidates.0.parent", repr(parent), "a known harness")
    file = view / "harnesses" / f"{name}.py"
    source = check_source(file)
    _check_replay(claim_file, claim.candidate, replayed)
    digest = digest_bytes([source])
    twin = next((other for other, known_digest in known.items() if known_digest == digest), None)
    if twin is not None:
        raise InputError(file, "content", f"the same as {twin}", "one mechanism more")
    sources = sources or {}
    if codes is None:
        tried = {name: sources[name] for name in sources if known.get(name)}
        codes = {name: ast_digest(text) for name, text in tried.items()}
    return Candidate(_validated(file, claim, source, parent, sources, codes), source, parent)


def _check_replay(file: Path, candidate: CandidateClaim, replayed: Mapping[str, str]) -> None:
    mechanism = candidate.mechanism or candidate.name
    if candidate.replay and replayed.get(candidate.replay) != mechanism:
        expected = (
            f"a tried harness with the mechanism {mechanism!r} whose causal replay is recorded "
            f'(`./mh-query replay` shows it), or "" and at least {FEWEST_TASKS} fix tasks and '
            f"{FEWEST_TASKS} regression tasks"
        )
        raise InputError(file, "candidates.0.replay", repr(candidate.replay), expected)


def nothing_left(view: Path) -> str:
    """Why a session says that there is nothing to propose; empty unless it says so, and leaves no
    claim."""
    file = view / NOTHING_LEFT
    if (view / "pending_eval.json").exists() or not is_regular(file):
        return ""
    with file.open("rb") as stream:
        text = stream.read(4 * LONGEST_REASON).decode("utf-8", errors="replace")
    said = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(said.split())[:LONGEST_REASON] or "it gives no reason"


def _validated(
    file: Path,
    claim: Claim,
    source: bytes,
    parent: str,
    sources: Mapping[str, bytes],
    codes: Mapping[str, str],
) -> Claim:
    """The claim with what its candidate adds, where the parent's source is at hand."""
    if parent not in sources:
        return claim
    try:
        refuse_twin(file, source, codes)
        found = validate_candidate(file, source, sources[parent], {})
    except RecursionError as error:
        raise InputError(file, "", "code nested too deeply", "a file that can be read") from error
    said = {"kind": found.kind, "added": found.added}
    return claim.model_copy(update={"candidates": (claim.candidate.model_copy(update=said),)})


def check_source(file: Path) -> bytes:
    """The source of a harness file; raises InputError unless it can be a harness at all."""
    if not is_regular(file) or file.parent.is_symlink():
        raise InputError(file, "", "no regular file", "the candidate's harness file")
    source = file.read_bytes()
    if len(source) > LARGEST_SOURCE:
        raise InputError(file, "size", f"{len(source)} bytes", f"at most {LARGEST_SOURCE}")
    try:
        tree = parsed(source)
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
    for node in walked(tree):
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
