"""Every failure has one category and policy, and waits are honoured up to a cap."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from doors import fails_first, opened_door, sound

from harness_search.gateway.concurrency import AdaptiveLimit
from harness_search.gateway.failures import POLICIES, Failure, failure_of, seconds_to_wait
from harness_search.simulated.faults import Status

# Waiting, and how many at once.


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "-7"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_a_wait_is_read_as_seconds_milliseconds_or_a_date(
    headers: dict[str, str], seconds: float
) -> None:
    assert seconds_to_wait(headers) == seconds


def test_a_date_to_wait_for_is_counted_from_now() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    headers = {"retry-after": format_datetime(now + timedelta(seconds=90), usegmt=True)}
    assert seconds_to_wait(headers, now) == 90


async def test_a_long_wait_is_honoured_up_to_the_cap(short_folder: Path) -> None:
    fault = Status(429, headers={"retry-after": "86400"})
    async with opened_door(short_folder, fails_first(fault, times=1)) as door:
        assert (await door.ask())[0] == 200
        assert door.grant.seconds_lost >= door.account.terms.longest_retry_after


async def test_throttling_cuts_what_is_in_flight(short_folder: Path) -> None:
    limit = AdaptiveLimit(start=10, most=64)
    async with opened_door(short_folder, fails_first(Status(429), times=1), limit=limit) as door:
        await door.ask()
    assert limit.limit == 8


async def test_no_more_calls_are_in_flight_than_the_account_bears(short_folder: Path) -> None:
    at_once = most = 0
    limit = AdaptiveLimit(start=4, most=4)
    async with opened_door(short_folder, limit=limit) as door:
        send = door.account.upstream.send

        async def counted(request: Any) -> Any:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            try:
                return await send(request)
            finally:
                at_once -= 1

        door.account.upstream.send = counted  # type: ignore[method-assign]
        await asyncio.gather(*(door.ask() for _ in range(30)))
    assert most == 4


# The policy itself.


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (400, Failure.REJECTED),
        (401, Failure.REFUSED),
        (402, Failure.REFUSED),
        (403, Failure.REFUSED),
        (404, Failure.REFUSED),
        (408, Failure.SERVER_ERROR),
        (409, Failure.SERVER_ERROR),
        (413, Failure.TOO_LARGE),
        (418, Failure.REFUSED),
        (422, Failure.REJECTED),
        (429, Failure.THROTTLED),
        (500, Failure.SERVER_ERROR),
        (502, Failure.SERVER_ERROR),
        (503, Failure.OVERLOADED),
        (529, Failure.OVERLOADED),
        (301, Failure.REFUSED),
    ],
)
def test_a_status_has_one_category(status: int, category: Failure) -> None:
    assert failure_of(status) is category


def test_every_category_has_its_policy_and_what_may_pass_is_never_passed_on() -> None:
    assert set(POLICIES) == set(Failure)
    assert not [policy for policy in POLICIES.values() if policy.retry and policy.passed_on]


def test_the_error_is_the_apis(short_folder: Path) -> None:
    """The shape of what we say ourselves, as the client library reads it."""

    async def ask() -> tuple[int, dict[str, Any]]:
        async with opened_door(short_folder, most_requests=0) as door:
            status, body, headers = await door.send("POST", "/v1/messages", sound())
            assert headers["x-should-retry"] == "false"
            assert headers["request-id"] == json.loads(body)["request_id"]
            return status, json.loads(body)

    status, body = asyncio.run(ask())
    assert status == 400
    assert body["type"] == "error"
