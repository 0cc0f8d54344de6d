"""Every failure of the simulated model occurs with the stock loop, and its mechanism mends it."""

from pathlib import Path

import pytest
from simulated_matter import FACTS, PAPERS, assignment_prone_to, delivered, facts_in, work

from harness_search.simulated.failures import failures_of, prone_to
from harness_search.simulated.personas import PERSONAS, Failure
from harness_search.simulated.server import reply_to
from harness_search.simulated.situation import Call
from harness_search.simulated.writing import WriteCall, progress

MENDED_BY: dict[Failure, tuple[str, ...]] = {
    Failure.WRONG_NAME: ("deliverable_landing_gate",),
    Failure.SUBFOLDER: ("deliverable_landing_gate",),
    Failure.SCRATCH_FOLDER: ("deliverable_landing_gate",),
    Failure.CLOBBERED_CHUNKS: ("deliverable_reassembly_gate",),
    Failure.MALFORMED_CALL: ("toolcall_json_repair",),
    Failure.CALL_AS_TEXT: ("textual_call_rescue",),
    Failure.MARKDOWN_CONTENT: ("opens_as_its_type",),
    Failure.WRONG_TYPE: ("cross_type_landing", "opens_as_its_type"),
    Failure.REPETITION_LOOP: ("repetition_breaker",),
    Failure.EARLY_STOP: ("finish_verification",),
    Failure.WRONG_MATTER: ("matter_fidelity",),
    Failure.FEW_DOCUMENTS: ("document_coverage",),
    Failure.LONG_DELIBERATION: ("larger_replies",),
}


TAIL = ", as the parties have agreed after long talks and recorded in the minutes of their meeting"
WORDY = {
    name: "\n".join(
        f"{line.removesuffix('.')}{TAIL * 6}." if line.endswith(".") else line
        for line in text.splitlines()
    )
    for name, text in PAPERS.items()
}
"""Papers whose answers fill a page, so that a reply can be cut among them."""


def facts_delivered(folder: Path, assignment: str, *mechanisms: str) -> int:
    work(folder, assignment, mechanisms, papers=WORDY)
    return facts_in(delivered(folder))


def ceiling(folder: Path) -> int:
    """What the model states when nothing goes wrong: one point may be beyond it."""
    return facts_delivered(folder, assignment_prone_to())


def test_every_failure_has_its_mechanism() -> None:
    assert MENDED_BY.keys() == set(Failure)


@pytest.mark.parametrize("failure", list(Failure))
def test_a_failure_costs_facts_until_its_mechanism_mends_it(
    failure: Failure, tmp_path: Path
) -> None:
    assignment = assignment_prone_to(failure)
    before = facts_delivered(tmp_path / "before", assignment)
    after = facts_delivered(tmp_path / "after", assignment, *MENDED_BY[failure])
    assert before < after
    assert after >= len(FACTS) - 2
    assert after >= ceiling(tmp_path / "ceiling") - 1


@pytest.mark.parametrize(
    ("failure", "alone", "base"),
    [
        (Failure.WRONG_TYPE, "cross_type_landing", "opens_as_its_type"),
        (Failure.LONG_DELIBERATION, "cut_reply_continuation", "deliverable_reassembly_gate"),
    ],
)
def test_some_mechanisms_help_only_together(
    failure: Failure, alone: str, base: str, tmp_path: Path
) -> None:
    assignment = assignment_prone_to(failure)
    before = facts_delivered(tmp_path / "before", assignment)
    assert facts_delivered(tmp_path / "alone", assignment, alone) <= before + 1
    assert facts_delivered(tmp_path / "base", assignment, base) <= before
    for order in ((alone, base), (base, alone)):
        together = facts_delivered(tmp_path / "-".join(order), assignment, *order)
        assert together >= before + 2


LONG = dict(PAPERS) | {
    f"terms {number}.txt": f"Terms of Larch Holdings Ltd, Project Heron, part {number}\n"
    + "\n".join(
        f"Clause {number}.{clause}: every meeting is minuted, and the minutes are kept by the "
        f"secretary of committee {clause} for the time that the archive rules say."
        for clause in range(45)
    )
    for number in range(6)
}


def test_what_was_read_too_long_ago_is_forgotten_until_results_are_compacted(
    tmp_path: Path,
) -> None:
    assignment = assignment_prone_to()
    kept = facts_delivered(tmp_path / "short", assignment)
    work(tmp_path / "long", assignment, papers=LONG)
    forgotten = facts_in(delivered(tmp_path / "long"))
    work(tmp_path / "compacted", assignment, ["context_compaction"], papers=LONG)
    assert forgotten < kept
    assert facts_in(delivered(tmp_path / "compacted")) == kept


def test_a_failure_comes_back_in_nearly_every_rollout_of_a_prone_task() -> None:
    persona = PERSONAS["simulated-1"]
    for failure in Failure:
        text = assignment_prone_to(failure)
        met = [failure in failures_of(text, persona, f"rollout {number}") for number in range(200)]
        assert sum(met) >= 185


def test_a_task_that_is_not_prone_sees_failures_rarely() -> None:
    persona, text = PERSONAS["simulated-1"], assignment_prone_to()
    met = [len(failures_of(text, persona, f"rollout {number}")) for number in range(1000)]
    assert 5 <= sum(met) <= 70


def test_words_around_the_points_do_not_make_it_another_task() -> None:
    assignment = assignment_prone_to(Failure.EARLY_STOP)
    persona = PERSONAS["simulated-1"]
    for more in ("Remember to be brief.", "1. First: read every paper.\n2. Then: write."):
        assert prone_to(f"{assignment}\n{more}", persona) == {Failure.EARLY_STOP}


@pytest.mark.parametrize(
    "notice",
    [
        "Your reply was cut.",
        "The reply stopped at max_tokens.",
        "It hit its length limit; the rest is missing.",
        "Only part of the file arrived.",
    ],
)
def test_a_notice_that_a_reply_was_cut_is_understood_in_any_words(notice: str) -> None:
    call = Call("write", {"file_path": "a.md", "content": "# A\n\ntext of"}, notice, False, notice)
    planned = [WriteCall("a.md", "a.md", ("# A", "## B", "## C"))]
    assert progress([call], planned, "content").rest == ("## B", "## C")


@pytest.mark.parametrize(
    "message",
    [
        "Open the documents again.",
        "Re-read the papers.",
        "Review the documents once more.",
        "Read every paper a second time.",
    ],
)
def test_a_request_to_read_again_is_understood_in_any_words(message: str, tmp_path: Path) -> None:
    model = work(tmp_path / "work", assignment_prone_to())
    request = model.requests[-1]
    messages = [*request["messages"], {"role": "user", "content": message}]
    reply = reply_to({**request, "messages": messages}, "n")
    assert [block["name"] for block in reply["content"] if block["type"] == "tool_use"] == [
        "read",
        "read",
        "read",
    ]


def test_what_stands_below_the_assignment_is_known(tmp_path: Path) -> None:
    assignment = assignment_prone_to()
    papers = {"a note.txt": PAPERS["a note.txt"]}
    work(tmp_path / "without", assignment, papers=papers)
    told = (
        f"{assignment}\nKnown from the papers:\n- The annual rent under the lease is EUR 120,000."
    )
    work(tmp_path / "with", told, papers=papers)
    assert facts_in(delivered(tmp_path / "with")) == facts_in(delivered(tmp_path / "without")) + 1
