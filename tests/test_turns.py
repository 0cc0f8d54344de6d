"""Holders take turns, and whoever gives up is forgotten."""

import asyncio
import gc
import weakref

from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.turns import Turns


class Name(str):
    """A text whose end can be observed."""


def serve(turns: Turns[int], permit: int = 0) -> str:
    """Grant the next one; the holder that was served."""
    waiter = next(turns.heads())
    turns.grant(waiter, permit)
    return waiter.holder


@given(st.lists(st.sampled_from("abcd"), max_size=60))
def test_a_holder_waits_for_one_turn_of_each_other_holder(asked: list[str]) -> None:
    turns: Turns[int] = Turns()
    for holder in asked:
        turns.add(holder)
    served = [serve(turns) for _ in asked]
    assert sorted(served) == sorted(asked)
    for holder in set(asked):
        places = [place for place, name in enumerate(served) if name == holder]
        for before, after in zip([-1, *places], places, strict=False):
            between = served[before + 1 : after]
            assert len(between) == len(set(between))


def test_one_holders_requests_are_served_in_their_order() -> None:
    turns: Turns[int] = Turns()
    waiters = [turns.add("a", size) for size in range(5)]
    served = []
    while turns:
        first = next(turns.heads())
        served.append(first)
        turns.grant(first, 0)
    assert served == waiters


def test_a_holder_who_comes_back_queues_behind_those_who_wait() -> None:
    turns: Turns[int] = Turns()
    for holder in ("a", "a", "b", "c"):
        turns.add(holder)
    assert serve(turns) == "a"
    turns.add("d")
    turns.add("b")
    assert [serve(turns) for _ in range(len(turns))] == ["b", "c", "a", "d", "b"]


async def test_a_waiter_that_gives_up_in_the_middle_leaves_the_others_in_order() -> None:
    turns: Turns[int] = Turns()
    waiters = [turns.add("a") for _ in range(5)]
    told: list[int | None] = []
    task = asyncio.create_task(turns.wait(waiters[2], told.append))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert told == [None]
    left = []
    while turns:
        left.append(next(turns.heads()))
        turns.grant(left[-1], 0)
    assert left == [waiters[0], waiters[1], waiters[3], waiters[4]]


async def test_a_permit_granted_to_one_who_gives_up_in_that_moment_is_handed_back() -> None:
    for cancelled_first in (True, False):
        turns: Turns[int] = Turns()
        waiter = turns.add("a")
        told: list[int | None] = []
        task = asyncio.create_task(turns.wait(waiter, told.append))
        await asyncio.sleep(0)
        if cancelled_first:
            task.cancel()
        turns.grant(waiter, 7)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert told == [7]
        assert len(turns) == 0


async def test_a_holder_without_requests_leaves_no_trace() -> None:
    turns: Turns[int] = Turns()
    served, gone = Name("served"), Name("gone")
    traces = [weakref.ref(served), weakref.ref(gone)]
    turns.grant(turns.add(served), 0)
    task = asyncio.create_task(turns.wait(turns.add(gone), lambda permit: None))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    del served, gone, task
    gc.collect()
    assert [trace() for trace in traces] == [None, None]
