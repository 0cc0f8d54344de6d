"""What a judge says in no usable form costs one verdict, and what it does not say costs none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import rollout_row
from judge_api import Asked, item, message
from model_judges import NAMES, OVERLOADED, by_title, judging, subject, verdicts

from harness_search.judging.persistence import PersistentJudge
from harness_search.judging.verdicts import NOT_USABLE
from harness_search.ledger.rows import Outcome
from harness_search.rollouts.lost import BY_JUDGE, left_by_judge
from harness_search.simulated.faults import Fault

Reply = dict[str, Any] | Fault
REFUSES = message("", "refusal")
PROSE = message("I think it passes.")
INVENTS = message(item("pass", "The parties agreed on a moon lease"))
CUT = message(item(), "max_tokens")


def at_point_2(*replies: Reply) -> Callable[[Asked], Reply]:
    """Passes all other points; the replies to this one are given in turn, the last for ever."""
    left = list(replies)

    def answer(asked: Asked) -> Reply:
        if "Point 2" not in asked.titles:
            return by_title()(asked)
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (PROSE, "no JSON object"),
        (message(""), "no JSON object"),
        (message({"verdict": "pass"}), "no text as evidence_quote"),
        (message(item("pass", "")), "does not stand"),
        (INVENTS, "word for word"),
        (message(item("maybe")), "none of pass"),
        (message('{"evidence_quote": "", "verdict": "fail", "verdict": "pass"}'), "no text"),
        (REFUSES, "refused to answer"),
    ],
)
async def test_an_unusable_answer_is_asked_for_once_more_and_then_a_flagged_fail_that_is_kept(
    tmp_path: Path, reply: dict[str, Any], reason: str
) -> None:
    async with judging(tmp_path, at_point_2(reply)) as (judge, api):
        grading = await judge.grade(subject(tmp_path, *NAMES))
        assert reason in api.asked[-1].question
        assert await judge.grade(subject(tmp_path, *NAMES)) == grading
        assert len(api.asked) == 9 + 1
    assert verdicts(grading) == ["pass", "fail", *["pass"] * 7]
    assert grading.flagged == ("C-002",)
    assert grading.verdicts[1].reason.startswith(f"{NOT_USABLE}: ")
    assert reason in grading.verdicts[1].reason


@pytest.mark.parametrize("reply", [REFUSES, INVENTS])
async def test_a_judge_that_speaks_of_its_only_question_is_one_that_works(
    tmp_path: Path, reply: dict[str, Any]
) -> None:
    async with judging(tmp_path, lambda asked: reply) as (judge, _):
        assert verdicts(await judge.grade(subject(tmp_path, "Point 1"))) == ["fail"]


@pytest.mark.parametrize(
    "words",
    [PROSE, message("<html>502</html>"), message("", "pause_turn"), message('{"error": 1}')],
)
async def test_what_may_be_the_words_of_a_server_fails_nothing_and_is_not_kept(
    tmp_path: Path, words: dict[str, Any]
) -> None:
    async with judging(tmp_path, by_title()) as (judge, api):
        await judge.grade(subject(tmp_path, *NAMES[:8]))  # kept from an earlier day
        async with judging(tmp_path, lambda asked: words) as (broken, _):
            grading = await PersistentJudge(broken, rounds=3).grade(subject(tmp_path, *NAMES))
            assert verdicts(grading) == [*["pass"] * 8, "undecided"]
        assert api.asked
        assert verdicts(await judge.grade(subject(tmp_path, *NAMES))) == ["pass"] * 9


async def test_a_judge_that_refuses_one_criterion_in_every_round_costs_that_one_alone(
    tmp_path: Path,
) -> None:
    async with judging(tmp_path, at_point_2(REFUSES)) as (judge, api):
        persistent = PersistentJudge(judge, rounds=3)
        grading = await persistent.grade(subject(tmp_path, *NAMES))
        assert len(api.asked) == 8 + 3 * 2
        assert await persistent.grade(subject(tmp_path, *NAMES)) == grading
        assert len(api.asked) == 8 + 3 * 2
    assert verdicts(grading) == ["pass", "fail", *["pass"] * 7]
    assert (grading.undecided, grading.flagged) == (0, ("C-002",))


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([PROSE, message(item())], "pass"),
        ([PROSE, PROSE, INVENTS, message(item())], "pass"),
        ([PROSE] * 5 + [message(item("pass"))], "pass"),
        ([OVERLOADED], "undecided"),
        ([PROSE] * 5 + [OVERLOADED], "undecided"),
        ([PROSE, PROSE, OVERLOADED], "undecided"),
        ([OVERLOADED, OVERLOADED, PROSE], "fail"),
        ([message(item("cannot_judge")), PROSE], "fail"),
        ([CUT], "undecided"),
    ],
)
async def test_what_is_usable_in_any_round_counts_and_a_failed_call_stays_undecided(
    tmp_path: Path, replies: list[Reply], expected: str
) -> None:
    async with judging(tmp_path, at_point_2(*replies)) as (judge, _):
        grading = await PersistentJudge(judge, rounds=3).grade(subject(tmp_path, *NAMES))
    assert verdicts(grading) == ["pass", expected, *["pass"] * 7]
    assert grading.flagged == (("C-002",) if expected == "fail" else ())


@pytest.mark.parametrize(("last", "expected"), [("pass", "fail"), ("fail", "fail")])
async def test_an_unusable_reading_of_a_fail_does_not_undo_it(
    tmp_path: Path, last: str, expected: str
) -> None:
    answer = at_point_2(message(item("fail", "")), PROSE, PROSE, message(item(last)))
    async with judging(tmp_path, answer) as (judge, _):
        grading = await judge.grade(subject(tmp_path, *NAMES))
    assert verdicts(grading) == ["pass", expected, *["pass"] * 7]


async def test_a_judge_that_says_nothing_usable_of_a_whole_rubric_does_not_work(
    tmp_path: Path,
) -> None:
    """Its settings are wrong, or its endpoint is: no deliverable fails for that."""
    async with judging(tmp_path, lambda asked: PROSE) as (judge, api):
        grading = await judge.grade(subject(tmp_path, *NAMES))
        assert verdicts(grading) == ["undecided"] * 9
        api.answer = lambda asked: REFUSES
        grading = await judge.grade(subject(tmp_path, *NAMES))
        assert (verdicts(grading), len(grading.flagged)) == (["fail"] * 9, 9)


def test_of_what_is_lost_the_judge_is_named_only_where_it_left_the_last_attempt() -> None:
    def row(task: str, attempt: int, reason: str, outcome: Outcome = Outcome.INFRA_FAILED) -> Any:
        return replace(rollout_row(task=task, attempt=attempt, outcome=outcome), reason=reason)

    judge = f"{BY_JUDGE}2 of 60 verdicts undecided (status 529)"
    outage, scored = row("a", 1, "status 529"), row("a", 3, "", Outcome.SCORED)
    assert left_by_judge([row("a", 1, judge)]) == "2 of 60 verdicts undecided (status 529)"
    assert left_by_judge([outage, row("a", 2, judge), row("b", 1, "x")]).startswith("2 of 60")
    assert left_by_judge([row("a", 1, judge), row("a", 2, "status 529")]) == ""
    assert left_by_judge([row("a", 1, judge), scored, row("a", 4, judge)]) == ""
    assert left_by_judge([outage]) == left_by_judge([]) == ""
