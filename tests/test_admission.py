"""Bodies wait until they fit, whoever sends them, and a body that would burst is told apart."""

import asyncio
import gc
import json
import tracemalloc
import weakref
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.admission import (
    BodyAdmission,
    BodyPermit,
    BodyTooLargeError,
    too_complex,
)

LARGEST, TOTAL, PER_HOLDER = 10, 30, 20
HOLDERS = ("a", "b", "c", "d")


def admission() -> BodyAdmission:
    return BodyAdmission(LARGEST, TOTAL, PER_HOLDER)


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("sizes", [(0, 1, 1), (2, 3, 1), (3, 3, 2), (1, 2, 3)])
def test_limits_into_which_the_largest_request_would_never_fit_are_refused(
    sizes: tuple[int, int, int],
) -> None:
    largest, total, per_holder = sizes
    with pytest.raises(ValueError, match="must fit"):
        BodyAdmission(largest, total, per_holder)


async def test_a_body_announced_too_large_is_refused_at_once_even_while_others_wait() -> None:
    door = admission()
    held = [await door.enter("a", 10), await door.enter("b", 10), await door.enter("c", 10)]
    waiting = asyncio.create_task(door.enter("d", 1))
    await settle()
    with pytest.raises(BodyTooLargeError, match="11 bytes; at most 10"):
        await door.enter("d", 11)
    assert door.waiting == 1
    door.leave(held[0])
    assert await waiting == BodyPermit("d", 1)


async def test_a_body_of_unknown_size_counts_as_the_largest() -> None:
    assert await admission().enter("a", None) == BodyPermit("a", LARGEST)


async def test_a_holder_over_its_share_waits_for_itself_and_holds_nobody_up() -> None:
    door = admission()
    first = await door.enter("a", 10)
    await door.enter("a", 10)
    own = asyncio.create_task(door.enter("a", 1))
    await settle()
    assert await door.enter("b", 5) == BodyPermit("b", 5)
    assert not own.done()
    door.leave(first)
    assert await own == BodyPermit("a", 1)


async def test_a_large_body_that_has_its_turn_is_not_overtaken_by_small_ones() -> None:
    door = admission()
    held = [await door.enter(holder, 9) for holder in "abc"]
    large = asyncio.create_task(door.enter("d", 10))
    await settle()
    small = [asyncio.create_task(door.enter(holder, 1)) for holder in "abc"]
    await settle()
    assert not any(task.done() for task in small)
    door.leave(held[0])
    await settle()
    assert large.done()
    assert [task.done() for task in small] == [True, True, False]


async def test_a_flood_of_large_bodies_delays_a_small_one_by_one_turn() -> None:
    door = admission()
    order: list[str] = []

    async def request(holder: str, size: int) -> None:
        permit = await door.enter(holder, size)
        order.append(holder)
        await settle()
        door.leave(permit)

    flood = [request("a", 10) for _ in range(200)]
    tasks = [asyncio.create_task(one) for one in [*flood, request("b", 1)]]
    await asyncio.gather(*tasks)
    assert order.index("b") <= 3
    assert len(order) == 201
    assert (door.held, door.waiting) == (0, 0)


async def test_a_large_body_that_gives_up_lets_those_behind_it_in() -> None:
    door = admission()
    for holder in "abc":
        await door.enter(holder, 9)
    large = asyncio.create_task(door.enter("d", 10))
    await settle()
    small = asyncio.create_task(door.enter("a", 1))
    await settle()
    large.cancel()
    await settle()
    assert small.done()
    assert door.held == 28


async def test_a_body_let_in_and_cancelled_in_the_same_moment_gives_its_bytes_back() -> None:
    door = admission()
    held = [await door.enter(holder, 10) for holder in "abc"]
    late = asyncio.create_task(door.enter("d", 10))
    next_one = asyncio.create_task(door.enter("a", 10))
    await settle()
    door.leave(held[0])
    late.cancel()
    await settle()
    assert late.cancelled()
    assert next_one.done()
    assert door.held == TOTAL


async def test_a_holder_that_has_gone_leaves_no_trace() -> None:
    class Name(str):
        """A text whose end can be observed."""

    door = admission()
    holder = Name("rollout")
    trace = weakref.ref(holder)
    for permit in [await door.enter(holder, size) for size in (3, 0, 7)]:
        door.leave(permit)
    del holder, permit
    gc.collect()
    assert trace() is None


