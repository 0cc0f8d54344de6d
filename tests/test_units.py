"""What a candidate adds to its parent is read from the syntax of both."""

from itertools import combinations

import pytest
from candidates import BASELINE, CATALOGUE, stacked

from harness_search.promotion.units import Addition, Kind, additions
from harness_search.proposers.catalogue.edits import NotApplicableError

PARENT = BASELINE.read_text(encoding="utf-8")
WORDING = {"exact_names_playbook", "outline_playbook", "read_everything_playbook"}
APART = ("turn_counter", "deliverable_landing_gate", "toolcall_json_repair", "second_look")


def edited(*changes: tuple[str, str]) -> tuple[Addition, ...]:
    """What edits of the baseline come to; each is made once."""
    source = PARENT
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    return additions(source, PARENT)


def kinds(*changes: tuple[str, str]) -> list[Kind]:
    return [addition.kind for addition in edited(*changes)]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_each_mechanism_of_the_catalogue_is_one(name: str) -> None:
    (addition,) = additions(stacked([name]), PARENT)
    assert addition.kind is (Kind.PROMPT if name in WORDING else Kind.CODE)
    assert addition.places


@pytest.mark.parametrize("first", ["deliverable_landing_gate", "finish_verification"])
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_each_is_one_on_a_parent_that_has_its_helpers_already(first: str, name: str) -> None:
    if name == first:
        return
    try:
        source = stacked([first, name])
    except NotApplicableError:
        return
    assert len(additions(source, stacked([first]))) == 1


@pytest.mark.parametrize("names", [*combinations(APART, 2)], ids="+".join)
def test_two_mechanisms_in_one_candidate_are_two(names: tuple[str, str]) -> None:
    assert len(additions(stacked(names), PARENT)) == 2


@pytest.mark.parametrize("code", ["larger_replies", "output_listing", "known_matters"])
def test_wording_beside_code_is_a_second_thing(code: str) -> None:
    found = additions(stacked([code, "outline_playbook"]), PARENT)
    assert {addition.kind for addition in found} == {Kind.CODE, Kind.PROMPT}


RULE = '\nRULE = """Look at every page twice before you write."""\n\n\ndef solve('


@pytest.mark.parametrize(
    "changes",
    [
        [("Rely on the papers only.", "Rely on nothing but the papers.")],
        [("Write a plain text or Markdown file.", "Write a text file, as a whole, once only.")],
        [("def solve(", RULE), ('"text": SYSTEM,', '"text": SYSTEM + RULE,')],
        [("def solve(", RULE), ('"text": SYSTEM,', '"text": f"{SYSTEM}\\n\\n{RULE}",')],
        [
            ("def solve(", RULE),
            ("    converse(task, model, messages)\n", '    messages[0]["content"] += RULE\n'
             "    converse(task, model, messages)\n"),
        ],
        [('"content": task.instructions', '"content": task.instructions + " Mind every date."')],
    ],
)  # fmt: skip
def test_words_alone_are_a_prompt_wherever_they_stand(changes: list[tuple[str, str]]) -> None:
    assert kinds(*changes) == [Kind.PROMPT]


def test_a_text_that_new_code_sends_belongs_to_that_code() -> None:
    (addition,) = additions(stacked(["second_look"]), PARENT)
    assert addition == Addition(Kind.CODE, ("second_look", "SECOND_LOOK"), ("solve",))


def test_a_new_tool_is_one_mechanism_in_three_places() -> None:
    runner = "def count(task: Task, arguments: Arguments) -> str:\n    return '1'\n\n\ndef grep("
    found = edited(
        ("def grep(", runner),
        ("TOOLS = [\n", 'TOOLS = [\n    tool("count", "Count the files in a folder.", []),\n'),
        ('    "grep": grep,', '    "grep": grep,\n    "count": count,'),
    )
    assert found == (Addition(Kind.CODE, ("count",), ("TOOLS", "RUNNERS")),)


def test_a_value_handed_through_functions_is_one_mechanism() -> None:
    changes = [
        ("    for _ in range(TURN_LIMIT):", "    seen = set()\n    for _ in range(TURN_LIMIT):"),
        ("answer(task, call) for", "answer(task, call, seen) for"),
        ("call: dict[str, Any])", "call: dict[str, Any], seen: set)"),
        ("    failed = False\n", '    failed = False\n    seen.add(call["id"])\n'),
    ]
    assert kinds(*changes) == [Kind.CODE]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ([("TURN_LIMIT = 200", "TURN_LIMIT = 9")], 1),
        ([("TURN_LIMIT = 200", "TURN_LIMIT = 9"), ("SECONDS = 60", "SECONDS = 9")], 2),
        ([("            return\n", "            break\n")], 1),
        ([("    result = text[:LONGEST_RESULT]\n", "    result = text\n")], 1),
        ([("def solve(", "def unused():\n    pass\n\n\ndef solve(")], 1),
        ([("def solve(", "X = 1\n\n\ndef solve("), ("LIMIT = 200", "LIMIT = 9")], 1),
        ([("def solve(", "# why\ndef solve("), ("import re\n", "import json\nimport re\n")], 0),
    ],
)
def test_edits_of_old_units_count_each_for_itself(
    changes: list[tuple[str, str]], count: int
) -> None:
    assert len(edited(*changes)) == count


def test_statements_in_another_order_are_a_change() -> None:
    parent = "def solve(task, model):\n    a()\n    b()\n"
    assert additions("def solve(task, model):\n    b()\n    a()\n", parent)


@pytest.mark.parametrize("name", ["deliverable_landing_gate", "cut_reply_continuation"])
def test_taking_a_mechanism_out_is_one_change_too(name: str) -> None:
    assert len(additions(PARENT, stacked([name]))) == 1


def test_a_long_list_of_units_is_told_in_short() -> None:
    (addition,) = additions(stacked(["textual_call_rescue"]), PARENT)
    assert str(addition).startswith("code: ")
    assert str(addition).endswith("and 8 more, edits in converse")
