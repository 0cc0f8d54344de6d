"""Whether a mechanism takes part at all, and whether it did what its claim says.

Before any rollout by reading code: what `solve` can never reach does not run. Afterwards by what
the rollouts recorded of the lines that ran. A harness can forge that record, so it is never more
than a warning.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness_search.audit.difference import Difference
from harness_search.audit.report import AuditReport, Finding, Severity
from harness_search.ledger.gains import Gain
from harness_search.parsed import parsed, parts_of, walked
from harness_search.promotion.recall import affected_tasks
from harness_search.rollouts.harness_main import BLOCKS, blocks, is_idle

RULE = "mechanism engaged"
ENTRY = "solve"
MOST_NAMED = 5
"""Names in one finding."""
MOST_COMPARISONS = 250_000
"""Of statements with statements, for all functions of a candidate together: one whole rewriting of
a function with 500 statements, some 30 ms."""


@dataclass(frozen=True, slots=True)
class NewCode:
    """New top-level functions, classes and constants of a candidate, each in their order."""

    reached: tuple[str, ...]
    """Those that `solve`, or loading the file, can reach."""
    unreached: tuple[str, ...]


def new_code(source: str, parent_source: str) -> NewCode:
    """What is new beside the parent; nothing for a source that does not parse."""
    try:
        graph, own = _graph_of(source), _graph_of(parent_source)
    except (SyntaxError, ValueError, RecursionError):
        return NewCode((), ())
    reached, new = _reached(graph), [name for name in graph if name and name not in own]
    return NewCode(
        tuple(name for name in new if name in reached),
        tuple(name for name in new if name not in reached),
    )


def audit_engaged(source: str, parent_source: str) -> AuditReport:
    """A warning when nothing of what the candidate adds ever runs; a note when some does not."""
    new = new_code(source, parent_source)
    if not new.unreached:
        return AuditReport()
    severity = Severity.PASS if new.reached else Severity.WARN
    more = " ..." if len(new.unreached) > MOST_NAMED else ""
    evidence = f"adds what {ENTRY} never reaches: {', '.join(new.unreached[:MOST_NAMED])}{more}"
    return AuditReport((Finding(RULE, severity, "candidate", evidence),))


@dataclass(frozen=True, slots=True)
class Run:
    """A finished rollout of the candidate that recorded which lines ran."""

    task: str
    lines: frozenset[int]


def lines_added(source: str, parent_source: str) -> frozenset[int]:
    """Lines on which statements begin that the parent does not have, within functions alone: all
    others run when the file is loaded. Nothing for a source that does not parse.

    Where new functions are among them, theirs alone: the condition under which they are called runs
    all the same. A statement that was moved within its function counts as new; one that was laid
    out anew does not. Of functions that take more than MOST_COMPARISONS only statements count that
    stand nowhere in the parent's.
    """
    try:
        tree, parent = parsed(source), parsed(parent_source)
        own, known = _functions(tree), _functions(parent)
        new = _by_function(_statements_within(source), own, known)
        old = _by_function(_statements_within(parent_source), known, own)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    added = frozenset(_added(new, old))
    fresh = {line for name, lines in own.items() if name not in known for line in lines}
    return added & fresh or added


def _added(new: "ByFunction", old: "ByFunction") -> Iterator[int]:
    left = MOST_COMPARISONS
    for name, statements in new.items():
        before = [text for text, _ in old.get(name, ())]
        difference = Difference.of(before, [text for text, _ in statements])
        if difference.comparisons <= left:
            left -= difference.comparisons
            places = difference.added()
        else:
            places = difference.of_new_wording()
        yield from (statements[place][1] for place in places)


def audit_ran(added: Collection[int], runs: Sequence[Run], gain: Gain | None = None) -> AuditReport:
    """A warning when none of the added lines ever ran, or when only tasks gained more than noise
    explains in which none did; else a note of how often they ran.

    Says nothing of a candidate that adds no line within a function, or without a record.
    """
    if not added or not runs:
        return AuditReport()
    ran = [run for run in runs if not run.lines.isdisjoint(added)]
    lines, rollouts = _count(len(added), "line"), _count(len(runs), "rollout")
    if not ran:
        evidence = f"adds {lines}, and in {rollouts} none of that ran: noise, or a dead mechanism"
        return AuditReport((Finding(RULE, Severity.WARN, "candidate", evidence),))
    left = {*added}.difference(*(run.lines for run in ran))
    some = f"; {len(left)} of {lines} never ran" if left else ""
    evidence = f"its new code ran in {len(ran)} of {rollouts}{some}"
    note = Finding(RULE, Severity.PASS, "candidate", evidence)
    return AuditReport((note, *_gained_without(ran, runs, gain)))


def _gained_without(
    ran: Iterable[Run], runs: Iterable[Run], gain: Gain | None
) -> Iterator[Finding]:
    """A warning when tasks gained, and none of those in which the new code ran."""
    engaged = {run.task for run in ran}
    gained = affected_tasks(gain) & {run.task for run in runs} if gain else set[str]()
    if gained and not gained & engaged:
        count = _count(len(gained), "task")
        evidence = f"its new code ran in none of {count} that gained: noise, or something else"
        yield Finding(RULE, Severity.WARN, "candidate", evidence)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def audit_forecast(fix_tasks: Collection[str], gain: Gain | None) -> AuditReport:
    """A warning when others gained more than noise explains, and no task that the claim named.

    Says nothing without named tasks, or while none of them is measured.
    """
    measured = {item.task for item in gain.tasks} if gain else set[str]()
    named = measured & {*fix_tasks}
    gained = affected_tasks(gain) if gain else set[str]()
    if not named or not gained or gained & named:
        return AuditReport()
    evidence = f"none of {len(named)} fix tasks gained, and {len(gained)} other tasks did"
    return AuditReport((Finding("claimed fix tasks", Severity.WARN, "claim", evidence),))


# Statements, as the record counts them.


ByFunction = Mapping[str, Sequence[tuple[str, int]]]
"""What each statement says and where it begins, by the name of its function."""


def _by_function(
    statements: Iterable[tuple[str, int]], functions: Mapping[str, range], others: Container[str]
) -> ByFunction:
    """Under "" everything in functions that the other source has not under this name: one may have
    been renamed."""
    name_at = {line: name for name, lines in functions.items() if name in others for line in lines}
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for text, line in statements:
        found[name_at.get(line, "")].append((text, line))
    return found


def _functions(tree: ast.Module) -> dict[str, range]:
    """The lines of each function, and of each method by its class's name too."""
    found: dict[str, range] = {}
    for node in _statements(tree.body):
        within = node.body if isinstance(node, ast.ClassDef) else [node]
        before = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for item in within:
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = range(item.lineno, (item.end_lineno or item.lineno) + 1)
                found[f"{before}{item.name}"] = lines
    return found


