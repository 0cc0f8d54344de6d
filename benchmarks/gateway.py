"""Prints the measures that the gateway is held to, on this machine.

Run from the repository root: `.venv/bin/python benchmarks/gateway.py [--rounds 3] [--json]`; it
takes about a minute. Upstream, gateway and clients are processes of their own. The upstream is no
model but a raw responder, which takes as long as it is told and always says the same. The gateway
is the real one, with rights, prices, budget and transcripts. "Added" is the time through the
gateway less the time of the same clients at the responder itself, at the same percentile, 64 calls
at once. Figures in time are the medians of the rounds; other work on the machine shows in them, and
then in the figure without the gateway too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from gateway_traffic import Job, Samples

TRAFFIC = Path(__file__).with_name("gateway_traffic.py")
SMALL = Job(calls=15, milliseconds=100)
FLOOD = Job(calls=50, warm_up=5)
STREAMS = Job(calls=2, warm_up=1, milliseconds=100, streaming=True)
KIT = Job(calls=8, warm_up=1, milliseconds=100, kit=True)
GROWING = Job(calls=4, warm_up=0, milliseconds=1_000, turn_bytes=(98_000,) * 2, conversations=1)
LONG = Job(72, 20, warm_up=0, last_milliseconds=2_000, turn_bytes=(19_500,) * 2, conversations=1)
AGENT = Job(4, 40, warm_up=0, turn_bytes=(2_000, 10_000), conversations=1)
SHAPES = {
    "an agent of 40 turns, 2 to 10 kB each": AGENT,
    "two agents in turn, 40 turns of 2 to 10 kB": replace(AGENT, conversations=2),
    "an agent of 40 turns, 300 B each": replace(AGENT, turn_bytes=(300, 300)),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table."""

    name: str
    measured: float
    unit: str
    most: float = float("inf")
    least: float = 0.0

    @property
    def limit(self) -> str:
        if self.least:
            return f"at least {self.least:,g} {self.unit}"
        return "" if self.most == float("inf") else f"at most {self.most:g} {self.unit}"

    @property
    def verdict(self) -> str:
        if not self.limit:
            return ""
        return "met" if self.least <= self.measured <= self.most else "MISSED"


