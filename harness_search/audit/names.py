"""Finds known names in text."""

import re
from collections.abc import Container, Iterator

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
_SENTENCE_ENDS = re.compile(r"(?:^|[.!?:;\n\r#\"(*-]|\\n)[\s\"'#(*-]*$")


def names_in(
    text: str, names: Container[str], pairs: Container[tuple[str, str]] = ()
) -> Iterator[tuple[int, str]]:
    """Capitalised words that are known parts of names, each with its position, case-folded.

    Adjacent ones are one name and found as its first word. A single word that begins a sentence
    is none: any word is capitalised there. Where a name's first two words, which are `pairs`, are
    adjacent, they are one whatever their case.
    """
    found = list(_WORD.finditer(text))
    inside = False
    for number, match in enumerate(found):
        word, capital = match[0].casefold(), match[0][0].isupper()
        following = _following(text, found, number)
        beside, paired = following[:1].isupper(), (word, following.casefold()) in pairs
        named = capital and word in names
        alone = named and (beside or not begins_sentence(text, match.start()))
        if not inside and (alone or paired):
            yield match.start(), word
        inside = paired or (capital and (named or inside) and beside)


def _following(text: str, found: list["re.Match[str]"], number: int) -> str:
    """The next word, if nothing but a space or `&` parts them; else nothing."""
    if number + 1 == len(found):
        return ""
    following = found[number + 1]
    gap = text[found[number].end() : following.start()]
    return following[0] if gap in {" ", "\u00a0", " & "} else ""


def begins_sentence(text: str, start: int) -> bool:
    """Whether nothing stands before a place, or what ends a sentence or opens a line."""
    return _SENTENCE_ENDS.search(text[max(0, start - 40) : start]) is not None
