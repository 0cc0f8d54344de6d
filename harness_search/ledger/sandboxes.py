"""What rollouts ran in: a pure function of raw rows, and the words for those without a sandbox."""

from collections import Counter
from collections.abc import Iterable, Mapping

from harness_search.ledger.rows import NO_SANDBOX, RolloutKey, RolloutRow


def sandboxes(rows: Iterable[RolloutRow]) -> dict[str, int]:
    """Rollouts by the sandbox of their last attempt, the most first; one attempt without a
    sandbox, a lost one too, is enough for a rollout to count as without."""
    found: dict[RolloutKey, str] = {}
    for row in rows:
        if found.get(row.key) != NO_SANDBOX:
            found[row.key] = row.sandbox
    return dict(Counter(found.values()).most_common())


def listed(counts: Mapping[str, int]) -> str:
    """For example `bwrap`, or `bwrap 180, none 36` where there were several."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def unsafe_share(counts: Mapping[str, int]) -> str:
    """For example `UNSAFE: 36 of 216 rollouts ran without a sandbox`; empty when none did."""
    unsafe = counts.get(NO_SANDBOX, 0)
    if not unsafe:
        return ""
    return f"UNSAFE: {unsafe} of {sum(counts.values())} rollouts ran without a sandbox"


def warning(counts: Mapping[str, int]) -> str:
    """The same with what it means, for people; a proposer need not hear what could be read."""
    share = unsafe_share(counts)
    could = "harness code could read this machine's files"
    return f"{share}: {could}." if share else ""
