"""The watch beside a session ends it when nothing is heard of it, and at no other time."""

import asyncio
from pathlib import Path

from doors import HELLO, MODEL, opened_door, sound
from hypothesis import given
from hypothesis import strategies as st
from scripted_api import HANGS, message

from harness_search.endpoints import terms_of
from harness_search.gateway.concurrency import AdaptiveLimit
from harness_search.gateway.grants import Grant
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Role
from harness_search.proposers.claude.watch import Patience, silence_of
from harness_search.settings import Price, Profile
from harness_search.simulated.faults import StallStream

PATIENCE = Patience(in_call=300.0, idle=1800.0)


class Clock:
    """Time passes while somebody sleeps; `events` happen at their time."""

    def __init__(self, grant: Grant, **events: float) -> None:
        self.grant, self.events, self.now = grant, events, 0.0
        grant.heard = 0.0

    async def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        for event, at in sorted(self.events.items(), key=lambda item: item[1]):
            if self.now < at <= end:
                self._happens(event, at)
        self.now = end

    def _happens(self, event: str, at: float) -> None:
        self.grant.heard = at
        if event == "asks":
            self.grant.answering.add(asyncio.current_task())  # type: ignore[arg-type]
        elif event == "answered":
            self.grant.answering.clear()

    async def silence(self) -> tuple[str, float]:
        said = await silence_of(self.grant, PATIENCE, lambda: self.now, self.sleep)
        return said, self.now


def grant(folder: Path) -> Grant:
    return Grant("m", TranscriptWriter(folder / "transcript.jsonl"), Role.PROPOSER)


async def test_a_session_that_makes_no_call_is_ended_after_its_idle_time(tmp_path: Path) -> None:
    said, at = await Clock(grant(tmp_path)).silence()
    assert (said, at) == ("no call for 1800 s", 1800.0)


async def test_a_hanging_answer_is_ended_much_sooner(tmp_path: Path) -> None:
    said, at = await Clock(grant(tmp_path), asks=1000.0).silence()
    assert said == "no byte of an answer for 300 s"
    assert 1300.0 <= at <= 1000.0 + 2 * PATIENCE.in_call


SECONDS = st.floats(0.1, 1e5)


@given(SECONDS, SECONDS, SECONDS)
def test_the_watch_never_gives_up_on_a_call_before_the_gateway_does(
    first_byte: float, stall: float, retry_after: float
) -> None:
    profile = Profile(
        base_url="https://example.org",
        model=MODEL,
        first_byte_seconds=first_byte,
        stall_seconds=stall,
        longest_retry_after=retry_after,
    )
    terms = terms_of(profile, Price())
    # A silent try, and the wait after it: nothing is heard of either.
    longest = max(first_byte, stall) + max(terms.longest_retry_after, terms.longest_backoff)
    assert Patience.on(profile).in_call > longest
    assert Patience.on(profile).in_call >= Patience().in_call


async def test_every_byte_and_every_answer_begins_the_time_anew(tmp_path: Path) -> None:
    said, at = await Clock(grant(tmp_path), asks=100.0, byte=350.0, answered=600.0).silence()
    assert (said, at) == ("no call for 1800 s", 2400.0)


async def test_the_gateway_hears_a_request_its_tries_and_its_answer(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        holder = door.another(Role.PROPOSER)
        holder.heard = 0.0
        assert (await door.post(sound(), token=holder.token))[0] == 200
        assert holder.heard > 0.0
        assert not holder.answering


async def test_the_gateway_hears_a_request_that_waits_for_its_place(short_folder: Path) -> None:
    asked = asyncio.Event()

    def answer(number: int, content: object) -> tuple[int, object]:
        asked.set()
        return HANGS, message()

    async with opened_door(short_folder, answer, limit=AdaptiveLimit(1, 1)) as door:
        holder = door.another(Role.PROPOSER)
        holder.heard = 0.0
        asking = [asyncio.create_task(door.post(sound()))]
        await asked.wait()
        asking.append(asyncio.create_task(door.post(sound(), token=holder.token)))
        while not door.account.state()["waiting"]:
            await asyncio.sleep(0)
        assert len(door.api.received) == 1
        assert holder.heard > 0.0
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)


async def test_the_gateway_hears_every_piece_of_a_stream(short_folder: Path) -> None:
    def answer(number: int, content: object) -> StallStream:
        holder.heard = 0.0
        return StallStream(3)

    async with opened_door(short_folder, answer) as door:
        holder = door.another(Role.PROPOSER)
        async with (
            door.client(holder, max_retries=0) as client,
            client.messages.stream(model=MODEL, max_tokens=9, messages=HELLO) as stream,  # type: ignore[arg-type]
        ):
            await anext(aiter(stream))
            assert holder.heard > 0.0
            assert holder.answering


async def test_the_gateway_shows_a_call_under_way(short_folder: Path) -> None:
    asked = asyncio.Event()

    def answer(number: int, content: object) -> tuple[int, object]:
        asked.set()
        return HANGS, message()

    async with opened_door(short_folder, answer) as door:
        holder = door.another(Role.PROPOSER)
        asking = asyncio.create_task(door.post(sound(), token=holder.token))
        await asked.wait()
        assert holder.answering
        late = holder.heard + PATIENCE.in_call
        said = await silence_of(holder, PATIENCE, clock=lambda: late)
        assert said == "no byte of an answer for 300 s"
        asking.cancel()
        await asyncio.wait({asking})
