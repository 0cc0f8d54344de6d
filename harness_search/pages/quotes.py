"""Where a quote stands in a text, whatever became of its spaces, quotes, dashes and case.

Judges quote from what they read, and programs and models write that down in other signs. A text is
brought to one form once, with what of it came from where; each quote is then looked up in that.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

from harness_search.judging.reading import normalise

Span = tuple[int, int]
"""First character, and the one after the last."""

MOST_PLACES = 200
"""Of one phrase, among which the nearest to another is looked for."""
MOST_NEAR = 8
"""Phrases around a quote that are looked for."""
SIGNS_AROUND = " \"'-|#>.,;:\u2022"
"""Of a quote, that are passed over: list signs, quotes around it, the end of its sentence."""
_LEFT_OUT = re.compile(r"\[\.\.\.\]|\.{3,}|\u2026|\[\u2026\]")
_SAYS_NOTHING = "*`\u200b\u200c\u200d\u2060\ufeff\u00ad\u00b9\u00b2\u00b3\u2070\u2074-\u2079"
"""What `normalise` takes away."""
_SIGNS = rf"[^\s{_SAYS_NOTHING}]++"
_SPACE = re.compile(r"\s")
_STRETCH = re.compile(rf"{_SIGNS}(?:\x20{_SIGNS})*+")
_WORD_SIGN = re.compile(r"(?:(?![\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])[^\W_])")
"""A letter or figure, but of writing that does not set words apart."""
_PIECE = re.compile(r"\x20|[^\x20]{1,64}(?:\x20[^\x20]{1,64}){0,7}")


@dataclass(frozen=True)
class Places:
    """A text in which quotes are looked up."""

    _text: str = field(repr=False)
    plain: str
    """The text in its one form."""
    _begins: tuple[int, ...]
    """Where each part begins in it."""
    _spans: tuple[Span, ...]
    """What of the text each part is of; of another length where signs became several or one."""

    @classmethod
    def of(cls, text: str) -> "Places":
        """Takes time in proportion to the text."""
        parts: list[str] = []
        begins: list[int] = []
        spans: list[Span] = []
        length, before = 0, 0
        for match in _STRETCH.finditer(text):
            if parts and _SPACE.search(text, before, match.start()):
                parts.append(" ")
                begins.append(length)
                spans.append((before, match.start()))
                length += 1
            for part, span in _parts(match):
                parts.append(part)
                begins.append(length)
                spans.append(span)
                length += len(part)
            before = match.end()
        return cls(text, "".join(parts), tuple(begins), tuple(spans))

    def find(self, quote: str, near: tuple[str, ...] = ()) -> tuple[Span, ...]:
        """Where a quote stands: several spans where words of it were left out, none where it does
        not stand. Of several places the first one, or the nearest to one of the phrases of `near`.
        """
        pieces = _pieces(quote)
        if len(pieces) == 1 and near:
            found = self._nearest(pieces[0], near)
            return (self._span(found, found + len(pieces[0])),) if found >= 0 else ()
        spans: list[Span] = []
        place = 0
        for piece in pieces:
            found = self._find(piece, place)
            if found < 0:
                return ()
            place = found + len(piece)
            spans.append(self._span(found, place))
        return tuple(spans)

    def _nearest(self, piece: str, near: tuple[str, ...]) -> int:
        """Of the places of a piece, the nearest to a phrase that may stand around it."""
        places = self._all(piece)
        phrases = islice((one for phrase in near for one in _pieces(phrase)), MOST_NEAR)
        others = sorted({place for phrase in phrases for place in self._all(phrase)})
        if not others:
            return places[0] if places else -1
        return min(places, key=lambda place: _distance(place, others), default=-1)

    def _all(self, piece: str) -> list[int]:
        found: list[int] = []
        place = -1
        while len(found) < MOST_PLACES and (place := self._find(piece, place + 1)) >= 0:
            found.append(place)
        return found

    def _find(self, piece: str, start: int) -> int:
        """Where a piece stands as whole words; -1 if nowhere."""
        found = _whole_words(piece).search(self.plain, start)
        return found.start() if found else -1

    def _span(self, start: int, end: int) -> Span:
        """Of the text itself."""
        return self._original(start)[0], self._original(end - 1)[1]

    def _original(self, place: int) -> Span:
        number = bisect_right(self._begins, place) - 1
        begin, (first, last) = self._begins[number], self._spans[number]
        ends = self._begins[number + 1] if number + 1 < len(self._begins) else len(self.plain)
        part = self._text[first:last]
        if _sign_by_sign(part, ends - begin):
            return first + place - begin, first + place - begin + 1
        start, end = _sign_at(part, place - begin)
        return first + start, first + end


def _distance(place: int, others: Sequence[int]) -> int:
    """To the nearest of several places, which are sorted."""
    number = bisect_left(others, place)
    return min(abs(place - one) for one in others[max(number - 1, 0) : number + 1])


def _pieces(quote: str) -> list[str]:
    """What stands between the signs for words that were left out."""
    found = (normalise(piece).strip(SIGNS_AROUND) for piece in _LEFT_OUT.split(quote))
    return [piece for piece in found if piece]


def _parts(match: re.Match[str]) -> list[tuple[str, Span]]:
    """A stretch in its one form: in one part where each sign stays one sign, else in small ones."""
    stretch, start = match[0], match.start()
    if stretch.isascii():  # nothing that `normalise` would change but capitals
        return [(stretch.lower(), match.span())]
    plain = normalise(stretch)
    if _sign_by_sign(stretch, len(plain)):
        return [(plain, match.span())]
    pieces = ((piece[0], piece.start(), piece.end()) for piece in _PIECE.finditer(stretch))
    return [
        (" " if piece == " " else normalise(piece), (start + first, start + last))
        for piece, first, last in pieces
    ]


def _sign_by_sign(text: str, length: int) -> bool:
    """Whether each sign stays one sign in a form of this length: a letter that becomes two must not
    make up for two that become one."""
    return len(text) == length and (text.isascii() or len(text.casefold()) == length)


def _sign_at(text: str, place: int) -> Span:
    """The sign of a short text that a place in its one form is of, with the marks on it."""
    ends = range(len(text) + 1)

    def length(end: int) -> int:
        # Before a letter, for a space at the end would be taken away.
        return len(normalise(f"{text[:end]}x")) - 1

    first = max(bisect_right(ends, place, key=length) - 1, 0)
    whole = length(min(first + 1, len(text)))
    return first, bisect_right(ends, whole, key=length) - 1


def _whole_words(piece: str) -> re.Pattern[str]:
    """Finds a piece that neither begins nor ends within a word."""
    before = after = ""
    if _WORD_SIGN.match(piece):
        # Looked at last: a pattern that begins with plain letters is found many times as fast.
        before = rf"(?<!{_WORD_SIGN.pattern}.{{{len(piece)}}})"
    if _WORD_SIGN.match(piece[-1]):
        after = rf"(?!{_WORD_SIGN.pattern})"
    return re.compile(re.escape(piece) + after + before, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text that the same quotes cover."""

    start: int
    end: int
    quotes: frozenset[int]
    """Numbers of them; empty for what none covers."""


def segments_of(length: int, quotes: Sequence[Sequence[Span]]) -> list[Segment]:
    """A text of so many characters cut wherever a quote begins or ends, in its order."""
    changes: dict[int, Counter[int]] = {0: Counter(), length: Counter()}
    for number, spans in enumerate(quotes):
        for start, end in spans:
            changes.setdefault(min(start, length), Counter())[number] += 1
            changes.setdefault(min(end, length), Counter())[number] -= 1
    found: list[Segment] = []
    covering: Counter[int] = Counter()
    for start, end in pairwise(sorted(changes)):
        covering.update(changes[start])
        quoted = frozenset(number for number, count in covering.items() if count > 0)
        found.append(Segment(start, end, quoted))
    return found
