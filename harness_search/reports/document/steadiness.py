"""How much scores vary by themselves, and whether every planned rollout was finished."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness_search.errors import InputError
from harness_search.experiments.rejudging import flips_on_disk
from harness_search.ledger.bills import bills_of
from harness_search.ledger.gains import Z_95, trial_variance
from harness_search.ledger.replicates import NOISE_IS_KNOWN
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import mean, score
from harness_search.plots.noise import Noise, Pass
from harness_search.plots.values import Measured
from harness_search.promotion.noise import ARMS, Flips, NoiseReport, analyse, drift
from harness_search.reports.document.material import Material
from harness_search.reports.document.rates import promoted


@dataclass(frozen=True, slots=True)
class Coverage:
    """How complete the rollouts of one iteration's harness are."""

    iteration: int
    harness: str
    finished: int
    """Of those that full coverage means. A gate may end a comparison before that."""
    planned: int
    lost: int
    """Attempts that an infrastructure failure ended, controls included; they are run again."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """The noise of this project, and the coverage of its harnesses."""

    noise: Noise
    """Passes of the baseline; of the A/A run, once there is one."""
    floor: float | None
    """Noise floor: standard error, in blended points, of a difference between two harnesses of
    full trials. None without a second trial of anything."""
    flips: Flips | None
    """Verdicts that were asked for twice; None where none were."""
    coverage: tuple[Coverage, ...]
    sentences: tuple[str, ...]
    """What is known of the noise, in words."""


def steadiness_of(material: Material) -> Steadiness:
    """From the baseline's rollouts, and from the A/A run where there is one."""
    report, flips = _noise_report(material), _flips(material)
    floor = report.floor if report else _floor(material)
    return Steadiness(
        noise=_noise(material, is_aa=report is not None),
        floor=floor,
        flips=flips,
        coverage=_coverage(material),
        sentences=tuple(_sentences(material, report, floor, flips)),
    )


def _noise_report(material: Material) -> NoiseReport | None:
    """What the A/A run says under the current weights; None before it is complete."""
    if material.baseline is None or NOISE_IS_KNOWN not in material.ledger.identity():
        return None
    shape = material.history.derived.shape
    rows = [
        row
        for row in material.history.rows(material.baseline.harness)
        if row.key.trial <= ARMS * shape.trials
    ]
    try:
        return analyse(rows, shape.criteria, shape.trials, shape.weights)
    except InputError:  # rows were set aside since
        return None


def _flips(material: Material) -> Flips | None:
    """None, too, where the file of them is damaged."""
    start, workspace = material.baseline, material.workspace
    if start is None:
        return None
    try:
        return flips_on_disk(workspace.layout, start.harness, workspace.judge_version)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _floor(material: Material) -> float | None:
    """By the trial noise of the whole lineage."""
    history = material.history
    one_rollout = history.variance(len(history.iterations)).one_rollout
    if one_rollout is None:
        return None
    shape = history.derived.shape
    return math.sqrt(one_rollout * ARMS / shape.trials / len(shape.criteria))


def _noise(material: Material, *, is_aa: bool) -> Noise:
    shape, start = material.history.derived.shape, material.baseline
    rows = material.history.rows(start.harness) if start else ()
    most = ARMS * shape.trials if is_aa else shape.most
    by_trial: dict[int, list[RolloutRow]] = {}
    for row in rows:
        if row.key.trial <= most:
            by_trial.setdefault(row.key.trial, []).append(row)
    passes = tuple(
        _pass(material, trial, by_trial[trial], is_aa=is_aa) for trial in sorted(by_trial)
    )
    variance = trial_variance(rows, shape.criteria, most, shape.weights).one_rollout
    half = None if variance is None else Z_95 * math.sqrt(variance / len(shape.criteria))
    return Noise(
        passes, _mean(passes, half), half, material.history.settings.rules.min_delta,
        material.simulated,
    )  # fmt: skip


def _pass(material: Material, trial: int, rows: Sequence[RolloutRow], *, is_aa: bool) -> Pass:
    """One rollout of every task; the arms of an A/A run alternate."""
    shape = material.history.derived.shape
    found = score(rows, shape.criteria, 1, shape.weights, most=trial)
    planned = len(shape.criteria)
    name = (
        f"arm {'AB'[(trial - 1) % ARMS]}, pass {(trial + 1) // ARMS}" if is_aa else f"pass {trial}"
    )
    if found is None:
        return Pass(name, None, 0, planned)
    return Pass(name, found.blended, round(found.coverage * planned), planned)


def _mean(passes: Sequence[Pass], half: float | None) -> Measured | None:
    """Over the complete passes: one with holes is of other tasks."""
    found = [one.blended for one in passes if one.blended is not None and one.coverage == 1]
    if not found:
        return None
    value, error = mean(found), None if half is None else half / math.sqrt(len(found))
    return Measured(value) if error is None else Measured(value, value - error, value + error)


def _coverage(material: Material) -> tuple[Coverage, ...]:
    derived, lost = material.history.derived, _lost(material)
    planned = derived.shape.trials * len(derived.shape.criteria)
    return tuple(
        Coverage(
            row.number, row.name, derived.figures(row.harness).planned, planned, lost[row.harness]
        )
        for row in material.history.iterations
        if row.harness
    )


def _lost(material: Material) -> Mapping[str, int]:
    """Attempts by the digest of their harness."""
    found: Counter[str] = Counter()
    for part in bills_of(material.ledger):
        found[part.harness] += part.lost
    return found


def _sentences(
    material: Material, report: NoiseReport | None, floor: float | None, flips: Flips | None
) -> Iterator[str]:
    if report is None:
        known = "what is known of noise comes from the trials of the search's own harnesses"
        yield f"No complete A/A run: {known if floor is not None else 'noise is not known'}."
    else:
        yield (
            f"In the A/A run, where nothing differs, arm A had {report.difference:+.2f} blended "
            f"points over arm B ({report.trials} trials each); single passes spread by "
            f"{report.blended.measured:.2f} points (standard deviation)."
        )
        if said := drift(report):
            yield said
    if floor is not None:
        settings = material.history.settings
        yield (
            f"Noise floor: a difference between two harnesses of {settings.search.trials} trials "
            f"each has a standard error of {floor:.2f} points; a promotion needs at least "
            f"{settings.rules.min_delta:g}."
        )
    if flips is not None and flips.judged:
        yield (
            f"Asked again, the judge gave {flips.flipped:,} of {flips.judged:,} verdicts "
            f"otherwise (at most {flips.most:.1%}, 95 %)."
        )
    yield from _settled(material)


def _settled(material: Material) -> Iterator[str]:
    """What a second judge made of contested verdicts on the lineage."""
    if material.baseline is None or not material.history.settings.judge.second:
        return
    asked = changed = 0
    for row in (material.baseline, *promoted(material)):
        verdicts = material.ledger.verdicts(row.harness)
        for key, words in material.ledger.settled(row.harness).items():
            asked += len(words)
            changed += sum(
                verdicts.get(key, {}).get(name) != word.verdict for name, word in words.items()
            )
    if asked:
        yield f"The second judge was asked about {asked:,} contested verdicts: {changed:,} changed."
