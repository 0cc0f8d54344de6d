"""What was paid for already, to be given again at no cost.

A rollout that was lost starts over. What its harness asks as before, byte for byte, gets the reply
that it got then; what it asks anew is paid. The replay of another harness's rollout is answered
from that rollout's transcript alone.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.gateway.transcript import failed_tries, read_transcript

REPLAY = "replay"
"""The boundary of a rollout that ended because nothing was recorded for its request."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A reply as it was first given."""

    status: int
    reply: dict[str, Any]
    cost_usd: float
    """What it cost then."""


class Replies:
    """Paid replies by the digest of their request, and by how often it had been answered before.

    For a harness that asks in a fixed order that is the number of the call; but a call that broke
    on its way, or calls at once that overtake each other, do not put the later ones out of reach.
    """

    def __init__(self) -> None:
        self._replies: dict[tuple[str, int], Recorded] = {}
        self._failed_tries: Counter[str] = Counter()

    @classmethod
    def of(cls, files: Iterable[Path], *, errors: bool = False) -> "Replies":
        """The replies in these transcripts; a file that is missing has none, a later one prevails.

        Errors are left out: they cost nothing, and may have passed. `errors` keeps them, for a
        harness that is to meet exactly what another one met. Raises what `read_transcript` does.
        """
        replies = cls()
        for file in files:
            if file.exists():  # or the attempt was lost before its first call
                replies._add(file, errors)
        return replies

    def _add(self, file: Path, errors: bool) -> None:
        times: Counter[str] = Counter()
        for exchange in read_transcript(file):
            if exchange.status == 200 or errors:
                times[exchange.digest] += 1
                recorded = Recorded(exchange.status, exchange.reply, exchange.cost_usd)
                self._replies[exchange.digest, times[exchange.digest]] = recorded
        self._failed_tries += failed_tries(file)

    def find(self, digest: str, time: int) -> Recorded | None:
        """The reply to this very request, asked for the first, second, ... `time`; None if it was
        never paid."""
        return self._replies.get((digest, time))

    def failed_tries(self, digest: str) -> int:
        """How often earlier attempts have tried this very request in vain."""
        return self._failed_tries[digest]

    def __len__(self) -> int:
        return len(self._replies)
