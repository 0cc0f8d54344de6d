"""The simulated model as an agent: one request in, the next step out."""

import re
from dataclasses import dataclass

from harness_search.simulated.chance import Chance
from harness_search.simulated.drafting import drafts
from harness_search.simulated.situation import DOCUMENT_NAME, Call, Situation, Tool
from harness_search.simulated.slips import WriteCall, malformed_json, write_calls

READS_PER_TURN = 3
TRIES_PER_WRITE = 2


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call that the model makes now."""

    name: str
    input: object


@dataclass(frozen=True, slots=True)
class Step:
    """What the model says and does next; no calls means that it has finished."""

    text: str
    calls: tuple[ToolUse, ...] = ()


def next_step(situation: Situation, noise: str) -> Step:
    """List the documents, read them, write the deliverables, finish; after a further user
    message do it again."""
    listed = _listed(situation.current)
    if listed is None:
        return _list_documents(situation)
    unread = _unread(situation, listed)
    if unread:
        return Step("Reading the papers.", tuple(unread[:READS_PER_TURN]))
    return _write(situation, Chance(situation.assignment, noise))


def _list_documents(situation: Situation) -> Step:
    finder, shell = situation.tool("glob", "list"), situation.tool("bash", "shell")
    if finder is not None and not any(call.name == finder.name for call in situation.current):
        pattern = finder.argument("pattern", "path") or "pattern"
        return Step(
            "I will look at the papers first.", (ToolUse(finder.name, {pattern: "documents/**/*"}),)
        )
    if shell is not None and not any(call.name == shell.name for call in situation.current):
        command = shell.argument("command", "cmd") or "command"
        call = ToolUse(shell.name, {command: "find documents -type f | sort"})
        return Step("I will look at the papers first.", (call,))
    return Step("I cannot see any documents, so I cannot do this assignment.")


def _listed(calls: tuple[Call, ...]) -> list[str] | None:
    """The document paths of the first listing that shows any."""
    for call in calls:
        lines = [line.strip() for line in call.result.splitlines()]
        paths = [line for line in lines if DOCUMENT_NAME.fullmatch(line)]
        if _is_listing(call) and paths:
            return [path for path in paths if path.startswith("documents/")] or paths
    return None


def _is_listing(call: Call) -> bool:
    return not call.failed and any(word in call.name for word in ("glob", "list", "bash", "shell"))


# Reading.


def _unread(situation: Situation, listed: list[str]) -> list[ToolUse]:
    reader = situation.tool("read", "open")
    if reader is None:
        return []
    path_name = reader.argument("path", "file") or "file_path"
    done = {_argument(call, path_name) for call in situation.current if call.name == reader.name}
    rest = [ToolUse(reader.name, {path_name: path}) for path in listed if path not in done]
    return [*_continuations(situation, reader, path_name), *rest]


def _continuations(situation: Situation, reader: Tool, path_name: str) -> list[ToolUse]:
    """Reads of documents whose last page says that there is more."""
    if "offset" not in reader.arguments:
        return []
    last: dict[str, str] = {}
    for call in situation.current:
        if call.name == reader.name and not call.failed:
            last[_argument(call, path_name)] = call.result
    more = {path: re.search(r"offset (\d+)\]?\s*$", text) for path, text in last.items()}
    return [
        ToolUse(reader.name, {path_name: path, "offset": int(found[1])})
        for path, found in more.items()
        if found
    ]


def _argument(call: Call, name: str) -> str:
    return str(call.input.get(name, "")) if isinstance(call.input, dict) else ""


def documents_read(situation: Situation) -> dict[str, str]:
    """Text by path of everything that the model was shown, pages joined."""
    reader = situation.tool("read", "open")
    if reader is None:
        return {}
    path_name = reader.argument("path", "file") or "file_path"
    pages: dict[str, list[str]] = {}
    for call in (call for calls in situation.rounds for call in calls):
        if call.name == reader.name and not call.failed:
            page = pages.setdefault(_argument(call, path_name), [])
            if call.result not in page:
                page.append(call.result)
    return {path: "\n".join(texts) for path, texts in pages.items()}


# Writing.


def _write(situation: Situation, chance: Chance) -> Step:
    review = len(situation.rounds) - 1
    planned = write_calls(
        drafts(situation.assignment, documents_read(situation), chance, review), chance
    )
    position = _position(situation, planned)
    if position >= len(planned):
        return Step("The assignment is complete.")
    call = planned[position]
    tool = _writer(situation, call.path)
    if tool is None:
        return Step("I have no tool to write a file with.\n\n" + call.content)
    return Step("Writing the deliverable.", (_as_tool_use(tool, call),))


def _position(situation: Situation, planned: list[WriteCall]) -> int:
    """How far the model has come with its writing; it gives a call up after two failures."""
    position = failures = 0
    for call in situation.current:
        if not _is_write(call):
            continue
        failures = failures + 1 if call.failed else 0
        if not call.failed or failures >= TRIES_PER_WRITE:
            position, failures = position + 1, 0
        if position >= len(planned):
            break
    return position


def _is_write(call: Call) -> bool:
    return "write" in call.name or "save" in call.name


def _writer(situation: Situation, path: str) -> Tool | None:
    """The tool that writes a kind of file: named for it, described for it, or the plain one."""
    ending = path.rsplit(".", 1)[-1]
    writers = [tool for tool in situation.tools if "write" in tool.name or "save" in tool.name]
    named = [tool for tool in writers if ending in tool.name]
    described = [tool for tool in writers if f".{ending}" in tool.description]
    plain = [tool for tool in writers if "_" not in tool.name]
    return next(iter([*named, *described, *plain, *writers]), None)


def _as_tool_use(tool: Tool, call: WriteCall) -> ToolUse:
    arguments = {
        tool.argument("path", "file") or "file_path": call.path,
        tool.argument("content", "text") or "content": call.content,
    }
    return ToolUse(tool.name, malformed_json(arguments) if call.malformed else arguments)
