"""Why a rollout ended as it did, from its outcome and reason, and what it delivered of what was
requested."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from harness_search.ledger.rows import Outcome


class Ending(StrEnum):
    """The one thing to say about how a rollout ended; the gravest comes last."""

    DELIVERED = "delivered"
    """Everything that was requested was there and could be read."""
    EMPTY = "empty deliverable"
    """A deliverable opens and holds no text."""
    NOT_ITS_TYPE = "not opened as its type"
    WRONG_NAME = "wrong name"
    """A file of the requested type is there, under another name or in a folder."""
    MISSING = "missing deliverable"
    TIMEOUT = "time limit"
    LIMIT = "other limit"
    CRASH = "crash"
    PROVIDER = "provider"
    SCAFFOLD = "scaffold or judge"
    """Lost for another reason than the provider; as such it is never a score."""


LOST = frozenset({Ending.PROVIDER, Ending.SCAFFOLD})
"""These do not count: the rollout is run again."""
_GRAVITY = list(Ending)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one requested deliverable."""

    name: str
    ending: Ending
    """DELIVERED, EMPTY, NOT_ITS_TYPE, WRONG_NAME or MISSING."""
    found: str = ""
    """The file that stands for it under a wrong name."""


def fates_of(
    requested: Iterable[str],
    output: Collection[str],
    unreadable: Collection[str] = (),
    empty: Collection[str] = (),
) -> tuple[Fate, ...]:
    """What became of each requested deliverable.

    `output` are the paths of the files that were left; only the top level counts, under the exact
    name. One file stands for one deliverable: first a file of that very name in a folder, then one
    of its type. `unreadable` and `empty` name deliverables that do not open or hold no text.
    """
    names = list(dict.fromkeys(requested))
    free = sorted(set(output) - {*names})
    found: dict[str, str] = {}
    for same in (_same_name, _same_type):
        for name in names:
            if name not in output and name not in found:
                other = next((path for path in free if same(path, name)), "")
                if other:
                    found[name] = other
                    free.remove(other)
    return tuple(
        Fate(name, _ending_of(name, output, found, unreadable, empty), found.get(name, ""))
        for name in names
    )


def ending_of(outcome: Outcome, reason: str, fates: Iterable[Fate], files: int) -> Ending:
    """The one thing to say of a rollout; of several deliverables, about the worst.

    `files` is the number of files that it left: where no deliverable was requested, one will do.
    """
    if outcome is Outcome.INFRA_FAILED:
        return Ending.PROVIDER if reason.startswith("provider: ") else Ending.SCAFFOLD
    if outcome is Outcome.HARNESS_FAILED:
        return _ending_of_failure(reason)
    endings = [fate.ending for fate in fates]
    if not endings:
        return Ending.DELIVERED if files else Ending.MISSING
    return max(endings, key=_GRAVITY.index)


def _ending_of_failure(reason: str) -> Ending:
    """As `rollouts.runner` words it: how the process ended or the limit that it passed, then after
    a semicolon the limit of its calls that it had reached, which tells more than a crash."""
    first, _, then = reason.partition("; ")
    if first.startswith("time limit of "):
        return Ending.TIMEOUT
    crashed = first.startswith(("ended by signal ", "ended with exit code "))
    return Ending.CRASH if crashed and not then else Ending.LIMIT


def _ending_of(
    name: str,
    output: Collection[str],
    found: dict[str, str],
    unreadable: Collection[str],
    empty: Collection[str],
) -> Ending:
    if name in found:
        return Ending.WRONG_NAME
    if name not in output:
        return Ending.MISSING
    if name in unreadable:
        return Ending.NOT_ITS_TYPE
    return Ending.EMPTY if name in empty else Ending.DELIVERED


def _same_name(path: str, name: str) -> bool:
    return PurePosixPath(path).name == name


def _same_type(path: str, name: str) -> bool:
    suffix = PurePosixPath(name).suffix.casefold()
    return PurePosixPath(path).suffix.casefold() == suffix
