"""Names from elsewhere, made fit to be drawn."""

import unicodedata
from collections.abc import Callable

MARKS_IN_A_ROW = 2
CUT = "\N{HORIZONTAL ELLIPSIS}"


def plain(text: str, longest: int) -> str:
    """One line of at most so many characters: no control characters, no marks that turn the
    direction of reading, no towers of accents; a name of nothing else becomes a question mark."""
    kept: list[str] = []
    marks = 0
    # Eight times as much as fits is enough to fill the line, whatever is left out of it.
    for sign in text[: 8 * longest]:
        marks = marks + 1 if unicodedata.combining(sign) else 0
        if marks <= MARKS_IN_A_ROW:
            kept.append(sign if sign.isprintable() else " ")
    line = " ".join("".join(kept).split())
    if not line:
        return "?" if text else ""
    return f"{line[: longest - 1].rstrip()}{CUT}" if len(line) > longest else line


class Lettering:
    """Text as matplotlib may have it: a dollar sign starts a formula there, and a letter that its
    font lacks raises a warning. In SVG the reader's own fonts know better, so such letters are
    stood in for while the picture is laid out and put back afterwards."""

    _FIRST, _LAST = 0x2800, 0x28FF  # Braille: its letters are in the font and all of one width

    def __init__(self, has_letter: Callable[[str], bool], *, put_back: bool) -> None:
        self._has_letter = has_letter
        self._put_back = put_back
        self._stand_ins: dict[str, str] = {}

    def drawn(self, text: str, longest: int = 40) -> str:
        """The text to give to matplotlib."""
        return "".join(map(self._letter, plain(text, longest))).replace("$", r"\$")

    def restore(self, text: str) -> str:
        """The text as it was meant."""
        return text.translate({ord(new): old for old, new in self._stand_ins.items()})

    def _letter(self, sign: str) -> str:
        if self._has_letter(sign) and not self._FIRST <= ord(sign) <= self._LAST:
            return sign
        if not self._put_back or self._FIRST + len(self._stand_ins) > self._LAST:
            return self._stand_ins.get(sign, "\N{WHITE SQUARE}")
        return self._stand_ins.setdefault(sign, chr(self._FIRST + len(self._stand_ins)))
