"""Mechanisms that look at what is there once the model calls no tool any more."""

import re

from harness_search.proposers.catalogue import helpers
from harness_search.proposers.catalogue.edits import AddImport, AddNote, AddSection
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import (
    ASKED,
    TOLD,
    TOOLS_SECTION,
    Mechanism,
    weighed,
)
from harness_search.proposers.catalogue.symptoms import incomplete, missing, unread

VERIFICATION_CODE = r'''
# Finish verification: the conversation does not end while requested work is plainly not there.

REST_CHECKS = 2  # in one rollout


def asks_for_rest(task: Task, messages: list[dict[str, Any]]) -> bool:
    """Name the requested files and the numbered points that are not delivered, if there are any."""
    files = [f"`{name}`" for name in requested_names(task) if is_missing(task.output / name)]
    points = points_without_heading(task)
    if not files and not points:
        return False
    lines = ["The assignment is not finished: some of what it asks for is not there."]
    if files:
        lines.append(f"Missing or empty in `{task.output}/`: {', '.join(files)}.")
    if points:
        lines.append("No deliverable has a heading for these points:")
        lines += [f"- {heading}" for heading in points]
    lines.append(
        "Write what is missing. A file that lacks points is written again as a whole, with the "
        "points that it has and those that it lacks."
    )
    return ask(messages, "\n".join(lines), times=REST_CHECKS)


def points_without_heading(task: Task) -> list[str]:
    """Headings of numbered points that begin no line and fill no cell of any deliverable."""
    lines = [line for line in delivered_text(task).splitlines() if line.strip()]
    cells = {plain_words(cell) for line in lines for cell in re.split(r"[|:]", line)}
    beginnings = tuple(plain_words(line) + " " for line in lines)
    headings = [heading for heading, _ in points_of(task.instructions) if heading]
    return [
        heading
        for heading in headings
        if plain_words(heading) not in cells
        and not any(line.startswith(plain_words(heading) + " ") for line in beginnings)
    ]


def plain_words(text: str) -> str:
    """The words alone, without case, marks and a number in front."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold())).lstrip("0123456789 ")
'''

COVERAGE_CODE = r'''
# Document coverage: a draft cannot hold what stands in a document that was never opened.


def asks_for_unread(task: Task, messages: list[dict[str, Any]]) -> bool:
    """Name the documents that no tool call opened, if there are any."""
    opened = "\n".join(json.dumps(call, ensure_ascii=False) for call in lookups(messages))
    documents = [path for path in sorted(task.documents.rglob("*")) if is_visible(path)]
    unread = [
        str(path)
        for path in documents
        if not re.search(rf"(?<![\w-]){re.escape(path.name)}", opened)
    ]
    if not unread:
        return False
    names = "\n".join(f"- {path}" for path in unread)
    request = (
        f"You have not opened these papers of the matter:\n{names}\nRead them now. After that, "
        "write a complete corrected version of each deliverable under the same name."
    )
    return ask(messages, request)


def lookups(messages: list[dict[str, Any]]) -> list[Any]:
    """The arguments of all calls that wrote nothing and did not fail."""
    calls = successful_calls(messages)
    return [call["input"] for call in calls if call["name"] in {"read", "bash"}]
'''

FIDELITY_CODE = r'''
# Matter fidelity: a draft about another matter names none of the parties of this one.

NAME = re.compile(r"[A-Z][\w&'-]+(?: (?:(?:of|de|van|von) )?[A-Z][\w&'-]*)*")


def asks_about_matter(task: Task, messages: list[dict[str, Any]]) -> bool:
    """Name the proper names of the assignment's opening, if most are in no deliverable."""
    text = " ".join(delivered_text(task).casefold().split())
    names = opening_names(task.instructions)
    absent = [name for name in names if name.casefold() not in text]
    if not text or len(absent) * 2 <= len(names):
        return False
    request = (
        "The deliverables look as if they were about another matter. The assignment is about "
        f"{', '.join(names)}; nothing is said there about {', '.join(absent)}.\n"
        "Draft each deliverable again for the right matter, complete and under the same name."
    )
    return ask(messages, request)


def opening_names(instructions: str) -> list[str]:
    """Proper names before the numbered points."""
    opening = re.split(r"(?m)^[ \t]*\d{1,3}[.)][ \t]", instructions, maxsplit=1)[0]
    lower_case = set(re.findall(r"\b[a-z]+\b", instructions))
    names: list[str] = []
    for sentence in re.split(r"[.:;!?]\s+|\n", re.sub(r"`[^`]*`", "", opening)):
        for match in NAME.finditer(sentence):
            first, _, rest = match.group().strip(" '").partition(" ")
            # The first word of a sentence has its capital for that alone.
            starts = match.start() == 0 and (not rest or first.casefold() in lower_case)
            names.append(rest if starts else f"{first} {rest}".strip())
    return [name for name in dict.fromkeys(names) if name]
'''

