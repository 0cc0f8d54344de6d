"""Blocking work beside the event loop, which is not waited for beyond a bound."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from harness_search.errors import SearchStoppedError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class TookTooLongError(Exception):
    """Blocking work did not come to its end."""

    def __init__(self, work: str, seconds: float) -> None:
        self.work, self.seconds = work, seconds
        super().__init__(f"{work} did not end within {seconds:g} s")


@contextmanager
def disk_that_answers(*folders: Path) -> Iterator[None]:
    """Raise SearchStoppedError where files of ours cannot be read or written in any time."""
    try:
        yield
    except TookTooLongError as error:
        raise SearchStoppedError(
            f"the disk of {' or of '.join(map(str, folders))} does not answer ({error}). "
            "Nothing was scored by it; the same command goes on."
        ) from error


async def aside(
    seconds: float | None,
    work: Callable[Arguments, Result],
    /,
    *arguments: Arguments.args,
    **options: Arguments.kwargs,
) -> Result:
    """The result of blocking work, done in a thread of its own; raises TookTooLongError.

    Without `seconds` the caller has a bound, by which it gives up waiting.
    Unlike one of the loop's own threads, one that hangs keeps neither others from theirs nor the
    process from ending.
    """
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work(*arguments, **options))
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            done.set_exception(error)

    done.set_running_or_notify_cancel()  # else it could be cancelled before it has its result
    waiting = asyncio.wrap_future(done)
    threading.Thread(target=run, name="aside", daemon=True).start()
    try:
        ended, _ = await asyncio.wait({waiting}, timeout=seconds)
        if seconds is not None and not ended:
            raise TookTooLongError(getattr(work, "__name__", "a step").strip("_"), seconds)
        return waiting.result()
    finally:
        waiting.cancel()
