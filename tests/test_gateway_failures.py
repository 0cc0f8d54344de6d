"""A failure that passes is tried again unseen; one that lasts is put down to whoever caused it."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import anthropic
import pytest
from doors import HELLO, MODEL, fails_first, is_own, opened_door, sound
from scripted_api import Answer, failure, message

from harness_search.gateway.concurrency import AdaptiveLimit
from harness_search.gateway.replay import Replies
from harness_search.ledger.rows import Role, Usage
from harness_search.simulated.chance import uniform
from harness_search.simulated.faults import (
    BreakStream,
    Drop,
    ErrorEvent,
    Fault,
    Garbage,
    Hang,
    Reset,
    StallStream,
    Status,
)

PASSING: list[Fault] = [
    *(Status(status) for status in (408, 409, 425, 429, 500, 502, 503, 504, 524, 529)),
    Status(500, body=""),
    Status(502, body="<html>Bad Gateway</html>"),
    Status(429, headers={"retry-after": "0"}),
    Drop(),
    Reset(),
    Garbage(),
    Hang(),
]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("fault", PASSING, ids=repr)
async def test_a_passing_failure_is_tried_again_unseen(
    short_folder: Path, fault: Fault, streaming: bool
) -> None:
    async with opened_door(short_folder, fails_first(fault), stall=0.6) as door:
        status, _, _ = await door.send("POST", "/v1/messages", sound(stream=streaming))
    assert status == 200
    assert len(door.api.received) == 3
    assert door.grant.failure == ""
    assert (door.grant.usage, door.grant.paid) == (Usage(3, 2), Usage(3, 2))
    assert door.grant.seconds_lost > 0


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("fault", [BreakStream(0), BreakStream(0, reset=True), StallStream(0)])
async def test_an_answer_that_breaks_before_its_first_event_is_tried_again(
    short_folder: Path, fault: Fault, streaming: bool
) -> None:
    async with opened_door(short_folder, fails_first(fault), stall=0.6) as door:
        status, _, _ = await door.send("POST", "/v1/messages", sound(stream=streaming))
    assert (status, len(door.api.received), door.grant.failure) == (200, 3, "")


async def test_an_error_event_at_the_start_of_a_stream_is_tried_again(short_folder: Path) -> None:
    async with (
        opened_door(short_folder, fails_first(ErrorEvent(0))) as door,
        door.client() as client,
        client.messages.stream(model=MODEL, max_tokens=5, messages=HELLO) as stream,
    ):
        await stream.get_final_message()
    assert door.grant.failure == ""


# Failures that last.


@pytest.mark.parametrize("fault", [Status(500), Status(529), Drop(), Garbage()], ids=repr)
async def test_a_failure_that_lasts_for_everyone_is_the_providers_and_stays_so(
    short_folder: Path, fault: Fault
) -> None:
    down = True

    def answer(number: int, content: Any) -> Answer:
        return fault if down else (200, message())

    async with opened_door(short_folder, answer, patience=0.1) as door:
        status, reply = await door.ask()
        down = False
        assert (await door.ask())[0] == 200
    assert (status, reply["error"]["type"]) == (529, "overloaded_error")
    assert door.grant.failure.startswith("provider: ")
    assert door.grant.over.is_set()
    assert door.account.stopped == ""


async def test_a_provider_that_is_gone_is_the_providers_failure(short_folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with opened_door(short_folder, base_url=address, patience=0.1) as door:
            assert (await door.ask())[0] == 529
    assert door.grant.failure == "provider: unreachable"


@pytest.mark.parametrize("fault", [Status(500), Drop(), Garbage()], ids=repr)
async def test_a_failure_of_one_request_while_others_are_answered_is_its_senders(
    short_folder: Path, fault: Fault
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else fault

    async with opened_door(short_folder, answer, patience=0, fewest_tries=10) as door:
        status, _ = await door.ask()
    assert status == 500
    assert door.grant.failure == ""
    assert not door.grant.over.is_set()


async def test_doubt_is_the_providers_until_ten_tries_of_the_very_request_have_failed(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else Hang()

    async with opened_door(short_folder, answer, patience=0, fewest_tries=3, stall=0.3) as door:
        attempts = [door.grant]
        for _ in range(2):
            await door.send("POST", "/v1/messages", sound(), attempts[-1])
            files = [grant.transcript.file for grant in attempts]
            attempts.append(door.another(replies=Replies.of(files)))
        status, _, _ = await door.send("POST", "/v1/messages", sound(), attempts[-1])
    assert status == 500
    assert [grant.failure for grant in attempts] == [
        *("provider: no answer in time", "provider: no answer in time", "")
    ]


async def test_a_third_of_all_calls_unanswered_is_nobodys_failure_but_the_providers(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return Hang() if uniform("hangs", str(number)) < 0.33 else (200, message())

    async with opened_door(
        short_folder,
        answer,
        stall=0.4,
        patience=0.6,
        fewest_tries=3,
        limit=AdaptiveLimit(24, 24),
    ) as door:
        asked = (door.send("POST", "/v1/messages", sound(max_tokens=n)) for n in range(1, 201))
        statuses = {status for status, _, _ in await asyncio.gather(*asked)}
    assert statuses <= {200, 529}


async def test_a_call_has_three_tries_however_long_it_waited_for_a_place(
    short_folder: Path,
) -> None:
    async with opened_door(
        short_folder, fails_first(Status(500)), patience=0, fewest_tries=3
    ) as door:
        assert (await door.ask())[0] == 200
    assert len(door.api.received) == 3


async def test_a_failure_that_ends_while_we_ask_is_nobodys(short_folder: Path) -> None:
    asked = False

    def answer(number: int, content: Any) -> Answer:
        nonlocal asked
        asked = asked or is_own(content)
        return (200, message()) if asked else Status(500)

    async with opened_door(short_folder, answer, patience=0.05) as door:
        assert (await door.ask())[0] == 200
    assert door.grant.failure == ""


async def test_provoked_throttling_is_never_the_harnesss_score(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else Status(429)

    async with opened_door(short_folder, answer, patience=0.1) as door:
        await door.ask()
    assert door.grant.failure == "provider: status 429"


# Refusals: of everyone, or of one request.


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 422, 302])
async def test_a_refusal_of_everyone_stops_the_run_and_fails_nobody(
    short_folder: Path, status: int
) -> None:
    async with opened_door(short_folder, lambda number, content: Status(status)) as door:
        await door.ask()
        other = door.another()
        await door.send("POST", "/v1/messages", sound(), other)
    assert f"status {status}" in door.account.stopped
    assert [received.content["max_tokens"] for received in door.api.received] == [9, 1]
    for grant in (door.grant, other):
        assert (grant.halted, grant.failure) == (True, "")


async def test_no_credit_is_told_by_status_and_not_by_words(short_folder: Path) -> None:
    words = failure("invalid_request_error", "Your credit balance is too low, 401, 529 overloaded")

    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else (400, words)

    async with opened_door(short_folder, answer) as door:
        assert (await door.ask()) == (400, words)
    assert (door.account.stopped, door.grant.failure) == ("", "")


async def test_a_context_too_long_goes_back_as_the_apis_own_word(short_folder: Path) -> None:
    error = failure("invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum")

    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else (400, error)

    async with opened_door(short_folder, answer) as door:
        assert await door.ask() == (400, error)
        async with door.client() as client:
            with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
                await client.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
    assert door.grant.failure == ""
    assert sum(role is Role.GATEWAY for role, _, _ in door.booked) == 2


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_of_one_request_is_told_to_its_sender_after_ten_tries(
    short_folder: Path, status: int
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else Status(status)

    async with opened_door(short_folder, answer) as door:
        assert (await door.ask())[0] == status
    assert len(door.api.received) == 11  # ten tries, and our own request
    assert (door.account.stopped, door.grant.failure) == ("", "")


async def test_a_refusal_that_passes_is_nobodys_failure(short_folder: Path) -> None:
    async with opened_door(short_folder, fails_first(Status(401), times=1)) as door:
        assert (await door.ask())[0] == 200
    assert (door.account.stopped, door.grant.failure) == ("", "")


async def test_a_refusal_while_the_provider_answers_nobody_is_the_providers(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return Status(500) if is_own(content) else Status(400)

    async with opened_door(short_folder, answer) as door:
        await door.ask()
    assert door.grant.failure == "provider: status 400"
    assert door.account.stopped == ""


async def test_counting_tokens_fails_with_the_provider_and_not_with_the_harness(
    short_folder: Path,
) -> None:
    async with opened_door(short_folder, patience=0.05) as door:
        await door.api.stop()
        await door.send("POST", "/v1/messages/count_tokens", sound())
    assert door.grant.failure.startswith("provider: ")


async def test_those_who_doubt_together_ask_once(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else (400, failure("invalid_request_error"))

    async with opened_door(short_folder, answer) as door:
        await asyncio.gather(*(door.ask() for _ in range(20)))
    own = [received for received in door.api.received if is_own(received.content)]
    assert 1 <= len(own) < 20