_POINT = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]+([^:\n]+): ", re.MULTILINE)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w&'-]+(?: [A-Z][\w&'-]*)+")


def unfulfilled(rollout: RolloutEvidence) -> float:
    """Missing deliverables, and numbered points whose heading nothing that was written has."""
    headings = _POINT.findall(rollout.assignment)
    if rollout.missing or not headings:
        # A file that lies elsewhere was written, and may be written there again.
        factor = TOLD if rollout.stray else ASKED
        return factor * missing(rollout)
    text = rollout.written.casefold()
    absent = sum(heading.casefold() not in text for heading in headings)
    return ASKED * rollout.share_of_criteria(absent / len(headings))


def of_another_matter(rollout: RolloutEvidence) -> float:
    """Criteria lost in deliverables that are there, when they lack most names of the matter."""
    names = set(_NAME.findall(_POINT.split(rollout.assignment, maxsplit=1)[0]))
    text = rollout.written.casefold()
    absent = sum(name.casefold() not in text for name in names)
    return incomplete(rollout) if rollout.written and absent * 2 > len(names) else 0.0


VERIFICATION = Mechanism(
    name="finish_verification",
    hypothesis=(
        "Some rollouts end before all requested files and points are there. Naming what is missing "
        "when the model wants to finish raises the pooled pass rate."
    ),
    changes=(
        "added ONE mechanism to the end of the conversation, asks_for_rest: requested files that "
        "are missing or empty, and numbered points whose heading is in no deliverable, are named "
        "in one more message, at most twice, and the conversation goes on."
    ),
    edits=(
        AddNote("the model is told of missing files and points when it wants to finish"),
        helpers.when_done("if asks_for_rest(task, messages):\n    continue"),
        helpers.REQUESTED,
        helpers.DELIVERED,
        helpers.POINTS,
        helpers.ASKING,
        AddSection(VERIFICATION_CODE, before=TOOLS_SECTION),
    ),
    symptom=unfulfilled,
)

COVERAGE = Mechanism(
    name="document_coverage",
    hypothesis=(
        "Some drafts are written from a part of the documents only. Naming the unread ones and "
        "asking for a corrected version raises the pooled pass rate."
    ),
    changes=(
        "added ONE mechanism to the end of the conversation, asks_for_unread: documents that no "
        "call opened are named in one more message, which asks to read them and to write complete "
        "corrected versions."
    ),
    edits=(
        AddNote("the model is told of documents that it never opened when it wants to finish"),
        AddImport("json"),
        helpers.when_done("if asks_for_unread(task, messages):\n    continue"),
        helpers.CALLS,
        helpers.ASKING,
        AddSection(COVERAGE_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(ASKED, unread),
)

FIDELITY = Mechanism(
    name="matter_fidelity",
    hypothesis=(
        "Some drafts are about another matter whose papers lie in the same folder. Naming the "
        "parties of the assignment that no deliverable mentions makes the model draft again."
    ),
    changes=(
        "added ONE mechanism to the end of the conversation, asks_about_matter: when most proper "
        "names of the assignment's opening are in no deliverable, they are named in one more "
        "message, which asks for a new draft."
    ),
    edits=(
        AddNote("the model is told when no deliverable names the parties of the assignment"),
        helpers.when_done("if asks_about_matter(task, messages):\n    continue"),
        helpers.DELIVERED,
        helpers.ASKING,
        AddSection(FIDELITY_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(ASKED, of_another_matter),
)
