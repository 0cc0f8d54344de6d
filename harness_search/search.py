"""What the steps of a search share: its ledger, its history, its identity, its mirrors."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from harness_search.audit.engaged import audit_forecast
from harness_search.audit.report import AuditReport
from harness_search.auditing import Auditor
from harness_search.disk import require_room
from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments.claims import keeping_notes
from harness_search.files import digest_bytes, next_free, to_json, write_atomically
from harness_search.gateway.budget import Amount
from harness_search.layout import Layout
from harness_search.ledger.frontier import Frontier, frontier_row
from harness_search.ledger.lineage import Entry, mirror_lineage
from harness_search.ledger.memo import WORTH_KEEPING
from harness_search.ledger.next_step import PROPOSING
from harness_search.ledger.reading import parts_of
from harness_search.ledger.regrading import JUDGE, another_judge
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Purpose,
    Role,
    Split,
    is_placebo,
)
from harness_search.ledger.sessions import awaited
from harness_search.ledger.spending import Spent, spent_by_role, spent_on_disk, total
from harness_search.ledger.store import Ledger, has_begun
from harness_search.lost_ledger import left_behind
from harness_search.pairing import History
from harness_search.promotion.claim import Claim
from harness_search.promotion.decision import Arm, Decision, Gate, PlannedRollout
from harness_search.promotion.observed import observe
from harness_search.promotion.placebo import placebo_reason
from harness_search.promotion.plausibility import remarks
from harness_search.promotion.stopping import Standing
from harness_search.proposers.session import PastIteration, Proposer
from harness_search.reports.forecast import Progress, amount_of, forecast
from harness_search.reports.progress import Reporter
from harness_search.rollouts.bench import locked
from harness_search.rollouts.jobs import Harness, Job
from harness_search.rollouts.lost import left_by_judge
from harness_search.rollouts.room import room_needed
from harness_search.rollouts.runner import Bench
from harness_search.rollouts.scheduler import Lost, job_of, missing, plan
from harness_search.workspace import Workspace


@dataclass(frozen=True)
class Search:
    """One search at work."""

    workspace: Workspace
    ledger: Ledger
    bench: Bench
    proposer: Proposer
    reporter: Reporter
    gate: Gate
    auditor: Auditor
    drift: str = ""
    """What the A/A run showed of a pass or day component; empty for none."""
    granted: int | None = None
    """The iteration that was granted its tries; None before any was."""
    lost_before: Lost = field(default_factory=dict)
    """How often each rollout had been lost then: an incumbent's have the same keys in all of its
    iterations."""

    def granting_tries(self) -> "Search":
        """The same with fresh tries of all that is lost, where an iteration has just been opened,
        or gone on with by this launch."""
        last = self.ledger.iterations()[-1:]
        if not last or last[0].number == self.granted:
            return self
        return replace(self, granted=last[0].number, lost_before=self.ledger.lost())

    def history(self) -> History:
        """The search as the ledger has it now."""
        revisions = self.ledger.look()
        if not revisions.known:
            return History.of(self.workspace, self.ledger, self.drift)
        make = partial(History.of, self.workspace, self.ledger, self.drift)
        return self.ledger.memo.get("history", self.drift, revisions.serial, make)

    def decided(self, history: History, row: IterationRow) -> Decision:
        """What the gate says of the rows of an iteration as they are now."""
        make = partial(self._decide, history, row)
        revisions = self.ledger.look()
        if not revisions.known:
            return make()
        return self.ledger.memo.get("decision", "", (row.number, revisions.serial), make)

    def _decide(self, history: History, row: IterationRow) -> Decision:
        return self.gate.decide(history.pairing(row))

    def harness(self, row: IterationRow) -> Harness:
        """The harness of an iteration; its digest is the ledger's, whatever the file holds now."""
        return Harness(row.name, self.workspace.layout.candidate(row.name), row.harness)


