"""A model as judge of rollouts: what was answered is never asked again, and what was not answered
is never a fail."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from re import IGNORECASE, escape, fullmatch, sub
from typing import Protocol
from weakref import WeakValueDictionary

from harness_search.aside import aside
from harness_search.benchmark.tasks import Task
from harness_search.errors import SearchStoppedError
from harness_search.files import digest_text, to_json
from harness_search.judging.canonical import canonical
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.model.answers import CUT, REFUSED, STOPPED
from harness_search.judging.model.cache import CacheKey, criterion_digest
from harness_search.judging.model.prompt import (
    PROMPT_VERSION,
    CallTerms,
    joined,
    reading_version,
    shown_title,
)
from harness_search.judging.model.questions import (
    ANSWERS_VERSION,
    Answer,
    Asker,
    Failed,
    Question,
    scope_digest_of,
)
from harness_search.judging.scopes import Scope, scopes_of
from harness_search.judging.verdicts import NOT_JUDGED, NOT_USABLE, Verdict
from harness_search.ledger.rows import Usage
from harness_search.together import together

LONGEST_SCOPE = 500_000
"""Characters of all deliverables that a judge reads together, unless its profile says less."""
REPLICATES = 100
"""Gradings of one deliverable that can be told apart; the numbers beyond are for asking again."""
MOST_FAILS = 2
"""Of a deliverable that is nearly all-pass: one false fail changes its all-pass rate."""
MOST_UNHEARD = 3
"""Criteria of one text that a judge which works may answer in no usable form, all of them."""
MOST_READERS = 32
"""Threads that read deliverables, however many are graded in one batch."""
_SECOND, _THIRD, _AFTER_CANNOT_JUDGE = 1, 2, 3


class Answers(Protocol):
    """Where answers are kept; `cache.VerdictCache` is the one on disk."""

    def get(self, keys: Iterable[CacheKey]) -> dict[CacheKey, Answer]:
        """Those that are there."""

    def put(self, key: CacheKey, answer: Answer) -> None:
        """Keep one at once."""

    def bind(self, judge: str, served_model: str) -> str:
        """The model that a judge's answers come from: the first one that served it."""


@dataclass(frozen=True, slots=True)
class JudgeTerms:
    """All about a judge that may change a verdict."""

    profile: str
    call: CallTerms
    """As its asker has them."""
    longest_scope: int = LONGEST_SCOPE
    """Characters; longer deliverables fail unread, as a reader would send them back."""
    read_again: bool = True
    """Whether the fails of a nearly all-pass deliverable take a majority of three."""
    endpoint: str = ""
    """Its address: two servers may call different models by one name. Empty for our own."""

    @property
    def judge(self) -> str:
        """Profile, model, endpoint and parameters that an answer depends on, as one text."""
        call = self.call
        asked: dict[str, object] = {
            "chunk": call.chunk,
            "structured": call.structured,
            "sampling": dict(call.sampling),
        }
        if self.endpoint:
            asked["endpoint"] = self.endpoint
        return f"{self.profile}/{call.model}/{digest_text(to_json(asked))[:16]}"

    @property
    def version(self) -> str:
        """What a verdict depends on, as one text that names the model."""
        rules = {"longest_scope": self.longest_scope, "read_again": self.read_again}
        digest = digest_text(self.judge, to_json(rules))[:16]
        return f"model:{self.call.model}/{reading_version()}/{digest}"


Found = dict[str, Answer | Failed]
"""By criterion id."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What came of the questions of one scope."""

    questions: tuple[Question, ...]
    found: Found
    flagged: frozenset[str]
    """Ids of criteria that could not be judged, twice, or got no usable answer."""


