"""Does several things at once."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first error of its tasks as it is: what a person can act on is
    not to arrive wrapped up. The other tasks are ended."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed


async def together(work: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """The results, in the order given; the first error ends the others and is raised."""
    async with task_group() as group:
        tasks = [group.create_task(one) for one in work]
    return [task.result() for task in tasks]


def this_task() -> "asyncio.Task[Any]":
    """The task that asks."""
    task = asyncio.current_task()
    assert task is not None
    return task
