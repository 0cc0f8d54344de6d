"""Injects failures of a provider into real runs, and prints what the search made of them.

Run from the repository root: `.venv/bin/python benchmarks/reliability.py`; it takes two to
four minutes. `--write docs/reliability.md` puts the tables into the page, `--only NAME` plays one
scenario, `--policies` prints the table of failures alone.

The provider is the simulated model behind HTTP, in this process, with failures on demand; what
runs against it is the command line itself, each time in a fresh workspace with the bundled tasks.
Such a profile is a real one to the search, so no noise is sent along: the same request always gets
the same reply, and every difference to the undisturbed run is the failure's. Ends with code 1 if
there is one.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from reliability_scenarios import SCENARIOS, Scenario, require
from reliability_site import Provider, Site, counted

from harness_search.gateway.failures import POLICIES, Policy
from harness_search.ledger.rows import RolloutRow

# Playing them.


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scenario."""

    scenario: Scenario
    reported: str
    rows: list[RolloutRow]
    interrupted: int
    sold: int
    """Replies that the provider made, and charges for."""

    @property
    def coverage(self) -> str:
        scenario = self.scenario
        one = scenario.tasks * scenario.trials
        done = [row.key.harness for row in self.rows if row.outcome.finished]
        counts = [done.count(harness) for harness in dict.fromkeys(done)]
        return ", then ".join(f"{count} of {one} ({100 * count // one} %)" for count in counts)

    @property
    def again(self) -> str:
        lost = sum(not row.outcome.finished for row in self.rows)
        run_again = sum(row.outcome.finished and row.attempt > 1 for row in self.rows)
        parts = {"lost": lost, "interrupted": self.interrupted, "run again": run_again}
        return ", ".join(f"{count} {name}" for name, count in parts.items() if count) or "none"

    def differences(self, other: "Played") -> int:
        """Rollouts that do not count as they do in the other run."""
        mine, theirs = counted(self.rows), counted(other.rows)
        return sum(mine.get(key) != value for key, value in theirs.items())

    @property
    def pooled(self) -> float:
        """Of the first harness, in points."""
        first = self.rows[0].key.harness
        done = [row for row in self.rows if row.outcome.finished and row.key.harness == first]
        return 100 * sum(row.passed for row in done) / sum(row.total for row in done)


async def play(scenario: Scenario) -> Played:
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "workspace", Provider(), scenario.trials)
        await site.open(scenario.tasks, scenario.patience)
        try:
            reported = await scenario.play(site)
        finally:
            await site.provider.stop()
        sold = site.provider.sold.total()
        return Played(scenario, reported, site.rows(), site.interrupted(), sold)


async def play_all(names: set[str]) -> list[Played]:
    played: dict[str, Played] = {}
    for scenario in SCENARIOS:
        if scenario.name in names:
            began = monotonic()
            played[scenario.name] = await play(scenario)
            print(f"{scenario.name}: {monotonic() - began:.1f} s", file=sys.stderr)
    return list(played.values())


# The tables.


def policy_table() -> str:
    """What follows from each category of failure, as Markdown."""
    lines = ["| failure | recognised by | tried again | fewer calls at once | if it lasts |"]
    lines.append("|---|---|---|---|---|")
    for failure, policy in POLICIES.items():
        retry, cuts = ("yes" if flag else "" for flag in (policy.retry, policy.cuts))
        ends = if_it_lasts(policy)
        lines.append(f"| {failure} | {policy.recognised_by} | {retry} | {cuts} | {ends} |")
    return "\n".join(lines)


def if_it_lasts(policy: Policy) -> str:
    told = "; the harness gets the API's error" if policy.passed_on else ""
    return f"{policy.blame}{told}"


def table(played: list[Played]) -> str:
    """What was injected and what came of it, as Markdown."""
    by_name = {item.scenario.name: item for item in played}
    lines = [
        "| scenario | injected | finished (coverage) | attempts | replies made (undisturbed) "
        "| what the search reported | pooled score, in points |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [line(item, by_name[item.scenario.like]) for item in played]
    return "\n".join(lines)


def line(item: Played, other: Played) -> str:
    scenario = item.scenario
    sold, score = f"{item.sold}", f"{item.pooled:.4f}"
    if item is not other and not scenario.searches:
        sold += f" ({other.sold})"
    if item is not other:
        score += f"{' (baseline)' if scenario.searches else ''}, {verdict(item.differences(other))}"
    cells = (scenario.name, scenario.injected, item.coverage, item.again, sold, item.reported)
    return f"| {' | '.join(cells)} | {score} |"


def verdict(differences: int) -> str:
    return f"{differences} ROLLOUTS DIFFER" if differences else "every rollout the same"


def table_of_others() -> str:
    """What others make of the same, as Markdown."""
    known = [scenario for scenario in SCENARIOS if scenario.elsewhere]
    lines = [f"| {scenario.name} | {scenario.elsewhere} |" for scenario in known]
    return "\n".join(["| scenario | elsewhere |", "|---|---|", *lines])


def machine() -> str:
    python = sys.version.split()[0]
    return f"Measured on {os.cpu_count()} cores with Python {python}; the model is **simulated**."


def write(page: Path, blocks: dict[str, str]) -> None:
    """Put each block between its marks in the page."""
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        before, _, rest = text.partition(f"<!-- {name}: generated -->\n")
        _, end, after = rest.partition(f"<!-- {name}: end -->")
        require(bool(end), f"{page} has marks around what is generated as {name!r}")
        text = f"{before}<!-- {name}: generated -->\n{block}\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def with_likes(names: set[str]) -> set[str]:
    """The scenarios, and those that they are compared with."""
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    while not (likes := {by_name[name].like for name in names}) <= names:
        names = names | likes
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into a page")
    parser.add_argument("--only", action="append", metavar="NAME", help="play this scenario")
    parser.add_argument("--policies", action="store_true", help="the table of failures alone")
    options = parser.parse_args()
    blocks = {"policies": policy_table()}
    played: list[Played] = []
    if not options.policies:
        names = with_likes(set(options.only or (scenario.name for scenario in SCENARIOS)))
        played = asyncio.run(play_all(names))
        blocks["measured"] = f"{machine()}\n\n{table(played)}"
        blocks["elsewhere"] = table_of_others()
    print("\n\n".join(blocks.values()))
    if options.write:
        write(options.write, blocks)
    by_name = {item.scenario.name: item for item in played}
    if any(item.differences(by_name[item.scenario.like]) for item in played):
        sys.exit(1)


if __name__ == "__main__":
    main()
