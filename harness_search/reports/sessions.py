"""What a proposer session does, in one line for whoever watches the search."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionRow
from harness_search.ledger.spending import Spent, total
from harness_search.reports.money import shown_tokens, shown_usd

LONGEST_REASON = 200
ENDS: Mapping[SessionOutcome, str] = MappingProxyType(
    {
        SessionOutcome.PROPOSED: "has ended with a proposal",
        SessionOutcome.NOTHING_LEFT: "has nothing left to try",
        SessionOutcome.TO_CORRECT: "left no sound claim and is told so once",
        SessionOutcome.WAITING: "has to wait",
        SessionOutcome.LOST: "was lost",
        SessionOutcome.STOPPED: "was stopped",
        SessionOutcome.INTERRUPTED: "was cut off",
    }
)
ANSWERS = frozenset({SessionOutcome.PROPOSED, SessionOutcome.NOTHING_LEFT})


def news_of(rows: Sequence[SessionRow]) -> str:
    """A line on the last of an iteration's runs: that it begins, goes on, or how it ended.

    What a session's last run ends with is what all its runs cost.
    """
    row = rows[-1]
    who = f"session of {row.start.profile}" if row.start.profile else "session"
    said = _begins(rows, who) if row.result is None else _ends(rows, row.result, who)
    return f"Iteration {row.start.iteration}: {said}."


def _begins(rows: Sequence[SessionRow], who: str) -> str:
    row = rows[-1]
    if row.attempt == 1:
        return f"a {who} begins"
    same = len(rows) > 1 and rows[-2].start.session_id == row.start.session_id
    return f"{f'a {who} goes on' if same else f'another {who} begins'} (attempt {row.attempt})"


def _ends(rows: Sequence[SessionRow], result: SessionResult, who: str) -> str:
    answered = result.outcome in ANSWERS
    which = f"{len(rows)} attempts" if answered else f"attempt {rows[-1].attempt}"
    cost = _cost(rows if answered else rows[-1:])
    # A reason may quote what came out of the box.
    reason = "".join(sign if sign.isprintable() else " " for sign in result.reason)
    reason = reason.strip().rstrip(".")[:LONGEST_REASON]
    told = f"{which}, {cost}" if len(rows) > 1 or not answered else cost
    return f"the {who} {ENDS[result.outcome]} ({told}){f': {reason}' if reason else ''}"


def _cost(rows: Sequence[SessionRow]) -> str:
    paid = total(Spent(row.result.paid, row.result.paid_usd) for row in rows if row.result)
    tokens = shown_tokens(paid.usage.total)
    return f"{shown_usd(paid.usd)}, {tokens}" if paid.usd else tokens
