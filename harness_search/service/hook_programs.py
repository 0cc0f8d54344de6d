"""Whether the programs that `[service] on_*` names can be started, before a search counts on it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Hook:
    """A command of a person's own, and what is wrong with its program."""

    name: str
    """Of the setting."""
    program: str
    problem: str
    """Empty when it can be started."""


def hooks_of(service: ServiceSettings, layout: Layout) -> Iterator[Hook]:
    """Those that are set."""
    for name in ("on_promoted", "on_needs_person", "on_finished"):
        words: tuple[str, ...] = getattr(service, name)
        if words:
            yield Hook(name, words[0], _problem(words[0], layout))


def require_hooks(service: ServiceSettings, layout: Layout) -> None:
    """Raise InputError for a program that cannot be started: nobody would be told."""
    for hook in hooks_of(service, layout):
        if hook.problem:
            expected = "a program of the PATH, or an executable file as seen from the workspace"
            found = f"{hook.program!r}, which {hook.problem}"
            raise InputError(layout.settings, f"service.{hook.name}", found, expected)


def _problem(program: str, layout: Layout) -> str:
    """It is started in the workspace, so a path is one from there."""
    if os.sep not in program:
        return "" if shutil.which(program) else "is not found"
    file = layout.root / program
    if not file.is_file():
        return "is not found"
    return "" if os.access(file, os.X_OK) else "is not executable"
