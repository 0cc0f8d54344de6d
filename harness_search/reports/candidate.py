"""One candidate as data: what its claim said, what it did, what was decided and what it cost."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from harness_search.audit.report import AuditReport
from harness_search.errors import InputError
from harness_search.ledger.bills import bills_of, by_iteration
from harness_search.ledger.figures import compare, reference_rows
from harness_search.ledger.frontier import frontier_row
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import DecisionKind, IterationRow, RolloutRow
from harness_search.ledger.sandboxes import warning
from harness_search.ledger.scores import Score
from harness_search.ledger.sessions import SessionRow
from harness_search.ledger.spending import Spent, total
from harness_search.ledger.store import Ledger, has_begun
from harness_search.pairing import History, claimed
from harness_search.plots.values import Measured
from harness_search.promotion.claim import CandidateClaim
from harness_search.proposers.books import log_in
from harness_search.reports.claimed import Arms, Change, TaskRow, rounded, task_rows
from harness_search.reports.document.kept import Document, KeptDocuments
from harness_search.reports.document.measures import of_gain
from harness_search.reports.hunks import TextDifference
from harness_search.reports.probed import Probed, probed_of
from harness_search.reports.session_turns import turns_of
from harness_search.reports.sources import Source, source_of
from harness_search.workspace import Workspace

OPEN = "open"
"""Instead of a decision, while an iteration has none."""
INCUMBENT, BASELINE = "incumbent", "baseline"
"""Names that stand for whatever harness that is."""
MOST_NEAR = 3
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the proposer session that the candidate came of."""

    row: SessionRow
    turns: int | None
    """By its own account; None where it gave none."""

    def to_json(self) -> dict[str, Any]:
        """Its part of the document of `show --json`."""
        row, result = self.row, self.row.result
        return {
            "attempt": row.attempt,
            "session_id": row.start.session_id,
            "profile": row.start.profile or None,
            "model": row.start.model,
            "started_at": row.started_at,
            "ended_at": row.ended_at or None,
            "outcome": result.outcome.value if result else None,
            "reason": result.reason if result else "",
            "tokens": result.paid.total if result else 0,
            "usd": round(result.paid_usd, 6) if result else 0.0,
            "turns": self.turns,
        }


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Rollouts of the candidate, and of the incumbent for this comparison alone."""

    finished: int
    lost: int
    """Attempts that the provider or the machine ended; they were run again."""
    control: int
    """Finished ones of the incumbent, run beside the candidate."""


@dataclass(frozen=True)
class Subject:
    """The harness of one iteration."""

    workspace: str
    """Name of the folder."""
    simulated: bool
    iteration: int
    name: str
    parent: str
    """Name of the harness that it was copied from; empty for the baseline."""
    incumbent: str
    """Name of the harness that it was compared with; empty for the baseline."""
    mechanism: str
    decision: DecisionKind | None
    """None while the iteration is open."""
    reason: str
    """One sentence."""
    stage: str
    """The last stage that the gate looked at; empty where it did not decide."""
    notes: tuple[str, ...]
    """What was special about the comparison, and what was remarked of the candidate."""
    claim: CandidateClaim | None
    score: Score | None
    """Of the tasks that it has finished a rollout of."""
    gain: Gain | None
    """Over the incumbent of its time; None where the two were not compared."""
    tasks: tuple[TaskRow, ...]
    """Every dev task."""
    rollouts: Rollouts
    spent: Spent
    """By its own trials and by the incumbent's control beside them, lost and interrupted attempts
    included."""
    sandboxes: Mapping[str, int]
    audit: AuditReport | None
    """None where no audit was kept."""
    probes: Probed
    session: tuple[Run, ...]
    """Of its proposer; none for a catalogue's candidate."""
    source: Source | None
    """None where it delivered none."""
    parent_source: Source | None
    damaged: tuple[str, ...] = ()
    """What cannot be read of it, as paths below the workspace, and its claim."""

    @property
    def decided(self) -> str:
        """The decision as a word."""
        return self.decision.value if self.decision else OPEN

    @property
    def difference(self) -> Measured | None:
        """The gain with its interval from trial noise, in blended points."""
        return of_gain(self.gain)

    @property
    def unsafe(self) -> str:
        """A warning where rollouts ran without a sandbox; empty where none did."""
        return warning(self.sandboxes)

    @property
    def measured_tasks(self) -> int:
        """Tasks that it has finished a rollout of."""
        return sum(row.candidate is not None for row in self.tasks)

    @property
    def observed(self) -> tuple[str, ...]:
        """What the evaluation and experiments wrote into the claim, line by line."""
        said = self.claim.observed if self.claim else ""
        return tuple(line for line in said.splitlines() if line.strip())

    @property
    def asked(self) -> Spent:
        """What its proposer session has paid, over all of its runs."""
        results = [run.row.result for run in self.session if run.row.result is not None]
        return total(Spent(result.paid, result.paid_usd) for result in results)

    @cached_property
    def changed(self) -> TextDifference | None:
        """Its source against its parent's; None where either is missing."""
        if self.source is None or self.parent_source is None:
            return None
        return TextDifference.of(self.parent_source.text, self.source.text)

    def to_json(self) -> dict[str, Any]:
        """The object of `show --json`; points, shares from 0 to 1, rates in percent."""
        return {
            **self._decision_json(),
            "claim": self.claim.model_dump(mode="json") if self.claim else None,
            "happened": {
                "fixed": _names(self.tasks, Change.FIXED),
                "broken": _names(self.tasks, Change.BROKEN),
                "observed": list(self.observed),
            },
            "tasks": [row.to_json() for row in self.tasks],
            "spent": _spent_json(self.spent),
            "sandboxes": dict(self.sandboxes),
            "audit": self.audit.to_json() if self.audit else None,
            "probes": self.probes.to_json(),
            "session": [run.to_json() for run in self.session],
            "session_spent": _spent_json(self.asked),
            "source": self.source.text if self.source else None,
            "parent_source": self.parent_source.text if self.parent_source else None,
            "damaged": list(self.damaged),
        }

    def _decision_json(self) -> dict[str, Any]:
        gain, difference = self.gain, self.difference
        interval = difference.interval if difference else None
        return {
            "iteration": self.iteration,
            "harness": self.name,
            "simulated": self.simulated,
            "decision": self.decided,
            "stage": self.stage or None,
            "reason": self.reason,
            "notes": list(self.notes),
            "parent": self.parent or None,
            "incumbent": self.incumbent or None,
            "mechanism": self.mechanism or None,
            "blended": rounded(self.score.blended) if self.score else None,
            "measured_tasks": self.measured_tasks,
            "whole": self.measured_tasks == len(self.tasks),
            "compared": len(gain.tasks) if gain else 0,
            "difference": rounded(gain.points) if gain else None,
            "interval": [round(end, 4) for end in interval] if interval else None,
            "chance": rounded(gain.chance) if gain else None,
            "shrunken": rounded(gain.shrunken) if gain else None,
            "rollouts": {
                "candidate": self.rollouts.finished,
                "lost": self.rollouts.lost,
                "incumbent": self.rollouts.control,
            },
        }


