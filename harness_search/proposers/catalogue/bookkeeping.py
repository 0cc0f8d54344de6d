"""Mechanisms that keep count of what the model does."""

from harness_search.proposers.catalogue.edits import AddImport, AddNote, AddSection
from harness_search.proposers.catalogue.edits import InsertStatement as Insert
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import ADVISED, TOOLS_SECTION, Mechanism, weighed
from harness_search.proposers.catalogue.symptoms import missing

COUNTER_CODE = r'''
# Turn counter: the model knows how far it has come.


def count_turn(
    messages: list[dict[str, Any]], calls: list[dict[str, Any]], results: list[dict[str, Any]]
) -> None:
    """Say in the result of each writing tool which turn it belongs to."""
    turn = sum(message["role"] == "assistant" for message in messages)
    for call, result in zip(calls, results, strict=True):
        # Reading tools say nothing: who looks twice at the same thing must see the same thing.
        if call["name"].startswith("write"):
            result["content"] += f"\n[turn {turn} of {TURN_LIMIT}]"
'''

LOG_CODE = r'''
# Tool-call log: what was called stands in a scratch file, where it can be looked up.

CALL_LOG = ".tool_calls.jsonl"


def log_call(task: Task, call: dict[str, Any], failed: bool) -> None:
    """Add a line with the tool, its arguments and how it ended; long values are cut."""
    given = call["input"] if isinstance(call["input"], dict) else {"text": call["input"]}
    short = {name: str(value)[:80] for name, value in given.items()}
    entry = {"tool": call["name"], "arguments": short, "failed": failed}
    # A full disk must not end the conversation for want of a log.
    with contextlib.suppress(OSError), (task.workspace / CALL_LOG).open("a") as log:
        log.write(f"{json.dumps(entry)}\n")
'''


def failing(rollout: RolloutEvidence) -> float:
    """The share of tool calls that failed."""
    if not rollout.lost or not rollout.calls:
        return 0.0
    return ADVISED * sum(call.failed for call in rollout.calls) / len(rollout.calls)


COUNTER = Mechanism(
    name="turn_counter",
    hypothesis=(
        "The model does not know how many turns it has used, and finishes before all is written. "
        "Telling it the turn after every write lets it plan what is left."
    ),
    changes=(
        "added ONE mechanism to tool results, count_turn: the result of a writing tool says in "
        "which turn it was called, and of how many."
    ),
    edits=(
        AddNote("the result of a writing tool says which turn it is"),
        Insert(
            "converse",
            "before",
            'messages.append({"role": "user", "content": results})',
            "count_turn(messages, calls, results)",
        ),
        AddSection(COUNTER_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(ADVISED, missing),
)

CALL_LOG = Mechanism(
    name="tool_call_log",
    hypothesis=(
        "After failed tool calls the model repeats what it did before. A log of all calls in a "
        "scratch file lets it look up what was tried."
    ),
    changes=(
        "added ONE mechanism to tool calls, log_call: each call is written to a scratch file in "
        "the workspace, with its arguments and whether it failed."
    ),
    edits=(
        AddNote("every tool call is written to a log in the scratch space"),
        AddImport("contextlib"),
        AddImport("json"),
        Insert(
            "answer",
            "before",
            "result = text[:LONGEST_RESULT]",
            "log_call(task, call, failed)",
        ),
        AddSection(LOG_CODE, before=TOOLS_SECTION),
    ),
    symptom=failing,
)
