"""`meta-harness transcript`: one rollout as a conversation, with what the judge made of it."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly
from harness_search.current import frontier_on_disk
from harness_search.ledger.rows import Purpose, Split
from harness_search.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from rich.console import Console

    from harness_search.analysis.entries import Call, Conversation, Entry
    from harness_search.reports.rollout import JudgedCriterion, RolloutView
    from harness_search.reports.rollout_evidence import Deliverable

WIDTH = 100
SHOWN_LINES = 6
"""Of a tool result, a tool call or a system prompt."""
SHOWN_CHARACTERS = 600
SHOWN_OF_A_TEXT = 4_000
"""Characters of what was said in words."""
LONGEST = 10_000_000
LONGEST_FOLDED = 4_000
INDENT = "  "
SIGNS = {"pass": "✓", "fail": "✗", "undecided": "?"}
STYLES = {"pass": "green", "fail": "red", "undecided": "yellow"}

Line = tuple[str, str]
"""A text and its style."""


def transcript(
    task: Annotated[
        str, typer.Argument(help="Id of the task, or a beginning or an end that only it has.")
    ],
    trial: Annotated[int, typer.Argument(help="Number of the trial.")],
    harness: Annotated[
        str | None, typer.Option(help="Name of the harness. Default: the incumbent.")
    ] = None,
    split: Annotated[
        Split, typer.Option(help="The held-out split must have been opened before.")
    ] = Split.DEV,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Default: the last one that ended.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Tool results and deliverables as a whole.")
    ] = False,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Show one rollout: the conversation, its deliverables, and each criterion's verdict."""
    with ending_cleanly():
        from harness_search.reports.rollout import rollout_of

        opened = open_workspace(workspace, {}, to_run=False)
        name = harness or _incumbent(opened)
        view = rollout_of(opened, name, task, trial, Purpose.of(split), attempt)
        if json:
            _print_json(view)
            return
        from harness_search.reports.tables import console_for_people

        print_rollout(console_for_people(json_wanted=False), view, full=full)


def _incumbent(workspace: Workspace) -> str:
    return frontier_on_disk(workspace).incumbent or "baseline"


def _print_json(view: "RolloutView") -> None:
    from json import dumps

    from harness_search.visible import escaped_json

    print(escaped_json(dumps(view.to_json(), indent=2, ensure_ascii=False)))


def print_rollout(console: "Console", view: "RolloutView", *, full: bool = False) -> None:
    """For people, in at most WIDTH columns; what others have written is made visible first."""
    from rich.text import Text

    from harness_search.visible import visible

    width = min(console.width, WIDTH)
    for text, style in _lines(view, full=full):
        indent = text[: len(text) - len(text.lstrip(" "))]
        for line in visible(text[len(indent) :], LONGEST).expandtabs(4).split("\n"):
            for part in _folded(line, max(width - len(indent), 20)):
                console.print(Text(f"{indent}{part}", style=style), soft_wrap=True)


def _folded(line: str, room: int) -> Iterator[str]:
    """A line in parts that are no longer than the room for them."""
    # To fold takes time by the square of a word's length: no part of a line that is one is long.
    for begin in range(0, max(len(line), 1), LONGEST_FOLDED):
        part = line[begin : begin + LONGEST_FOLDED]
        yield from textwrap.wrap(part, room, break_on_hyphens=False) or [""]


def _lines(view: "RolloutView", *, full: bool) -> Iterator[Line]:
    yield from _head(view)
    yield "", ""
    yield "Conversation", "bold"
    if view.conversation is not None:
        yield from _conversation(view.conversation, full=full)
    if view.deliverables:
        yield "", ""
        yield "Deliverables", "bold"
    for file in view.deliverables:
        yield from _deliverable(file, full=full)
    yield "", ""
    counts = Counter(item.verdict or "not judged" for item in view.criteria)
    yield f"Criteria: {', '.join(f'{count} {word}' for word, count in counts.items())}", "bold"
    for item in view.criteria:
        yield from _criterion(item)
    if view.log and (full or view.outcome != "scored"):
        yield "", ""
        yield "What the harness printed", "bold"
        yield INDENT + view.log, ""


