"""What a verdict's reason quotes of a deliverable, so that it can be shown where it stands."""

import re
from dataclasses import dataclass

_PHRASES = r'"[^"]*"(?: or "[^"]*")*'
_FOUND = re.compile(rf'\bfound (?:the heading )?"([^"]*)"(?: near ({_PHRASES}))?')
_NEAR = re.compile(rf" near ({_PHRASES})")
_PHRASE = re.compile(r'"([^"]+)"')
_BEGINS = ' ("'
_ENDS = '")'


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that stand, or may stand, in a deliverable."""

    text: str
    near: tuple[str, ...] = ()
    """Phrases one of which is close to the place that is meant; empty where any place will do."""


def quotes_of(reason: str) -> tuple[Quote, ...]:
    """What a reason quotes: a model's evidence, which ends its reason, or what checks name.

    A check that did not find its value names what it looked near to: that is quoted then. Not all
    of it need stand in a text, and of a model's several beginnings the longest is the likeliest.
    """
    if reason.endswith(_ENDS) and _BEGINS in reason:
        return _evidence(reason.removesuffix(_ENDS))
    found = [Quote(match[1], _phrases(match[2])) for match in _FOUND.finditer(reason) if match[1]]
    missed = [phrase for match in _NEAR.finditer(reason) for phrase in _phrases(match[1])]
    return tuple(found or map(Quote, dict.fromkeys(missed)))


def _phrases(listed: str | None) -> tuple[str, ...]:
    return tuple(_PHRASE.findall(listed or ""))


def _evidence(reason: str) -> tuple[Quote, ...]:
    """The reason itself may hold the signs that a quote begins with."""
    begins = [match.end() for match in re.finditer(re.escape(_BEGINS), reason)]
    return tuple(Quote(reason[begin:]) for begin in begins[:8] if reason[begin:].strip())
