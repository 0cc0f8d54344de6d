"""Reads from disk where a search stands, whatever has become of its process.

A long search is not read row by row: SQLite adds up what has to be added up.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness_search.disk import free_megabytes, no_room
from harness_search.gateway.budget import Amount, is_shortage
from harness_search.gateway.prices import known_price, read_prices
from harness_search.layout import Layout
from harness_search.ledger.frontier import GateRecord
from harness_search.ledger.memo import WORTH_KEEPING
from harness_search.ledger.next_step import PROPOSING
from harness_search.ledger.replicates import NOISE_IS_KNOWN
from harness_search.ledger.rows import IterationRow, Purpose, Role, RolloutRow
from harness_search.ledger.scores import Score
from harness_search.ledger.sessions import SessionRow, awaited
from harness_search.ledger.spending import Spent, spent_on_disk, total
from harness_search.ledger.store import Ledger, has_begun
from harness_search.ledger.totals import Adding, Totals
from harness_search.pairing import History
from harness_search.proposers.books import paid_by
from harness_search.reports.confirmation import NOTHING_PROMOTED
from harness_search.reports.forecast import Bill, Forecast, Progress, amount_of, expected
from harness_search.reports.held import Held
from harness_search.reports.launches import Launches, read_launches
from harness_search.reports.money import NAMES_APART, Live, Money, read_live, simulated_by_role
from harness_search.reports.pooled import Pooled, pooled
from harness_search.reports.states import Seen
from harness_search.reports.status import Running, Status
from harness_search.rollouts.room import room_needed
from harness_search.service.heartbeat import came_with_copy, read_heartbeat
from harness_search.workspace import UNKNOWN, Workspace

FINISHED = "finished"
"""The phase of a search that has nothing left to do."""


def status_of(workspace: Workspace) -> Status:
    """Read what is there; a workspace that was never run has an empty status."""
    return status_with(workspace, found_in_ledgers(workspace))


def found_in_ledgers(workspace: Workspace) -> "Found":
    """What takes long to read of a long search."""
    layout = workspace.layout
    apart = {
        purpose: total(spent_on_disk(layout.ledger_of(purpose)).values()) for purpose in NAMES_APART
    }
    if not has_begun(layout.ledger):
        return Found(apart=apart)
    live = _live(layout)
    with (
        closing(Ledger(layout.ledger, read_only=True)) as ledger,
        closing(Adding(layout.ledger)) as adding,
    ):
        found = _search(workspace, ledger, adding, live)
        ledger.memo.save(WORTH_KEEPING)
    return replace(found, apart=apart)


def _live(layout: Layout) -> Live | None:
    """What the gateway at work says of itself; none is where its files came with a copy, or where
    the heartbeat of its launch says that nobody is."""
    beat = read_heartbeat(layout.heartbeat)
    is_over = beat is not None and (beat.ended or not beat.alive)
    return None if is_over or came_with_copy(layout.heartbeat) else read_live(layout.account_state)


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledgers say of the search; of one that was never run, nothing."""

    iterations: Sequence[IterationRow] = ()
    identity: Mapping[str, str] = field(default_factory=dict)
    incumbent: str = ""
    score: Score | None = None
    pooled: Pooled | None = None
    running: Running | None = None
    done: int = 0
    spent: Mapping[Role, Spent] = field(default_factory=lambda: dict.fromkeys(Role, Spent()))
    forecast: Forecast | None = None
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    gate: GateRecord | None = None
    session: Held | None = None
    apart: Mapping[Purpose, Spent] = field(default_factory=dict)
    """Spent on rollouts that have ledgers of their own."""

    @property
    def number(self) -> int:
        """Of the iteration that is under way, or was the last one."""
        if self.session:
            return self.session.row.start.iteration
        return self.iterations[-1].number if self.iterations else 0

    @property
    def open(self) -> str:
        """Name of the harness of the open iteration; empty when none is open."""
        last = self.iterations[-1] if self.iterations else None
        return last.name if last is not None and last.decision is None else ""


