"""Whether a quote stands in the deliverables: word by word, whatever stands between the words.

A judge leaves out what tables, lists, footnotes and links are written with, and writes in one what
the end of a line has cut in two. Its words and their order are another matter: they are held to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from unicodedata import category, normalize

from harness_search.judging.model.prompt import without_names
from harness_search.judging.reading import normalise

FEWEST_WORDS = 3
"""Of a quote that is no line or cell by itself: two words stand in any memo."""
LONGEST_SIGN = 4
"""Plain letters that one sign may stand for; a fraction takes three."""
_LEFT_OUT = re.compile(r"\[\.\.\.\]|\.\.\.|\u2026|\[\u2026\]")
_SIGNS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Of writing that does not set words apart: each is taken for a word."""
_CURRENCY = r"$\u00a2\u00a3\u00a5\u20a0-\u20cf"
_MONEY = rf"%\u2030{_CURRENCY}"
"""Say what a number is of, so each is a word too."""
_COMPARED = r"[\u2264\u2265\u2260\u00b1]|<(?!!)|(?<![-=])>|(?<![=!<>])=(?![=>])"
"""So is each of these. Arrows, underlines and comments are none of them."""
_TYPED = {"<=": "\u2264", ">=": "\u2265", "!=": "\u2260", "+/-": "\u00b1"}
_TYPED_SIGN = re.compile(r"<=(?!>)|(?<![-=])>=|!=|\+/-")
_TAG = re.compile(r"<(/?[a-z][^<>|]*+)(?<! )>")
_QUOTE_MARK = re.compile(r"^ *+>[> ]*+(?!=)", re.MULTILINE)
_IN_PARENTHESES = re.compile(
    rf"(?<!\w)\( ?([{_MONEY}]?+) ?(\d++(?:[.,']\d++)*+)([kmb]?n?) ?([{_MONEY}]?+) ?\)"
)
_AMOUNT = re.compile(r"\d+(?:[.,']\d{3})*[.,']\d+")
"""And not a date, a year or a number of a list."""
_MINUS_MONEY = re.compile(rf"(?<![\w)])-([{_MONEY}])(?=\d)")
_COUNTED = re.compile(rf"[{_SIGNS}]|\w+")
_CELL_ENDS = re.compile(r"[\n\t|]")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,40}\]")
_ADDRESS = re.compile(r'\]\([^\s()]*+(?:\([^\s()]*+\)[^\s()]*+)*+(?: "[^"\n]*+")?\)')
_LINE_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_CUT_WORD = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011]\s*+(?=[^\W\d_])")
_LIST_NUMBER = re.compile(
    r"^[ \t>#*+\u2022-]{0,20}\(?(?:\d{1,3}|[a-z]|[ivx]{1,6})[.)]\*{0,2}(?=\s)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Evidence:
    """A scope's text, in which quotes are looked up; takes time in proportion to it."""

    text: str

    @cached_property
    def _readings(self) -> tuple["_Words", ...]:
        return tuple(map(_read, _readings_of(without_names(self.text))))

    def holds(self, quote: str) -> bool:
        """Whether a quote stands there: in one piece, or with words left out between pieces that
        stand there in this order. A piece has three words, or is a whole line or cell."""
        cut = dict.fromkeys(tuple(_pieces(one)) for one in _readings_of(quote))
        return any(words.hold(pieces) for words, pieces in product(self._readings, cut))


@dataclass(frozen=True, slots=True)
class _Words:
    """One reading of a text, as text: a list of its words would take twenty times the room."""

    plain: str
    short_parts: str
    """Lines and cells of too few words to be quoted from, each between bars."""

    def hold(self, pieces: tuple[str, ...]) -> bool:
        place = 0
        for piece in pieces:
            if _is_short(piece) and f"|{piece}|" not in self.short_parts:
                return False
            place = self.plain.find(piece, place)
            if place < 0:
                return False
            place += len(piece) - 1  # the space behind it is also the one before the next piece
        return bool(pieces)


def _read(text: str) -> _Words:
    words = _words_of(_CELL_ENDS.sub(" | ", text))
    parts = dict.fromkeys(part.strip() for part in " ".join(words).split("|"))
    short = "|".join(f" {part} " for part in parts if _is_short(part))
    return _Words(_plain(words), f"|{short}|")


def _is_short(part: str) -> bool:
    return len(_COUNTED.findall(part)) < FEWEST_WORDS


def _readings_of(text: str) -> Iterator[str]:
    """What may be meant, each reading once: a word cut at a hyphen, or two with one; a number that
    is of a list, or of the sentence."""
    bare = _ADDRESS.sub("]", _FOOTNOTE.sub(" ", _LINE_BREAK.sub(" ", text)))
    bare = _QUOTE_MARK.sub("", bare)
    by_hyphen = dict.fromkeys((bare, _CUT_WORD.sub("", bare)))
    numbered = [(one, _LIST_NUMBER.sub("", one)) for one in by_hyphen]
    yield from dict.fromkeys(one for both in numbered for one in both)


def _pieces(quote: str) -> Iterator[str]:
    for piece in _LEFT_OUT.split(quote):
        if plain := _plain(_words_of(piece)).strip():
            yield f" {plain} "


def _plain(words: list[str]) -> str:
    """With a space on each side of each word: to look for whole words is to look for text."""
    return f" {' '.join(word for word in words if word != '|')} "


def _words_of(text: str) -> list[str]:
    """Words, numbers with their sign, and bars, in their one form."""
    plain = _signed(_compatible(normalise(text)).casefold())
    marks = "".join(sorted(sign for sign in set(plain) if category(sign).startswith("M")))
    letter = rf"[^\W_{_SIGNS}]"
    letters = rf"(?:{letter}|[{marks}])" if marks else letter
    number = r"(?:(?<![\w)])-)?\d+(?:[.,']\d+)*"
    name = rf"{letters}+(?:\+\+(?![\w+])|#(?!\w))?"  # of a programming language
    return re.findall(rf"[{_SIGNS}{_MONEY}|]|{_COMPARED}|{number}{letters}*|{name}", plain)


def _signed(text: str) -> str:
    """With the one form of each sign that turns the sense of what stands beside it."""
    text = _TYPED_SIGN.sub(lambda found: _TYPED[found[0]], _TAG.sub(r" \1 ", text))
    return _MINUS_MONEY.sub(r"\1 -", _IN_PARENTHESES.sub(_negative, text))


def _negative(found: re.Match[str]) -> str:
    """An amount as accounts write a loss, in parentheses, with a minus instead."""
    before, number, scale, after = found.groups()
    beside = found.string[found.start() - 1 : found.start()] + before + after
    is_amount = re.search(rf"[{_CURRENCY}]", beside) or _AMOUNT.fullmatch(number)
    return f"{before} -{number}{scale} {after}" if is_amount else found[0]


def _compatible(text: str) -> str:
    """Unicode's form NFKC sign by sign: small figures, ligatures and wide letters as plain ones.
    Those that stand for whole sentences stay: a text of them would become a book."""
    plain = {sign: normalize("NFKC", sign) for sign in set(text)}
    short = {ord(sign): to for sign, to in plain.items() if len(to) <= LONGEST_SIGN}
    return text.translate(short)
