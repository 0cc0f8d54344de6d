"""Text that speaks to a judge: in what a candidate adds to its parent, and in deliverables.

A tripwire: a judge is kept from being talked to by how it is asked, and by the probes. Lawyers
write to judges and evaluators too, and a harness may have its model grade a draft. So a phrase
alone is a warning, and only what leaves no doubt is rejected. Evidence names the kind of phrase and
never quotes it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from harness_search.audit.phrases import PHRASES, Phrase, plain
from harness_search.audit.report import AuditReport, Finding, Severity, lines_of
from harness_search.audit.source import Piece, SourceTexts, read_source

RULE = "judge-directed text"
CANDIDATE = "candidate"
LONGEST_BEFORE = 100
LONGEST_AFTER = 200
"""Characters of a string's end and of those behind it that are read as one text."""
NEAR_IN_TEXT = 1_000  # characters between two phrases of a deliverable that belong together
NEAR_IN_CODE = 3  # lines, likewise
SEVERAL = 3
"""Tasks in whose deliverables the same words are no chance."""

_TO_A_JUDGE = tuple(phrase for phrase in PHRASES if phrase.to_a_judge)
_ABOUT_GRADING = tuple(phrase for phrase in PHRASES if not phrase.to_a_judge)
_ADJACENT = tuple(phrase for phrase in PHRASES if not phrase.in_one_string)

_TOGETHER = (("", 2), ("", 3), ("", 4), (" ", 12))
"""What stands between strings that are read as one text, and how many of them are. Without anything
between them, the last word of a phrase shows only where the last string ends."""
_CHECKING = re.compile(
    r"\b(?:if|when|unless|until|once|whether|otherwise|or|fails?|drafts?|missing|gaps?)\b"
)
"""Has a model look whether something holds, which nobody asks of whom they talk into it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one rollout delivered, as one text."""

    where: str
    """As a finding says it."""
    task: str
    text: str


@dataclass(frozen=True, slots=True)
class _Hit:
    """A phrase that a text holds."""

    phrase: Phrase
    said: str
    place: int
    """Characters from the beginning of a deliverable; the line in a source."""
    around: str
    """The words and what stands beside them."""

    @property
    def kind(self) -> str:
        return self.phrase.kind

    @property
    def words(self) -> tuple[str, str]:
        """What two texts say alike."""
        return self.kind, self.said


def audit_judge_directed(source: str, parent_source: str) -> AuditReport:
    """What a candidate's strings and comments say to a judge that its parent's do not.

    Rejected is what no prompt needs beside words of another kind, unless something is checked
    there: a harness may have its model grade a draft.
    """
    hits = list(_in_source(read_source(source)))
    if not hits:
        return AuditReport()
    known = {hit.words for hit in _in_source(read_source(parent_source))}
    lines, proven = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for hit in hits:
        if hit.words not in known:
            lines[hit.kind].append(hit.place)
    for pair in _neighbours([hit for hit in hits if hit.phrase.to_a_judge], NEAR_IN_CODE):
        if _is_no_check(pair) and not known.issuperset(hit.words for hit in pair):
            proven[_kinds(pair)] += [hit.place for hit in pair]
    return AuditReport(
        tuple(
            Finding(RULE, severity, f"{CANDIDATE}, {lines_of(places)}", kind)
            for severity, found in ((Severity.REJECT, proven), (Severity.WARN, lines))
            for kind, places in found.items()
        )
    )


def speaks_to_a_judge(text: str) -> bool:
    """Whether a deliverable has any words that an audit of it would look at."""
    return next(_in_text(text), None) is not None


def audit_deliverable_texts(
    delivered: Iterable[Delivered], known: Iterable[str] = ()
) -> AuditReport:
    """What deliverables say to a judge, and none of the `known` texts does: papers of the tasks,
    the incumbent's deliverables.

    Rejected are two kinds of phrase near each other, and the same words in several tasks. Words
    that only speak of grading are no finding here: a deliverable may be about them.
    """
    before = {hit.words for text in known for hit in _in_text(text)}
    found = list[Finding]()
    tasks = defaultdict[tuple[str, str], set[str]](set)
    for item in delivered:
        hits = [hit for hit in _in_text(item.text) if hit.words not in before]
        found += _in_one(item.where, hits)
        for hit in hits:
            tasks[hit.words].add(item.task)
    spread = {kind: of for (kind, _), of in tasks.items() if len(of) >= SEVERAL}
    found += [
        Finding(RULE, Severity.REJECT, f"deliverables of {len(of)} tasks", f"{kind} in one wording")
        for kind, of in spread.items()
    ]
    return AuditReport(tuple(found))


