"""Finds the tool calls that a model wrote into its text.

Everything below the imports also becomes part of a harness file, word by word, so that what
counts as evidence for the mechanism is what the mechanism mends.
"""

import contextlib
import json
import re
from typing import Any

# Textual calls: some replies spell a tool call out in their text instead of making it.

CALL_MARK = re.compile(
    r"""
    (?:<(?:\w+:)?(?:tool_calls?|tool_use|function_calls?)>\s*)?
    <(?:function=|(?:\w+:)?invoke\s+name=)"?(?P<tool>[\w-]+)"?\s*>\s*  # arguments follow
    | <(?:\w+:)?(?:tool_calls?|tool_use|function_calls?)>\s*
    | \[TOOL_CALLS\]\s*
    | ```\w*\s*
    | (?:\A\s*|\n[ \t]*\n[ \t]*)(?P<bare>[\[{])(?!TOOL_CALLS\])  # the last paragraph
    """,
    re.VERBOSE,
)
CALL_END = re.compile(r"\s*(?:```|\[/TOOL_CALLS\]|</[\w=:-]+>(?:\s*</[\w=:-]+>)*)")
PARAMETER = re.compile(
    r'<(?:\w+:)?parameter(?:=|\s+name=)"?(?P<key>[\w-]+)"?\s*>\n?(?P<value>.*?)\n?'
    r"</(?:\w+:)?parameter>\s*(?=</|<(?:\w+:)?parameter|\Z)",
    re.DOTALL,
)
NAME_KEYS = ("name", "tool", "tool_name", "action", "function")
ARGUMENT_KEYS = ("arguments", "input", "parameters", "args", "tool_input", "action_input")
MISSING_ENDS = ("", "}", "}}", '"}', '"}}', "]", "}]", "}}]", '"}}]')


def parted(text: str, tools: set[str]) -> tuple[str, list[dict[str, Any]]]:
    """The text without the calls of these tools in it, and the calls."""
    rest, calls, position = "", list[dict[str, Any]](), 0
    while mark := CALL_MARK.search(text, position):
        value, end = value_at(text, mark)
        found = calls_in(value, mark["tool"], tools)
        rest += text[position : mark.start() if found else mark.end()]
        position = mark.end()
        if found:
            calls += found
            closing = CALL_END.match(text, end)
            position = closing.end() if closing else end
    return rest + text[position:], calls


def value_at(text: str, mark: re.Match[str]) -> tuple[Any, int]:
    """What follows a mark, and where it ends; None where that is no value."""
    if mark["bare"]:
        value, end = json_at(text, mark.start("bare"), mend=False)
        return (None if text[end:].strip() else value), end
    parameters, end = dict[str, str](), mark.end()
    while mark["tool"] and (found := PARAMETER.match(text, end)):
        parameters[found["key"]], end = found["value"], found.end()
    return (parameters, end) if parameters else json_at(text, end)


def json_at(text: str, start: int, *, mend: bool = True) -> tuple[Any, int]:
    """The JSON value that begins there and where it ends; None where there is none."""
    decoder = json.JSONDecoder(strict=False)  # line breaks inside strings are a frequent slip
    with contextlib.suppress(ValueError, RecursionError):
        return decoder.raw_decode(text, start)
    if not mend or not text.startswith(("{", "["), start):
        return None, start
    # Its last brackets may be missing, before a closing mark or at the very end.
    body = re.sub(rf"(?:{CALL_END.pattern})\s*\Z", "", text[start:])
    for ending in MISSING_ENDS:
        with contextlib.suppress(ValueError, RecursionError):
            return decoder.raw_decode(body + ending)[0], len(text)
    return None, start


def calls_in(value: Any, tool: str | None, tools: set[str]) -> list[dict[str, Any]]:
    """A value as tool_use blocks: one call, or a list of nothing but calls."""
    if isinstance(value, list):
        found = [as_call(item, None, tools) for item in value]
    else:
        found = [as_call(value, tool, tools)]
    calls = [call for call in found if call]
    return calls if len(calls) == len(found) else []


def as_call(value: Any, tool: str | None, tools: set[str]) -> dict[str, Any] | None:
    """A tool_use block, when the value names one of the tools and holds its arguments."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    names = [tool] if tool else [value[key] for key in NAME_KEYS if key in value]
    name = next((name for name in names if isinstance(name, str) and name in tools), None)
    otherwise = value if tool else None
    given = next((value[key] for key in ARGUMENT_KEYS if key in value), otherwise)
    if isinstance(given, str):
        given, _ = json_at(given.strip(), 0)
    if name is None or not isinstance(given, dict):
        return None
    return {"type": "tool_use", "id": "", "name": name, "input": given}
