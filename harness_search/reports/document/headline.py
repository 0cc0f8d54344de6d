"""What a search may claim: its confirmation, its held-out result, and what speaks against them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from harness_search.experiments.confirmed import Confirmation, rows_of
from harness_search.experiments.known_noise import known_variance
from harness_search.ledger.frontier import UNKNOWN_INFLATION
from harness_search.ledger.replicates import control_as_trials
from harness_search.ledger.rows import Purpose
from harness_search.ledger.sandboxes import warning
from harness_search.ledger.store import Ledger
from harness_search.plots.values import signed
from harness_search.reports.confirmation import NOTHING_PROMOTED
from harness_search.reports.confirmation import headline as confirmation_sentence
from harness_search.reports.document.held_out import held_out_of
from harness_search.reports.document.material import Material
from harness_search.reports.document.measures import noise_of_rates
from harness_search.reports.document.result import Result, Terms, result_of
from harness_search.reports.tables import SIMULATED_NOTE

MOST_NAMED = 5
"""Damaged documents that a sentence names."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The first thing that a report says."""

    confirmation: Result
    """On dev, by fresh rollouts that no decision has used; without figures before all of them are
    finished."""
    search: Result | None
    """On dev, by the very rollouts that the incumbent was chosen by, which selection has raised;
    None while nothing is promoted."""
    held_out: Result | None
    """On the held-out split; None unless that was opened and every rollout of it is finished."""
    openings: int
    """How often the held-out split was opened."""
    held_out_missing: str
    """Why it has no result though it was opened, in a sentence; empty otherwise."""
    caveats: tuple[str, ...]
    """What a reader has to know beside it, a sentence each."""


def headline_of(material: Material) -> Headline:
    """What is known of the gain of the incumbent over the baseline."""
    held_out, own = held_out_of(material), _of_the_search(material)
    return Headline(
        _confirmation(material, own),
        own,
        held_out.result,
        held_out.openings,
        held_out.missing,
        (*_caveats(material), *held_out.caveats),
    )


def _confirmation(material: Material, own: Result | None) -> Result:
    incumbent, found = material.frontier.incumbent, material.confirmation
    if own is None or incumbent in NOTHING_PROMOTED:
        return Result(_nothing(material))
    if found is None:
        return Result(f"Not confirmed. {own.sentence}", incumbent)
    said = confirmation_sentence(found, incumbent)
    if found.gain is None:
        return Result(f"{said} {own.sentence}", found.harness.name)
    return _measured(material, found, said)


def _nothing(material: Material) -> str:
    baseline = material.baseline
    if baseline is None:
        return "Nothing has been measured yet."
    if baseline.decision is None:
        return "The baseline is not measured in full yet."
    return "Nothing has been promoted, so there is no gain to confirm."


def _measured(material: Material, found: Confirmation, said: str) -> Result:
    layout, settings = material.workspace.layout, material.workspace.settings
    with closing(Ledger(layout.ledger_of(Purpose.CONFIRMATION), read_only=True)) as ledger:
        plan = next(row for row in ledger.iterations() if row.number == found.iteration)
        rows = control_as_trials(rows_of(plan, ledger.rows()))
    before, after = (
        [row for row in rows if row.key.harness == side.digest]
        for side in (found.baseline, found.harness)
    )
    known = known_variance(material.workspace, found.trials)
    criteria = material.history.derived.shape.criteria
    terms = Terms(criteria, found.trials, settings.weights, known, noise_of_rates(material))
    return result_of(said, found.harness.name, before, after, terms)


def _of_the_search(material: Material) -> Result | None:
    """What the search measured while it chose."""
    baseline, final, history = material.baseline, material.final, material.history
    if baseline is None or final is None or final.number == 0:
        return None
    shape, noise = history.derived.shape, history.variance(len(history.iterations))
    terms = Terms(shape.criteria, shape.most, shape.weights, noise, noise_of_rates(material))
    rows = (history.rows(baseline.harness), history.rows(final.harness))
    found = result_of("", final.name, *rows, terms)
    points = "" if found.gain is None else f", {signed(found.gain.value)} blended points,"
    return replace(
        found,
        sentence=(
            f"The gain of {final.name} over the baseline{points} is the search's own: choosing by "
            f"it {_raised(history.inflation().points)}."
        ),
    )


def _raised(inflation: float | None) -> str:
    if inflation is None:
        return f"has raised it by an amount that is {UNKNOWN_INFLATION}"
    return f"is estimated to have raised it by {inflation:.1f} points"


def _caveats(material: Material) -> Iterator[str]:
    if material.simulated:
        yield SIMULATED_NOTE
    if said := warning(material.frontier.sandboxes):
        yield said
    if damaged := material.damaged:
        left = len(damaged) - MOST_NAMED
        more = f" and {left:,} more" if left > 0 else ""
        named = ", ".join(damaged[:MOST_NAMED])
        yield f"Cannot be read, and left out of this report: {named}{more}."