def status_with(workspace: Workspace, found: Found) -> Status:
    """What ledgers said, with what launches and the gateway say of themselves now."""
    layout, settings = workspace.layout, workspace.settings
    launches, live = read_launches(layout), _live(layout)
    return Status(
        seen=_seen(workspace, launches, live, found),
        incumbent=found.incumbent,
        score=found.score,
        pooled=found.pooled,
        open_harness=found.open,
        done=found.done,
        planned=len(workspace.splits.dev) * settings.search.trials,
        money=_money(workspace, live, found),
        simulated=settings.profile.simulated,
        phase=launches.phase if launches.is_search else "",
        running=found.running if launches.is_search or not launches.alive else None,
        sandboxes=found.sandboxes,
        gate=found.gate,
        session=found.session,
        error=launches.error,
        reason=launches.reason,
        finished_at=launches.finished_at,
    )


def _seen(workspace: Workspace, launches: Launches, live: Live | None, found: Found) -> Seen:
    layout, settings = workspace.layout, workspace.settings
    number, target = _number(launches, found), _target(workspace, launches)
    said_so = number >= target or bool(launches.reason)
    is_over = launches.phase == FINISHED or (not launches.phase and said_so)
    decided = bool(found.iterations) and not found.open
    return Seen(
        heartbeat=launches.heartbeat,
        alive=launches.alive,
        hung=launches.hung,
        pid=live.pid if live else None,
        begun=decided or len(found.iterations) > 1 or bool(launches.phase),
        finished=decided and not found.session and is_over,
        iteration=number,
        target=target,
        configured=settings.search.iterations,
        paused=launches.paused,
        wake_up=launches.wake_up,
        shortage=_shortage(layout.runs, room_needed(settings)),
        budget_spent=is_shortage(launches.error),
        needs_noise=not settings.profile.simulated and NOISE_IS_KNOWN not in found.identity,
        opened=layout.test_openings.is_file(),
        nothing_promoted=found.incumbent in NOTHING_PROMOTED,
    )


def _number(launches: Launches, found: Found) -> int:
    """Of the iteration that is under way, the one that is being proposed included."""
    is_to_come = launches.phase in PROPOSING and not found.open
    return max(found.number, launches.iteration) if is_to_come else found.number


def _shortage(folder: Path, megabytes: int) -> str:
    return no_room(folder, megabytes) if free_megabytes(folder) < megabytes else ""


class _Look(History):
    """A search at first sight: what claims had named of what they fixed takes the rows of every
    candidate, and is left to the frontier."""

    def recall(self, before: int | None = None) -> float | None:  # noqa: ARG002
        return None


def _search(workspace: Workspace, ledger: Ledger, adding: Adding, live: Live | None) -> Found:
    history, identity = _Look.of(workspace, ledger), ledger.identity()
    iterations, incumbent = history.iterations, history.incumbent
    sessions, sums = ledger.sessions(), _Sums(workspace, adding, iterations)
    unbooked = _unbooked(workspace, sessions, live)
    last = iterations[-1].number if iterations else 0
    booked = {role: Spent(*item) for role, item in ledger.spending().items()}
    spent = {role: booked.get(role, Spent()) for role in Role}
    spent[Role.ROLLOUT] += Spent(sums.all.paid, sums.all.paid_usd)
    spent[Role.PROPOSER] += total(unbooked.values())
    figures = history.derived.figures(incumbent.harness) if incumbent else None
    return Found(
        iterations=iterations,
        identity=identity,
        incumbent=incumbent.name if incumbent else "",
        score=figures.score if figures else None,
        pooled=_pooled(history, incumbent) if incumbent else None,
        running=_running(history),
        done=sums.last.planned,
        spent=spent,
        forecast=sums.forecast(total(booked.values())),
        sandboxes=adding.sandboxes(sums.searched),
        gate=history.gate_record(),
        session=_held(awaited(sessions, last), unbooked, live),
    )


def _pooled(history: History, row: IterationRow) -> Pooled | None:
    shape = history.derived.shape
    return pooled(history.rows(row.harness), shape.criteria, shape.most)


