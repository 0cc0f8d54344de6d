"""Runs the rollouts that the calibration needs, quickly, and sorts their rows."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from world_figures import Meetings, Sample, meetings
from world_harnesses import BASELINE, BEST, ROOT
from world_rollouts import Rollout, Rollouts, noise_of

from harness_search.benchmark.tasks import Task, read_named
from harness_search.configuration.reading import read_settings
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Weights
from harness_search.simulated.failures import failures_of
from harness_search.simulated.personas import persona_of
from harness_search.simulated.tasks.build import build_benchmark

DEV = 24
NEWS_EVERY = 30.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How often each harness runs on each task."""

    trials: int
    references: int
    """Trials of the baseline and of the best harness: every effect is measured against them."""
    effects: bool = True
    """Whether mechanisms are measured one by one."""

    def of(self, harness: str) -> int:
        return self.references if harness in {BASELINE, BEST} else self.trials


@dataclass(frozen=True, slots=True)
class Site:
    """A generated benchmark on disk."""

    seed: int
    folder: Path
    tasks: Mapping[str, Task]

    @property
    def criteria(self) -> dict[str, int]:
        return {name: len(task.criteria) for name, task in self.tasks.items()}


def built_site(folder: Path, seed: int) -> Site:
    """The dev tasks of a seed's benchmark, in a folder of their own."""
    tasks = folder / f"benchmark-{seed}"
    built = build_benchmark(tasks, seed, dev=DEV, test=0)
    return Site(seed, tasks, read_named(tasks, built.dev))


def weights_of(persona: str) -> Weights:
    """Those of the profile that this repository has for a persona."""
    settings = read_settings(ROOT / "meta_harness.toml", {})
    profiles = [one for one in settings.profiles.values() if one.model == persona]
    if not profiles:
        raise ValueError(f"meta_harness.toml has no profile for {persona}")
    return Weights(settings.promotion.all_pass_weight, profiles[0].cost_weight)


@dataclass(slots=True)
class Sampler:
    """Runs all harnesses for a persona on a benchmark, and counts what it ran."""

    pool: Rollouts
    sources: Mapping[str, str]
    """Of all harnesses, by name."""
    amounts: Amounts
    say: Callable[[str], None]
    rollouts: int = field(default=0)
    seconds: float = field(default=0.0)

    def sample(self, persona: str, site: Site) -> Sample:
        planned = [
            (name, Rollout(source, site.folder, task, trial, persona))
            for name, source in self.sources.items()
            for trial in range(1, self.amounts.of(name) + 1)
            for task in site.tasks
        ]
        self.say(f"{persona} on benchmark {site.seed}: {len(planned):,} rollouts")
        rows: dict[str, list[RolloutRow]] = {name: [] for name in self.sources}
        for name, row in self._run(planned):
            rows[name].append(row)
        return Sample(site.criteria, weights_of(persona), rows)

    def _run(self, planned: Sequence[tuple[str, Rollout]]) -> Iterator[tuple[str, RolloutRow]]:
        began = told = time.monotonic()
        results = self.pool.run([rollout for _, rollout in planned])
        for done, ((name, _), result) in enumerate(zip(planned, results, strict=True), start=1):
            yield name, result.row
            if time.monotonic() - told > NEWS_EVERY:
                told = time.monotonic()
                self.say(f"  {done:,} done, {done / (told - began):.1f} a second")
        self.rollouts += len(planned)
        self.seconds += time.monotonic() - began


def met_by_the_baseline(
    persona: str, samples: Mapping[int, Sample], sites: Sequence[Site]
) -> dict[str, Meetings]:
    """By failure, how often it befell the baseline, all benchmarks taken together."""
    met: list[tuple[RolloutRow, frozenset[str]]] = []
    for site in sites:
        for row in samples[site.seed].rows[BASELINE]:
            rollout = Rollout("", site.folder, row.key.task, row.key.trial, persona)
            instructions = site.tasks[row.key.task].content.instructions
            failures = failures_of(instructions, persona_of(persona), noise_of(rollout, row.key))
            met.append((row, frozenset(map(str, failures))))
    return meetings(met)
