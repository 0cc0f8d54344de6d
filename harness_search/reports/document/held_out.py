"""What openings of the held-out split have shown. Nothing here opens it, or logs that it did."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from harness_search.experiments.known_noise import known_variance
from harness_search.ledger.openings import read_openings
from harness_search.ledger.rows import Purpose, RolloutRow, Split
from harness_search.ledger.sandboxes import warning
from harness_search.ledger.scores import Score
from harness_search.ledger.store import Ledger, has_begun
from harness_search.plots.values import counted
from harness_search.reports.comparison import Comparison, compare
from harness_search.reports.differences import intervals
from harness_search.reports.document.material import Material
from harness_search.reports.document.measures import noise_of_rates
from harness_search.reports.document.result import Result, Terms, result_of
from harness_search.rollouts.jobs import Harness

INCOMPLETE = (
    "The held-out split was opened, and not every rollout of it is finished: no figure is shown "
    "before all are. Run the same command (`meta-harness test`) again for them."
)
NO_RESULT = (
    "The held-out split was opened, and no result of this search came of the openings so far."
)
END_OF_A_NAME = 8
"""Characters of its digest in the name of a harness that is not of the search."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The latest complete comparison on the held-out split, if there is one."""

    openings: int
    result: Result | None
    missing: str = ""
    """Why there is no result though the split was opened; empty otherwise."""
    caveats: tuple[str, ...] = ()


def held_out_of(material: Material) -> HeldOut:
    """From the log of openings and the rows that they left."""
    openings = read_openings(material.workspace.layout.test_openings)
    rows = _rows(material) if openings else []
    missing = NO_RESULT if openings else ""
    for names in dict.fromkeys(reversed(openings)):
        harnesses = _harnesses(material, names, rows)
        if len(harnesses) < 2 or not _begun(harnesses, rows):
            continue
        found = compare(material.workspace, Split.TEST, harnesses, rows, len(openings))
        if found.complete:
            caveats = tuple(_caveats(found, material, harnesses[-1].name))
            result = _result(material, found, harnesses, rows)
            return HeldOut(len(openings), result, caveats=caveats)
        missing = INCOMPLETE
    return HeldOut(len(openings), None, missing)


def _begun(harnesses: Iterable[Harness], rows: Iterable[RolloutRow]) -> bool:
    """Whether each of them has rollouts here. The log outlives a search that is set aside, and the
    next search may give other harnesses, or the same ones, the names of that opening."""
    return {harness.digest for harness in harnesses} <= {row.key.harness for row in rows}


def _rows(material: Material) -> list[RolloutRow]:
    file = material.workspace.layout.ledger_of(Purpose.TEST)
    if not has_begun(file):
        return []
    with closing(Ledger(file, read_only=True)) as ledger:
        return ledger.rows()


def _harnesses(
    material: Material, names: Sequence[str], rows: Sequence[RolloutRow]
) -> list[Harness]:
    """Those of an opening; none where one of them is unknown, as after another search."""
    digests = {row.name: row.harness for row in material.history.iterations if row.harness}
    measured = dict.fromkeys(row.key.harness for row in rows)
    found = []
    for name in dict.fromkeys(names):
        digest = digests.get(name) or _by_its_end(name, measured)
        if not digest:
            return []
        found.append(Harness(name, material.workspace.layout.candidate(name), digest))
    return found


def _by_its_end(name: str, measured: Iterable[str]) -> str:
    """The digest of a harness that is not of the search, whose name ends with its beginning; empty
    for any other name."""
    end = name.rpartition("-")[2]
    found = [digest for digest in measured if digest.startswith(end)]
    return found[0] if len(end) == END_OF_A_NAME and len(found) == 1 else ""


def _result(
    material: Material,
    found: Comparison,
    harnesses: Sequence[Harness],
    rows: Sequence[RolloutRow],
) -> Result:
    first, last = harnesses[0], harnesses[-1]
    before, after = (
        [row for row in rows if row.key.harness == side.digest] for side in (first, last)
    )
    known = known_variance(material.workspace, found.trials)
    criteria, rates = material.workspace.criteria(Split.TEST), noise_of_rates(material)
    terms = Terms(criteria, found.trials, found.weights, known, rates)
    return result_of(_sentence(found), last.name, before, after, terms)


def _sentence(found: Comparison) -> str:
    (first, before), (last, after) = found.scores[0], found.scores[-1]
    model = " (simulated model)" if found.simulated else ""
    rollouts = f"{found.trials * found.tasks:,} rollouts of each"
    said = (
        f"Held out{model}: {last} against {first} {_difference(found)}{_pooled(before, after)}, by "
        f"{rollouts} on {counted(found.tasks, 'task')} of the test split."
    )
    return f"{said} {found.transfer.words()}" if found.transfer else said


def _difference(found: Comparison) -> str:
    gain = found.gain
    return f"{gain.points:+.1f} blended points ({intervals(gain)})" if gain else ""


def _pooled(before: Score | None, after: Score | None) -> str:
    return f", pooled {before.pooled:.1f} -> {after.pooled:.1f}" if before and after else ""


def _caveats(found: Comparison, material: Material, name: str) -> Iterator[str]:
    incumbent = material.frontier.incumbent
    if name != incumbent:
        yield f"The held-out result is of {name}, and the incumbent is {incumbent}."
    if found.opening > 1:
        yield (
            f"The held-out split was opened {found.opening:,} times: whoever chooses by it wears "
            "it out."
        )
    if said := warning(found.sandboxes):
        yield f"Held-out split: {said}"
