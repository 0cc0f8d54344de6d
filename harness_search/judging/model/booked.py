"""Lets a judge through the gateway, and books what it has paid, each transcript once."""

import re
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from harness_search.errors import SearchStoppedError
from harness_search.gateway.grants import Grant
from harness_search.gateway.server import Gateway
from harness_search.gateway.transcript import paid_so_far
from harness_search.judging.model.questions import Asker, Question, Replied
from harness_search.ledger.rows import Role
from harness_search.ledger.store import Ledger


@dataclass(frozen=True)
class Books:
    """Gives a token with a transcript of its own, and books that under its name."""

    gateway: Gateway
    ledger: Ledger
    folder: Path
    judge: str
    """Its profile, which stands in the names of its transcripts."""
    _numbers: "count[int]" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Number transcripts from where an earlier launch has ended."""
        object.__setattr__(self, "_numbers", count(len(list(self.folder.glob("*.jsonl"))) + 1))

    @contextmanager
    def open(
        self, about: str, batches: Collection[str] | None = None, booked: Collection[str] = ()
    ) -> Iterator[Grant]:
        """`batches` and `booked` as of `Gateway.grant`.

        Raises SearchStoppedError when the run has stopped meanwhile, LimitReachedError when the
        judge's account rests.
        """
        file = self._new_file(about)
        name = file.stem
        grant = self.gateway.grant(file, role=Role.JUDGE, batches=batches, booked=booked)
        try:
            yield grant
        finally:
            self.gateway.revoke(grant)
            self.ledger.record_spending(Role.JUDGE, name, grant.paid, grant.paid_usd)
        if grant.halted:
            account = self.gateway.account
            if (limit := account.limit_reached("the judge")) is not None:
                raise limit
            stopped = account.stopped
            raise SearchStoppedError(
                f"the judge stops: {stopped}. What it has said is kept; the same command goes on."
            )

    def _new_file(self, about: str) -> Path:
        """An empty transcript that nobody else writes, or has booked, under this name."""
        slug = re.sub(r"[^\w-]", "_", self.judge)
        while True:
            file = self.folder / f"{next(self._numbers):06d}-{slug}-{about}.jsonl"
            try:
                file.touch(exist_ok=False)
            except FileExistsError:
                continue
            return file


@dataclass(frozen=True, slots=True)
class BookedAsker:
    """Asks about each scope with a token of its own, and books it as soon as it is answered."""

    books: Books
    asker_with: Callable[[str], Asker]
    """An asker that calls with a token."""

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        """Each question once; raises SearchStoppedError when the run stops meanwhile."""
        if not questions:
            return
        await self.books.gateway.ensure_open()
        with self.books.open(questions[0].scope_digest[:12]) as grant:
            async with aclosing(self.asker_with(grant.token).ask(questions)) as replies:
                async for reply in replies:
                    yield reply


def book_interrupted(folder: Path, ledger: Ledger) -> None:
    """Book what was paid for when an earlier scaffold ended."""
    booked = ledger.booked(Role.JUDGE)
    for transcript in sorted(folder.glob("*.jsonl")):
        if transcript.stem not in booked:
            paid = paid_so_far(transcript)
            ledger.record_spending(Role.JUDGE, transcript.stem, paid.usage, paid.usd)
