"""Audits what a proposer session asked its tools for, and what it was told.

Both are taken from the gateway's transcript: requests carry the results of tools, replies the
calls. What the session says of itself is no evidence.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.audit.bounds import (
    BOX,
    LEAVES,
    Bounds,
    Try,
    leaves,
    means_test_task,
    tries_in,
)
from harness_search.audit.knowledge import Knowledge
from harness_search.audit.leakage import Touch, find_touches
from harness_search.audit.recital import (
    MANY_TEST_RUNS,
    constants_in,
    counted,
    knows_tasks,
    test_runs_in,
    wording_findings,
)
from harness_search.audit.report import AuditReport, Finding, Severity
from harness_search.audit.words import words
from harness_search.gateway.transcript import read_transcript

MESSAGE = "message"
"""Name of what a session was told without asking a tool."""
_PATHS = ("file_path", "path", "notebook_path", "folder")
_LABELS = frozenset({"type", "id", "tool_use_id", "is_error", "cache_control"})
_TEXTS = ("content", "new_string", "old_string", "new_source", "edits")
"""Arguments that write; the name of a folder in them asks for nothing."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call of a tool, in the order in which they were made."""

    number: int
    """From 1, over the whole session; 0 for what was told without a call."""
    name: str
    input: Mapping[str, Any]
    output: str
    """All that came back; empty while nothing has."""

    @property
    def label(self) -> str:
        return f"tool call {self.number} ({self.name})" if self.number else "what it was told"


MOST_INPUTS = 8
"""Ways to write one call's arguments that are known again; more than a command line has."""


@dataclass(slots=True, eq=False)
class _Call:
    name: str
    inputs: list[Mapping[str, Any]]
    """As it was made; then as it was told again, which the command line may write otherwise."""
    outputs: dict[str, None]
    """Different ones: a session that is resumed may tell the same call otherwise."""


class _Calls:
    """The calls of a session's transcripts, each once: one that goes on begins with all that was
    said before. Ids tell calls of one transcript apart, and may come again in another."""

    def __init__(self) -> None:
        self.all: list[_Call] = []
        self.told = dict[str, None]()
        """What it was told without a call."""
        self._here: dict[str, _Call] = {}
        self._before: dict[str, list[_Call]] = {}

    def begin_transcript(self) -> None:
        for name, call in self._here.items():
            if call not in (known := self._before.setdefault(name, [])):
                known.append(call)
        self._here = {}

    def made(self, identity: str, name: str, arguments: Mapping[str, Any]) -> None:
        call = self._here.get(identity)
        if call is None:
            known = self._before.get(identity, ())
            same = (item for item in known if item.name == name and arguments in item.inputs)
            call = self._here[identity] = next(same, None) or self._new(name, [arguments])
        if len(call.inputs) < MOST_INPUTS and arguments not in call.inputs:
            call.inputs.append(arguments)

    def answered(self, identity: str, output: str) -> None:
        call = self._here.get(identity)
        if call is None:
            known = self._before.get(identity)
            call = self._here[identity] = known[-1] if known else self._new("unknown tool", [{}])
        call.outputs[output] = None

    def _new(self, name: str, inputs: list[Mapping[str, Any]]) -> _Call:
        self.all.append(call := _Call(name, inputs, {}))
        return call


def tool_uses(transcripts: Iterable[Path]) -> tuple[ToolUse, ...]:
    """Every tool call of a session with its result, and every text that it was told otherwise.

    A call that a later transcript repeats, with its id, its name and its arguments, is one call.
    Raises OSError, and InputError for a damaged transcript.
    """
    calls = _Calls()
    for file in transcripts:
        calls.begin_transcript()
        for exchange in read_transcript(file):
            messages = [*exchange.request.get("messages", ())]
            said = {"role": "assistant", "content": exchange.reply.get("content")}
            for message in (*messages, said):
                _take(message, calls)
    made = [
        ToolUse(number, call.name, call.inputs[0], "\n".join(call.outputs))
        for number, call in enumerate(calls.all, start=1)
    ]
    told = [ToolUse(0, MESSAGE, {}, "\n".join(calls.told))] if calls.told else []
    return (*made, *told)


def _take(message: Any, calls: _Calls) -> None:
    """Note what is new in one message. Whatever has another form than it should is left out."""
    role, content = (
        (message.get("role"), message.get("content")) if isinstance(message, dict) else ("", "")
    )
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks if isinstance(blocks, list) else ():
        kind = block.get("type") if isinstance(block, dict) else ""
        if kind == "tool_use":
            name, given = str(block.get("name")), block.get("input")
            arguments = given if isinstance(given, dict) else {"input": given}
            calls.made(f"{block.get('id')}", name, arguments)
        elif kind == "tool_result":
            calls.answered(f"{block.get('tool_use_id')}", _text(block))
        elif role == "user":
            calls.told[_text(block)] = None


