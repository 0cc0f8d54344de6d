"""How the model's calls reach the wire, its malformed ones among them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness_search.simulated.prompts import CHARACTERS_PER_TOKEN


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
    cut: bool = False
    """Whether it wanted to say more than it had room for."""

    @property
    def stop_reason(self) -> str:
        """As the Messages API names it."""
        return "max_tokens" if self.cut else "tool_use" if self.calls else "end_turn"


def malformed_json(arguments: Mapping[str, Any]) -> str:
    """Tool-call arguments as some models write them: raw line breaks, no closing brace."""
    return json.dumps(arguments, ensure_ascii=False).replace("\\n", "\n").removesuffix("}")


def as_text(call: ToolUse, shape: int) -> str:
    """A call as models write it who fall out of the protocol, in one of three shapes."""
    arguments = json.dumps(call.input, ensure_ascii=False)
    name = json.dumps(call.name)
    match shape % 3:
        case 0:
            inner = f'{{"name": {name}, "arguments": {arguments}}}'
            return f"<tool_call>\n{inner}\n</tool_call>"
        case 1:
            return f'```json\n{{"tool": {name}, "input": {arguments}}}\n```'
        case _:
            return f"<function={call.name}>{arguments}</function>"


def cut_to(step: Step, max_tokens: object) -> Step:
    """As much of a step as the request has room for.

    The text comes first; of the call that is cut, the longest argument ends early (or the call is
    lost, where nothing of that argument fits), and later calls are gone.
    """
    if not isinstance(max_tokens, int):
        return step
    room = max_tokens * CHARACTERS_PER_TOKEN
    if len(step.text) >= room:
        return Step(step.text[:room], (), cut=True)
    room -= len(step.text)
    kept: list[ToolUse] = []
    for call in step.calls:
        size = len(json.dumps(call.input, ensure_ascii=False))
        if size > room:
            partial = _shortened(call, size - room)
            return replace(step, calls=(*kept, *partial), cut=True)
        kept.append(call)
        room -= size
    return step


def _shortened(call: ToolUse, by: int) -> Sequence[ToolUse]:
    if isinstance(call.input, str):
        return [replace(call, input=call.input[:-by])] if len(call.input) > by else []
    arguments = dict(call.input) if isinstance(call.input, dict) else {}
    longest = max(arguments, key=lambda name: len(str(arguments[name])), default=None)
    if longest is None or len(str(arguments[longest])) <= by:
        return []
    arguments[longest] = str(arguments[longest])[:-by]
    return [replace(call, input=arguments)]
