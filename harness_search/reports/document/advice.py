"""What to try next: a sentence each, with the command to type."""

from collections.abc import Iterator

from harness_search.ledger.criteria import Habit
from harness_search.ledger.digest import restackable
from harness_search.ledger.frontier import FrontierRow
from harness_search.ledger.rows import DecisionKind, is_placebo
from harness_search.plots.values import counted, signed
from harness_search.reports.confirmation import NOTHING_PROMOTED
from harness_search.reports.document.criteria import Criteria
from harness_search.reports.document.material import Material
from harness_search.reports.states import State

SHOWN = 3
"""Orphans that a report advises to take up again."""


def advice_of(material: Material, criteria: Criteria) -> tuple[str, ...]:
    """The next command first, then what the evidence points at."""
    return (
        material.status.next,
        *_confirming(material),
        *_restacking(material),
        *_undecided(material),
        *_ceiling(material),
        *_luck(criteria),
        *_gate(material),
    )


def _confirming(material: Material) -> Iterator[str]:
    """A confirmation follows the last iteration by itself, unless none is wanted."""
    found, incumbent = material.confirmation, material.frontier.incumbent
    confirmed = found is not None and found.gain is not None and found.harness.name == incumbent
    if incumbent in NOTHING_PROMOTED or confirmed or material.status.state.at_work:
        return
    command = material.status.seen.command
    if not material.workspace.settings.confirmation_trials:
        yield (
            f"Confirm {incumbent} by fresh rollouts: set `search.confirmation_trials` in "
            f"`meta_harness.toml`, then {command}."
        )
    elif material.status.state is State.FINISHED:
        yield f"Confirm {incumbent} by fresh rollouts with {command}."


def _restacking(material: Material) -> Iterator[str]:
    """Orphans that gained something, against another incumbent than that of now; those whose
    mechanism was promoted since, or that a later candidate took up, have had their chance."""
    incumbent = material.frontier.incumbent
    rows = material.frontier.rows
    last = {row.mechanism: row.iteration for row in rows if row.mechanism}
    worth = [
        row
        for row in restackable(rows)
        if row.decision is DecisionKind.ORPHAN
        and not is_placebo(row.harness)
        and row.incumbent != incumbent
        and last.get(row.mechanism, row.iteration) == row.iteration
    ]
    for row in worth[:SHOWN]:
        yield f"Restack {row.mechanism or row.harness} on {incumbent}: {_gained(row)}."
    if (left := len(worth) - SHOWN) > 0:
        yield f"{counted(left, 'more orphan')} gained something against earlier incumbents."


def _gained(row: FrontierRow) -> str:
    points = signed(row.delta or 0.0)
    return (
        f"it gained {points} points against {row.incumbent} and was left an orphan "
        f"(`meta-harness decision {row.iteration}` shows on which tasks)"
    )


def _undecided(material: Material) -> Iterator[str]:
    """What was lost to the provider is no worse than anything."""
    rows = [row for row in material.frontier.rows if row.decision is DecisionKind.INCONCLUSIVE]
    if not rows:
        return
    names = ", ".join(row.harness for row in rows[-SHOWN:])
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    yield (
        f"Undecided for want of rollouts: {names}{more}. They may be proposed again; "
        "`meta-harness logs` says what was lost."
    )


def _ceiling(material: Material) -> Iterator[str]:
    found = material.frontier.ceiling
    if found is not None and found.failing:
        yield (
            f"{found.sentence()} `meta-harness criteria --habit always-fail` lists those that no "
            "harness has passed."
        )


def _luck(criteria: Criteria) -> Iterator[str]:
    """A gain on these is luck, unless a mechanism settles them."""
    many = criteria.counts.get(Habit.COIN_FLIP, 0)
    if many:
        every = counted(sum(criteria.counts.values()), "criterion", "criteria")
        yield (
            f"Trials of one harness disagree about {many:,} of {every} as often as chance would "
            "have it: look for what would settle them "
            "(`meta-harness criteria --habit coin-flip` lists them)."
        )


def _gate(material: Material) -> Iterator[str]:
    record = material.frontier.gate
    if record is None or record.false_promotions is None or record.false_promotions < 1:
        return
    yield (
        f"{record.false_promotions:.1f} of {record.promotions} promotions are expected to be "
        "without a gain: a stricter gate asks for more rollouts (`meta-harness gate simulate` "
        "shows what each costs and catches)."
    )
