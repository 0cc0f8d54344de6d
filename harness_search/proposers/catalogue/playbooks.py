"""Mechanisms that add standing advice to the system prompt, and no code."""

from harness_search.proposers.catalogue.edits import AddNote
from harness_search.proposers.catalogue.mechanism import ADVISED, Mechanism, weighed
from harness_search.proposers.catalogue.prompt_edits import AddAdvice
from harness_search.proposers.catalogue.symptoms import incomplete, misplaced, unread

EXACT_NAMES = Mechanism(
    name="exact_names_playbook",
    hypothesis=(
        "Work is saved under names that differ a little from those requested, and is not graded. "
        "Advice to compare the names before finishing raises the pooled pass rate."
    ),
    changes=(
        "added ONE section to the system prompt: before finishing, the names of the files in "
        "output/ are compared with the requested names, character by character."
    ),
    edits=(
        AddNote("the prompt asks for a comparison of file names before the model finishes"),
        AddAdvice(
            "Before you finish:",
            (
                "List the files in `output/` and compare each name with the requested names, "
                "character by character: spelling, hyphens, capitals and extension.",
                "Put right every name that differs, and move a file out of any subfolder.",
            ),
        ),
    ),
    symptom=weighed(ADVISED, misplaced),
)

READ_EVERYTHING = Mechanism(
    name="read_everything_playbook",
    hypothesis=(
        "Drafts are written before all papers were read, and miss what the others say. Advice to "
        "read every document completely first raises the pooled pass rate."
    ),
    changes=(
        "added ONE section to the system prompt: every document is read completely before "
        "anything is written."
    ),
    edits=(
        AddNote("the prompt asks for every document to be read before anything is written"),
        AddAdvice(
            "Reading:",
            (
                "Read every document in `documents/` completely before you write anything, "
                "schedules, e-mails and short notes included.",
                "When a result says that more lines follow, go on until the end of the document.",
            ),
        ),
    ),
    symptom=weighed(ADVISED, unread),
)

OUTLINE = Mechanism(
    name="outline_playbook",
    hypothesis=(
        "Points of the assignment are dropped while a long deliverable is written. Advice to "
        "draft an outline of all points first raises the pooled pass rate."
    ),
    changes=(
        "added ONE section to the system prompt: an outline of all points of the assignment is "
        "drafted before the deliverable is written."
    ),
    edits=(
        AddNote("the prompt asks for an outline of all points before a deliverable is written"),
        AddAdvice(
            "Planning:",
            (
                "Before you write a deliverable, draft an outline that has every point of the "
                "assignment, each with the documents that answer it.",
                "Then write the deliverable along the outline and leave no point out.",
            ),
        ),
    ),
    symptom=weighed(ADVISED, incomplete),
)
