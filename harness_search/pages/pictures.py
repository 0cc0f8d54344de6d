"""The plots of a report by name, each with what a reader needs beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from markupsafe import Markup

from harness_search.pages.site import Links
from harness_search.plots.distribution import distribution
from harness_search.plots.gains import gains
from harness_search.plots.heat_map import heat_map
from harness_search.plots.lineage import LINK, Lineage
from harness_search.plots.mix import action_mix
from harness_search.plots.noise import noise
from harness_search.plots.pairs import paired_bars
from harness_search.plots.pareto import pareto
from harness_search.plots.picture import SENTENCE_HEIGHT, Picture
from harness_search.plots.progress import progress
from harness_search.plots.spending import spending
from harness_search.plots.tree import Tree, tree
from harness_search.reports.document.report import Report


class Drawing(Protocol):
    """What `Picture` and `Tree` have in common."""

    @property
    def title(self) -> str: ...

    @property
    def description(self) -> str: ...

    def svg(self, prefix: str) -> str: ...

    def png(self, dots_per_inch: int = 150) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing and how to read it."""

    name: str
    """Of its file, and the start of the ids in its SVG."""
    drawing: Drawing
    caption: str = ""

    @property
    def is_sentence(self) -> bool:
        """Whether there is nothing to plot."""
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """Why there is nothing to plot; empty where there is something."""
        if isinstance(self.drawing, Tree):
            return "" if self.drawing.rows else "No harness has been evaluated yet."
        is_words = isinstance(self.drawing, Picture) and self.drawing.height <= SENTENCE_HEIGHT
        return self.drawing.description if is_words else ""

    @property
    def svg(self) -> Markup:
        """For the page."""
        return Markup(self.drawing.svg(self.name))


def plots_of(report: Report, links: Links) -> Mapping[str, Plot]:
    """All plots of a report in its order; nothing is drawn before it is asked for."""
    lineage = _linked(report.lineage, links)
    found = (
        Plot("progress", progress(report.progress), PROGRESS),
        Plot("gains", gains(report.gains), GAINS),
        Plot("lineage", tree(lineage), LINEAGE),
        Plot("pareto", pareto(report.pareto), PARETO),
        Plot("tasks", heat_map(report.tasks.heat_map), TASKS),
        Plot("distribution", distribution(report.tasks.distribution), DISTRIBUTION),
        Plot("areas", paired_bars(report.areas)),
        Plot("work-types", paired_bars(report.work_types)),
        Plot("cost", spending(report.costs.spending), COST),
        Plot("noise", noise(report.steadiness.noise), NOISE),
        Plot("error-classes", paired_bars(report.failures.classes), CLASSES),
        Plot("actions", action_mix(report.failures.mixes), ACTIONS),
    )
    return {plot.name: plot for plot in found}


def _linked(lineage: Lineage, links: Links) -> Lineage:
    """With every name leading to its candidate, where its page has a plain name."""
    pairs = [(one, links.candidate(one.name)) for one in lineage.candidates]
    candidates = [replace(one, link=link) if LINK.fullmatch(link) else one for one, link in pairs]
    return replace(lineage, candidates=candidates)


PROGRESS = (
    "Each mark is one candidate on the dev split; the step line is the incumbent of its time, and "
    "the shaded part below it what selection alone is expected to have added to its score."
)
GAINS = (
    "A promotion needs min_delta (dashed). The more of an interval lies left of nought, the more "
    "doubtful is the gain."
)
LINEAGE = (
    "Read downwards: every harness hangs below the one that it was copied from. Orphans branch "
    "off to the side; dashed lines lead from an orphan to where its mechanism was taken up again."
)
PARETO = "Up and to the left is better. What is dominated is beaten in both by another harness."
TASKS = "Look for whole rows that turned: one dark cell among pale ones is mostly luck."
DISTRIBUTION = "A shift of the whole shape to the right says more than a higher mean."
COST = (
    "What each role of the budget has cost, beside what the same would have cost without caches "
    "and replays."
)
NOISE = (
    "How far single passes over the dev split lie apart: a difference smaller than this needs "
    "several passes to be seen."
)
CLASSES = "Criteria that failed, sorted by the judge's reason for it with the benchmark's rules."
ACTIONS = "What the model spent its tool calls on, as shares."
