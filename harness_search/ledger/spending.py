"""What was spent, derived from the ledger's rows: by role and by candidate."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from harness_search.ledger.rows import Role, Usage
from harness_search.ledger.store import Ledger, has_begun


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens by kind, and what they cost in USD."""

    usage: Usage = field(default_factory=Usage)
    usd: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.usage + other.usage, self.usd + other.usd)


def spent_by_role(ledger: Ledger) -> dict[Role, Spent]:
    """All that was paid, of every role; rollouts with all their attempts, lost ones too."""
    found = {role: Spent(*paid) for role, paid in ledger.spending().items()}
    rollouts = total(Spent(*paid) for paid in ledger.paid_by_harness().values())
    return {
        role: found.get(role, Spent()) + (rollouts if role is Role.ROLLOUT else Spent())
        for role in Role
    }


def tokens_by_candidate(ledger: Ledger) -> dict[str, int]:
    """Tokens that the rollouts of each harness, given by its digest, have paid."""
    return {harness: usage.total for harness, (usage, _) in ledger.paid_by_harness().items()}


def spent_on_disk(file: Path) -> dict[Role, Spent]:
    """What a ledger says on disk, read without becoming its writer; zeros before its start."""
    if not has_begun(file):
        return dict.fromkeys(Role, Spent())
    with closing(Ledger(file, read_only=True)) as ledger:
        return spent_by_role(ledger)


def total(spent: Iterable[Spent]) -> Spent:
    """The sum; nothing for none. Column by column: a long search has thousands of them."""
    items = list(spent)
    usages = [item.usage for item in items]
    usage = Usage(
        sum([usage.input for usage in usages]),
        sum([usage.output for usage in usages]),
        sum([usage.cache_write for usage in usages]),
        sum([usage.cache_read for usage in usages]),
    )
    return Spent(usage, sum([item.usd for item in items], start=0.0))