def hold_to_identity(ledger: Ledger, wanted: dict[str, str]) -> None:
    """Rows that cannot be compared never mix; raises InputError naming what differs."""
    known = ledger.identity()
    for name, value in wanted.items():
        if known.get(name, value) != value:
            if name == JUDGE:
                raise another_judge(ledger.file, known[name], value)
            raise InputError(
                ledger.file,
                name,
                f"a search that was started with {known[name]!r}",
                f"the same now and not {value!r} (or set the old search aside with --fresh)",
            )
    new = {name: value for name, value in wanted.items() if name not in known}
    if new:
        ledger.set_identity(new)


def past_iterations(current: Frontier) -> list[PastIteration]:
    """The decided iterations as a proposer is told them."""
    return [
        PastIteration(
            row.iteration,
            row.harness,
            row.parent,
            row.incumbent,
            row.mechanism,
            row.decision,
            row.reason,
            row.delta,
        )
        for row in current.rows
        if row.decision is not None and not is_placebo(row.harness)
    ]


def record_baseline(workspace: Workspace, ledger: Ledger) -> None:
    """The baseline is iteration 0; its source is kept, since every candidate comes of it."""
    baseline, layout = workspace.baseline, workspace.layout
    write_atomically(layout.kept_source(0, "baseline"), baseline.file.read_bytes())
    ledger.put_iteration(IterationRow(0, baseline.digest, "baseline", "", "", "", "", None, ""))


def jobs_left(search: Search, history: History) -> list[Job]:
    """What the open iteration still has to run: the baseline everything, a candidate what the gate
    asks for. None for an empty history."""
    if not history.iterations:
        return []
    row = history.iterations[-1]
    if row.number == 0:
        jobs = plan(search.workspace, Split.DEV, search.harness(row))
    else:
        jobs = _jobs_of(search, row, search.decided(history, row).planned)
    source = history.derived.source
    parts = parts_of(job.key for job in jobs)
    rows = (found for harness, part in parts for found in source.rows(harness, part))
    return missing(jobs, rows, search.bench.limits.attempts, search.lost_before)


def verdict_on(search: Search, history: History, row: IterationRow) -> Decision:
    """What the gate says of an evaluated candidate, with what looks implausible about it."""
    pairing, decision = history.pairing(row), search.decided(history, row)
    verdicts = search.ledger.verdicts(row.harness)
    verdicts |= search.ledger.verdicts(history.incumbent_digest(row))
    seen = remarks(pairing.candidate, pairing.incumbent, decision.gain, verdicts)
    forecast = audit_forecast(pairing.fix_tasks, decision.gain).reason()
    return replace(decision, remarks=(*decision.remarks, *seen, *filter(None, [forecast])))


def concluded(
    history: History, row: IterationRow, decision: Decision, audit: AuditReport
) -> IterationRow:
    """The iteration with its decision, and with what was observed written into its claim. What its
    rollouts delivered may still void it."""
    pairing, claim = history.pairing(row), Claim.model_validate_json(row.claim)
    observed = observe(claim, decision, pairing, history.derived.shape.most)
    kind, reason = decision.kind, " ".join((decision.reason, *decision.remarks))
    if is_placebo(row.name) and decision.verdict != "undecided":
        kind, reason = DecisionKind.PLACEBO, placebo_reason(decision.verdict, reason)
    if audit.rejected:
        kind, reason = DecisionKind.REJECTED, audit.reason()
    claim = keeping_notes(claim, observed)
    return replace(row, claim=claim.to_json(), decision=kind, reason=reason)


def _jobs_of(search: Search, row: IterationRow, planned: Sequence[PlannedRollout]) -> list[Job]:
    """The rollouts that the gate asks for in an iteration, in its order."""
    workspace = search.workspace
    rows = {item.name: item for item in search.ledger.iterations()}
    arms = {
        Arm.CANDIDATE: search.harness(row),
        Arm.INCUMBENT: search.harness(rows[row.incumbent]),
    }
    tasks = {task.id: task for task in workspace.splits.dev}
    for item in planned:  # by a gate of one's own, perhaps
        if item.task not in tasks or not 1 <= item.trial < CONTROL_STEP * (row.number + 1):
            found = f"rollout {item.trial} of {item.task!r}, which the gate plans"
            raise InputError(
                workspace.layout.settings, "promotion.gate", found, "a dev task and a trial of it"
            )
    return [job_of(workspace, arms[item.arm], tasks[item.task], item.trial) for item in planned]


