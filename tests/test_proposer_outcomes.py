"""What follows from each end of a proposer session, and what the gateway says of it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.failures import Failure
from harness_search.gateway.grants import FailedTry
from harness_search.gateway.limits import AccountLimit, limit_of
from harness_search.proposers.claude.messages import Said
from harness_search.proposers.claude.outcomes import (
    LONGEST_TEXT,
    RULES,
    Again,
    Correct,
    Delivery,
    Facts,
    Verdict,
    rule_of,
    verdict_on,
)
from harness_search.proposers.limits import LIMITS, MARGIN, SOONEST, WEEK
from harness_search.proposers.session import NothingLeft, Proposed, Stopped, Waiting

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
SOUND, UNSOUND = Delivery(), Delivery(problem="pending_eval.json: no regular file")
FINISHED = Said(finished=True, terminal_reason="completed")
MAX_TURNS = Said(terminal_reason="max_turns", exception="ResultError")
NOT_READ = Said(exception="CLIJSONDecodeError")
KILLED = Said(exception="ProcessError")


def limit(claim: str, after: timedelta) -> dict[str, Any]:
    reached = AccountLimit("rejected", claim, NOW + after)
    return {"limit": reached, **tried(Failure.THROTTLED, 429), "why": "access"}


def tried(failure: Failure, status: int = 0) -> dict[str, Any]:
    return {"failed_try": FailedTry(failure, status)}


def waits(after: timedelta, words: str) -> Waiting:
    return Waiting(NOW + after + MARGIN, f"{words} of the profile 'claude' is reached")


HOURS, DAYS = timedelta(hours=3), timedelta(days=4)
STOPPED = {"stopped": "the provider refuses every call", "why": "access"}
TABLE: list[tuple[str, dict[str, Any], Verdict | str]] = [
    # Limits of a subscription: until they reset, in the future, and not for ever.
    ("five hours", limit("five_hour", HOURS), waits(HOURS, "the five-hour limit")),
    ("seven days", limit("seven_day", DAYS), waits(DAYS, "the weekly limit")),
    ("opus", limit("seven_day_opus", DAYS), waits(DAYS, "the weekly limit of the largest model")),
    ("a limit of another name", limit("nine_day", HOURS), waits(HOURS, "a limit")),
    ("one that is over", limit("five_hour", -HOURS), waits(SOONEST, "the five-hour limit")),
    (
        "an absurd one",
        limit("five_hour", timedelta(days=900)),
        waits(timedelta(hours=5), "the five-hour limit"),
    ),
    # A person is needed.
    ("key refused", {**STOPPED, **tried(Failure.REFUSED, 401)}, "status 401.*log in again"),
    ("no right", {**STOPPED, **tried(Failure.REFUSED, 403)}, "status 403.*rights"),
    ("unpaid", {**STOPPED, **tried(Failure.REFUSED, 402)}, "status 402.*credit"),
    ("credit balance", {**STOPPED, **tried(Failure.REJECTED, 400)}, "status 400.*credit"),
    ("no such model", {**STOPPED, **tried(Failure.REFUSED, 404)}, "status 404.*model"),
    ("budget", {"stopped": "the search's budget of 5 USD is spent"}, "budget of 5 USD"),
    ("refused alone", tried(Failure.REFUSED, 403), "status 403"),
    # What may pass.
    (
        "throttled",
        tried(Failure.THROTTLED, 429),
        Again("the provider failed: throttled (status 429)"),
    ),
    (
        "overloaded",
        tried(Failure.OVERLOADED, 529),
        Again("the provider failed: overloaded (status 529)"),
    ),
    (
        "error",
        tried(Failure.SERVER_ERROR, 500),
        Again("the provider failed: server error (status 500)"),
    ),
    ("dropped", tried(Failure.DROPPED), Again("the provider failed: dropped")),
    ("stream", tried(Failure.STREAM_LOST), Again("the provider failed: stream lost")),
    ("hung", {"why": "stopped", "reason": "no byte"}, Again("no byte")),
    ("no box", {"why": "never began", "reason": "no user id"}, Again("no user id")),
    ("killed", {"said": KILLED}, Again("its command line was killed or crashed")),
    ("killed at once", {"said": Said()}, Again("its command line was killed or crashed")),
    ("JSON", {"said": NOT_READ}, Again("its command line wrote a message too large to read")),
    ("memory", {"why": "limit", "reason": "memory limit passed"}, Again("memory limit passed")),
    ("gateway", {"why": "access", "reason": "gateway: an error"}, Again("gateway: an error")),
    (
        "a request that is rejected",
        tried(Failure.REJECTED, 400),
        Again("the provider rejects the session's next request (status 400)", fresh=True),
    ),
    (
        "gone on with in vain",
        {"calls": 0, "resumed": True, "said": KILLED},
        Again("it asked the model nothing", fresh=True),
    ),
    (
        "killed before it went on",
        {"calls": 0, "resumed": True, "said": Said()},
        Again("it asked the model nothing"),
    ),
    (
        "never asked",
        {"calls": 0, "said": Said(text="no\x1b[2J such\nflag", exception="ProcessError")},
        Again("it asked the model nothing (no[2J such flag)", fresh=True),
    ),
    (
        "no box for a new one",
        {"calls": 0, "why": "never began", "reason": "no user id"},
        Again("no user id", fresh=True),
    ),
    # What the view says.
    ("finished", {}, Proposed()),
    ("turns used up with a claim", {"said": MAX_TURNS}, Proposed()),
    ("time used up with a claim", {"why": "time"}, Proposed()),
    ("nothing left", {"delivery": Delivery(nothing_left="all tried")}, NothingLeft("all tried")),
    ("no claim", {"delivery": UNSOUND}, Correct(UNSOUND.problem)),
    ("turns without a claim", {"delivery": UNSOUND, "said": MAX_TURNS}, Correct(UNSOUND.problem)),
    ("no claim again", {"delivery": UNSOUND, "corrected": True}, Proposed()),
    ("time without a claim", {"delivery": UNSOUND, "why": "time"}, Proposed()),
    ("calls used up", {"delivery": UNSOUND, "limit_reached": "5,000 requests"}, Proposed()),
]


def facts(**changes: Any) -> Facts:
    return Facts(**{"now": NOW, "delivery": SOUND, "said": FINISHED, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_each_end_has_its_outcome(changes: dict[str, Any], expected: Verdict | str) -> None:
    found = verdict_on(facts(**changes))
    if isinstance(expected, str):
        assert isinstance(found, Stopped)
        assert re.search(expected, found.reason)
        assert found.reason.isprintable()
    else:
        assert found == expected


def test_every_rule_is_in_the_table() -> None:
    assert {rule_of(facts(**changes)).case for _, changes, _ in TABLE} == {
        rule.case for rule in RULES
    }


def test_a_limit_that_was_told_of_before_is_not_why_a_later_call_failed() -> None:
    warned = AccountLimit("allowed_warning", "five_hour", NOW + HOURS)
    for changes in ({"limit": warned}, {**limit("five_hour", HOURS), **tried(Failure.DROPPED)}):
        found = verdict_on(facts(**{**tried(Failure.THROTTLED, 429), **changes}))
        assert isinstance(found, Again)


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([*LIMITS, "", "other"]))
def test_a_limit_is_waited_for_in_the_future_and_within_its_length(
    resets_at: datetime, claim: str
) -> None:
    reached = AccountLimit("rejected", claim, resets_at)
    found = verdict_on(facts(limit=reached, **tried(Failure.THROTTLED, 429)))
    assert isinstance(found, Waiting)
    assert NOW < found.until <= NOW + WEEK + MARGIN


@given(
    st.builds(
        Said,
        finished=st.booleans(),
        terminal_reason=st.sampled_from(["", "completed", "max_turns", "api_error", "x"]),
        text=st.text(),
        exception=st.sampled_from(["", "ProcessError", "CLIJSONDecodeError"]),
        status=st.sampled_from([None, 401, 429]),
    ),
    st.sampled_from([SOUND, UNSOUND]),
)
def test_what_a_session_says_of_itself_neither_stops_a_search_nor_makes_it_wait(
    said: Said, delivery: Delivery
) -> None:
    assert isinstance(verdict_on(facts(said=said, delivery=delivery)), Proposed | Again | Correct)


@given(st.text())
def test_what_a_command_line_says_is_repeated_as_one_short_line(text: str) -> None:
    found = verdict_on(facts(calls=0, said=Said(text=text)))
    assert isinstance(found, Again)
    assert found.reason.isprintable()
    assert len(found.reason) < LONGEST_TEXT + 100


# What the provider says of a limit.


def test_the_headers_of_a_limit_are_read() -> None:
    headers = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": str(int(NOW.timestamp())),
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
    }
    found = limit_of(headers)
    assert found == AccountLimit("rejected", "five_hour", NOW)
    assert found.reached
    assert limit_of({"anthropic-ratelimit-requests-limit": "50"}) is None
    momentary = limit_of({"anthropic-ratelimit-unified-status": "rejected"})
    assert momentary is not None
    assert not momentary.reached


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_no_reset_that_a_provider_names_breaks_its_reader(reset: str) -> None:
    headers = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": reset,
    }
    found = limit_of(headers)
    assert found is not None
    assert found.resets_at is None or found.resets_at.tzinfo is UTC
