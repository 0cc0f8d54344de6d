"""What a session printed about itself: hints for people, since any process in it can print them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness_search.proposers.claude.worker import END

LONGEST_WORD = 300
"""Characters of a text that are kept: it is nobody's word."""


@dataclass(frozen=True, slots=True)
class Said:
    """The last of what a session says of its own end."""

    finished: bool = False
    """Whether there is a result that is no error."""
    subtype: str = ""
    """Of the result: `success`, `error_max_turns`, `error_during_execution` ..."""
    terminal_reason: str = ""
    """`completed`, `api_error`, `max_turns`, `prompt_too_long` ..."""
    status: int | None = None
    """Of the answer that it ended with."""
    error: str = ""
    """Of the last assistant message: `rate_limit`, `authentication_failed`, `billing_error` ..."""
    text: str = ""
    """Of the result, or of the exception that ended it."""
    exception: str = ""
    """Its name."""
    turns: int = 0


def read_messages(log: str) -> Said:
    """What the lines of a log say; lines that are none of the worker's are left out."""
    found: dict[str, Any] = {}
    for kind, fields in _lines(log):
        if kind == "AssistantMessage":
            found["error"] = _text(fields.get("error"))
        elif kind == "ResultMessage":
            found |= _result(fields)
        elif kind == END:
            found |= _exception(fields.get("error"))
    return Said(**found)


def _lines(log: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for line in log.splitlines():
        if not line.startswith('{"message": '):
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        kind, fields = entry.get("message"), entry.get("fields")
        if isinstance(kind, str) and isinstance(fields, dict):
            yield kind, fields


def _result(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "finished": fields.get("is_error") is False,
        "subtype": _text(fields.get("subtype")),
        "terminal_reason": _text(fields.get("terminal_reason")),
        "status": _number(fields.get("api_error_status")),
        "text": _text(fields.get("result")),
        "turns": _number(fields.get("num_turns")) or 0,
    }


def _exception(error: object) -> dict[str, Any]:
    if not isinstance(error, dict):
        return {}
    return {"exception": _text(error.get("kind")), "text": _text(error.get("text"))}


def _text(value: object) -> str:
    return value[:LONGEST_WORD] if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if type(value) is int else None
