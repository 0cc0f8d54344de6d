"""The mechanism that keeps a long conversation within what the model can take in."""

from harness_search.proposers.catalogue import helpers
from harness_search.proposers.catalogue.edits import AddNote, AddSection, ReplaceExpression
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import TOLD, TOOLS_SECTION, Mechanism

BUDGET = 200_000
"""Characters of tool results that are sent whole to a model whose window is unknown."""

COMPACTION_CODE = rf'''
# Context compaction: what was read long ago crowds out the rest, or falls out of the window.

WHOLE_RESULTS = {BUDGET:_}  # characters that are sent whole, where the model's window is unknown
SMALL_RESULT = 1_000  # characters of a result that is never cut down
FIRST_LINES = 5  # of a result, which say what the document is: a draft, an e-mail, of which day
WORDS_ALIKE = 3  # that a line and a point have in common; half of a point's words are enough


def compacted(messages: list[dict[str, Any]], window: int | None) -> list[dict[str, Any]]:
    """The messages with older tool results cut down to what bears on the assignment.

    Results are cut down in batches and look the same ever after: any change of a message makes
    the prompt cache useless from there on.
    """
    budget = 2 * window if window else WHOLE_RESULTS  # at two characters a token, half the window
    sent = list(messages)
    whole: list[int] = []
    for number, message in enumerate(messages):
        size = size_of_results(message)
        older = sum(size_of_results(messages[one]) for one in whole)
        while whole and size + older > budget and older > budget // 2:
            oldest = whole.pop(0)
            older -= size_of_results(messages[oldest])
            sent[oldest] = cut_down(messages[oldest], str(messages[0]["content"]))
        if size > budget:
            sent[number] = cut_down(message, str(messages[0]["content"]))
        elif size:
            whole.append(number)
    return sent


def size_of_results(message: dict[str, Any]) -> int:
    return sum(len(result["content"]) for result in long_results(message))


def long_results(message: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = message["content"] if isinstance(message["content"], list) else []
    results = [block for block in blocks if block["type"] == "tool_result"]
    return [result for result in results if len(result["content"]) > SMALL_RESULT]


def cut_down(message: dict[str, Any], assignment: str) -> dict[str, Any]:
    """The same message with its long results cut down."""
    blocks = list(message["content"])
    for result in long_results(message):
        lines = relevant_lines(result["content"], assignment)
        blocks[blocks.index(result)] = {{**result, "content": lines}}
    return {{**message, "content": blocks}}


def relevant_lines(text: str, assignment: str) -> str:
    """Beginning, headings, lines that share words with a point, tables that one quotes from."""
    numbered = points_of(assignment) or [("", line) for line in assignment.splitlines()]
    points = [words_in(f"{{heading}} {{request}}") for heading, request in numbered]
    columns = re.findall(r'"([^"\n]+)"', assignment.casefold())
    lines = [line for line in text.splitlines() if line.strip()]
    kept, heading, in_table = list[str](), set[str](), False
    for number, line in enumerate(lines):
        is_heading, is_row = line.startswith("#"), line.lstrip().startswith("|")
        heading = words_in(line) if is_heading else heading
        in_table = is_row and (in_table or any(name in line.casefold() for name in columns))
        always = number < FIRST_LINES or is_heading or in_table or line.startswith("[")
        if always or bears_on(line, heading, points):
            kept.append(line)
    note = f"[{{len(kept)}} of {{len(lines)}} lines, which bear on the assignment]"
    return "\n".join([note, *kept])


def bears_on(line: str, heading: set[str], points: list[set[str]]) -> bool:
    """Whether a line, together with the heading above it, has enough of a point's words."""
    own = words_in(line)
    return any(
        own & point and len((own | heading) & point) >= min(WORDS_ALIKE, (len(point) + 1) // 2)
        for point in points
    )


def words_in(text: str) -> set[str]:
    """The longer words by their first letters, so that forms of one word are alike."""
    common = {{"state", "which", "whether", "that", "with", "from", "what", "when", "each"}}
    words = set(re.findall(r"[^\W_]{{4,}}", text.casefold()))
    return {{word[:6] for word in words - common}}
'''


def crowded(rollout: RolloutEvidence) -> float:
    """How much was read, as far as content was lost: the window is not known from evidence."""
    length = sum(len(call.result) for call in rollout.calls)
    present = 1 - rollout.share_of_lost(len(rollout.missing)) if rollout.lost else 0.0
    return TOLD * present * min(1.0, length / BUDGET)


COMPACTION = Mechanism(
    name="context_compaction",
    hypothesis=(
        "Where much is read, the first documents are far back when the draft is written, and "
        "facts from them are missing. Cutting older results down to what bears on the assignment "
        "keeps all of it in view."
    ),
    changes=(
        "added ONE deterministic mechanism to the messages that are sent, compacted: beyond "
        f"half of the model's window (or {BUDGET:,} characters) older tool results keep only "
        "headings and the lines and table rows that share words with a numbered point; the "
        "newest stay whole unless they are beyond it alone."
    ),
    edits=(
        AddNote("older tool results are cut down to the lines that bear on the assignment"),
        ReplaceExpression(
            "converse",
            "with_breakpoint(messages)",
            "with_breakpoint(compacted(messages, model.context_tokens))",
        ),
        helpers.POINTS,
        AddSection(COMPACTION_CODE, before=TOOLS_SECTION),
    ),
    symptom=crowded,
)
