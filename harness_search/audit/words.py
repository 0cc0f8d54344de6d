"""Words and shingles (runs of words), by which texts are compared."""

import re
from collections.abc import Callable, Sequence

DOCUMENT_RUN = 8
"""Words of a shingle of documents, instructions and whole tasks."""
RUBRIC_RUN = 5
"""Words of a shingle of rubrics, which are short and which nobody may know."""

_WORD = re.compile(r"\w+(?:[.,'\u2019-]\w+)*")

Rarity = Callable[[str], bool]


def written_words(text: str) -> list[str]:
    """The words as they stand; `109,000,000`, `2025-05-19` and `e-mail` are one each."""
    return _WORD.findall(text)


def words(text: str) -> list[str]:
    """The words without regard to case."""
    return written_words(text.casefold())


def rare_shingles(
    sequence: Sequence[str], length: int, needed: int, is_rare: Rarity
) -> dict[int, int]:
    """Every run of so many words with at least `needed` different rare ones.

    By the run's hash, which is good for this process only: where it first begins.
    """
    rare = [position for position, word in enumerate(sequence) if is_rare(word)]
    starts = {
        start
        for position in rare
        for start in range(max(0, position - length + 1), position + 1)
        if start + length <= len(sequence)
    }
    found: dict[int, int] = {}
    for start in sorted(starts):
        run = tuple(sequence[start : start + length])
        if needed == 1 or len({word for word in run if is_rare(word)}) >= needed:
            found.setdefault(hash(run), start)
    return found
