"""Bounds what a judge may take, and asks a judging model again for what stayed undecided."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness_search.judging.judge import Grading, Judge, Subject
from harness_search.judging.model.judge import Found, ModelJudge
from harness_search.judging.model.questions import Failed, Question
from harness_search.judging.verdicts import Verdict

AT_ONCE = 32
"""Gradings under way: the time of one begins when it has its place, and ends in any case."""


@dataclass(frozen=True)
class BoundedJudge:
    """A judge whose every grading ends in time: what it has not said by then is undecided."""

    judge: Judge
    seconds: float
    _places: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False, repr=False, compare=False
    )

    @property
    def version(self) -> str:
        """That of the judge: no verdict is changed."""
        return self.judge.version

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        """As the judge says; all undecided where it says nothing in time."""
        async with self._places:
            try:
                async with asyncio.timeout(self.seconds):
                    return await self.judge.grade(subject, replicate)
            except TimeoutError:
                return _nothing_said(subject, self.seconds)


@dataclass(frozen=True)
class PersistentJudge:
    """A judge that is given several rounds; what was decided in one is kept by it for the next."""

    judge: ModelJudge
    rounds: int
    named: str = ""
    """Version of a judge together with the second one that settles what it leaves contested."""
    seconds: float | None = None
    """Of one grading, all its rounds together, whatever holds them up; None: a batch's own day."""
    _places: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False, repr=False, compare=False
    )

    @property
    def version(self) -> str:
        """That of the judge: to be asked again changes no verdict."""
        return self.named or self.judge.version

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        """The first grading without an undecided verdict, else the last one."""
        if self.seconds is None:  # all that is to be judged goes into one batch
            return await self._persistently(subject, replicate)
        async with self._places:
            try:
                async with asyncio.timeout(self.seconds):
                    return await self._persistently(subject, replicate)
            except TimeoutError:
                return _nothing_said(subject, self.seconds)

    async def _persistently(self, subject: Subject, replicate: int) -> Grading:
        for _ in range(self.rounds - 1):
            grading = await self.judge.grade(subject, replicate, last=False)
            if not grading.undecided:
                return grading
        return await self.judge.grade(subject, replicate)

    async def obtain(self, questions: Sequence[Question]) -> Found:
        """Answers to single questions of one scope."""
        try:
            async with asyncio.timeout(self.seconds):
                return await self.judge.obtain(questions)
        except TimeoutError:
            failed = Failed(_out_of_time(self.seconds or 0.0))
            return {item.criterion.id: failed for item in questions}


def _nothing_said(subject: Subject, seconds: float) -> Grading:
    reason = _out_of_time(seconds)
    return Grading(tuple(Verdict(item.id, "undecided", reason) for item in subject.task.criteria))


def _out_of_time(seconds: float) -> str:
    return f"the judge did not end within {seconds:g} s (judge.hard_seconds)"