class ModelJudge:
    """Grades by asking a model about each criterion; implements `Judge`.

    Two rollouts with the same deliverables are asked about one after the other, so the second finds
    what the first has paid for.
    """

    def __init__(
        self,
        asker: Asker,
        cache: Answers,
        texts: TextStore,
        terms: JudgeTerms,
        canary_of: Callable[[Task], str] = lambda task: "",  # noqa: ARG005
    ) -> None:
        """`canary_of` names what stands beside a task's criteria in the prompt."""
        self._asker, self._cache, self._texts, self._terms = asker, cache, texts, terms
        self._canary_of = canary_of
        self._readers = asyncio.Semaphore(MOST_READERS)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._answered = set[str]()
        """Digests of scopes that the model has given an answer about, and not the cache."""

    @property
    def version(self) -> str:
        """Stored with every row."""
        return self._terms.version

    async def grade(self, subject: Subject, replicate: int = 0, *, last: bool = True) -> Grading:
        """Grade a rollout; what could not be answered is undecided, and so is what was answered in
        no usable form if this is not the `last` time that it is asked.

        Raises SearchStoppedError when another model answers than was asked, or than answered
        before, and ValueError for a replicate that is not below REPLICATES.
        """
        if not 0 <= replicate < REPLICATES:
            raise ValueError(f"replicate {replicate}: expected 0 to {REPLICATES - 1}")
        async with self._readers:
            scopes = await aside(None, self._scopes_of, subject)
        unread = {item.id: scope.problem for scope in scopes for item in scope.criteria}
        canary = self._canary_of(subject.task)
        title = shown_title(subject.task.content.title)
        read = [scope for scope in scopes if not scope.problem]
        asked = [_questions(scope, replicate, canary, title) for scope in read]
        said = await together(self._say(questions, last) for questions in asked)
        again = await self._read_again(said, last) if not any(unread.values()) else {}
        verdicts = {}
        for one in said:
            for name, reply in one.found.items():
                found = _verdict(name, reply, name in one.flagged, again.get(name))
                verdicts[name] = _without(canary, found)
        criteria = subject.task.criteria
        return Grading(
            tuple(
                verdicts.get(item.id, Verdict(item.id, "fail", unread[item.id]))
                for item in criteria
            ),
            tuple(item.id for item in criteria if any(item.id in one.flagged for one in said)),
        )

    def _scopes_of(self, subject: Subject) -> list[Scope]:
        found = scopes_of(
            subject.task, subject.output, self._texts, subject.refused, shown=canonical
        )
        longest = self._terms.longest_scope
        problem = f"the deliverables together are longer than {longest} characters"
        return [
            replace(scope, problem=problem) if not scope.problem and len(scope.text) > longest
            else scope
            for scope in found
        ]  # fmt: skip

    async def _say(self, questions: Sequence[Question], last: bool) -> _Said:
        """Answers to all questions of one scope; one that could not be judged is asked again."""
        found = await self.obtain(questions, last=last)
        unsure = [item for item in questions if _is(found[item.criterion.id], "cannot_judge")]
        anew = [_anew(item, _AFTER_CANNOT_JUDGE) for item in unsure]
        found |= await self.obtain(anew, last=last)
        flagged = {name for name, reply in found.items() if _is(reply, "cannot_judge", "unusable")}
        return _Said(tuple(questions), found, frozenset(flagged))

    async def _read_again(
        self, said: Sequence[_Said], last: bool
    ) -> dict[str, list[Answer | Failed]]:
        """Two more answers to each fail of a deliverable that fails in two criteria at most.

        Not where it is all-pass in no case: something is unread, undecided or could not be judged.
        """
        replies = [reply for one in said for reply in one.found.values()]
        failed = sum(_is(reply, "fail") for reply in replies)
        passed = sum(_is(reply, "pass") for reply in replies)
        open_to_it = self._terms.read_again and failed + passed == len(replies)
        if not open_to_it or not 1 <= failed <= min(MOST_FAILS, passed):
            return {}
        again: dict[str, list[Answer | Failed]] = {}
        for one in said:
            fails = [item for item in one.questions if _is(one.found[item.criterion.id], "fail")]
            for offset in (_SECOND, _THIRD):
                more = await self.obtain([_anew(item, offset) for item in fails], last=last)
                for name, reply in more.items():
                    again.setdefault(name, []).append(reply)
                fails = [item for item in fails if not _is(more[item.criterion.id], "fail")]
        return again

    async def obtain(self, questions: Sequence[Question], *, last: bool = True) -> Found:
        """Answers from the cache, else from the model; an unusable one is asked for once more, and
        if that was the `last` time, it is noted and kept as such."""
        if not questions:
            return {}
        async with self._lock(questions[0].scope_digest):
            keys = {item.criterion.id: self._key(item) for item in questions}
            kept = self._cache.get(keys.values())
            found: Found = {name: kept[key] for name, key in keys.items() if key in kept}
            missing = [item for item in questions if item.criterion.id not in found]
            found |= await self._ask(missing)
            unusable = [
                replace(item, again=reply.reason)
                for item in missing
                if isinstance(reply := found[item.criterion.id], Failed) and reply.invalid
            ]
            found |= await self._ask(unusable)
            bought = {item.criterion.id: found[item.criterion.id] for item in missing}
            if any(isinstance(reply, Answer) for reply in bought.values()):
                self._answered.add(questions[0].scope_digest)
            return found | self._settled(unusable, bought) if last else found

    def _settled(self, questions: Sequence[Question], bought: Found) -> Found:
        """Keep that no answer to a question could be used, as its own answer.

        Only of a judge that works, which one shows that has answered others on this text, or speaks
        of this one; of whole rubrics without a usable answer it takes a refusal. What our own limit
        has cut, or what ended otherwise, is no answer: it stays undecided.
        """
        works = any(item.scope_digest in self._answered for item in questions)
        refuses = any(
            isinstance(reply, Failed) and reply.reason == REFUSED for reply in bought.values()
        )
        if len(bought) > MOST_UNHEARD and not works and not refuses:
            return {}
        settled: Found = {}
        for question in questions:
            reply = bought[question.criterion.id]
            if not isinstance(reply, Failed) or not reply.invalid:
                continue
            if reply.reason not in {CUT, STOPPED} and (works or reply.heard):
                answer = Answer(
                    "unusable", "", reply.reason, reply.served_model, Usage(), 0.0, "", ""
                )
                self._cache.put(self._key(question), answer)
                settled[question.criterion.id] = answer
        return settled

    async def _ask(self, questions: Sequence[Question]) -> Found:
        """Ask, and keep every answer the moment it comes."""
        found: Found = {}
        if not questions:
            return found
        async with aclosing(self._asker.ask(questions)) as replies:
            async for question, reply in replies:
                self._require_model(reply)
                if isinstance(reply, Answer):
                    self._cache.put(self._key(question), reply)
                found[question.criterion.id] = reply
        return found

    def _require_model(self, reply: Answer | Failed) -> None:
        """An alias may move to another snapshot, so the first served name binds."""
        asked, served = self._terms.call.model, reply.served_model
        if isinstance(reply, Failed) and not served:  # no reply came
            return
        if not served_as(asked, served):
            raise SearchStoppedError(
                f"the judge was asked for as {asked!r}, and {served!r} answered: verdicts of two "
                "models are not comparable (name the served model in the judge's profile)"
            )
        bound = self._cache.bind(self._terms.judge, served)
        if served != bound:
            raise SearchStoppedError(
                f"the judge {asked!r} was answered by {bound!r} before, and now by {served!r}: "
                f"verdicts of two models are not comparable (name one of them as `model` of "
                f"profile {self._terms.profile!r}, then run `meta-harness regrade`)"
            )

    def _key(self, question: Question) -> CacheKey:
        return CacheKey(
            question.scope_digest,
            criterion_digest(question.criterion, question.task_title),
            self._terms.judge,
            f"{PROMPT_VERSION}/answers-{ANSWERS_VERSION}",
            question.replicate,
        )

    def _lock(self, scope_digest: str) -> asyncio.Lock:
        return self._locks.setdefault(scope_digest, asyncio.Lock())