def _running(history: History) -> Running | None:
    """What the open iteration's harness has so far, beside the incumbent on the same tasks."""
    row, incumbent = history.iterations[-1] if history.iterations else None, history.incumbent
    if row is None or row.decision is not None or incumbent is None:
        return None
    shape, own = history.derived.shape, history.rows(row.harness)
    found = pooled(own, shape.criteria, shape.most)
    if found is None:
        return None
    tasks = _tasks(own)
    criteria = {task: count for task, count in shape.criteria.items() if task in tasks}
    there = pooled(history.rows(incumbent.harness), criteria, shape.most)
    is_other = incumbent.harness != row.harness and there is not None
    return Running(row.name, found, there.points if there and is_other else None)


def _target(workspace: Workspace, launches: Launches) -> int:
    """Last iteration of the search: of its last launch, which the command that goes on repeats."""
    configured = workspace.settings.search.iterations
    return configured if launches.target is None else launches.target


def _tasks(rows: Sequence[RolloutRow]) -> set[str]:
    return {row.key.task for row in rows if row.outcome.finished}


class _Sums:
    """What the rollouts of a search have paid, added up."""

    def __init__(
        self, workspace: Workspace, adding: Adding, iterations: Sequence[IterationRow]
    ) -> None:
        self._adding, self._iterations = adding, iterations
        self._trials = workspace.settings.search.trials
        self._planned = len(workspace.splits.dev) * self._trials
        self._target = _target(workspace, read_launches(workspace.layout))
        self.all = adding.totals(self._trials)

    @cached_property
    def last(self) -> Totals:
        """Of the open iteration's harness, or of the last one's."""
        digest = self._iterations[-1].harness if self._iterations else ""
        return self._adding.totals(self._trials, digest) if digest else Totals()

    @cached_property
    def searched(self) -> Totals:
        """Of the harnesses of the search: others may have been measured on dev as well."""
        found = self.all
        for stranger in self._measured - {row.harness for row in self._iterations}:
            found -= self._adding.totals(self._trials, stranger)
        return found

    @cached_property
    def _measured(self) -> set[str]:
        return self._adding.measured()

    def forecast(self, others: Spent) -> Forecast | None:
        """What is to come, where all other roles have spent so much."""
        if not self._iterations:
            return None
        is_open = self._iterations[-1].decision is None
        under_way = self.last if is_open else Totals()
        decided = self.searched - under_way
        names = {row.harness for row in self._iterations if row.decision is not None}
        bill = Bill(
            _amount(decided),
            len(names & self._measured),
            _amount(under_way) if is_open else None,
            self.searched.planned,
            under_way.planned,
        )
        return expected(Progress(self._iterations, self._target, self._planned, {}), bill, others)


def _amount(totals: Totals) -> Amount:
    return Amount(totals.paid_usd, totals.paid.total)


def _unbooked(
    workspace: Workspace, sessions: list[SessionRow], live: Live | None
) -> dict[int, Spent]:
    """What the runs that the ledger has not closed have paid, by their row ids."""
    running = live is not None
    paid = {
        row.id: paid_by(workspace.layout, row, running=running)
        for row in sessions
        if row.result is None
    }
    return {number: Spent(item.usage, item.usd) for number, item in paid.items()}


def _held(row: SessionRow | None, unbooked: dict[int, Spent], live: Live | None) -> Held | None:
    if row is None:
        return None
    if row.result is None:
        return Held(row, amount_of(unbooked[row.id]), running=live is not None)
    return Held(row, Amount(row.result.paid_usd, row.result.paid.total), running=False)


def _money(workspace: Workspace, live: Live | None, found: Found) -> Money:
    return Money(
        by_role=found.spent,
        apart=found.apart,
        live=live,
        budget=(live and live.budget) or workspace.settings.budget,
        forecast=found.forecast,
        priced=_has_price(workspace, found.identity.get("price")),
        simulated=simulated_by_role(workspace.settings),
    )


def _has_price(workspace: Workspace, frozen: str | None) -> bool:
    """Whether the model has a price: the one that the search was started with, if it was."""
    if frozen is not None:
        return frozen != UNKNOWN
    prices = read_prices(workspace.layout.prices)
    return known_price(workspace.settings.profile, prices) is not None
