"""Errors that a person can act on."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class InputError(Exception):
    """Bad input: one sentence naming the file, the field, what was found and what was expected.

    The command line prints it and exits with code 2; nothing has been started or lost.
    """

    exit_code = 2

    def __init__(self, file: Path | str, field: str, found: object, expected: str) -> None:
        self.file, self.field, self.found, self.expected = str(file), field, found, expected
        place = f"{file}: {field}" if field else f"{file}"
        super().__init__(f"{place}: found {found}, expected {expected}")

    def within(self, folder: Path) -> str:
        """The sentence for somebody who works in a folder and knows no path outside it."""
        return str(self).replace(f"{folder}/", "")


def invalid(file: Path | str, error: "ValidationError", inside: str = "") -> InputError:
    """The first thing that a model found wrong, as one sentence; `inside`: the field around it."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in ([inside] if inside else []) + list(first["loc"]))
    found = "nothing" if first["type"] == "missing" else repr(first["input"])[:120]
    return InputError(file, field, found, expectation(first["msg"]))


def expectation(message: str) -> str:
    """A validator's message as what comes after `expected`."""
    return message.removeprefix("Input should be ").removeprefix("Input should ").lower()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a mistyped one is most like; None when it is like none of them."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, tuple(known), n=1)), None)


class SearchLockedError(InputError):
    """Another scaffold holds the workspace."""

    exit_code = 4


class SearchStoppedError(Exception):
    """The search cannot go on without a person; everything done so far is kept."""

    exit_code = 3


class LimitReachedError(SearchStoppedError):
    """An account answers nothing before a moment that its provider has named.

    `again`, called when that is past or not to be waited for, lets its calls be sent again.
    """

    def __init__(
        self, who: str, until: datetime, reason: str, again: Callable[[], None] = lambda: None
    ) -> None:
        self.who, self.until, self.reason, self.again = who, until, reason, again
        clock = until.astimezone().strftime("%a %H:%M")
        super().__init__(
            f"{reason}: {who} answers again on {clock}. Everything done so far is kept; the same "
            "command goes on then."
        )


class SearchInterruptedError(Exception):
    """A signal or a person ended the launch; the same command goes on from here."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__("stopped; the same command goes on from here")