def served_as(asked: str, served: str) -> bool:
    """Whether a model's name is the one asked for, or that with the date of its snapshot."""
    return fullmatch(rf"{escape(asked)}(-\d{{8}})?", served) is not None


def _questions(scope: Scope, replicate: int, canary: str, title: str) -> list[Question]:
    text = joined(zip(scope.names, scope.texts, strict=True))
    digest = scope_digest_of(text)
    return [
        Question(digest, text, criterion, replicate, canary=canary, task_title=title)
        for criterion in scope.criteria
    ]


def _anew(question: Question, offset: int) -> Question:
    """The same under another replicate: 101 to 103 for replicate 0, 201 to 203 for 1."""
    return replace(question, replicate=REPLICATES * (question.replicate + 1) + offset)


def _is(reply: Answer | Failed, *verdicts: str) -> bool:
    return isinstance(reply, Answer) and reply.verdict in verdicts


def _verdict(
    name: str, reply: Answer | Failed, flagged: bool, again: Sequence[Answer | Failed] | None
) -> Verdict:
    """What the replies to one question come to."""
    if isinstance(reply, Failed):
        return Verdict(name, "undecided", reply.reason)
    if flagged:
        why = NOT_USABLE if reply.verdict == "unusable" else NOT_JUDGED
        return Verdict(name, "fail", f"{why}: {reply.reason}")
    if not again:
        return Verdict(name, "pass" if reply.verdict == "pass" else "fail", _reason_of(reply))
    readings = [reply, *again]
    if failed := next((one for one in readings if isinstance(one, Failed)), None):
        return Verdict(name, "undecided", failed.reason)
    passes = [one for one in readings if _is(one, "pass")]
    last = readings[-1]
    assert isinstance(last, Answer)
    if len(passes) > len(readings) / 2:
        return Verdict(name, "pass", f"in 2 of 3 readings: {_reason_of(last)}")
    failed_in = len(readings) - len(passes)
    return Verdict(name, "fail", f"in {failed_in} of {len(readings)} readings: {_reason_of(reply)}")


def _without(canary: str, verdict: Verdict) -> Verdict:
    """A reason is shown to sessions, and one that met a canary, in any case, is void."""
    if not canary:
        return verdict
    shown = sub(escape(canary), "(canary)", verdict.reason, flags=IGNORECASE)
    return replace(verdict, reason=shown)


def _reason_of(answer: Answer) -> str:
    return f'{answer.reason} ("{answer.quote}")' if answer.quote else answer.reason
