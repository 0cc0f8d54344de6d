"""What a judging model is asked, and what it answers."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from harness_search.benchmark.tasks import Criterion
from harness_search.judging.documents import EXTRACTOR_VERSION
from harness_search.ledger.rows import Usage

Said = Literal["pass", "fail", "cannot_judge", "unusable"]
"""`unusable` is what we note for a judge whose every answer was invalid."""
ANSWERS_VERSION = "2"
"""Of the rules by which an answer is taken; raise it whenever they take another one."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the deliverables of one scope fulfil one criterion."""

    scope_digest: str
    """Of what the judge reads: `scope_digest_of(text)`."""
    text: str
    """The deliverables in scope under their names, canonical (`prompt.joined`)."""
    criterion: Criterion
    replicate: int = 0
    """Another one asks anew for what was asked before."""
    canary: str = ""
    """Stands beside the criterion in the prompt, so that a leak of it is found."""
    again: str = ""
    """What was wrong with the last answer. A question that is asked again has a call of its own."""
    task_title: str = ""
    """Of the task whose criterion it is, as the prompt shows it (`prompt.shown_title`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question in the end."""

    verdict: Said
    quote: str
    """From the deliverable; that of a pass was found there."""
    reason: str
    served_model: str
    usage: Usage
    """Tokens that it took; criteria that share a call share its tokens."""
    usd: float
    request_id: str
    raw: str
    """The reply's text as it came."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No valid answer: the verdict stays undecided until it is asked for again."""

    reason: str
    invalid: bool = False
    """A reply came and was unusable; otherwise the call itself failed."""
    served_model: str = ""
    """Of that reply."""
    heard: bool = False
    """The model spoke of the question: it refused, or gave a verdict with evidence that is not
    there. What else is unusable may be a server's own words."""


Replied = tuple[Question, Answer | Failed]


class Asker(Protocol):
    """Puts questions to a model."""

    def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        """Each question once with its answer, in the order in which answers come.

        All questions of one call share one scope. To close the generator gives up what is still
        under way.
        """


def scope_digest_of(text: str) -> str:
    """SHA-256 of a canonical text and the version of the extractor that read it."""
    return hashlib.sha256(f"{EXTRACTOR_VERSION}\0{text}".encode(errors="replace")).hexdigest()
