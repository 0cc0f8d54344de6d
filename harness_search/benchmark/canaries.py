"""Canaries: words that stand where nobody in a search may read, so that whoever read it is found.

A task may bring one in the metadata of its `task.json`. Beside it every task and every split file
has one that is derived from a secret of the workspace, so that a benchmark without canaries has
some too and no file of it is changed.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.files import write_atomically
from harness_search.layout import Layout

SEED_BYTES = 32
SHAPE = re.compile(r"canary-[0-9a-f]{32}")
"""Of what is derived; what a task brings has any."""

SplitName = Literal["dev", "test"]


@dataclass(frozen=True, slots=True)
class Canaries:
    """Those that a workspace derives. Who knows its secret can name them all."""

    seed: bytes = field(repr=False)
    written: Mapping[SplitName, tuple[str, ...]] = field(default_factory=dict)
    """What stands in the files of the splits: a clone of a workspace has another secret."""

    @classmethod
    def of(cls, layout: Layout) -> "Canaries":
        """Those of a workspace; one without a secret, of an older kind, gets it now.

        Raises InputError for a secret that is none.
        """
        file = layout.canary_seed
        if not file.exists():
            write_atomically(file, f"{secrets.token_hex(SEED_BYTES)}\n", private=True)
        dev, test = _in_file(layout.dev_split), _in_file(layout.test_split)
        return cls(_read(file), {"dev": dev, "test": test})

    def canary_of(self, task: Task) -> str:
        """What stands beside the rubric of a task and in the evidence of its held-out rollouts."""
        return self._derived("task", task.id)

    def canary_of_split(self, name: SplitName) -> str:
        """What stands in the file of a split."""
        return self._derived("split", name)

    def _derived(self, kind: str, name: str) -> str:
        digest = hmac.new(self.seed, f"{kind}/{name}".encode(), hashlib.sha256).hexdigest()
        return f"canary-{digest[:32]}"


def _read(file: Path) -> bytes:
    expected = f"{2 * SEED_BYTES} hexadecimal digits (a new secret is made where there is no file)"
    try:
        seed = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError:
        # Without the cause, which holds what was read.
        raise InputError(file, "", "no secret for canaries", expected) from None
    if len(seed) != SEED_BYTES:
        raise InputError(file, "", f"{len(seed)} bytes", expected)
    return seed


def _in_file(split: Path) -> tuple[str, ...]:
    """All of the derived shape; none in a file that is missing, or that readers will refuse."""
    if not split.is_file():
        return ()
    return tuple(dict.fromkeys(SHAPE.findall(split.read_text(encoding="utf-8", errors="replace"))))


def own_canary(task: Task) -> str:
    """The canary that a task brings, as it stands there; empty without one."""
    metadata: object = (task.content.model_extra or {}).get("metadata")
    canary = metadata.get("canary") if isinstance(metadata, Mapping) else None
    return canary if isinstance(canary, str) else ""


def canaries_of(
    tasks: Iterable[Task], name: SplitName, derived: Canaries | None
) -> tuple[str, ...]:
    """All of one split: those that its tasks bring and, in a workspace, those derived for them and
    for the split's file, and whatever stands in it."""
    found = list(tasks)
    own = [canary for task in found if (canary := own_canary(task))]
    if derived is None:
        return tuple(own)
    in_file = dict.fromkeys((derived.canary_of_split(name), *derived.written.get(name, ())))
    return (*own, *map(derived.canary_of, found), *in_file)