def _statements_within(source: str) -> Iterator[tuple[str, int]]:
    """What each statement in a function says, without the blocks in it, and where it begins."""
    for part in parts_of(source):
        yield from ((text, part.line + line - 1) for text, line in _heads(part.text))


@lru_cache(maxsize=256)
def _heads(part: str) -> tuple[tuple[str, int], ...]:
    found = [node for _, _, block in blocks(ast.parse(part)) for node in block]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    return tuple((_head(node), node.lineno) for node in found if not is_idle(node))


def _head(node: ast.stmt) -> str:
    parts = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if name not in BLOCKS:
            items = value if isinstance(value, list) else [value]
            parts += [ast.dump(item) if isinstance(item, ast.AST) else repr(item) for item in items]
    return " ".join(parts)


# The call graph: what each top-level name mentions. "" is what the file does when it is loaded.

Graph = dict[str, set[str]]


@lru_cache(maxsize=2)
def _graph_of(source: str) -> Graph:
    """The graph, which nobody may change; raises what `ast.parse` raises."""
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for part in parts_of(source):
        for name, mentioned in _mentions(part.text):
            graph[name] |= mentioned
    return dict(graph)


@lru_cache(maxsize=256)
def _mentions(part: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Names that a part of a source binds, each with what it mentions."""
    found: list[tuple[str, frozenset[str]]] = []
    for node in _statements(ast.parse(part).body):
        mentioned = frozenset(_mentioned(node))
        found += [(name, mentioned) for name in _bound(node) or [""]]
        for decorator in getattr(node, "decorator_list", ()):
            found.append(("", frozenset(_mentioned(decorator))))
    return tuple(found)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Top-level statements, those in `if` and `try` included."""
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            blocks = [node.body, node.orelse]
            blocks += [handler.body for handler in getattr(node, "handlers", ())]
            for block in blocks:
                yield from _statements(block)
        else:
            yield node


def _bound(node: ast.stmt) -> list[str]:
    """Names that a statement binds or adds to: who reads a table reaches what is put into it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    named = (item for target in targets for item in walked(target))
    return [item.id for item in named if isinstance(item, ast.Name)]


def _mentioned(node: ast.AST) -> Iterator[str]:
    """Names that running it may use; a branch under a false constant never runs."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Name):
            yield item.id
        if isinstance(item, ast.If | ast.IfExp | ast.While) and _is_false(item.test):
            other = item.orelse
            waiting += other if isinstance(other, list) else [other]
        else:
            waiting += ast.iter_child_nodes(item)


def _is_false(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and not test.value


def _reached(graph: Graph) -> set[str]:
    reached = set[str]()
    waiting = [ENTRY, *graph.get("", ())]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += graph.get(name, ())
    return reached
