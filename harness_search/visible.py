"""Text that others have written, made fit to be seen: nothing invisible, nothing endless."""

import json
import re

LONGEST = 4_000
"""Characters of a text that are shown where nothing else is said."""

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad"  # controls, the start of every ANSI sequence among them
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff"
    "]"
)
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_TOWER = re.compile(f"({_MARKS}{{4}})({_MARKS}+)")


def visible(text: str, longest: int = LONGEST) -> str:
    """The text with a visible mark for each character that cannot be seen or turns the direction
    of reading, and cut where it is longer than `longest` characters; line breaks and tabs stay."""
    kept = text[:longest].replace("\r\n", "\n")
    if not kept.isascii():
        kept = _TOWER.sub(lambda found: f"{found[1]}⟨{len(found[2])} more marks⟩", kept)
    shown = _INVISIBLE.sub(_mark, kept)
    left = len(text) - longest
    return f"{shown}… {left:,} more characters" if left > 0 else shown


def one_line(text: str, longest: int = 160) -> str:
    """As `visible`, on one line and cut without saying by how much: for titles and cells."""
    line = visible(" ".join(text[: 4 * longest].split()), 4 * longest)
    return f"{line[: longest - 1]}…" if len(line) > longest else line


def escaped_json(document: str) -> str:
    """The same JSON document with every such character as an escape, which is fit for terminals
    and, where it is half a pair of surrogates, for UTF-8."""
    return _INVISIBLE.sub(lambda found: json.dumps(found[0])[1:-1], document)


def _mark(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x20:
        return chr(0x2400 + number)
    if number == 0x7F:
        return "␡"
    # A lone surrogate cannot be written as UTF-8.
    return "\ufffd" if 0xD800 <= number <= 0xDFFF else f"⟨U+{number:04X}⟩"
