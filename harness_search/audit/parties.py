"""Which names are those of somebody or something: `Brakewell Harbour`, and not `the Seller`.

An article mostly stands before what is no such name, and seldom before one.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator

from harness_search.audit.names import begins_sentence
from harness_search.audit.words import words

MOST_WITH_ARTICLE = 0.25
"""Share of the places where a name begins; `the Brakewell group` occurs too."""

_CAPITALISED = r"[A-Z][\w'\u2019&-]*"
_RUN = re.compile(
    r"(?:\b(?P<article>[Aa]n?|[Tt]he|[Aa]ny|[Ee]ach|[Ee]very|[Nn]o|[Tt]h(?:is|at|[eo]se)|[Ss]uch"
    r"|[Aa]ll|[Ii]ts|[Oo]ur|[Tt]heir|[Yy]our)\s+)?"
    rf"\b(?P<run>{_CAPITALISED}(?:[ \u00a0]{_CAPITALISED})*)"
)

Pair = tuple[str, str]


def parties_in(texts: Iterable[str], proper: Container[str]) -> frozenset[str]:
    """The words that names of somebody begin with, case-folded, among `proper` ones."""
    begun, with_article = Counter[str](), Counter[str]()
    for text in texts:
        for run, article in _runs(text, proper):
            begun[run[0]] += 1
            with_article[run[0]] += article
    return frozenset(
        word
        for word, count in begun.items()
        if word in proper and with_article[word] <= MOST_WITH_ARTICLE * count
    )


def pairs_in(texts: Iterable[str], parties: Container[str]) -> frozenset[Pair]:
    """The first two words of every name that begins with one of these, case-folded."""
    found = (run for text in texts for run, _ in _runs(text, parties))
    return frozenset((run[0], run[1]) for run in found if run[0] in parties and len(run) > 1)


def _runs(text: str, known: Container[str]) -> Iterator[tuple[list[str], bool]]:
    """Runs of capitalised words, and whether an article stands before each. What merely begins a
    sentence is no part of one, unless it is known."""
    for match in _RUN.finditer(text):
        run = words(match["run"])
        if len(run) > 1 and run[0] not in known and begins_sentence(text, match.start()):
            run = run[1:]
        if run:
            yield run, match["article"] is not None
