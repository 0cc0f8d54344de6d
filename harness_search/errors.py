"""Errors that a person can act on."""

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


def invalid(file: Path | str, error: "ValidationError", inside: str = "") -> InputError:
    """The first thing that a model found wrong, as one sentence; `inside`: the field around it."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in ([inside] if inside else []) + list(first["loc"]))
    found = "nothing" if first["type"] == "missing" else repr(first["input"])[:120]
    return InputError(file, field, found, expectation(first["msg"]))


def expectation(message: str) -> str:
    """A validator's message as what comes after `expected`."""
    return message.removeprefix("Input should be ").removeprefix("Input should ").lower()


class SearchLockedError(InputError):
    """Another scaffold holds the workspace."""

    exit_code = 4


class SearchStoppedError(Exception):
    """The search cannot go on without a person; everything done so far is kept."""

    exit_code = 3