def standing(search: Search, history: History) -> Standing:
    """Where the search stands, for its stop rules."""
    incumbent = history.incumbent
    score = history.derived.figures(incumbent.harness).score if incumbent else None
    layout = search.workspace.layout
    others = (layout.ledger_of(purpose) for purpose in Purpose if purpose is not Purpose.SEARCH)
    apart = (spent for file in others for spent in spent_on_disk(file).values())
    spent = total((*spent_by_role(search.ledger).values(), *apart))
    return Standing(
        iterations=history.iterations,
        blended=score.blended - history.inflation().known if score else None,
        spent=amount_of(spent),
        expected=_expected(search, history),
    )


def _expected(search: Search, history: History) -> Amount | None:
    """What one more iteration, and the confirmation, will cost by what rollouts cost so far."""
    settings, tasks = search.workspace.settings, len(search.workspace.splits.dev)
    planned = tasks * settings.search.trials
    paid = {name: Spent(*item) for name, item in search.ledger.paid_by_harness().items()}
    finished = history.derived.finished_of_all()
    roles = spent_by_role(search.ledger)
    others = total(spent for role, spent in roles.items() if role is not Role.ROLLOUT)
    found = forecast(
        Progress(history.iterations, settings.search.iterations, planned, finished), paid, others
    )
    if found is None:
        return None
    share = 2 * settings.confirmation_trials * tasks / max(1, sum(finished.values()))
    judged = amount_of(total((*paid.values(), roles[Role.JUDGE])))
    return found.iteration + Amount(judged.usd * share, round(judged.tokens * share))


def check_sources(layout: Layout, iterations: Sequence[IterationRow]) -> None:
    """Hold every harness file of the search to its digest; a deleted candidate is restored.

    Raises InputError for a file that was changed: its rows are of another harness.
    """
    for row in iterations:
        if row.harness and _digest_of(layout.candidate(row.name)) != row.harness:
            _restore(layout, row)


