"""Why a rollout ended as it did, from what the runner and the judge say themselves."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.analysis.outcomes import Ending, ending_of, fates_of
from harness_search.ledger.rows import Outcome
from harness_search.rollouts.collect import Collected
from harness_search.rollouts.runner import harness_failure
from harness_search.rollouts.working import Ended
from harness_search.sandbox.box import Ending as ProcessEnding
from harness_search.settings import LimitSettings

COLLECTED = Collected((), "", too_large=False)
FINE = Ended(ProcessEnding(exit_code=0, began=True))


@pytest.mark.parametrize(
    ("ended", "collected", "then", "ending"),
    [
        (replace(FINE, timed_out=True), COLLECTED, "", Ending.TIMEOUT),
        (replace(FINE, breach="memory limit of 64 MB passed"), COLLECTED, "", Ending.LIMIT),
        (replace(FINE, breach="limit of 9 processes reached"), COLLECTED, "", Ending.LIMIT),
        (FINE, replace(COLLECTED, too_large=True), "", Ending.LIMIT),
        (Ended(ProcessEnding(exit_code=1, began=True)), COLLECTED, "", Ending.CRASH),
        (Ended(ProcessEnding(exit_code=-11, began=True)), COLLECTED, "", Ending.CRASH),
        (
            Ended(ProcessEnding(exit_code=1, began=True)),
            COLLECTED,
            "; its limit of 1,000 requests was reached",
            Ending.LIMIT,
        ),
    ],
)
def test_a_failure_of_the_harness_is_a_time_limit_another_limit_or_a_crash(
    ended: Ended, collected: Collected, then: str, ending: Ending
) -> None:
    reason = harness_failure(ended, collected, LimitSettings()) + then
    assert ending_of(Outcome.HARNESS_FAILED, reason, (), 0) is ending


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("provider: status 529", Ending.PROVIDER),
        ("scaffold: the rollout process failed before the harness began", Ending.SCAFFOLD),
        ("judge: 3 of 9 verdicts undecided (no answer)", Ending.SCAFFOLD),
    ],
)
def test_a_lost_rollout_is_the_providers_or_ours(reason: str, ending: Ending) -> None:
    assert ending_of(Outcome.INFRA_FAILED, reason, fates_of(["a.md"], []), 0) is ending


@pytest.mark.parametrize(
    ("output", "ending", "found"),
    [
        (["memo.docx"], Ending.DELIVERED, ""),
        ([], Ending.MISSING, ""),
        (["notes.md"], Ending.MISSING, ""),
        (["Memo.docx"], Ending.WRONG_NAME, "Memo.docx"),
        (["drafts/memo.docx"], Ending.WRONG_NAME, "drafts/memo.docx"),
        (["a.DOCX", "final/memo.docx"], Ending.WRONG_NAME, "final/memo.docx"),
    ],
)
def test_a_requested_file_is_there_or_under_another_name_or_missing(
    output: list[str], ending: Ending, found: str
) -> None:
    (fate,) = fates_of(["memo.docx"], output)
    assert (fate.ending, fate.found) == (ending, found)


def test_one_file_stands_for_one_deliverable_and_none_that_was_asked_for_does() -> None:
    fates = fates_of(["a.docx", "b.docx", "c.docx"], ["a.docx", "x.docx"])
    assert [fate.ending for fate in fates] == [
        Ending.DELIVERED, Ending.WRONG_NAME, Ending.MISSING,
    ]  # fmt: skip
    assert ending_of(Outcome.SCORED, "", fates, 2) is Ending.MISSING


def test_a_file_that_does_not_open_as_its_type_or_is_empty_says_so() -> None:
    both = ["a.docx", "b.md"]
    fates = fates_of(both, both, unreadable={"a.docx"}, empty={"b.md"})
    assert [fate.ending for fate in fates] == [Ending.NOT_ITS_TYPE, Ending.EMPTY]
    assert ending_of(Outcome.SCORED, "", fates, 2) is Ending.NOT_ITS_TYPE


def test_where_nothing_was_requested_any_file_will_do() -> None:
    assert ending_of(Outcome.SCORED, "", (), 1) is Ending.DELIVERED
    assert ending_of(Outcome.SCORED, "", (), 0) is Ending.MISSING


NAMES = st.sampled_from(["a.md", "b.md", "c.docx", "x/a.md", "B.MD"])


@given(st.lists(NAMES.filter(lambda name: "/" not in name)), st.sets(NAMES))
def test_every_requested_name_has_one_fate_and_no_file_serves_two(
    requested: list[str], output: set[str]
) -> None:
    fates = fates_of(requested, output)
    assert [fate.name for fate in fates] == list(dict.fromkeys(requested))
    found = [fate.found for fate in fates if fate.found]
    assert len(set(found)) == len(found)
    assert {*found} <= output - {*requested}
    for fate in fates:
        assert (fate.ending is Ending.DELIVERED) == (fate.name in output)
