"""Understands the advice that a prompt gives, whatever its words."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from harness_search.simulated.personas import Advice


def _stem(word: str) -> str:
    """The word without the endings that make another form of it."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e")


def _any_of(*words: str) -> frozenset[str]:
    return frozenset(map(_stem, words))


_CHECK = _any_of(
    "check", "compare", "verify", "confirm", "ensure", "sure", "match", "audit", "verified"
)
_EXACT = _any_of("exact", "exactly", "precisely", "identical", "verbatim", "letter", "character")
_END = _any_of("finish", "end", "close", "done", "stop", "conclude", "submit", "last", "final")
_NAME = _any_of("name", "filename", "misnamed", "spelling", "title", "called")
_FILE = _any_of("file", "filename", "output", "deliverable", "misnamed", "requested")
_READ = _any_of("read", "open", "through", "study", "studied", "review", "examine", "consult")
_ALL = _any_of(
    "every", "all", "each", "whole", "entire", "complete", "completely", "full", "everything",
)  # fmt: skip
_PAPERS = _any_of(
    "document", "paper", "file", "folder", "source", "record", "material", "everything"
)
_BEFORE = _any_of("before", "first", "until", "prior", "then", "start", "begin", "only")
_WRITE = _any_of("write", "written", "draft", "word", "compose", "prose", "produce", "answer")
_OUTLINE = _any_of("outline", "plan", "skeleton", "checklist", "sketch", "structure")
_MAKE = _any_of(
    "write", "draft", "prose", "create", "make", "set", "lay", "sketch", "section", "heading",
    "point",
)  # fmt: skip

_SIGNS: Mapping[Advice, tuple[frozenset[str], ...]] = MappingProxyType(
    {
        Advice.NAMES: (_NAME, _CHECK, _FILE, _END | _EXACT | _any_of("request", "output")),
        Advice.READING: (_READ, _ALL, _PAPERS, _BEFORE, _WRITE),
        Advice.OUTLINE: (_OUTLINE, _BEFORE, _MAKE | _WRITE),
    }
)
"""By advice, groups of words: one of each stands in a sentence that gives it."""

_DISMISSALS = re.compile(
    r"\b(?:no need|need not|not necessary|unnecessary|do not bother|skip|instead of|rather than)\b"
    r"|\b(?:do not|don't|never|without) (?!\w+(?: \w+){0,4} (?:until|before you have|unless)\b)"
)


def advice_in(texts: Iterable[str]) -> frozenset[Advice]:
    """All advice that the texts give, sentence by sentence."""
    sentences = [words for text in texts for words in _sentences(text)]
    return frozenset(
        advice
        for advice, signs in _SIGNS.items()
        if any(all(words & sign for sign in signs) for words in sentences)
    )


def _sentences(text: str) -> Iterable[frozenset[str]]:
    for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*\d]", text.lower()):
        if not _DISMISSALS.search(sentence):
            yield frozenset(map(_stem, re.findall(r"[a-z]+", sentence)))
