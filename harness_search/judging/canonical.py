"""Deliverables as a person sees them: what is in a text but on no page is no part of the work.

Marks that do not show and comments are where text for the judge alone would be hidden.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence, Set

from harness_search.judging.reading import MOST_MARKS

CANONICAL_VERSION = "3"
"""Raise it whenever the same text may come out otherwise."""
MOST_ROUNDS = 8
"""Of taking away what is hidden; only a text that was made for it needs more than two."""

_MARKED_UP = frozenset({".htm", ".html", ".markdown", ".md", ".txt"})
"""Kinds of files that programs show as Markdown or HTML; elsewhere a tag is text like any other."""
_SHOWN_CONTROLS = "\n\t"
_UNSEEN_RANGES = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Code points without a glyph that are no control or format characters (source: Unicode's property
Default_Ignorable_Code_Point, and the blank Braille pattern)."""
_SHOWN_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")
"""Format characters that do show: Arabic and Syriac signs over numbers."""
_LINE_END = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_DEFINITION = re.compile(
    r" {0,3}\[[^\]\n]*\]:[ \t]*(?:#\S*|<[^>\n]*>|[a-z][a-z0-9+.-]*:\S*)(?:[ \t]+(?=\S)|[ \t]*$)",
    re.IGNORECASE,
)
"""Of a link in Markdown, up to its title. It shows nowhere, so its title is used for comments."""
_TITLE_ENDS = {'"': '"', "'": "'", "(": ")"}
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)", re.IGNORECASE)
_HIDES = re.compile(
    r"""(?:^|\s)hidden\s*(?:=|$|\s[a-z-]+\s*=)|display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)
    |opacity\s*:\s*0(?![.\d]*[1-9])|font-size\s*:\s*(?:0(?![.\d]*[1-9])|[0-3](?:\.\d+)?p[tx])""",
    re.IGNORECASE | re.VERBOSE,
)
_PALE = (
    r"(?:white|transparent|#f{3,4}(?![0-9a-f])|#(?:f[0-9a-f]){3}(?:[0-9a-f]{2})?(?![0-9a-f])"
    r"|rgba?\(\s{0,9}(?:(?:2[45]\d|9[4-9]%|100%)[\s,]{1,9}){2}(?:2[45]\d|9[4-9]%|100%)"
    r"|hsla?\([^)]{0,40}?(?:9[4-9]|100)(?:\.\d{1,9})?%\s{0,9}[,/)])"
)
"""As good as white. Repetitions are bounded: a hostile text could make them take hours."""
_VALUE_BEGINS = r"""\s{0,9}["']?\s{0,9}"""
_IS_PALE = re.compile(rf"(?<![\w-])color\s{{0,9}}[:=]{_VALUE_BEGINS}{_PALE}", re.IGNORECASE)
_HAS_GROUND = re.compile(
    rf"(?<![\w-])(?:background(?:-color|-image)?\s{{0,9}}:|bgcolor\s{{0,9}}=){_VALUE_BEGINS}"
    rf"(?!{_PALE}|none|inherit|initial|unset|[\s\"';])"
    r"|(?<![\w-])background(?:-image)?\s{0,9}:[^;]{0,80}?(?:url|gradient)\("
    r"|(?<![\w-])background\s{0,9}=",
    re.IGNORECASE,
)
"""A ground on which white text can be read."""
_IS_STYLED = re.compile(r"(?:^|\s)(?:class|id)\s{0,9}=", re.IGNORECASE)
"""What a style sheet, also one that is not at hand, may give a ground."""
_UNRENDERED = frozenset({"script", "style", "template"})
"""Where they are closed: a draft has placeholders like <Style of cause>."""
_WITHOUT_CONTENT = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})
_Tag = tuple[bool, str, str, tuple[int, int]]
"""Whether it closes, its name, its attributes, and where it begins and ends."""


def canonical(text: str, kind: str = ".md") -> str:
    """The text without what does not show: zero-width, bidirectional and other invisible
    characters, all but the first marks on a letter, and, in files of Markdown, HTML or plain text,
    comments and hidden elements. What is canonical stays as it is.

    `kind` is the extension of the file in small letters. What other kinds show was settled when
    their text was extracted: a `<!--` in a Word document is there to be read.
    """
    text = _without_long_marks(_without_unseen(_LINE_END.sub("\n", text)))
    if kind not in _MARKED_UP:
        return text
    for _ in range(MOST_ROUNDS):
        rest = _without_definitions(_without_hidden_elements(_COMMENT.sub(" ", text)))
        if rest == text:
            return text
        text = rest
    # Nested so that each round uncovers more: nobody's memo. Without this sign none is left.
    return _without_definitions(text.replace("<", " "))


def _without_unseen(text: str) -> str:
    unseen = [letter for letter in set(text) if _is_unseen(letter)]
    return text.translate(dict.fromkeys(map(ord, unseen))) if unseen else text


def _is_unseen(letter: str) -> bool:
    if letter in _SHOWN_CONTROLS or letter in _SHOWN_FORMATS:
        return False
    if unicodedata.category(letter) in {"Cc", "Cf", "Cs"}:
        return True
    return any(first <= ord(letter) <= last for first, last in _UNSEEN_RANGES)


