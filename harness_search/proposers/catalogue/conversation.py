"""Mechanisms that change what passes between the model and its tools."""

from harness_search.proposers.catalogue.edits import AddImport, AddNote, AddSection
from harness_search.proposers.catalogue.edits import InsertStatement as Insert
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import TOLD, TOOLS_SECTION, Mechanism, weighed
from harness_search.proposers.catalogue.symptoms import incomplete

SHORT_RESULT = 1_000
"""Characters of a tool result that the mechanism below keeps."""

REPAIR_CODE = r'''
# Tool-call repair: malformed arguments can arrive as the text that the model wrote.


def repair_calls(content: list[dict[str, Any]]) -> None:
    """Replace arguments that arrived as text by the object they were meant to be."""
    for block in content:
        if block["type"] == "tool_use" and isinstance(block["input"], str):
            block["input"] = parsed_arguments(block["input"])


def parsed_arguments(text: str) -> Any:
    """The JSON object in the text after the usual slips are mended, or else the text as it is."""
    try:
        # Not strict: line breaks inside strings are the most frequent slip of all.
        return json.loads(mended(text), strict=False)
    except ValueError:
        return text


def mended(text: str) -> str:
    """The first object in the text: no trailing commas, no code fence, every bracket closed."""
    if text.lstrip().startswith("```"):
        text = text.strip().removesuffix("```")
    kept, closers, quoted, escaped = "", [], False, False
    for mark in text[text.find("{") :] if "{" in text else "":
        if quoted:
            quoted = escaped or mark != '"'
            escaped = mark == "\\" and not escaped
        elif mark == '"':
            quoted = True
        elif mark in "{[":
            closers.append("}" if mark == "{" else "]")
        elif mark in "}]":
            kept = kept.rstrip().removesuffix(",")
            closers.pop()
        kept += mark
        if not closers:  # whatever follows the object is left out
            return kept
    if quoted:  # the last quote is missing; a brace at the very end was meant to close the object
        kept = kept[: len(kept) - escaped].rstrip().removesuffix("}").rstrip() + '"'
    return kept.rstrip().removesuffix(",") + "".join(reversed(closers))
'''

SHORTENING_CODE = rf'''
# Short tool results: a long result crowds out the assignment, turn after turn.

SHORT_RESULT = {SHORT_RESULT:_}  # characters


def shortened(result: str) -> str:
    """The beginning of a long result, with a note of how much was left out."""
    left = len(result) - SHORT_RESULT
    return f"{{result[:SHORT_RESULT]}}\n[{{left}} more characters left out]" if left > 0 else result
'''

SECOND_LOOK_CODE = r'''
# Second look: once the model thinks it is done, it checks its work against the documents.

SECOND_LOOK = """\
Before you finish, take a second look. Open the documents again and compare what you delivered \
with them point by point: names, dates, amounts, and everything the assignment asks for. Then \
write a complete corrected version of each deliverable under the same name.
"""


def second_look(task: Task, model: Model, messages: list[dict[str, Any]]) -> None:
    """Go on with the same conversation, asking for a check and a corrected version."""
    messages.append({"role": "user", "content": SECOND_LOOK})
    converse(task, model, messages)
'''


def malformed(rollout: RolloutEvidence) -> float:
    """Deliverables that are missing because a call with unreadable arguments was to write them."""
    broken = [call.input for call in rollout.calls if isinstance(call.input, str)]
    return rollout.share_of_lost(
        sum(any(name in text for text in broken) for name in rollout.missing)
    )


def cut_away(rollout: RolloutEvidence) -> float:
    """How much of the tool results is beyond the short length, as far as content was lost."""
    lengths = [len(call.result) for call in rollout.calls]
    beyond = sum(max(0, length - SHORT_RESULT) for length in lengths)
    return incomplete(rollout) * beyond / max(1, sum(lengths))


REPAIR = Mechanism(
    name="toolcall_json_repair",
    hypothesis=(
        "Some tool calls carry malformed JSON, are refused, and the work in them is lost. Mending "
        "the usual slips before the call is run raises the pooled pass rate."
    ),
    changes=(
        "added ONE deterministic mechanism before tools are run, repair_calls: arguments that "
        "arrived as text are parsed after line breaks in strings, trailing commas, missing "
        "closers, code fences and text after the object are dealt with, in the message too."
    ),
    edits=(
        AddNote("tool arguments that are malformed JSON are mended before the tool is run"),
        AddImport("json"),
        Insert(
            "converse",
            "before",
            'messages.append({"role": "assistant", "content": reply.content})',
            "repair_calls(reply.content)",
        ),
        AddSection(REPAIR_CODE, before=TOOLS_SECTION),
    ),
    symptom=malformed,
)

SHORTENING = Mechanism(
    name="short_tool_results",
    hypothesis=(
        "Long tool results are sent again with every turn and crowd out the assignment. Cutting "
        f"them to {SHORT_RESULT:,} characters saves tokens and keeps the model on its task."
    ),
    changes=(
        f"added ONE mechanism to tool results, shortened: a result beyond {SHORT_RESULT:,} "
        "characters is cut, with a note of how much was left out."
    ),
    edits=(
        AddNote("long tool results are cut to their beginning"),
        Insert("answer", "after", "result = text[:LONGEST_RESULT]", "result = shortened(result)"),
        AddSection(SHORTENING_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(TOLD, cut_away),
)

SECOND_LOOK = Mechanism(
    name="second_look",
    hypothesis=(
        "Delivered files miss points that the documents settle. Asking for one comparison with "
        "the documents and a corrected version raises the pooled pass rate."
    ),
    changes=(
        "added ONE mechanism after the conversation, second_look: one more message asks the model "
        "to compare its deliverables with the documents point by point and to write a complete "
        "corrected version, and the conversation goes on."
    ),
    edits=(
        AddNote("when the model is done it is asked for one comparison and a corrected version"),
        Insert(
            "solve",
            "after",
            "converse(task, model, messages)",
            "second_look(task, model, messages)",
        ),
        AddSection(SECOND_LOOK_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(TOLD, incomplete),
)