def _head(view: "RolloutView") -> Iterator[Line]:
    from harness_search.amounts import compact, dollars

    found, model = view.attempt, " (simulated model)" if view.simulated else ""
    yield f"{view.title}{model}", "bold"
    attempt = f", attempt {found.number} of {len(view.attempts)}" if len(view.attempts) > 1 else ""
    yield f"{view.harness} on {view.task}, trial {view.trial}{attempt}", ""
    passed = f", {found.passed} of {found.total} criteria passed" if found.total else ""
    yield f"Outcome: {view.outcome}{passed}.", ""
    usage = found.usage
    yield (
        f"{compact(usage.total)} tokens ({compact(usage.input)} new, {compact(usage.cache_write)} "
        f"into cache, {compact(usage.cache_read)} from cache, {compact(usage.output)} out) in "
        f"{found.calls:,} calls, {dollars(found.cost_usd)}, {found.seconds:.1f} s; judge "
        f"{found.judge_version or '-'}, sandbox {found.sandbox}.",
        "",
    )
    for note in (found.reason, *view.notes):
        if note:
            yield note, "yellow"
    yield f"Evidence: {view.folder}", "dim"


def _conversation(conversation: "Conversation", *, full: bool) -> Iterator[Line]:
    calls = {call.number: call for call in conversation.calls}
    spoke = {entry.call for entry in conversation.entries if _is_reply(entry)}
    before: tuple[int, str] | None = None
    told = 0
    """Calls up to this one were told of."""
    for entry in conversation.entries:
        place = (entry.call, _speaker(entry))
        if place != before:
            silent = (number for number in range(told + 1, entry.call) if number not in spoke)
            yield from (line for number in silent for line in _no_reply(calls.get(number)))
            told = max(told, entry.call - 1)
            call = calls.get(entry.call) if _is_reply(entry) else None
            yield _speaker(entry) + (f", {_cost(call)}" if call else ""), "bold cyan"
            before = place
        yield from _entry(entry, full=full)
    late = (number for number in calls if number > told and number not in spoke)
    yield from (line for number in late for line in _no_reply(calls[number]))
    if conversation.left_out:
        yield f"{conversation.left_out:,} more entries were not read.", "yellow"


def _is_reply(entry: "Entry") -> bool:
    return entry.role == "assistant" and not entry.by_harness and entry.kind != "repeated"


def _speaker(entry: "Entry") -> str:
    if entry.kind == "repeated":
        return "Sent again"
    if entry.role == "assistant":
        return "Model, as the harness wrote it" if entry.by_harness else "Model"
    return {"user": "Harness", "system": "System"}.get(entry.role, entry.role or "Unknown")


def _no_reply(call: "Call | None") -> Iterator[Line]:
    if call is not None:
        cause = f": {call.cause}" if call.cause else ""
        yield f"Call {call.number} was {call.end}{cause}", "yellow"


def _cost(call: "Call") -> str:
    usage = call.usage
    came = usage.input + usage.cache_write + usage.cache_read
    cached = f" ({usage.cache_read:,} from cache)" if usage.cache_read else ""
    ended = "" if call.end == "answered" else f", {call.end}: {call.cause}"
    return f"call {call.number}: {came:,} tokens in{cached}, {usage.output:,} out{ended}"


def _entry(entry: "Entry", *, full: bool) -> Iterator[Line]:
    said = entry.kind == "text"
    labels = {"tool call": f"> {entry.name}", "tool result": f"< {entry.name}"}
    if not said:
        sign = " (error)" if entry.is_error else ""
        label = labels.get(entry.kind.value, entry.kind.value)
        yield f"{INDENT}{label}{sign}, {entry.length:,} characters", "red" if sign else "magenta"
    indent = INDENT if said else INDENT * 2
    text = entry.text if full else _shortened(entry.text, said=said)
    left = entry.length - len(text)
    for line in text.rstrip("\n").split("\n"):
        yield indent + line, "" if said else "dim"
    if left > 0 and text.strip():
        yield f"{indent}... {left:,} more characters", "dim"


def _shortened(text: str, *, said: bool) -> str:
    if said:
        return text[:SHOWN_OF_A_TEXT]
    lines = text.split("\n", SHOWN_LINES)[:SHOWN_LINES]
    return "\n".join(lines)[:SHOWN_CHARACTERS]


def _deliverable(file: "Deliverable", *, full: bool) -> Iterator[Line]:
    requested = "requested" if file.requested else "not requested"
    length = f", {len(file.text):,} characters" if file.text is not None else ""
    problem = f": {file.problem}" if file.problem else ""
    bad = bool(problem) and file.requested
    yield f"{INDENT}{file.name}, {requested}{length}{problem}", "red" if bad else ""
    if full and file.text:
        for line in file.text.split("\n"):
            yield INDENT * 2 + line, "dim"


def _criterion(item: "JudgedCriterion") -> Iterator[Line]:
    sign, word = SIGNS.get(item.verdict, "-"), item.verdict or "not judged"
    yield f"{INDENT}{sign} {word} {item.id} {item.title}", STYLES.get(item.verdict, "")
    if item.reason:
        yield f"{INDENT * 4}{item.reason}", "dim"
    if item.first:
        yield f"{INDENT * 4}A second judge settled it; the first one said {item.first}.", "dim"
