"""The mechanism that lets the model go on after a reply that met its length limit."""

from harness_search.proposers.catalogue.edits import AddNote, AddSection
from harness_search.proposers.catalogue.edits import InsertStatement as Insert
from harness_search.proposers.catalogue.helpers import ASKING
from harness_search.proposers.catalogue.mechanism import TOLD, TOOLS_SECTION, Mechanism, weighed
from harness_search.proposers.catalogue.symptoms import cut_replies

CONTINUATION_CODE = r'''
# Cut replies: a model that meets the length limit does not know that the rest is missing.

CUT_CALL = """

[Your reply was cut off at its length limit, and this call with it: whatever you meant to write \
after that is missing. Write the rest now in one more call to the same path. Begin with the \
sentence that was cut, and repeat nothing that stands before it.]"""
CUT_TEXT = """\
Your reply was cut off at its length limit before it came to a tool call. Go on where it broke \
off, with short notes only, and call the tool now."""


def tell_of_cut(results: list[dict[str, Any]], stop_reason: str) -> None:
    """Say in the result of the last call of a cut reply that the rest is to be written."""
    if stop_reason == "max_tokens":
        results[-1]["content"] += CUT_CALL


def goes_on(messages: list[dict[str, Any]], stop_reason: str) -> bool:
    """Whether a reply that called no tool was cut, and the model has been asked to go on."""
    # A model that only ever deliberates would use up every turn.
    return stop_reason == "max_tokens" and ask(messages, CUT_TEXT, times=5)
'''


CONTINUATION = Mechanism(
    name="cut_reply_continuation",
    hypothesis=(
        "Replies that meet the length limit lose the end of a deliverable, and the model does not "
        "notice. Telling it and asking for the rest raises the pooled pass rate."
    ),
    changes=(
        "added ONE mechanism to the loop: after a reply with the stop reason max_tokens the last "
        "tool result says that the reply was cut and asks for the rest, and a cut reply without "
        "a tool call is answered with a request to go on, at most five times."
    ),
    edits=(
        AddNote("after a reply that was cut at its length limit the model is asked for the rest"),
        Insert(
            "converse",
            "after",
            'calls = [block for block in reply.content if block["type"] == "tool_use"]',
            "if not calls and goes_on(messages, reply.stop_reason):\n    continue",
        ),
        Insert(
            "converse",
            "before",
            'messages.append({"role": "user", "content": results})',
            "tell_of_cut(results, reply.stop_reason)",
        ),
        ASKING,
        AddSection(CONTINUATION_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(TOLD, cut_replies),
)