def _in_one(where: str, hits: Sequence[_Hit]) -> Iterator[Finding]:
    proven = {hit: None for pair in _neighbours(hits, NEAR_IN_TEXT) for hit in pair}
    if proven:
        yield Finding(RULE, Severity.REJECT, where, _kinds(proven))
    rest = {hit.kind: None for hit in hits} if not proven else {}
    yield from (Finding(RULE, Severity.WARN, where, kind) for kind in rest)


def _neighbours(hits: Iterable[_Hit], reach: int) -> list[tuple[_Hit, _Hit]]:
    """Phrases of different kinds that stand together."""
    row = sorted(hits, key=lambda hit: hit.place)
    return [
        (one, other)
        for one, other in pairwise(row)
        if one.kind != other.kind and other.place - one.place <= reach
    ]


def _is_no_check(pair: Iterable[_Hit]) -> bool:
    hits = tuple(pair)
    return any(hit.phrase.in_no_prompt for hit in hits) and not any(
        _CHECKING.search(hit.around) for hit in hits
    )


def _kinds(hits: Iterable[_Hit]) -> str:
    return " and ".join(dict.fromkeys(hit.kind for hit in hits))


def _in_text(text: str) -> Iterator[_Hit]:
    """Of a deliverable."""
    read = plain(text)
    for phrase, start, end in _found(read, _TO_A_JUDGE):
        yield _hit(phrase, read, start, end, start)


def _found(read: str, phrases: Iterable[Phrase]) -> Iterator[tuple[Phrase, int, int]]:
    """Phrases and where they stand, one after another, without what lies within another."""
    matches = [
        (match.start(), -match.end(), phrase)
        for phrase in _possible(read, phrases)
        for match in phrase.pattern.finditer(read)
    ]
    last = 0
    for start, end, phrase in sorted(matches, key=lambda match: match[:2]):
        if -end > last:
            last = -end
            yield phrase, start, last


def _hit(phrase: Phrase, read: str, start: int, end: int, place: int) -> _Hit:
    around = read[max(0, start - LONGEST_BEFORE) : end + LONGEST_BEFORE]
    return _Hit(phrase, " ".join(read[start:end].split()), place, around)


def _in_source(code: SourceTexts) -> Iterator[_Hit]:
    for piece in code.pieces:
        for hit in _in_piece(piece.text):
            yield replace(hit, place=piece.line + hit.place)
    yield from _in_row(code.strings)
    yield from _in_row(code.comments)


@lru_cache(maxsize=1024)
def _in_piece(text: str) -> tuple[_Hit, ...]:
    """With lines counted from 0: most pieces of a candidate are its parent's."""
    read = plain(text)
    return tuple(
        _hit(phrase, read, start, end, read.count("\n", 0, start))
        for phrases in (_TO_A_JUDGE, _ABOUT_GRADING)
        for phrase, start, end in _found(read, phrases)
    )


def _in_row(pieces: Sequence[Piece]) -> Iterator[_Hit]:
    """What strings say one after another, as a program may put them together."""
    texts = [plain(piece.text.removeprefix("#")) for piece in pieces]
    possible = {glue: _possible(glue.join(texts), _ADJACENT) for glue in ("", " ")}
    together = [(glue, count) for glue, count in _TOGETHER if possible[glue]]
    for number, piece in enumerate(pieces[:-1] if together else ()):
        end = texts[number][-LONGEST_BEFORE:]
        for glue, count in together:
            row = end + glue + glue.join(texts[number + 1 : number + count])[:LONGEST_AFTER]
            for phrase, start, ends in _found(row, possible[glue]):
                if start < len(end) < ends:
                    yield _hit(phrase, row, start, ends, piece.line)


def _possible(read: str, phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    """Those that any part of a text may hold."""
    return tuple(phrase for phrase in phrases if any(stem in read for stem in phrase.stems))
