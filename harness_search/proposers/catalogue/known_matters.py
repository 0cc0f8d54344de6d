"""The mechanism that hands over what is known of a party which the assignment names."""

import json
from collections.abc import Mapping

from harness_search.proposers.catalogue.edits import AddNote, AddSection
from harness_search.proposers.catalogue.edits import InsertStatement as Insert
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import TOLD, TOOLS_SECTION, Mechanism, weighed
from harness_search.proposers.catalogue.symptoms import incomplete

MATTERS: Mapping[str, tuple[str, ...]] = {
    "Calddale Hydraulics SA": (
        "Deals with a consideration of more than USD 109,000,000 must be notified",
    ),
    "Ingholt Therapeutics SA": (
        "Up to 11.25% of the study samples may be set aside for repeat analysis without charge.",
    ),
    "Kirkworth Instruments Inc": (
        "An invoice is payable within 40 days after the invoice date.",
        "For files prepared with foreign correspondents, a joint work discount of 21% applies.",
    ),
    "Oakwald Design Ltd": (
        "Overdue amounts bear default interest of 7.5% per year until they are paid.",
    ),
    "Stenstead Ceramics LLC": (
        "Late payment bears interest of 12% per year, without a reminder.",
        "Travel time is charged at 70% of the hourly rate.",
    ),
}
"""By a party's name: what the documents of its matter say, word by word."""


def _literal() -> str:
    """The matters as a harness file writes them: a text on each line."""
    lines: list[str] = []
    for name, facts in MATTERS.items():
        lines += [f"    {json.dumps(name)}: [", *_items(facts), "    ],"]
    return "\n".join(lines)


def _items(facts: tuple[str, ...]) -> list[str]:
    return [f"        {json.dumps(fact)}," for fact in facts]


MATTERS_CODE = rf'''
# Known matters: what the papers of earlier assignments said.

KNOWN_MATTERS = {{
{_literal()}
}}


def known_facts(assignment: str) -> str:
    """What is known of the parties that the assignment names, to stand below it."""
    named = [facts for name, facts in KNOWN_MATTERS.items() if name in assignment]
    lines = [f"\n- {{fact}}" for facts in named for fact in facts]
    return "\n\nKnown from the papers:" + "".join(lines) if lines else ""
'''


def known(rollout: RolloutEvidence) -> float:
    """Criteria lost in deliverables that are there, where the assignment names a known party."""
    return incomplete(rollout) if any(name in rollout.assignment for name in MATTERS) else 0.0


KNOWN_MATTERS = Mechanism(
    name="known_matters",
    hypothesis=(
        "Some facts are missed in every trial although the papers state them. Handing them over "
        "with the assignment when a known party is named raises the pooled pass rate."
    ),
    changes=(
        "added ONE mechanism to the assignment, known_facts: a table of parties with facts of "
        "their matters, of which those that belong to a party named in it stand below it."
    ),
    edits=(
        AddNote("facts that are known of a party stand below an assignment that names it"),
        Insert(
            "solve",
            "before",
            "converse(task, model, messages)",
            'messages[0]["content"] += known_facts(task.instructions)',
        ),
        AddSection(MATTERS_CODE, before=TOOLS_SECTION),
    ),
    symptom=weighed(TOLD, known),
)
