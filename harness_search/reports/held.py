"""The proposer session that the next iteration is to come of, as `status` shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from harness_search.gateway.budget import Amount
from harness_search.ledger.sessions import SessionRow
from harness_search.reports.money import shown_tokens, shown_usd


@dataclass(frozen=True, slots=True)
class Held:
    """The session that the next iteration is to come of."""

    row: SessionRow
    """Its last run."""
    paid: Amount
    """By that run, as far as it has come."""
    running: bool

    def to_json(self) -> dict[str, Any]:
        """Its part of the document of `status --json`."""
        row = self.row
        return {
            "iteration": row.start.iteration,
            "attempt": row.attempt,
            "session_id": row.start.session_id,
            "profile": row.start.profile or None,
            "started_at": row.started_at,
            "running": self.running,
            "outcome": row.result.outcome.value if row.result else None,
            "paid": {"usd": round(self.paid.usd, 6), "tokens": self.paid.tokens},
        }

    def lines(self) -> list[tuple[str, str]]:
        """Names and values for a terminal."""
        row = self.row
        began = datetime.fromisoformat(row.started_at).astimezone().strftime("%d %b %H:%M")
        if self.running:
            state = f"has run since {began}"
        else:
            ended = f"ended: {row.result.outcome.value}" if row.result else "was cut off"
            state = f"began {began} and {ended}"
        paid = f"{shown_usd(self.paid.usd)}, {shown_tokens(self.paid.tokens)}"
        return [
            ("open", f"a proposer session of iteration {row.start.iteration} {state}"),
            ("", f"attempt {row.attempt}, {paid}{' so far' if self.running else ''}"),
            ("", f"session id {row.start.session_id}"),
        ]
