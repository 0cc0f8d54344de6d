"""The live page: where a search stands at this moment, and what people may ask of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from markupsafe import Markup

from harness_search.amounts import UNKNOWN
from harness_search.ledger.frontier import Frontier, FrontierRow
from harness_search.ledger.rows import DecisionKind
from harness_search.pages.site import Links, Site
from harness_search.reports.logs import Line
from harness_search.reports.pooled import Pooled
from harness_search.reports.states import SEARCH, State, clock
from harness_search.reports.status import Status
from harness_search.reports.tables import SIMULATED_NOTE, gain_text, score_cells
from harness_search.visible import one_line, visible

LAST_ROWS = 30
"""Iterations of the frontier that are shown, beside the lineage."""
LONGEST_LINE = 1_000  # characters
ASKS: Mapping[str, str] = MappingProxyType(
    {"pause": "Pause", "resume": "Resume", "stop": "Stop", "stop now": "Stop now"}
)
"""What may be asked, and what its button says."""
_ENDS = frozenset({"stop", "stop now"})
_SENSIBLE: Mapping[State, frozenset[str]] = MappingProxyType(
    {
        State.RUNNING: frozenset({"pause"}) | _ENDS,
        State.PAUSED: frozenset({"resume"}) | _ENDS,
        State.WAITING: frozenset({"pause", "resume"}) | _ENDS,
        State.STOPPING: frozenset({"stop now"}),
        State.HUNG: frozenset({"stop now"}),
    }
)
_LINEAGE = frozenset({DecisionKind.BASELINE, DecisionKind.PROMOTED})


@dataclass(frozen=True, slots=True)
class Live:
    """What there is to show; what ledgers say is None until they have been read."""

    status: Status
    frontier: Frontier | None
    lost: int | None
    """Attempts that were lost and run again."""
    in_flight: int | None
    """Rollouts; None where that cannot be read."""
    problem: str = ""
    """Why the ledgers cannot be read."""
    confirmation: str = ""
    """What may be said of the gain as a result; empty while there is none."""

    @property
    def known(self) -> bool:
        """Whether ledgers have been read."""
        return self.frontier is not None

    @property
    def state(self) -> State | None:
        """None where only ledgers can tell."""
        found = self.status.state
        by_ledger = found in {State.FINISHED, State.STOPPED, State.NOT_STARTED}
        return None if by_ledger and not self.known else found


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around it, and stays while the page is open."""

    log: Sequence[Line]
    """What happened last, oldest first."""
    mark: str
    """Of the place in the journal after that."""
    kinds: Sequence[str]
    """Of events."""
    server: str
    """Of one process of the server."""
    form: str
    """What a form has to bring along; empty where nothing may be asked."""
    said: str = ""
    """What came of what was asked last."""


def sentence(live: Live) -> str:
    """What the search does, in words that change only when that does."""
    status, state = live.status, live.state
    if state is None:
        return "The ledger is not readable." if live.problem else "The ledger is being read."
    words = f"{state.words[0].upper()}{state.words[1:]}"
    match state:
        case State.FINISHED:
            return f"{words}: {one_line(status.reason, 300)}." if status.reason else f"{words}."
        case State.WAITING if status.seen.wake_up:
            return f"{words} for a provider's limit until {clock(status.seen.wake_up)}."
        case State.RUNNING | State.PAUSED | State.WAITING | State.STOPPING:
            return f"{words}: {_doing(status)}."
    return f"{words}."


def _doing(status: Status) -> str:
    beat = status.seen.heartbeat
    if beat is not None and beat.command != SEARCH:
        return one_line(f"meta-harness {beat.command}")
    phase = f", {one_line(status.phase)}" if status.phase else ""
    return f"iteration {status.iteration} of {status.target}{phase}"


@dataclass(frozen=True, slots=True)
class Bar:
    """How far the rollouts under way have come."""

    label: str
    done: int
    planned: int


def bar_of(live: Live) -> Bar | None:
    """Of the running stage, else of the open iteration; None where nothing is evaluated."""
    status, beat = live.status, live.status.seen.heartbeat
    if beat is not None and beat.label and status.state.at_work:
        return Bar(beat.label, beat.done, beat.planned) if beat.planned else None
    if status.open_harness and status.planned:
        return Bar(status.open_harness, status.done, status.planned)
    return None