def subject_of(workspace: Workspace, name: str) -> Subject:
    """A harness of the search by its name, its iteration's number, `incumbent` or `baseline`.

    Raises InputError for an unknown one, naming those that are most like it.
    """
    if not has_begun(workspace.layout.ledger):
        found = f"no search, asked for {shown(name)}"
        raise InputError(workspace.layout.ledger, "", found, "a search (meta-harness run)")
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        history = History.of(workspace, ledger)
        return subject_in(workspace, ledger, history, row_of(history.iterations, name))


def row_of(
    iterations: Sequence[IterationRow], name: str, argument: str = "CANDIDATE"
) -> IterationRow:
    """The iteration that a person means; of a name that was used twice, the later one's.

    Raises InputError for an unknown one, with the command's name of the argument.
    """
    if not iterations:
        expected = "a harness of a search that has begun (meta-harness start)"
        raise InputError("command line", argument, shown(name), expected)
    by_number = {str(row.number): row for row in iterations}
    by_name = {row.name: row for row in iterations}
    promoted = [row for row in iterations if row.decision is DecisionKind.PROMOTED]
    special = {BASELINE: iterations[:1], INCUMBENT: promoted or iterations[:1]}
    if found := special.get(name):
        return found[-1]
    row = by_name.get(name) or by_number.get(name.lstrip("0") or name[-1:])
    if row is not None:
        return row
    near = get_close_matches(name[:LONGEST_NAME], by_name, MOST_NEAR, 0.5)
    choice = f"one of {', '.join(near)}" if near else "the name of a harness of this search"
    expected = (
        f"{choice}, an iteration from 0 to {iterations[-1].number}, `{INCUMBENT}` or `{BASELINE}`"
    )
    raise InputError("command line", argument, shown(name), expected)


