"""What the simulated model looks at, and what it knows of it."""

import math
import re

from harness_search.simulated.situation import DOCUMENT_NAME, Call, Situation, Tool
from harness_search.simulated.wire import ToolUse

LISTING_TOOLS = ("glob", "list")
SHELL_TOOLS = ("bash", "shell")
READING_TOOLS = ("read", "open")
FEW = 0.4
"""Share of the documents that a model opens which reads too few."""
_AGAIN = re.compile(
    r"\b(?:open|read|review|go (?:back )?(?:through|to)|consult)\b"
    r"[^.\n]*\b(?:again|once more|anew|a second time)\b"
    r"|\bre-?(?:open|read)\b",
    re.IGNORECASE,
)


def listing_calls(situation: Situation) -> list[ToolUse]:
    """Ways to see what documents there are that were not tried yet in this round."""
    tried = {call.name for call in situation.current}
    found = []
    finder, shell = situation.tool(*LISTING_TOOLS), situation.tool(*SHELL_TOOLS)
    if finder is not None and finder.name not in tried:
        pattern = finder.argument("pattern", "path") or "pattern"
        found.append(ToolUse(finder.name, {pattern: "documents/**/*"}))
    if shell is not None and shell.name not in tried:
        command = shell.argument("command", "cmd") or "command"
        found.append(ToolUse(shell.name, {command: "find documents -type f | sort"}))
    return found


def listed(situation: Situation) -> list[str] | None:
    """The document paths of the first listing that shows any."""
    for call in situation.calls:
        lines = [line.strip() for line in call.result.splitlines()]
        paths = [line for line in lines if DOCUMENT_NAME.fullmatch(line)]
        if _is_listing(call) and paths:
            return [path for path in paths if path.startswith("documents/")] or paths
    return None


def _is_listing(call: Call) -> bool:
    return not call.failed and any(word in call.name for word in LISTING_TOOLS + SHELL_TOOLS)


def still_to_read(situation: Situation, paths: list[str], *, few: bool) -> list[ToolUse]:
    """Reading calls for the rest of what the model means to read in this round."""
    reader = situation.tool(*READING_TOOLS)
    if reader is None:
        return []
    name = path_argument(reader)
    done = {call.argument(name) for call in situation.current if call.name == reader.name}
    wanted = _wanted(situation, paths, reader, few=few)
    rest = [ToolUse(reader.name, {name: path}) for path in wanted if path not in done]
    return [*_continuations(situation, reader), *rest]


def _wanted(situation: Situation, paths: list[str], reader: Tool, *, few: bool) -> list[str]:
    """All documents at first (or the first few); later what the user's message asks for."""
    message = situation.follow_up
    if not message:
        return paths[: max(2, math.ceil(FEW * len(paths)))] if few else paths
    name = path_argument(reader)
    before = {call.argument(name) for part in situation.rounds[:-1] for call in part.calls}
    if _AGAIN.search(message):
        return [path for path in paths if path in before]
    return [path for path in paths if path.rsplit("/", 1)[-1] in message]


def _continuations(situation: Situation, reader: Tool) -> list[ToolUse]:
    """Reads of documents whose last page says that there is more."""
    if "offset" not in reader.arguments:
        return []
    name = path_argument(reader)
    last: dict[str, str] = {}
    for call in situation.current:
        if call.name == reader.name and not call.failed:
            last[call.argument(name)] = call.result
    more = {path: re.search(r"offset (\d+)\]?\s*$", text) for path, text in last.items()}
    return [
        ToolUse(reader.name, {name: path, "offset": int(found[1])})
        for path, found in more.items()
        if found
    ]


def known_documents(situation: Situation) -> dict[str, str]:
    """Text by path of everything that was read and is not forgotten, pages joined."""
    reader = situation.tool(*READING_TOOLS)
    if reader is None:
        return {}
    name = path_argument(reader)
    pages: dict[str, list[str]] = {}
    for call in situation.calls:
        if call.name == reader.name and not call.failed and call.remembered:
            page = pages.setdefault(call.argument(name), [])
            if call.remembered not in page:
                page.append(call.remembered)
    return {path: "\n".join(texts) for path, texts in pages.items()}


def path_argument(tool: Tool) -> str:
    """The argument of a tool that takes a path."""
    return tool.argument("path", "file") or "file_path"


def is_lookup(call: Call) -> bool:
    """Whether a call lists or reads."""
    return any(word in call.name for word in LISTING_TOOLS + SHELL_TOOLS + READING_TOOLS)
