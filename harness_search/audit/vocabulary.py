"""Which words of a benchmark are rare, and which of those are names."""

import calendar
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness_search.audit.words import written_words

RARE_SHARE = 10
"""A word is rare that stands in at most one of so many tasks, and always in one of a task alone."""
FEWEST_TASKS = 3
"""With fewer tasks nothing can be told rare."""
SHORTEST_NAME = 4  # characters

_PHRASE = re.compile(r"[A-Z][\w'\u2019&-]*(?:[ \u00a0][A-Z][\w'\u2019&-]*)+")
_CALENDAR = frozenset(
    name.casefold() for name in (*calendar.month_name, *calendar.day_name) if name
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Counted over all tasks, with their documents, instructions and rubrics. Case-folded."""

    limit: int
    """Tasks in which something rare may stand at most."""
    rare: frozenset[str]
    proper: frozenset[str]
    """Rare words that begin with a capital wherever they stand."""

    def names_in(self, texts: Iterable[str], repeated: Sequence[str]) -> frozenset[str]:
        """Single words of names: proper, beside another capitalised word, and no mere heading.

        `texts` are those in which standing once is enough (instructions). Elsewhere (documents) a
        name stands in two texts at least, or has two proper words.
        """
        counts: Counter[str] = Counter()
        for text in repeated:
            phrases = self._phrases(text)
            counts.update({word for phrase in phrases for word in phrase})
            counts.update({word for phrase in phrases if len(phrase) > 1 for word in phrase})
        sure = {word for text in texts for phrase in self._phrases(text) for word in phrase}
        return frozenset(sure | {word for word, count in counts.items() if count > 1})

    def _phrases(self, text: str) -> list[set[str]]:
        """The proper words of each run of capitalised words."""
        runs = set(_PHRASE.findall(text))
        return [
            {word.casefold() for word in written_words(run) if self._is_name(word)} for run in runs
        ]

    def _is_name(self, word: str) -> bool:
        folded = word.casefold()
        plain = len(word) < SHORTEST_NAME or word.isupper()
        return not plain and folded in self.proper and folded not in _CALENDAR


def vocabulary(tasks: Iterable[Iterable[str]]) -> Vocabulary:
    """Of the texts of each task."""
    frequency: Counter[str] = Counter()
    small = set[str]()
    number = 0
    for texts in tasks:
        number += 1
        written = {word for text in texts for word in written_words(text)}
        small |= {word for word in written if not word[0].isupper()}
        frequency.update({word.casefold() for word in written})
    limit = max(1, number // RARE_SHARE)
    known = frequency.items() if number >= FEWEST_TASKS else ()
    rare = frozenset(word for word, count in known if count <= limit)
    return Vocabulary(limit, rare, rare - small)
