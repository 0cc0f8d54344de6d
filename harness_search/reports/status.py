"""Where a search stands, read from disk: it answers even when no scaffold is running."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from harness_search.ledger.frontier import Frontier
from harness_search.ledger.rows import Split
from harness_search.ledger.scores import Score, rows_by_task
from harness_search.ledger.store import Ledger, has_begun
from harness_search.search import current_frontier
from harness_search.workspace import Workspace


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
    cost_usd: float
    simulated: bool

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
            "cost_usd": round(self.cost_usd, 4),
            "simulated": self.simulated,
            "next": self.next,
        }

    def lines(self) -> list[tuple[str, str]]:
        """Names and values for a terminal."""
        score = f", pooled {self.score.pooled:.1f}" if self.score else ""
        model = "simulated" if self.simulated else "real"
        return [
            ("iteration", f"{self.iteration} of {self.target}"),
            ("incumbent", f"{self.incumbent or 'none yet'}{score}"),
            ("open", self.open_harness or "nothing"),
            ("rollouts", f"{self.done} of {self.planned} in this iteration"),
            ("spent", f"{self.cost_usd:.2f} USD ({model} model)"),
            ("next", self.next),
        ]


def status_of(workspace: Workspace) -> Status:
    """Read the ledger; a workspace that was never run has an empty status."""
    planned = len(workspace.splits.dev) * workspace.settings.search.trials
    target, simulated = workspace.settings.search.iterations, workspace.settings.profile.simulated
    if not has_begun(workspace.layout.ledger):
        return Status(0, target, "", None, "", 0, planned, 0.0, simulated)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        current = current_frontier(workspace, ledger)
        iterations, rows = ledger.iterations(), ledger.rows()
    last = iterations[-1] if iterations else None
    own = [row for row in rows if last is not None and row.key.harness == last.harness]
    criteria, trials = workspace.criteria(Split.DEV), workspace.settings.search.trials
    done = sum(map(len, rows_by_task(own, criteria, trials).values()))
    return Status(
        iteration=current.iteration,
        target=target,
        incumbent=current.incumbent,
        score=_score_of(current),
        open_harness=last.name if last is not None and last.decision is None else "",
        done=done,
        planned=planned,
        cost_usd=sum(row.cost_usd for row in rows),
        simulated=simulated,
    )


def _score_of(current: Frontier) -> Score | None:
    rows = {row.harness: row.score for row in current.rows}
    return rows.get(current.incumbent)