def parent_of(iterations: Sequence[IterationRow], row: IterationRow) -> IterationRow | None:
    """The last harness before it that had its parent's name; None for the baseline."""
    before = [item for item in iterations if item.number < row.number and item.harness]
    return next((item for item in reversed(before) if item.name == row.parent), None)


def shown(name: str) -> str:
    """A name that somebody gave, fit for a message."""
    return repr(name[:LONGEST_NAME])


def subject_in(
    workspace: Workspace, ledger: Ledger, history: History, row: IterationRow
) -> Subject:
    """An iteration's harness with all that is known of it, under the current weights."""
    kept = KeptDocuments(workspace.layout)
    decision = kept.decisions([row.number]).get(row.number)
    audit = kept.audits([row.number]).get(row.number)
    claim, broken_claim = _claim_of(row)
    compared, rows = history.compared, history.rows(row.harness) if row.harness else ()
    incumbent = history.incumbent_digest(row)
    front = frontier_row(row, incumbent, compared)
    beside = compared.source.rows(incumbent, row.number) if row.number and incumbent else ()
    arms = _arms(history, row, rows, beside)
    gain = _gain(history, row, rows, beside) if front.gain else None
    return Subject(
        workspace=workspace.layout.root.name,
        simulated=workspace.settings.profile.simulated,
        iteration=row.number,
        name=row.name,
        parent=row.parent,
        incumbent=row.incumbent,
        mechanism=row.mechanism,
        decision=row.decision,
        reason=row.reason,
        stage=str(decision["stage"]) if decision else "",
        notes=_notes(decision),
        claim=claim,
        score=front.score,
        gain=gain,
        tasks=task_rows(arms, compared.shape, gain.tasks if gain else (), claim),
        rollouts=_rollouts(rows, beside),
        spent=_spent(ledger, history.iterations, row),
        sandboxes=front.sandboxes,
        audit=AuditReport.of_json(audit) if audit else None,
        probes=probed_of(ledger.probes(row.harness)) if row.harness else Probed(),
        session=tuple(_runs(workspace, ledger, row)),
        source=source_of(workspace.layout, row),
        parent_source=_parent_source(workspace, history, row),
        damaged=(*kept.damaged, *(["the claim"] if broken_claim else [])),
    )


def _claim_of(row: IterationRow) -> tuple[CandidateClaim | None, bool]:
    """The claim, and whether there is one that cannot be read."""
    if not row.claim:
        return None, False
    try:
        return claimed(row), False
    except InputError:
        return None, True


def _arms(
    history: History, row: IterationRow, rows: Sequence[RolloutRow], beside: Sequence[RolloutRow]
) -> Arms:
    first, incumbent = history.iterations[0], history.incumbent_digest(row)
    stored = history.rows(incumbent) if incumbent else ()
    against = reference_rows(stored, beside, history.compared.shape)
    return Arms(history.rows(first.harness), against, rows)


def _gain(
    history: History, row: IterationRow, rows: Sequence[RolloutRow], beside: Sequence[RolloutRow]
) -> Gain | None:
    """With its table by task, which a frontier leaves out."""
    stored = history.rows(history.incumbent_digest(row))
    return compare(rows, stored, beside, history.compared.shape).gain


def _notes(decision: Document | None) -> tuple[str, ...]:
    return (*decision["notes"], *decision["remarks"]) if decision else ()


def _rollouts(rows: Sequence[RolloutRow], beside: Sequence[RolloutRow]) -> Rollouts:
    finished = sum(row.outcome.finished for row in rows)
    control = sum(row.outcome.finished for row in beside)
    return Rollouts(finished, len(rows) - finished, control)


def _spent(ledger: Ledger, iterations: Sequence[IterationRow], row: IterationRow) -> Spent:
    taken = by_iteration(bills_of(ledger), iterations)
    return total(bill.paid for bill in taken[row.number])


def _runs(workspace: Workspace, ledger: Ledger, row: IterationRow) -> Iterator[Run]:
    folder = workspace.layout.session(row.number)
    for run in ledger.sessions(row.number):
        yield Run(run, turns_of(log_in(folder, run.attempt)))


def _parent_source(workspace: Workspace, history: History, row: IterationRow) -> Source | None:
    parent = parent_of(history.iterations, row)
    return source_of(workspace.layout, parent) if parent else None


def _names(rows: Sequence[TaskRow], change: Change) -> list[str]:
    return [row.task for row in rows if row.change is change]


def _spent_json(spent: Spent) -> dict[str, Any]:
    return {"usd": round(spent.usd, 6), "tokens": spent.usage.total}
