"""What a search has spent, holds in flight and may still spend, as `status` shows it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from harness_search.gateway.budget import NOTHING, Amount
from harness_search.judging.choice import CHECKS, judge_name
from harness_search.ledger.rows import Purpose, Role
from harness_search.ledger.spending import Spent, total
from harness_search.reports.forecast import Forecast, amount_of
from harness_search.sandbox.processes import read_process
from harness_search.settings import BudgetSettings, Settings

ENDED = "ended"
_SHOWN_ELSEWHERE = {"reserved_usd", "reserved_tokens", "spent_usd", "spent_tokens", "budget"}


class Live(BaseModel):
    """Figures of a running gateway, mirrored into `runs/account.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    pid: int
    state: str = ""
    reserved_usd: float = 0.0
    reserved_tokens: int = 0
    spent_usd: float = 0.0
    """Of the whole search, rollouts included that have not ended yet."""
    spent_tokens: int = 0
    in_flight: int = 0
    limit: int = 0
    """Calls at once that the account takes at the moment."""
    throttled: int = 0
    """How often the provider's rate limit has cut that number."""
    budget: BudgetSettings | None = None
    """What it was started with, flags included; None: as the settings say."""


def read_live(file: Path) -> Live | None:
    """None unless the gateway that wrote the file is still at work."""
    try:
        live = Live.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
    process = read_process(live.pid) if live.pid > 0 else None
    running = process is not None and not process.zombie
    return live if running and live.state != ENDED else None


class _Share(NamedTuple):
    name: str
    paid: Amount
    simulated: bool


def simulated_by_role(settings: Settings) -> dict[Role, bool]:
    """Of each role that calls a model, whether that is the simulated one. Each may have a profile
    of its own; the gateway's own requests go to all of them."""
    judge, names = judge_name(settings), {Role.ROLLOUT: [settings.search.profile]}
    if judge != CHECKS:
        names[Role.JUDGE] = [judge, *filter(None, [settings.judge.second])]
    if settings.search.proposer != "catalogue" and settings.proposer.profile in settings.profiles:
        names[Role.PROPOSER] = [settings.proposer.profile]
    names[Role.GATEWAY] = [name for own in names.values() for name in own]
    simulated = {name for name, profile in settings.profiles.items() if profile.simulated}
    return {role: simulated.issuperset(own) for role, own in names.items()}


@dataclass(frozen=True, slots=True)
class Money:
    """The bill so far, and the one to expect."""

    by_role: Mapping[Role, Spent]
    """Of the search's own ledger, and of a session that it has not closed yet."""
    apart: Mapping[Purpose, Spent]
    """Of rollouts with a ledger of their own: confirmation, comparisons, the test split."""
    live: Live | None
    budget: BudgetSettings
    forecast: Forecast | None
    priced: bool
    """Whether anything says what the model costs."""
    simulated: Mapping[Role, bool]
    """Of each role that calls a model, whether that is the simulated one."""

    @property
    def _filed(self) -> Amount:
        return amount_of(total([*self.by_role.values(), *self.apart.values()]))

    @property
    def spent(self) -> Amount:
        """Everything, the test split and the rollouts that have not ended included."""
        filed = self._filed
        if self.live is None:
            return filed
        return Amount(
            max(filed.usd, self.live.spent_usd), max(filed.tokens, self.live.spent_tokens)
        )

    @property
    def reserved(self) -> Amount:
        live = self.live
        return Amount(live.reserved_usd, live.reserved_tokens) if live else NOTHING

    @property
    def over_budget(self) -> bool:
        """Whether the forecast passes a limit."""
        if self.forecast is None:
            return False
        needed = self.spent + self.forecast.left
        usd, tokens = self.budget.usd, self.budget.tokens
        return (usd is not None and needed.usd > usd) or (
            tokens is not None and needed.tokens > tokens
        )

    def to_json(self) -> dict[str, Any]:
        """Its part of the document of `status --json`."""
        left = _left(self.budget, self.spent + self.reserved)
        return {
            "priced": self.priced,
            "spent": {
                **_json(self.spent),
                "by_role": {
                    role.value: {**_spent_json(item), "simulated": self.simulated.get(role, False)}
                    for role, item in self.by_role.items()
                },
                **{KEYS[purpose]: _spent_json(item) for purpose, item in self.apart.items()},
            },
            "reserved": _json(self.reserved),
            "gateway": self.live.model_dump(exclude=_SHOWN_ELSEWHERE) if self.live else None,
            "budget": {
                **self.budget.model_dump(exclude={"allow_unpriced"}),
                "usd_left": round(left.usd, 6) if self.budget.usd is not None else None,
                "tokens_left": left.tokens if self.budget.tokens is not None else None,
            },
            "forecast": self._forecast_json(),
        }

    def _forecast_json(self) -> dict[str, Any] | None:
        found = self.forecast
        if found is None:
            return None
        return {
            "iteration": _json(found.iteration),
            "open": _json(found.open) if found.open else None,
            "left": _json(found.left),
            "iterations_left": found.iterations_left,
            "over_budget": self.over_budget,
        }

    def lines(self) -> list[tuple[str, str]]:
        """Names and values for a terminal; a value without a name goes on with the one before."""
        shares = self._shares()
        apart = [
            ("", f"{name} {self._shown(paid)}{' (simulated model)' if simulated else ''}")
            for name, paid, simulated in shares
        ]
        spent = ("spent", f"{self._shown(self.spent)}{self._model(shares)}")
        budget = [("budget", self._limits_line()), *self._smaller_limits()]
        return [spent, *(apart if len(apart) > 1 else []), *budget, *self._outlook()]

    def _shares(self) -> "list[_Share]":
        """Who has spent something."""
        apart = all(self.simulated.get(role, True) for role in (Role.ROLLOUT, Role.JUDGE))
        shares = [
            *(
                _Share(NAMES[role], amount_of(item), self.simulated.get(role, False))
                for role, item in self.by_role.items()
            ),
            *(
                _Share(NAMES_APART[purpose], amount_of(item), apart)
                for purpose, item in self.apart.items()
            ),
        ]
        return [share for share in shares if share.paid.tokens]

    def _model(self, shares: "list[_Share]") -> str:
        """What all the money went to; empty when some went to a real model and some did not."""
        kinds = {share.simulated for share in shares}
        if not kinds or self.spent.tokens > self._filed.tokens:  # by rollouts that have not ended
            kinds.add(self.simulated.get(Role.ROLLOUT, False))
        if len(kinds) > 1:
            return ""
        return " (simulated model)" if True in kinds else " (real model)"

    def _limits_line(self) -> str:
        left, limits = _left(self.budget, self.spent + self.reserved), []
        if self.budget.usd is not None:
            limits.append(f"{shown_usd(self.budget.usd)} ({shown_usd(left.usd)} left)")
        if self.budget.tokens is not None:
            limits.append(f"{shown_tokens(self.budget.tokens)} ({shown_tokens(left.tokens)} left)")
        return ", ".join(limits) or "no limit"

    def _smaller_limits(self) -> list[tuple[str, str]]:
        limits = {
            "candidate": self.budget.candidate_tokens,
            "rollout": self.budget.rollout_tokens,
            "session": self.budget.session_tokens,
        }
        shown = [f"{shown_tokens(most)} a {scope}" for scope, most in limits.items() if most]
        return [("", ", ".join(shown))] if shown else []

    def _outlook(self) -> list[tuple[str, str]]:
        lines = []
        if self.live:
            cuts = f", throttled {self.live.throttled} times" if self.live.throttled else ""
            calls = f"{self.live.in_flight} calls of rollouts, of {self.live.limit} at once{cuts}"
            reserved = f"{self._shown(self.reserved)} reserved for calls of every role"
            lines += [("in flight", calls), ("", reserved)]
        if self.forecast:
            lines.append(("forecast", f"{self._shown(self.forecast.iteration)} an iteration"))
        if self.forecast and self.forecast.iterations_left:
            rest = f"{self._shown(self.forecast.left)} for the {self.forecast.iterations_left} left"
            lines.append(("", f"{rest}{': OVER BUDGET' if self.over_budget else ''}"))
        return lines

    def _shown(self, amount: Amount) -> str:
        usd = shown_usd(amount.usd) if self.priced else "USD unknown (no price)"
        return f"{usd}, {shown_tokens(amount.tokens)}"


NAMES = {
    Role.ROLLOUT: "rollouts",
    Role.JUDGE: "judge",
    Role.PROPOSER: "proposer",
    Role.GATEWAY: "gateway",
}


NAMES_APART = {
    Purpose.CONFIRMATION: "confirmation",
    Purpose.AB: "comparisons (ab)",
    Purpose.TEST: "test split",
}
KEYS = {Purpose.CONFIRMATION: "confirmation", Purpose.AB: "ab", Purpose.TEST: "test_split"}
"""In JSON. A replay pays for nothing."""


def _left(budget: BudgetSettings, used: Amount) -> Amount:
    usd, tokens = budget.usd or 0.0, budget.tokens or 0
    return Amount(max(0.0, usd - used.usd), max(0, tokens - used.tokens))


def shown_usd(usd: float) -> str:
    """Money for people: `1,234.50 USD`."""
    return f"{usd:,.2f} USD"


def shown_tokens(tokens: int) -> str:
    """Tokens for people: `950 tokens`, `43 k tokens`, `1.25 M tokens`."""
    if tokens < 10_000:
        return f"{tokens:,} tokens"
    thousands = tokens < 1_000_000
    return f"{tokens / 1e3:.0f} k tokens" if thousands else f"{tokens / 1e6:,.2f} M tokens"


def _json(amount: Amount) -> dict[str, Any]:
    return {"usd": round(amount.usd, 6), "tokens": amount.tokens}


def _spent_json(spent: Spent) -> dict[str, Any]:
    return {"usd": round(spent.usd, 6), "tokens": asdict(spent.usage)}
