"""How the baseline's rollouts failed and what they did, beside those of the final harness.

From the evidence that is filed for each rollout; which verdicts count is the ledger's to say.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import stdev
from typing import cast

from harness_search.analysis.actions import Action
from harness_search.analysis.evidence import Background, Facts, Record, read_facts
from harness_search.analysis.failures import EndingChange, FailureAnalysis, analyse_failures
from harness_search.analysis.outcomes import LOST
from harness_search.analysis.rules import ErrorRules, read_rules
from harness_search.benchmark.error_classes import error_classes_file
from harness_search.errors import InputError
from harness_search.judging.documents import TextStore
from harness_search.judging.verdicts import Grade, Verdict
from harness_search.ledger.gains import Z_95
from harness_search.ledger.reasons import Reasoned, reasoned_verdicts
from harness_search.ledger.rows import IterationRow, Purpose, RolloutRow, Split
from harness_search.ledger.scores import mean
from harness_search.plots.mix import Mix, Mixes
from harness_search.plots.pairs import Pair, Pairs, by_error
from harness_search.plots.values import Measured
from harness_search.reports.document.material import Material
from harness_search.reports.document.rates import NO_FINAL, promoted
from harness_search.rollouts.evidence import filed_folder
from harness_search.rollouts.stored import stored_summary

MOST_TRIALS = 3
"""Of each task; a report must not take longer the longer a search was."""
NO_EVIDENCE = "rollout without its evidence"
OTHER_EVIDENCE = "evidence of another rollout in its place"
DAMAGED = "evidence that cannot be read"
UNIT = "failed criteria per rollout"


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures, endings and actions of two harnesses on the tasks that both have rollouts of."""

    analysis: FailureAnalysis | None
    """The baseline alone, against itself, while nothing is promoted; None without evidence."""
    mixes: Mixes
    classes: Pairs
    """Failed criteria per rollout by class of error: means over tasks with 95 % intervals of the
    choice of tasks. Classes of no failure are left out."""
    endings: tuple[EndingChange, ...]
    """Ways to end that some rollout took."""
    skipped: Mapping[str, int]
    """What could not be counted, by what it is."""
    sentence: str
    """Why there is less than all of it; empty when nothing is missing."""


def failures_of(material: Material) -> Failures:
    """By the first three trials of each task."""
    try:
        rules = read_rules(_rules_file(material))
    except InputError as error:
        return _nothing(material, f"Failures are not classed: {error}")
    reader, lineage = _Reader(material, rules), promoted(material)
    baseline = reader.facts(material.baseline) if material.baseline else []
    # The same rollouts twice: what could not be counted of them counts once.
    alone = [replace(facts, skipped={}) for facts in baseline]
    final = reader.facts(lineage[-1]) if lineage else alone
    if not baseline or not final:
        return _nothing(material, "No evidence of rollouts can be read yet.", reader.skipped)
    names = ("baseline", lineage[-1].name if lineage else NO_FINAL)
    analysis = analyse_failures(rules, baseline, final, names=names, skipped=reader.skipped)
    sides = _counting(baseline, final if lineage else baseline)
    if not lineage:
        sides = sides[:1]
    return Failures(
        analysis=analysis,
        mixes=_mixes(names, sides, simulated=material.simulated),
        classes=_classes(analysis, names, sides, simulated=material.simulated),
        endings=tuple(item for item in analysis.endings if item.baseline or item.final),
        skipped=analysis.skipped,
        sentence="" if lineage else "Nothing is promoted yet: only the baseline is shown.",
    )


def _rules_file(material: Material) -> Path:
    root, benchmark = material.workspace.layout.root, material.workspace.settings.benchmark
    own = benchmark.error_classes
    return error_classes_file(root / benchmark.tasks, None if own is None else root / own)


def _nothing(
    material: Material, sentence: str, skipped: Mapping[str, int] | None = None
) -> Failures:
    mixes = Mixes([kind.value for kind in Action], (), material.simulated)
    classes = replace(by_error((), unit=UNIT, simulated=material.simulated), empty=sentence)
    return Failures(None, mixes, classes, (), dict(skipped or {}), sentence)