def _text(block: Any) -> str:
    """All strings of a block, whatever its form; of a result or a text without its labels."""
    if isinstance(block, dict):
        kept = [value for key, value in block.items() if key not in _LABELS]
        return "\n".join(text for value in kept for _, text in _strings("", _plain(value)))
    return "\n".join(text for _, text in _strings("", block))


def _plain(value: Any) -> Any:
    """Blocks within a result as their texts."""
    if isinstance(value, list):
        return [_text(item) if isinstance(item, dict) else item for item in value]
    return value


def _strings(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for inner, item in value.items():
            yield from _strings(str(inner), item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(key, item)


# The audit.


def audit_session(
    uses: Iterable[ToolUse],
    knowledge: Knowledge,
    where: str = "session",
    bounds: Bounds = BOX,
) -> AuditReport:
    """Everything that was asked for and told, against the marks and the wording of the test split.

    `where` says which session, `bounds` where it has business. What a tool only writes is audited
    as the files of the session are; here it counts for traces alone.
    """
    return AuditReport(
        tuple(
            Finding(finding.rule, finding.severity, f"{where}, {finding.where}", finding.evidence)
            for use in uses
            for finding in (*_asked(use, knowledge, bounds), *_told(use, knowledge))
        )
    )


def _asked(use: ToolUse, knowledge: Knowledge, bounds: Bounds) -> Iterator[Finding]:
    given = list(_strings("", use.input))
    texts = [text for _, text in given] + _joined_paths(use.input)
    touches = find_touches({"": "\n".join(texts)}, knowledge.marks)
    place, tries = f"{use.label}, what it asks", _tries(use.input, given, bounds)
    yield from _of_touches(place, [touch for touch in touches if touch.kind != "glob"])
    if any(touch.kind == "glob" for touch in touches):
        # Under the session's own folders a wide pattern meets dev evidence and nothing else.
        severity = Severity.REJECT if tries else Severity.WARN
        yield Finding("test split", severity, place, "holds a pattern that test ids match (glob)")
    if any(means_test_task(text, knowledge.marks) for text in _patterns(use.input)):
        yield _trace(f"{use.label}, what it asks", "pattern")
    for item in sorted(tries, key=lambda item: item.evidence):
        yield Finding("out of bounds", item.severity, use.label, item.evidence)


def _tries(
    arguments: Mapping[str, Any], given: Iterable[tuple[str, str]], bounds: Bounds
) -> set[Try]:
    """What was tried. Of text that is only written, no more than the names of what is out of reach:
    code may hold any path, and notes may speak of anything."""
    found = set[Try]()
    for key, text in given:
        tries = set(tries_in(text, bounds))
        if key in _TEXTS:
            tries = {
                Try(Severity.WARN, f"writes what {item.evidence}")
                for item in tries
                if item.forbidden
            }
        found |= tries
    paths = [arguments[key] for key in _PATHS if isinstance(arguments.get(key), str)]
    if any(leaves(path, bounds) for path in paths):
        found.add(Try(Severity.WARN, LEAVES))
    return found


def _joined_paths(arguments: Mapping[str, Any]) -> list[str]:
    """A folder and the pattern to be looked for in it, as one path."""
    folders = [arguments[key] for key in _PATHS if isinstance(arguments.get(key), str)]
    patterns = [
        arguments[key] for key in ("pattern", "glob") if isinstance(arguments.get(key), str)
    ]
    return [f"{folder}/{pattern}" for folder in folders for pattern in patterns]


def _patterns(arguments: Mapping[str, Any]) -> list[str]:
    keys = ("pattern", "glob", "command", "query")
    texts = [arguments[key] for key in keys if isinstance(arguments.get(key), str)]
    return [word for text in texts for word in text.split()]


def _told(use: ToolUse, knowledge: Knowledge) -> Iterator[Finding]:
    place = f"{use.label}, output" if use.number else use.label
    found = find_touches({"": use.output}, knowledge.marks)
    # A pattern that comes back reaches nothing.
    yield from _of_touches(place, [touch for touch in found if touch.kind != "glob"])
    folded = use.output.casefold()
    if any(canary in folded for canary in knowledge.dev_canaries):
        evidence = "holds the canary of a dev task, which stands beside its rubric"
        yield Finding("canary", Severity.REJECT, place, evidence)
    row = words(use.output)
    yield from wording_findings(place, test_runs_in(row, knowledge), MANY_TEST_RUNS)
    held = constants_in(use.output, knowledge.test_constants)
    if knows_tasks(held, knowledge.test_constants):
        # Transcripts are full of figures that a model worked out: what few of them hit is chance.
        evidence = f"holds {counted(held)} that test tasks have and no dev task"
        yield Finding("test constants", Severity.WARN, place, evidence)


def _of_touches(place: str, touches: Iterable[Touch]) -> Iterator[Finding]:
    """One finding for each kind: a listing may hold hundreds."""
    for kind in dict.fromkeys(touch.kind for touch in touches):
        yield _trace(place, kind)


def _trace(place: str, kind: str) -> Finding:
    evidence = f"holds a trace of the test split ({kind})"
    return Finding("test split", Severity.REJECT, place, evidence)