def sensible(live: Live) -> list[str]:
    """What it makes sense to ask now."""
    found = _SENSIBLE.get(live.state, frozenset[str]()) if live.state else frozenset[str]()
    if live.status.seen.paused and not live.status.seen.alive:
        found |= {"resume"}
    return [name for name in ASKS if name in found]


def rows_shown(rows: Sequence[FrontierRow]) -> list[FrontierRow]:
    """The last iterations and, of those before them, the lineage; the latest first."""
    begin = max(0, len(rows) - LAST_ROWS)
    earlier = [row for row in rows[:begin] if row.decision in _LINEAGE]
    return [*earlier, *rows[begin:]][::-1]


@dataclass(frozen=True, slots=True)
class Row:
    """One iteration of the table."""

    number: int
    harness: str
    link: str
    parent: str
    mechanism: str
    decision: str
    cells: Sequence[str]
    """Pooled, all-pass, tokens, blended, difference."""
    rollouts: int
    sandbox: int
    """Rollouts without one."""


def _row(row: FrontierRow, numbers: Mapping[str, str], links: Links) -> Row:
    scores = score_cells(row.score)[:4] if row.score and row.whole else [None] * 4
    return Row(
        row.iteration,
        row.harness,
        links.candidate(row.harness),
        numbers.get(row.parent, ""),
        row.mechanism,
        row.decision.value if row.decision else "open",
        [cell or UNKNOWN for cell in (*scores, _difference(row))],
        row.rollouts,
        row.sandboxes.get("none", 0),
    )


def _difference(row: FrontierRow) -> str | None:
    """With the minus sign that the other pages have."""
    return gain_text(row.gain).replace("-", "\N{MINUS SIGN}") if row.gain else None


def _money(status: Status) -> list[tuple[str, list[str]]]:
    """Names with their lines."""
    found: list[tuple[str, list[str]]] = []
    for name, line in status.money.lines():
        if name or not found:
            found.append(({"in flight": "calls in flight"}.get(name, name), []))
        found[-1][1].append(line)
    return found


def _interval(pooled: Pooled) -> str:
    """How sure the rate is, without the rate."""
    _, _, found = pooled.words().partition(" (")
    return found.removesuffix(")") or "one rollout, no interval"


def log_entry(line: Line) -> dict[str, str]:
    """A line of the log with its moment, for machines and for people."""
    moment = datetime.fromtimestamp(line.at, UTC).astimezone()
    return {
        "at": moment.isoformat(timespec="seconds"),
        "clock": f"{moment:%d %b %H:%M:%S}",
        "text": one_line(line.text, LONGEST_LINE),
    }


def now_part(site: Site, live: Live, links: Links) -> Markup:
    """The part of the page that changes."""
    rows = live.frontier.rows if live.frontier else ()
    numbers = {row.harness: str(row.iteration) for row in rows}
    shown = rows_shown(rows)
    status = live.status
    beat = status.seen.heartbeat
    return site.fragment(
        "live_now.html",
        live=live,
        status=status,
        session=[visible(line, 300) for _, line in status.session.lines()]
        if status.session
        else [],
        sign_of_life=datetime.fromisoformat(beat.written_at).astimezone() if beat else None,
        wake_up=clock(status.seen.wake_up) if status.seen.wake_up else "",
        interval=_interval(status.pooled) if status.pooled else "",
        bar=bar_of(live),
        rows=[_row(row, numbers, links) for row in shown],
        left_out=len(rows) - len(shown),
        money=_money(status),
        note=SIMULATED_NOTE if status.simulated else "",
        incumbent_link=links.candidate(status.incumbent) if status.incumbent else "",
    )


def live_page(
    site: Site, name: str, live: Live, links: Links, frame: Frame, *, report: str = "/report"
) -> str:
    """The whole page of a workspace of this name."""
    state = live.state
    return site.page(
        "live.html",
        workspace=name,
        simulated=live.status.simulated,
        home="/",
        styles=("live.css",),
        scripts=("live.js",),
        live=True,
        state=state_name(live),
        working=state is not None and state.at_work,
        sentence=sentence(live),
        frame=frame,
        log=list(map(log_entry, frame.log)),
        asks=ASKS,
        sensible=sensible(live),
        now=now_part(site, live, links),
        report=report,
    )


def state_name(live: Live) -> str:
    """For the page's style: one word."""
    return live.state.value.replace(" ", "-") if live.state else "unknown"