class _Reader:
    """Reads the evidence of harnesses, and counts what cannot be read."""

    def __init__(self, material: Material, rules: ErrorRules) -> None:
        self.skipped: Counter[str] = Counter()
        self._material, self._rules = material, rules
        self._text_of = TextStore(material.workspace.layout.text).text_of
        self._tasks = {task.id: task for task in material.workspace.tasks(Split.DEV)}
        self._backgrounds: dict[str, Background] = {}

    def facts(self, row: IterationRow) -> list[Facts]:
        """Of the first trials of an iteration's harness, by task and trial."""
        file = self._material.ledger.file
        verdicts = reasoned_verdicts(file, row.harness, MOST_TRIALS)
        found = (
            self._of_rollout(row.name, rollout, verdicts.get(rollout.key, ()))
            for rollout in self._rollouts(row.harness)
        )
        return [facts for facts in found if facts is not None]

    def _rollouts(self, harness: str) -> list[RolloutRow]:
        """Of each rollout the finished attempt, else the last one that was lost."""
        chosen: dict[tuple[str, int], RolloutRow] = {}
        rows = self._material.history.rows(harness)
        for row in sorted(rows, key=lambda row: row.outcome.finished):
            if row.key.trial <= MOST_TRIALS and row.key.task in self._tasks:
                chosen[row.key.task, row.key.trial] = row
        return [chosen[place] for place in sorted(chosen)]

    def _of_rollout(self, name: str, row: RolloutRow, verdicts: Iterable[Reasoned]) -> Facts | None:
        evidence = self._material.workspace.layout.evidence_of(Purpose.SEARCH)
        folder = filed_folder(evidence, name, row.key, row.attempt)
        summary = stored_summary(folder)
        if summary is None:
            self.skipped[DAMAGED if folder.is_dir() else NO_EVIDENCE] += 1
            return None
        key = (summary.get("harness_digest"), summary.get("task_digest"))
        if key != (row.key.harness, row.key.task_digest):
            self.skipped[OTHER_EVIDENCE] += 1
            return None
        judged = (Verdict(item, cast("Grade", grade), reason) for item, grade, reason in verdicts)
        try:
            background = self._background(row.key.task)
            record = Record.of_row(row, judged)
            return read_facts(folder, record, background, self._rules, self._text_of)
        except OSError:  # a folder without rights, a text that cannot be kept
            self.skipped[DAMAGED] += 1
            return None

    def _background(self, task: str) -> Background:
        if task not in self._backgrounds:
            self._backgrounds[task] = Background.of(self._tasks[task], self._text_of)
        return self._backgrounds[task]


def _counting(baseline: Sequence[Facts], final: Sequence[Facts]) -> list[list[Facts]]:
    """The rollouts that count, of the tasks that both have."""
    sides = [[facts for facts in side if facts.ending not in LOST] for side in (baseline, final)]
    both = {facts.task for facts in sides[0]} & {facts.task for facts in sides[1]}
    return [[facts for facts in side if facts.task in both] for side in sides]


def _mixes(names: Sequence[str], sides: Sequence[Sequence[Facts]], *, simulated: bool) -> Mixes:
    mixes = []
    for name, side in zip(names, sides, strict=False):
        mix = [facts.activity.actions for facts in side if facts.activity]
        mixes.append(Mix(name, [sum(one.count(kind) for one in mix) for kind in Action]))
    return Mixes([kind.value for kind in Action], mixes, simulated)


def _classes(
    analysis: FailureAnalysis,
    names: Sequence[str],
    sides: Sequence[Sequence[Facts]],
    *,
    simulated: bool,
) -> Pairs:
    pairs = []
    for item in analysis.classes:
        if item.baseline or item.final:
            before, *after = (_per_rollout(side, item.name) for side in sides)
            pairs.append(Pair(item.name, before, next(iter(after), None), item.baseline))
    found = by_error(tuple(pairs), unit=UNIT, simulated=simulated)
    return replace(found, before=names[0], after=names[1])


def _per_rollout(side: Sequence[Facts], name: str) -> Measured | None:
    """Mean over tasks of each task's mean, as `analysis.failures` has it."""
    by_task: dict[str, list[float]] = {}
    for facts in side:
        by_task.setdefault(facts.task, []).append(facts.failed.get(name, 0))
    values = [mean(found) for found in by_task.values()]
    if not values:
        return None
    value = mean(values)
    if len(values) < 2:
        return Measured(value)
    half = Z_95 * stdev(values) / math.sqrt(len(values))
    return Measured(value, max(0.0, value - half), value + half)
