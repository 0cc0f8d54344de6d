"""How long a box takes to come to its harness, and to end."""

import asyncio
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from sandbox_boxes import Ground, program, with_progress
from sandbox_prepared import PreparedSandbox

from harness_search.sandbox.box import Sandbox
from harness_search.sandbox.choice import LANDLOCK, make_sandbox
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.interpreter import find_interpreter
from harness_search.sandbox.process import ENVIRONMENT

PLAIN = "plain Python: `python -I -S -c ''`"
WITH_SITE = "the same with what is installed for it: `python -c ''`"
PREPARED = f"{LANDLOCK}, forked from a prepared parent"
MOST_ADDED = 30.0
"""Milliseconds that a box may take longer than plain Python."""
LONGEST_START = 30.0
TELLS_THE_TIME = """\
import time
def solve(task, model):
    print(time.monotonic(), flush=True)
    time.sleep(3600)
"""
"""The clock is the machine's: the same inside and outside."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One start, in milliseconds."""

    whole: float
    """Until the harness's `solve()` runs; of plain Python, until its end."""
    after_handshake: float = 0.0
    """The part of it since the launcher listened."""
    end: float = 0.0
    """From the demand to end the box until nothing of it is left, and it is reaped."""


class Samples:
    """Starts of one kind."""

    def __init__(self, name: str, samples: list[Sample]) -> None:
        self.name, self._samples = name, samples

    def median(self, part: Callable[[Sample], float] = lambda one: one.whole) -> float:
        return statistics.median(part(one) for one in self._samples)

    @property
    def p90(self) -> float:
        wholes = [one.whole for one in self._samples]
        return statistics.quantiles(wholes, n=10, method="inclusive")[-1]


def plain_start(*command: str) -> Sample:
    """From start to end of a Python that does nothing."""
    began = time.monotonic()
    subprocess.run([*command, "-c", ""], env=ENVIRONMENT, stdin=subprocess.DEVNULL, check=True)
    return Sample(1000 * (time.monotonic() - began))


async def box_start(ground: Ground, uid: int | None) -> Sample:
    box = ground.box(0, uid)
    began = time.monotonic()
    handle = await ground.sandbox.start(box)
    ready = time.monotonic()
    try:
        await handle.give(program(handle, box))
        solving = await told_time(box.log)
    finally:
        ending = time.monotonic()
        await handle.kill()
    ended = time.monotonic()
    return Sample(1000 * (solving - began), 1000 * (solving - ready), 1000 * (ended - ending))


async def told_time(log: Path) -> float:
    """What the harness printed, once it has."""
    async with asyncio.timeout(LONGEST_START):
        while not (said := log.read_text(encoding="utf-8")).endswith("\n"):
            await asyncio.sleep(0.005)
    return float(said)


async def measure_starts(
    folder: Path, kit: Path, rounds: int, names: list[str], report: Callable[[str], None]
) -> list[Samples]:
    """Every kind in turn, round by round, so that what the machine does meets all alike."""
    sandboxes: dict[str, Sandbox] = {name: make_sandbox(name) for name in names}
    with closing(Identities()) as identities, ExitStack() as stack:
        if LANDLOCK in names:
            sandboxes[PREPARED] = stack.enter_context(closing(PreparedSandbox()))
        grounds = {
            name: Ground(folder / f"start-{number}", kit, sandbox, TELLS_THE_TIME)
            for number, (name, sandbox) in enumerate(sandboxes.items())
        }
        uid = identities.lease()
        interpreter = str(find_interpreter().executable)
        for ground in grounds.values():
            await box_start(ground, uid)  # it prepares what is prepared once
        found: dict[str, list[Sample]] = {name: [] for name in (PLAIN, WITH_SITE, *grounds)}
        for done in range(rounds):
            with_progress(report, done, rounds, "starts")
            found[PLAIN].append(plain_start(interpreter, "-I", "-S"))
            found[WITH_SITE].append(plain_start(interpreter))
            for name, ground in grounds.items():
                found[name].append(await box_start(ground, uid))
    return [Samples(name, samples) for name, samples in found.items()]
