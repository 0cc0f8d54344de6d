"""Mechanisms that mend how the model calls its tools."""

import inspect
import json
from collections import Counter

from harness_search.proposers.catalogue import textual_calls
from harness_search.proposers.catalogue.edits import AddImport, AddNote, AddSection
from harness_search.proposers.catalogue.edits import InsertStatement as Insert
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import TOOLS_SECTION, Mechanism
from harness_search.proposers.catalogue.symptoms import missing
from harness_search.proposers.catalogue.textual_calls import parted

_PARSING = inspect.getsource(textual_calls)

RESCUE_CODE = (
    _PARSING[_PARSING.index("# Textual calls") :]
    + r'''

def rescue_calls(content: list[dict[str, Any]], turn: int) -> None:
    """Put tool calls in place of their texts, unless the reply has a real one."""
    if any(block["type"] == "tool_use" for block in content):
        return  # the text may then be an example, or part of what is delivered
    calls: list[dict[str, Any]] = []
    for block in content:
        if block["type"] == "text":
            block["text"], found = parted(block["text"], set(RUNNERS))
            calls += found
    if calls:
        for number, call in enumerate(calls, start=1):
            call["id"] = f"rescued_{turn}_{number}"
        content[:] = [block for block in content if block.get("text", "x").strip()] + calls
'''
)

REPETITION_CODE = r'''
# Repetition: a model that makes one call again and again is told so.

CALLS_ALIKE = 2  # that get the same result in one round before the next one is told


def tell_repetitions(messages: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
    """Replace a result that the same call got twice before by a request for another step."""
    earlier = blocks_of_round(messages)
    given = {block["id"]: call_key(block) for block in earlier if block["type"] == "tool_use"}
    told = [block for block in earlier if block["type"] == "tool_result"]
    seen = [(given[block["tool_use_id"]], block["content"]) for block in told]
    for result in results:
        call = given[result["tool_use_id"]]
        alike = seen.count((call, result["content"]))
        seen.append((call, result["content"]))
        if alike >= CALLS_ALIKE:
            times = sum(other == call for other, _ in seen)
            result["content"] = (
                f"You have made this same call {times} times now, and its result is what it was "
                "before. Do not make it again. Take another step: look at something else, or "
                "write the deliverables with what you know."
            )


def blocks_of_round(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks since the last message in words: after it, reading again may be asked for."""
    spoken = [isinstance(message["content"], str) for message in messages]
    start = len(messages) - spoken[::-1].index(True)
    return [block for message in messages[start:] for block in message["content"]]


def call_key(block: dict[str, Any]) -> str:
    return json.dumps([block["name"], block["input"]], sort_keys=True)
'''


def spelt_out(rollout: RolloutEvidence) -> float:
    """Missing deliverables, where replies without a tool call have one in their text."""
    tools = set(rollout.tools)
    return missing(rollout) if any(parted(text, tools)[1] for text in rollout.closings) else 0.0


def repeated(rollout: RolloutEvidence) -> float:
    """Missing deliverables, where a call was made three times with the same result."""
    alike = Counter(
        (call.name, json.dumps(call.input, sort_keys=True), call.result) for call in rollout.calls
    )
    return missing(rollout) if max(alike.values(), default=0) >= 3 else 0.0


RESCUE = Mechanism(
    name="textual_call_rescue",
    hypothesis=(
        "Some replies spell a tool call out in their text and make none, so the loop takes them "
        "for the end and the work is lost. Running such calls raises the pooled pass rate."
    ),
    changes=(
        "added ONE deterministic mechanism before tools are run, rescue_calls: in a reply without "
        "any tool call, calls written as tagged, fenced or closing JSON or as tagged "
        "parameters become real ones when the tool exists; the text around them is kept."
    ),
    edits=(
        AddNote("tool calls that the model only wrote into its text are made"),
        AddImport("contextlib"),
        AddImport("json"),
        Insert(
            "converse",
            "before",
            'messages.append({"role": "assistant", "content": reply.content})',
            "rescue_calls(reply.content, len(messages))",
            ahead_of=("repair_calls(reply.content)",),
        ),
        AddSection(RESCUE_CODE, before=TOOLS_SECTION),
    ),
    symptom=spelt_out,
)

REPETITION = Mechanism(
    name="repetition_breaker",
    hypothesis=(
        "Some rollouts make one and the same call until they give up, and deliver nothing. Saying "
        "in the third result that nothing has changed lets the model go on to the next step."
    ),
    changes=(
        "added ONE mechanism to tool results, tell_repetitions: from the third identical call "
        "with an identical result since the last user message on, the result says so instead and "
        "asks for another step."
    ),
    edits=(
        AddNote("the third identical call with an identical result is told to take another step"),
        AddImport("json"),
        Insert(
            "converse",
            "after",
            "results = [answer(task, call) for call in calls]",
            "tell_repetitions(messages, results)",
        ),
        AddSection(REPETITION_CODE, before=TOOLS_SECTION),
    ),
    symptom=repeated,
)
