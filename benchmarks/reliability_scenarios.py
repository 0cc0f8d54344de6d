"""The failures that are injected, and the runs that they are injected into."""

import asyncio
import json
import os
import signal
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from reliability_site import Site, digest_of, until

from harness_search.simulated.faults import (
    BreakStream,
    Drop,
    ErrorEvent,
    Fault,
    Garbage,
    Hang,
    RandomFaults,
    Reset,
    StallStream,
    Status,
    no_fault,
)
from harness_search.simulated.received import Received

EVERY_KIND: tuple[Fault, ...] = (
    *(Status(status) for status in (408, 409, 425, 500, 502, 503, 504, 529)),
    Status(429, "rate_limit_error", "Slow down", headers={"retry-after": "1"}),
    Status(502, body="<html>Bad Gateway</html>"),
    Drop(),
    Reset(),
    Garbage(),
    Hang(),
    BreakStream(1),
    BreakStream(1, reset=True),
    StallStream(1),
    ErrorEvent(1),
)
THROTTLED = Status(429, "rate_limit_error", "Slow down", headers={"retry-after": "1"})


# The scenarios: each plays its part and returns what the search reported.


async def undisturbed(site: Site) -> str:
    return quoted((await site.evaluate()).said)


async def undisturbed_streams(site: Site) -> str:
    return quoted((await site.evaluate("streaming")).said)


async def eight_of_twenty(site: Site) -> str:
    """Twenty at once; the provider is down from the twelfth end on, until the others are lost."""
    provider = site.provider
    provider.plan = lambda _: Status(500) if provider.closed >= 12 else None
    running = asyncio.create_task(site.evaluate(at_once=20))
    await until(lambda: running.done() or site.lost() >= 8)
    provider.plan = no_fault
    ended = await running
    require(site.lost() == 8, "eight attempts are lost")
    return quoted(ended.said)


async def one_hang(site: Site) -> str:
    site.provider.plan = lambda received: Hang() if received.number == 40 else None
    return said_with_figures(site, (await site.evaluate()).said)


class Storm:
    """For a while two of five calls are throttled, and always those beyond 25 a second."""

    def __init__(self) -> None:
        self.at_random = RandomFaults(0.4, seed=1, faults=[THROTTLED])
        self.served = deque[float](maxlen=25)

    def __call__(self, received: Received) -> Fault | None:
        full = len(self.served) == self.served.maxlen and monotonic() - self.served[0] < 1.0
        if full or (received.number <= 100 and self.at_random(received)):
            return THROTTLED
        self.served.append(monotonic())
        return None


async def storm(site: Site) -> str:
    site.provider.plan = Storm()
    return said_with_figures(site, (await site.evaluate()).said)


class BrokenStreams:
    """A third of all replies breaks on its first way, and a part of them on the second one too."""

    def __init__(self) -> None:
        self.seen = Counter[str]()

    def __call__(self, received: Received) -> Fault | None:
        digest = digest_of(received)
        self.seen[digest] += 1
        place = int(digest[:8], 16)
        times = 2 if place % 30 == 0 else int(place % 3 == 0)
        broken = self.seen[digest] <= times and b'"stream": true' in received.body
        return BreakStream(3 + place % 5, reset=True) if broken else None


async def broken_streams(site: Site) -> str:
    site.provider.plan = BrokenStreams()
    return said_with_figures(site, (await site.evaluate("streaming")).said)


async def refused_key(site: Site) -> str:
    """The key is replaced in the middle of a run; the same command goes on with the new one."""
    provider = site.provider

    def plan(received: Received) -> Fault | None:
        valid = "first" if provider.sold.total() < 80 else "second"
        good = received.headers["x-api-key"] == valid
        return None if good else Status(401, "authentication_error", "invalid x-api-key")

    provider.plan = plan
    first = await site.evaluate(key="first")
    kept = site.rows()
    second = await site.evaluate(key="second")
    require(first.code == 3, "a refused key stops the run with exit code 3")
    require(site.rows()[: len(kept)] == kept, "no finished rollout is run again")
    return (
        f"exit code {first.code}, {quoted(first.said)}; {len(kept)} finished rollouts kept; "
        f"then exit code {second.code}, {second.result}"
    )


