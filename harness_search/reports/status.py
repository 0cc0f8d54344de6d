"""Where a search stands, read from disk: it answers even when no scaffold is running."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from harness_search.gateway.prices import known_price, read_prices
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.rows import IterationRow, Role, RolloutRow, Split
from harness_search.ledger.sandboxes import listed, warning
from harness_search.ledger.scores import Score, rows_by_task
from harness_search.ledger.spending import Spent, spent_by_role, spent_on_disk, total
from harness_search.ledger.store import Ledger, has_begun
from harness_search.reports.forecast import Forecast, Progress, forecast
from harness_search.reports.money import Money, read_live
from harness_search.search import current_frontier
from harness_search.workspace import UNKNOWN, Workspace


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` prints."""

    iteration: int
    target: int
    incumbent: str
    score: Score | None
    """Of the incumbent, on dev."""
    open_harness: str
    done: int
    """Finished rollouts of the open iteration, or of the last one."""
    planned: int
    money: Money
    simulated: bool
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts of the search by what they ran in."""

    @property
    def warning(self) -> str:
        """What is unsafe about it; empty when nothing is."""
        return warning(self.sandboxes)

    @property
    def next(self) -> str:
        """What to do next, in one sentence."""
        if not self.incumbent:
            return "Start the search with `meta-harness run`."
        if self.open_harness:
            return "Run `meta-harness run` again to go on with the open iteration."
        if self.iteration < self.target:
            return "Run `meta-harness run` to go on with the next iteration."
        return "Look at `meta-harness frontier`, then open the test split with `meta-harness test`."

    def to_json(self) -> dict[str, Any]:
        """The document of `status --json`."""
        return {
            "iteration": self.iteration,
            "target": self.target,
            "incumbent": self.incumbent or None,
            "pooled": round(self.score.pooled, 4) if self.score else None,
            "blended": round(self.score.blended, 4) if self.score else None,
            "open": self.open_harness or None,
            "rollouts_done": self.done,
            "rollouts_planned": self.planned,
            "simulated": self.simulated,
            "sandboxes": dict(self.sandboxes),
            **self.money.to_json(),
            "next": self.next,
        }

    def lines(self) -> list[tuple[str, str]]:
        """Names and values for a terminal."""
        score = f", pooled {self.score.pooled:.1f}" if self.score else ""
        spent, *money = self.money.lines()
        model = "simulated" if self.simulated else "real"
        return [
            ("iteration", f"{self.iteration} of {self.target}"),
            ("incumbent", f"{self.incumbent or 'none yet'}{score}"),
            ("open", self.open_harness or "nothing"),
            ("rollouts", f"{self.done} of {self.planned} in this iteration"),
            *([("sandbox", listed(self.sandboxes))] if self.sandboxes else []),
            (spent[0], f"{spent[1]} ({model} model)"),
            *money,
            ("next", self.next),
        ]


def status_of(workspace: Workspace) -> Status:
    """Read the ledger; a workspace that was never run has an empty status."""
    planned = len(workspace.splits.dev) * workspace.settings.search.trials
    target, simulated = workspace.settings.search.iterations, workspace.settings.profile.simulated
    if not has_begun(workspace.layout.ledger):
        money = _money(workspace, dict.fromkeys(Role, Spent()), None, _has_price(workspace, None))
        return Status(0, target, "", None, "", 0, planned, money, simulated)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        current = current_frontier(workspace, ledger)
        iterations, rows, by_role = ledger.iterations(), ledger.rows(), spent_by_role(ledger)
        paid = {name: Spent(*item) for name, item in ledger.paid_by_harness().items()}
        priced = _has_price(workspace, ledger.identity().get("price"))
    last = iterations[-1] if iterations else None
    finished = _finished(workspace, iterations, rows)
    progress = Progress(iterations, target, planned, finished)
    others = total(spent for role, spent in by_role.items() if role is not Role.ROLLOUT)
    return Status(
        iteration=current.iteration,
        target=target,
        incumbent=current.incumbent,
        score=_score_of(current),
        open_harness=last.name if last is not None and last.decision is None else "",
        done=finished[last.harness] if last is not None else 0,
        planned=planned,
        money=_money(workspace, by_role, forecast(progress, paid, others), priced),
        simulated=simulated,
        sandboxes=current.sandboxes,
    )


def _finished(
    workspace: Workspace, iterations: list[IterationRow], rows: list[RolloutRow]
) -> dict[str, int]:
    """Finished rollouts of each iteration, by its harness's digest."""
    by_harness: dict[str, list[RolloutRow]] = {item.harness: [] for item in iterations}
    for row in rows:
        by_harness.setdefault(row.key.harness, []).append(row)
    criteria, trials = workspace.criteria(Split.DEV), workspace.settings.search.trials
    return {
        harness: sum(map(len, rows_by_task(own, criteria, trials).values()))
        for harness, own in by_harness.items()
    }


def _money(
    workspace: Workspace, by_role: dict[Role, Spent], expected: Forecast | None, priced: bool
) -> Money:
    layout = workspace.layout
    live = read_live(layout.account_state)
    return Money(
        by_role=by_role,
        test=total(spent_on_disk(layout.test_ledger).values()),
        live=live,
        budget=(live and live.budget) or workspace.settings.budget,
        forecast=expected,
        priced=priced,
    )


def _has_price(workspace: Workspace, frozen: str | None) -> bool:
    """Whether the model has a price: the one that the search was started with, if it was."""
    if frozen is not None:
        return frozen != UNKNOWN
    prices = read_prices(workspace.layout.prices)
    return known_price(workspace.settings.profile, prices) is not None


def _score_of(current: Frontier) -> Score | None:
    rows = {row.harness: row.score for row in current.rows}
    return rows.get(current.incumbent)