def _without_long_marks(text: str) -> str:
    marks = {letter for letter in set(text) if unicodedata.category(letter) in {"Mn", "Me"}}
    if not marks:
        return text
    mark = f"[{re.escape(''.join(sorted(marks)))}]"
    return re.sub(f"({mark}{{{MOST_MARKS}}}){mark}+", r"\1", text)


def _without_hidden_elements(text: str) -> str:
    """A space stands for each, so that what lay around it makes nothing new."""
    kept: list[str] = []
    start = 0
    for begin, end in _hidden_elements(text):
        kept += [text[start:begin], " "]
        start = end
    return "".join([*kept, text[start:]])


def _hidden_elements(text: str) -> Iterator[tuple[int, int]]:
    """Where each element that a browser does not show begins and ends."""
    tags = list(_tags(text))
    closed = {name for closes, name, *_ in tags if closes}
    around = _Open(int(_has_sheet(tags, closed)))
    hidden: _Hidden | None = None
    for closes, found, attributes, (start, end) in tags:
        has_content = found not in _WITHOUT_CONTENT and not attributes.endswith("/")
        if hidden is not None:
            if not has_content or not (hidden.is_pale or found == hidden.name):
                continue
            if not closes:
                hidden.within.open(found, attributes)
            elif found in hidden.within:
                hidden.within.close(found)
                if hidden.name not in hidden.within:
                    yield hidden.begin, start if hidden.is_sheet else end
                    hidden = None
            elif found in around:  # the end of what is around a pale element ends it too
                yield hidden.begin, start
                around.close(found)
                hidden = None
        elif closes:
            around.close(found)
        elif has_content and (is_pale := _is_pale(attributes, around)):
            hidden = _Hidden(start, found, is_pale)
        elif has_content and _is_hidden(found, attributes, closed):
            hidden = _Hidden(end if found == "style" else start, found, False)
        elif has_content:
            around.open(found, attributes)
    if hidden is not None:
        yield hidden.begin, len(text)


def _has_sheet(tags: Sequence[_Tag], closed: Set[str]) -> bool:
    """Whether a style sheet, which is not read here, may say what stands behind a text."""
    return any(
        (name == "style" and name in closed) or (name == "link" and "stylesheet" in about.lower())
        for closes, name, about, _ in tags
        if not closes
    )


class _Open:
    """The elements that are open, each with whether it may have a ground for white text."""

    def __init__(self, grounds: int = 0) -> None:
        self._open: list[tuple[str, bool]] = []
        self._names: Counter[str] = Counter()
        self.grounds = grounds

    def __contains__(self, name: str) -> bool:
        return self._names[name] > 0

    def open(self, name: str, attributes: str) -> None:
        has_ground = _may_have_ground(attributes)
        self._open.append((name, has_ground))
        self._names[name] += 1
        self.grounds += has_ground

    def close(self, name: str) -> None:
        """Close an element and those that were opened in it; one that is not open is no matter."""
        closed = "" if name in self else name
        while closed != name:
            closed, has_ground = self._open.pop()
            self._names[closed] -= 1
            self.grounds -= has_ground


class _Hidden:
    """A hidden element: where it begins, and which elements are open from it on."""

    def __init__(self, begin: int, name: str, is_pale: bool) -> None:
        self.begin, self.name, self.is_pale = begin, name, is_pale
        self.within = _Open()
        self.within.open(name, "")

    @property
    def is_sheet(self) -> bool:
        """Of a style sheet the tags stay: that there is one says how to read the page again."""
        return self.name == "style" and not self.is_pale


def _may_have_ground(attributes: str) -> bool:
    return bool(_HAS_GROUND.search(attributes) or _IS_STYLED.search(attributes))


def _is_pale(attributes: str, around: _Open) -> bool:
    if around.grounds or not _IS_PALE.search(attributes):
        return False
    return not _may_have_ground(attributes)


def _is_hidden(name: str, attributes: str, closed: Set[str]) -> bool:
    return (name in _UNRENDERED and name in closed) or _HIDES.search(attributes) is not None


def _tags(text: str) -> Iterator[_Tag]:
    """Each tag: whether it closes, its name, its attributes, and where it stands."""
    place = 0
    while match := _TAG.search(text, place):
        end = text.find(">", match.end())
        if end < 0:
            return
        place = end + 1
        attributes = text[match.end() : end]
        yield bool(match[1]), match[2].lower(), attributes, (match.start(), place)


def _without_definitions(text: str) -> str:
    if "]:" not in text:
        return text
    kept: list[str] = []
    ends = ""
    """What ends the title that goes on in this line."""
    for line in text.split("\n"):
        if ends:
            ends = "" if not line.strip() or line.rstrip().endswith(ends) else ends
            kept.append("")
        elif match := _DEFINITION.match(line):
            title = line[match.end() :].rstrip()
            closing = _TITLE_ENDS.get(title[:1], "")
            if not title or (closing and title.endswith(closing) and len(title) > 1):
                kept.append("")
            elif closing:
                ends = closing
                kept.append("")
            else:
                kept.append(line)
        else:
            kept.append(line)
    return "\n".join(kept)
