"""What all commands share: how they end, and JSON; nothing here is slow to import."""

import errno
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from harness_search.errors import InputError, SearchInterruptedError, SearchStoppedError

Result = TypeVar("Result")
BARRED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST})
STOPPED = "meta-harness: stopped; the same command goes on from here"


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Turn bad input into one sentence on stderr and its exit code; bugs keep their traceback."""
    try:
        yield
    except (InputError, SearchStoppedError) as error:
        print(f"meta-harness: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error
    except OSError as error:
        from harness_search.disk import FULL

        if error.errno not in BARRED | FULL:
            raise
        print(f"meta-harness: {error.filename or 'disk'}: {error.strerror}", file=sys.stderr)
        whose = SearchStoppedError if error.errno in FULL else InputError
        raise SystemExit(whose.exit_code) from error
    except SearchInterruptedError as error:
        print(f"meta-harness: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error
    except KeyboardInterrupt as error:
        print(STOPPED, file=sys.stderr)
        raise SystemExit(130) from error


def run_to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Run what a command is for; SIGTERM ends it as cleanly as Ctrl-C does, with exit code 143."""
    import asyncio
    import signal

    async def main() -> Result:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError as error:
        print(STOPPED, file=sys.stderr)
        raise SystemExit(128 + signal.SIGTERM) from error


def agrees() -> bool:
    """Whether a person says at the terminal to go on; False where there is none to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    import typer

    return typer.confirm("Go on?", err=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))