@dataclass
class Crowd:
    """Requests at one admission, driven step by step."""

    door: BodyAdmission
    waiting: list[tuple[str, int, "asyncio.Task[BodyPermit]"]]
    holding: list[BodyPermit]

    def step(self, kind: str, number: int, size: int) -> None:
        if kind == "enter":
            holder = HOLDERS[number % len(HOLDERS)]
            task = asyncio.create_task(self.door.enter(holder, size))
            self.waiting.append((holder, size, task))
        elif kind == "cancel" and self.waiting:
            self.waiting[number % len(self.waiting)][2].cancel()
        elif kind == "leave" and self.holding:
            self.door.leave(self.holding.pop(number % len(self.holding)))

    async def settled(self) -> None:
        await settle()
        self.holding += [task.result() for *_, task in self.waiting if _entered(task)]
        self.waiting = [entry for entry in self.waiting if not entry[2].done()]

    def of(self, holder: str) -> int:
        return sum(permit.size for permit in self.holding if permit.holder == holder)


def _entered(task: "asyncio.Task[BodyPermit]") -> bool:
    return task.done() and not task.cancelled()


STEPS = st.tuples(
    st.sampled_from(["enter", "enter", "leave", "cancel", "settle"]),
    st.integers(0, 50),
    st.integers(0, LARGEST),
)


@given(st.lists(STEPS, max_size=80))
def test_bytes_are_bounded_none_are_lost_and_everybody_gets_in(
    steps: list[tuple[str, int, int]],
) -> None:
    async def drive() -> None:
        crowd = Crowd(admission(), [], [])
        for kind, number, size in steps:
            crowd.step(kind, number, size)
            assert crowd.door.held <= TOTAL
            if kind == "settle":
                await crowd.settled()
                assert crowd.door.held == sum(permit.size for permit in crowd.holding)
                assert all(crowd.of(holder) <= PER_HOLDER for holder in HOLDERS)
                assert crowd.door.waiting == len(crowd.waiting)
                # Whoever waits does so because something does not fit.
                held = crowd.door.held
                assert not crowd.waiting or any(
                    held + size > TOTAL or crowd.of(holder) + size > PER_HOLDER
                    for holder, size, _ in crowd.waiting
                )
        await crowd.settled()
        while crowd.holding:
            crowd.door.leave(crowd.holding.pop())
            await crowd.settled()
        assert (crowd.waiting, crowd.door.held, crowd.door.waiting) == ([], 0, 0)

    asyncio.run(drive())


def test_the_bodies_of_ordinary_requests_are_simple() -> None:
    prose = "The parties agree: (a) to pay, (b) to deliver [see Annex 1], and so on. " * 5_000
    blocks = [{"type": "text", "text": prose}, {"type": "tool_result", "content": "{}, " * 9_000}]
    body = json.dumps({"messages": [{"role": "user", "content": blocks}] * 2}).encode()
    assert not too_complex(body)
    assert not too_complex(b"A" * 32 * 1024 * 1024)


def test_a_body_of_empty_lists_is_too_complex() -> None:
    assert too_complex(b"[" + b"[]," * 10_000_000 + b"[]]")


@pytest.mark.parametrize("part", [b"[", b"{"])
def test_the_number_of_lists_and_objects_is_bounded(part: bytes) -> None:
    assert not too_complex(part * 100_000)
    assert too_complex(part * 100_001)


def test_the_number_of_values_is_bounded() -> None:
    assert not too_complex(b"[" * 50_000 + b"{" * 50_000 + b":" * 400_000)
    assert too_complex(b"[" * 50_000 + b"{" * 50_000 + b":" * 400_001)
    assert not too_complex(b"," * 4_000_000)
    assert too_complex(b"," * 4_000_001)


def test_the_worst_body_that_is_accepted_parses_in_bounded_memory() -> None:
    objects = ",".join(f'{{"{number:x}\u0100":"{number:x}\u0102"}}' for number in range(99_990))
    texts = ',"\u0100"' * 100_000 + ",1.5" * 100_000
    body = f'[{objects}{texts},"\\n'.encode()
    body += b"a" * (8 * 1024 * 1024 - len(body)) + '\\n\\u0100\U0001f600"]'.encode()
    assert not too_complex(body)
    tracemalloc.start()
    try:
        json.loads(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150 * 1024 * 1024


def test_a_deeply_nested_body_is_simple_and_its_parser_says_so() -> None:
    body = b"[" * 50_000 + b"]" * 50_000
    assert not too_complex(body)
    with pytest.raises(RecursionError):
        json.loads(body)