@dataclass(frozen=True, slots=True)
class Stack:
    """A gateway in front of the responder."""

    folder: Path
    upstream: str
    """The responder's own socket."""
    pid: int
    """The gateway's process."""
    tokens: list[str]

    @property
    def gateway(self) -> str:
        return str(self.folder / "gateway.sock")

    def calls(self, job: Job, socket: str) -> Samples:
        """Let the clients do their job at one of the two sockets."""
        done = subprocess.run(
            [sys.executable, TRAFFIC, "clients", json.dumps(asdict(job)), socket],
            input=json.dumps(self.tokens).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        return Samples(**json.loads(done.stdout))

    def processor_seconds(self) -> float:
        """What the gateway's process has used so far."""
        used = psutil.Process(self.pid).cpu_times()
        return used.user + used.system

    def megabytes(self, name: str) -> float:
        """Memory of the gateway's process: VmRSS now, VmHWM at its peak."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith(name))
        return int(line.split()[1]) * 1024 / 1e6

    def transcript_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.folder.glob("*.jsonl"))


@contextmanager
def serving(role: str, *arguments: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number of a process that serves, and what it said when it was ready."""
    command = [sys.executable, str(TRAFFIC), role, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.pid, json.loads(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def opened_stack(grants: int = 72) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upstream = str(folder / "upstream.sock")
        with (
            serving("upstream", upstream) as (_, address),
            serving("gateway", folder, address["port"], grants) as (pid, said),
        ):
            yield Stack(folder, upstream, pid, said["tokens"])


# Times.


class Comparison:
    """The same job straight at the responder and through the gateway, in turn."""

    def __init__(self, stack: Stack, job: Job, rounds: int) -> None:
        self._rounds = [
            (stack.calls(job, stack.upstream), stack.calls(job, stack.gateway))
            for _ in range(rounds)
        ]

    def added(
        self, percentile: int, times: Callable[[Samples], list[float]] = lambda one: one.end
    ) -> float:
        """Milliseconds that the gateway adds."""
        return statistics.median(
            1000 * (quantile(times(through), percentile) - quantile(times(direct), percentile))
            for direct, through in self._rounds
        )

    @property
    def calls_a_second(self) -> tuple[float, float]:
        """Straight at the responder, and through the gateway."""
        direct, through = zip(*self._rounds, strict=True)
        return median_rate(direct), median_rate(through)


def quantile(values: list[float], percentile: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percentile - 1]


def median_rate(rounds: tuple[Samples, ...]) -> float:
    return statistics.median(samples.calls_a_second for samples in rounds)


def times(stack: Stack, rounds: int) -> Iterator[Measure]:
    """What the gateway adds to a call when 64 are under way at once, and how many it relays."""
    small = Comparison(stack, SMALL, rounds)
    yield Measure("added to 4 kB, 100 ms upstream, p50", small.added(50), "ms", most=10)
    yield Measure("added to 4 kB, 100 ms upstream, p99", small.added(99), "ms", most=50)
    before = stack.processor_seconds()
    direct, through = Comparison(stack, FLOOD, rounds).calls_a_second
    used = (stack.processor_seconds() - before) / (rounds * FLOOD.clients * FLOOD.all_calls)
    yield Measure("calls of 4 kB, upstream at once", through, "a second", least=2_000)
    yield Measure("the same without the gateway", direct, "a second")
    yield Measure("the gateway's processor time for each", 1000 * used, "ms")
    streams = Comparison(stack, STREAMS, rounds)
    for percentile in (50, 99):
        begun = streams.added(percentile, lambda samples: samples.first)
        yield Measure(f"added to a stream's first event, p{percentile}", begun, "ms")
        ended = streams.added(percentile)
        yield Measure(f"added to a stream's end, p{percentile}", ended, "ms")
    for name, job, enough in (
        ("4 kB by harness_kit, 100 ms upstream", KIT, rounds),
        ("contexts growing to 400 kB, 1 s upstream", GROWING, 1),
    ):
        comparison = Comparison(stack, job, enough)
        for percentile in (50, 99):
            added = comparison.added(percentile)
            yield Measure(f"added to {name}, p{percentile}", added, "ms")


# Memory and transcripts.


def memory() -> Iterator[Measure]:
    """Of the gateway's process: 72 rollouts, each with a context that has grown to 400 kB."""
    with opened_stack() as stack:
        yield Measure("memory at the start", stack.megabytes("VmRSS"), "MB")
        stack.calls(LONG, stack.gateway)
        peak, after = stack.megabytes("VmHWM"), stack.megabytes("VmRSS")
    yield Measure("memory at its peak, 72 calls of 400 kB open", peak, "MB", most=150)
    yield Measure("memory when they are answered", after, "MB")


def transcripts() -> Iterator[Measure]:
    """Bytes on disk for each byte that was new in a request or an answer."""
    for name, job in SHAPES.items():
        with opened_stack(job.clients) as stack:
            samples = stack.calls(job, stack.gateway)
            ratio = stack.transcript_bytes() / samples.new_bytes
        most = 1.2 if job is AGENT else float("inf")
        yield Measure(f"transcript of {name}", ratio, "x new bytes", most=most)


def measures(rounds: int) -> Iterator[Measure]:
    with opened_stack() as stack:
        yield from times(stack, rounds)
    yield from memory()
    yield from transcripts()


def machine() -> str:
    python, aiohttp = sys.version.split()[0], version("aiohttp")
    return f"{os.cpu_count()} cores, Python {python}, aiohttp {aiohttp}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the measures that the gateway is held to.")
    parser.add_argument("--rounds", type=int, default=3, help="of each measure in time")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found = list(measures(options.rounds))
    if options.json:
        rows = [
            {"measure": one.name, "measured": one.measured, "unit": one.unit}
            | {"limit": one.limit, "verdict": one.verdict}
            for one in found
        ]
        print(json.dumps({"machine": machine(), "load_at_start": load, "measures": rows}))
        return
    print(f"Measured on {machine()}; load at the start {load:.1f}.\n")
    print("| measure | limit | measured | |\n|---|---|---|---|")
    for one in found:
        print(f"| {one.name} | {one.limit} | {shown(one)} | {one.verdict} |")


def shown(measure: Measure) -> str:
    digits = 0 if measure.measured >= 100 else 1 if measure.measured >= 10 else 2
    return f"{measure.measured:,.{digits}f} {measure.unit}"


if __name__ == "__main__":
    main()