def _digest_of(file: Path) -> str:
    """Of a file's content; empty without one."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - a thousand of them before anything begins
            return digest_bytes([stream.read()])
    except OSError:
        return ""


def _restore(layout: Layout, row: IterationRow) -> None:
    """Put a missing source back; raises InputError for another one."""
    file, kept = layout.candidate(row.name), layout.kept_source(row.number, row.name)
    if not file.is_file() and kept.is_file():
        write_atomically(file, kept.read_bytes())
    if _digest_of(file) != row.harness:
        found = "a changed file" if file.is_file() else "no such file"
        # The two may be one file on disk, and the lineage has all that were decided.
        place = kept if _digest_of(kept) == row.harness else layout.lineage
        expected = f"the harness of iteration {row.number}, kept in {place}"
        raise InputError(file, "content", found, expected)


def mirror(
    workspace: Workspace, ledger: Ledger, phase: str, next_wake_up: datetime | None = None
) -> int:
    """Bring lineage and loop_state.json up to the ledger; after a crash this mends them too.

    Returns the iteration; one that is being proposed, or held a session for, counts as begun.
    Raises SearchStoppedError where there is no room for what comes next.
    """
    require_room(workspace.layout.runs, room_needed(workspace.settings))
    layout, history = workspace.layout, History.of(workspace, ledger)
    last, session = history.iterations[-1:], ledger.last_session()
    # As long as no row changes it stays as it is; it is looked at when a launch begins.
    serial = ledger.look().serial if ledger.look().known else object()
    ledger.memo.get("lineage", "", serial, partial(_mirror_lineage, layout, history))
    ledger.memo.save(WORTH_KEEPING)
    number = last[0].number if last else 0
    held = awaited([session] if session else [], number)
    iteration = held.start.iteration if held else number + (phase in PROPOSING)
    incumbent = history.incumbent
    state = {
        "iteration": iteration,
        "target": workspace.settings.search.iterations,
        "phase": phase,
        "incumbent": incumbent.name if incumbent else None,
        "proposer_session": session.start.session_id if session else None,
        "next_wake_up": next_wake_up.isoformat(timespec="seconds") if next_wake_up else None,
    }
    text = to_json(state)
    if not layout.loop_state.is_file() or layout.loop_state.read_text("utf-8") != text:
        write_atomically(layout.loop_state, text, durable=next_wake_up is not None)
    return iteration


def _mirror_lineage(layout: Layout, history: History) -> None:
    """Every harness that was measured and decided about."""
    items = {row.name: row for row in history.iterations if row.harness and row.decision}

    def entry_of(name: str) -> Entry:
        item = items[name]
        row = frontier_row(item, history.incumbent_digest(item), history.compared)
        return Entry(row, layout.candidate(name).read_bytes(), item.claim)

    names = [row.name for row in history.measured() if items.get(row.name) is row]
    incumbent = history.incumbent
    decided = incumbent.name if incumbent and incumbent.name in items else ""
    mirror_lineage(layout.lineage, names, decided, entry_of)


def accept_baseline(search: Search, row: IterationRow) -> IterationRow:
    """The baseline needs no gate, only every rollout; raises SearchStoppedError without them."""
    score = search.history().derived.figures(row.harness).score
    if score is None or not score.complete:
        raise SearchStoppedError(_without_baseline(search, row))
    return replace(row, decision=DecisionKind.BASELINE, reason="where the search starts")


def _without_baseline(search: Search, row: IterationRow) -> str:
    """Why there is no baseline, and what to do."""
    attempts = search.bench.limits.attempts
    if lacked := left_by_judge(search.ledger.rows(row.harness)):
        return (
            f"the judge left verdicts on the baseline undecided, {attempts} times each, and no "
            f"search can start without them: {lacked}. What it has said is kept; run the same "
            "command again when the judge can answer."
        )
    return (
        "rollouts of the baseline were lost to the provider, "
        f"{attempts} times each, and no search can start without them. "
        "Nothing was scored; run the same command again when the provider answers."
    )


KEPT = frozenset(
    {
        *("archive", "kit", "text", "verdicts", "lock", "lock.pid", "runtime"),
        *("control", "service.log"),
        "test_openings.jsonl",
    }
)


def set_aside(layout: Layout) -> None:
    """Move an earlier search, its candidates included, to `runs/archive/search-<n>`.

    Nothing is deleted. The ledger goes last, so that a crash leaves the rest to the next try. What
    a search without its ledger has left goes too.
    """
    with locked(layout):
        if not layout.ledger.is_file() and not left_behind(layout):
            return
        target = next_free(layout.archive / "search")
        (target / "harnesses").mkdir(parents=True)
        for file in _candidates(layout):
            file.rename(target / "harnesses" / file.name)
        ledger = [path for path in layout.runs.iterdir() if path.name == layout.ledger.name]
        others = {path for path in layout.runs.iterdir() if path.name not in KEPT} - set(ledger)
        for path in [*sorted(others), layout.loop_state, *ledger]:
            if path.exists():
                path.rename(target / path.name)


def _candidates(layout: Layout) -> list[Path]:
    """The files of a search's candidates. Reading the ledger as its writer also takes in what a
    crash left in its log, which could not be moved together with it."""
    try:
        if not has_begun(layout.ledger):
            return _candidates_by_name(layout)
        with closing(Ledger(layout.ledger)) as ledger:
            names = [row.name for row in ledger.iterations() if row.harness and row.number > 0]
    except (InputError, sqlite3.DatabaseError):  # it goes as it is, with all that it could name
        return _candidates_by_name(layout)
    return [file for file in map(layout.candidate, names) if file.is_file()]


def _candidates_by_name(layout: Layout) -> list[Path]:
    """Where no ledger says which they are: those that were measured, or shown to a session."""
    shown = layout.session(0).parent.glob("*/view/harnesses/*.py")
    names = {file.stem for file in (*layout.dev_evidence.glob("*"), *shown)}
    files = (layout.candidate(name) for name in sorted(names - {layout.baseline.stem}))
    return [file for file in files if file.is_file()]