async def gone(site: Site) -> str:
    """The provider disappears in the middle of the first candidate's rollouts."""
    running = asyncio.create_task(site.run("run", "--iterations", "1", "-n", "20"))
    await until(lambda: running.done() or site.provider.closed >= 26)
    await site.provider.stop()
    ended = await running
    found = json.loads((await site.run("frontier", "--json")).output)["rows"][-1]
    require(found["decision"] == "inconclusive", "a lost candidate is inconclusive")
    require(found.get("delta") is None, "a lost candidate is not compared")
    news = [line for line in ended.output.splitlines() if line.startswith("Iteration 1: inc")]
    return f"exit code {ended.code}, {quoted(news[-1] if news else '')}"


async def killed(site: Site) -> str:
    provider = site.provider
    process = await site.start("evaluate", "baseline", "--json", "-n", "8")
    await until(lambda: provider.sold.total() >= 80)
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()
    kept = site.rows()
    await until(lambda: site.processes_left() == 0)
    second = await site.evaluate()
    require(site.rows()[: len(kept)] == kept, "no finished rollout is run again")
    return f"{len(kept)} finished rollouts kept, no process left; then {second.result}"


async def random_failures(site: Site) -> str:
    site.provider.plan = RandomFaults(0.2, seed=0, faults=EVERY_KIND)
    return said_with_figures(site, (await site.evaluate()).said)


def said_with_figures(site: Site, line: str) -> str:
    account = site.account()
    cuts = account["throttled"]
    lowered = f", calls at once lowered {cuts} times" if cuts else ""
    return f"{quoted(line)}; tries that failed: {account['failures']}{lowered}"


def quoted(line: str) -> str:
    return f"`{line}`"


def require(condition: bool, claim: str) -> None:
    if not condition:
        raise SystemExit(f"not so: {claim}")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run with one kind of failure."""

    name: str
    injected: str
    play: Callable[[Site], Awaitable[str]]
    like: str = "undisturbed"
    """The run whose scores it must have."""
    tasks: int = 20
    trials: int = 1
    patience: float = 120.0
    searches: bool = False
    """A candidate is measured after the baseline; the scores are the baseline's."""
    elsewhere: str = ""
    """What others make of the same, as we measured or read it earlier."""


SCENARIOS = (
    Scenario("undisturbed", "nothing", undisturbed),
    Scenario(
        "8 of 20 rollouts lost",
        "20 at once; once 12 have ended, status 500 for everyone, our own requests included, "
        "until the other 8 are lost",
        eight_of_twenty,
        patience=2.0,
        elsewhere="inspect_ai drops them and reports mean 1.0 with status success; Harbor averages "
        "them as 0.0; mini-swe-agent writes an empty patch and skips it on resume; the reference "
        "code of Stanford's meta-harness scores a timed-out job with 3 of 89 tasks as 100 %",
    ),
    Scenario(
        "one hang",
        "one call is never answered (`first_byte_seconds = 2`)",
        one_hang,
        elsewhere="OpenEvolve scores the next three healthy candidates as timeouts; in Shinka "
        "one stalled endpoint cost up to 60 h (its issue 143)",
    ),
    Scenario(
        "429 storm",
        "of the first 100 requests 40 % at random, and all beyond 25 a second: 429 with "
        "`retry-after: 1`",
        storm,
    ),
    Scenario("undisturbed streams", "nothing; a harness that streams", undisturbed_streams),
    Scenario(
        "mid-stream resets",
        "a third of all replies is reset after 3 to 7 events, and one in thirty when asked for "
        "again too",
        broken_streams,
        like="undisturbed streams",
    ),
    Scenario(
        "401 in the middle of a run",
        "the key is refused after 80 replies; then the same command with a new key",
        refused_key,
    ),
    Scenario(
        "provider gone for good",
        "a search; connections are refused once 6 rollouts of its first candidate have ended",
        gone,
        patience=0.5,
        searches=True,
    ),
    Scenario(
        "SIGKILL in the middle of a run",
        "the scaffold is killed after 80 replies; then the same command",
        killed,
        elsewhere="GEPA lost 30 of 1,524 paid rollouts and paid 24 again; its meta_harness engine "
        "starts again at iteration 1 with a fresh budget and overwrites files; OpenEvolve leaves "
        "2 workers behind, and on SIGTERM exits with 0 and loses 84 of about 184 paid evaluations",
    ),
    Scenario(
        "72 undisturbed",
        "nothing; 18 tasks, 4 trials",
        undisturbed,
        like="72 undisturbed",
        tasks=18,
        trials=4,
    ),
    Scenario(
        "72 at 20 % failures",
        "of all requests 20 % at random: 408, 409, 425, 429, 500, 502, 503, 504, 529, dropped, "
        "reset, garbage, hung, broken and stalled in the middle",
        random_failures,
        like="72 undisturbed",
        tasks=18,
        trials=4,
    ),
)
