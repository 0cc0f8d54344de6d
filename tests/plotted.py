"""Every plot of a search of any length, some of whose values are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.distribution import Distribution, Spread, distribution
from harness_search.plots.gains import CandidateGain, Gains, gains
from harness_search.plots.heat_map import HeatMap, TaskRates, heat_map
from harness_search.plots.lineage import Candidate, Lineage
from harness_search.plots.mix import Mix, Mixes, action_mix
from harness_search.plots.noise import Noise, Pass, noise
from harness_search.plots.pairs import Pair, Pairs, paired_bars
from harness_search.plots.pareto import Pareto, Standing, pareto
from harness_search.plots.picture import Picture
from harness_search.plots.progress import Iteration, Progress, progress
from harness_search.plots.spending import IterationCost, RoleCost, Spending, spending
from harness_search.plots.tree import Tree, tree
from harness_search.plots.values import IntervalKind, Measured

Shown = Picture | Tree


def measured(value: float, half: float = 1.5) -> Measured:
    return Measured(value, value - half, value + half)


@dataclass(frozen=True)
class Sample:
    """What a search of so many iterations might have come to."""

    size: int
    names: Sequence[str] = ("mechanism",)
    simulated: bool = False

    @property
    def name(self) -> list[str]:
        return list(islice(cycle(self.names), self.size))

    @property
    def kind(self) -> list[DecisionKind]:
        return list(islice(cycle(DecisionKind), self.size))

    @property
    def value(self) -> list[Measured | None]:
        return [None if n % 5 == 4 else measured(60 + n % 17, n % 3) for n in range(self.size)]

    def plots(self) -> list[Shown]:
        """One of each."""
        of_scores = (self.progress(), self.pareto(), self.gains(), self.heat_map())
        of_tasks = (self.distribution(), self.paired_bars(), self.noise())
        return [*of_scores, *of_tasks, self.spending(), self.action_mix(), self.tree()]

    def progress(self) -> Picture:
        rows = zip(self.kind, self.value, strict=True)
        iterations = [
            Iteration(n + 1, kind, value, value, 0.2 * n) for n, (kind, value) in enumerate(rows)
        ]
        baseline = measured(60) if self.size else None
        return progress(Progress(iterations, baseline, simulated=self.simulated))

    def pareto(self) -> Picture:
        rows = zip(self.name, self.kind, self.value, strict=True)
        standings = [
            Standing(name, kind, value or Measured(50), 1e6 * (n % 7), n / 9)
            for n, (name, kind, value) in enumerate(rows)
        ]
        return pareto(Pareto(standings, self.simulated))

    def gains(self) -> Picture:
        rows = zip(self.name, self.kind, self.value, strict=True)
        candidates = [CandidateGain(n, *row) for n, row in enumerate(rows)]
        return gains(Gains(candidates, 1, self.simulated))

    def heat_map(self) -> Picture:
        name = self.name
        promoted = name[: self.size // 3]
        rates = [55.0] * len(promoted)
        tasks = [
            TaskRates(one, name[n // 3], 50 if n % 4 else None, rates) for n, one in enumerate(name)
        ]
        return heat_map(HeatMap(promoted, tasks, self.simulated))

    def distribution(self) -> Picture:
        name = "".join(self.name[:1])
        before = Spread(name, [5.0 * (n % 21) for n in range(self.size)])
        after = Spread(name, [4.0 * (n % 26) for n in range(self.size)], measured(50))
        return distribution(Distribution(before, after, self.simulated))

    def paired_bars(self) -> Picture:
        value = self.value
        pairs = [Pair(name, value[n], value[n - 1], n) for n, name in enumerate(self.name)]
        kind = IntervalKind.TRIAL_NOISE
        shown = Pairs("Results", "criteria passed (%)", pairs, kind, simulated=self.simulated)
        return paired_bars(shown)

    def spending(self) -> Picture:
        roles = self.name[:9]
        costs = [RoleCost(name, n + 1.0, None if n % 2 else 3.0) for n, name in enumerate(roles)]
        iterations = [IterationCost(n, [1.0] * len(roles)) for n in range(self.size)]
        return spending(Spending(costs, iterations, self.simulated))

    def noise(self) -> Picture:
        half = 2.0 if self.size > 2 else None
        passes = [Pass(name, 60.0 + n % 4, 23 + n % 2, 24) for n, name in enumerate(self.name)]
        return noise(Noise(passes, half=half, simulated=self.simulated))

    def action_mix(self) -> Picture:
        kinds = self.name[:9]
        mixes = [Mix(name, [n] * len(kinds)) for n, name in enumerate(self.name)]
        return action_mix(Mixes(kinds, mixes, self.simulated))

    def tree(self) -> Tree:
        rows = zip(self.name, self.kind, self.value, strict=True)
        candidates = [
            Candidate(n, name, kind, n - 1 - n % 3 if n else None, value, [n // 2], "#x")
            for n, (name, kind, value) in enumerate(rows)
        ]
        return tree(Lineage(candidates, self.simulated))
