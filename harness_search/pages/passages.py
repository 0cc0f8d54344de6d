"""Deliverables with the passages that judges quoted, marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from markupsafe import Markup

from harness_search.judging.quoted import Quote
from harness_search.pages.quotes import Places, Segment, Span, segments_of
from harness_search.pages.room import len_fitting, shown_whole
from harness_search.reports.rollout import JudgedCriterion
from harness_search.reports.rollout_evidence import Deliverable

LONGEST_SHOWN = 200_000
"""Bytes of one deliverable's text on a page."""
ROOM = 800_000
"""Bytes of all of them."""
LONGEST_SEARCHED = 1_000_000
"""Characters of one text in which quotes are looked up; judges read half as many."""
MOST_SEARCHED = 2_000_000
"""Characters of all of them: a harness may leave any number of files."""
MOST_QUOTES = 1_000
"""Looked up in one deliverable."""
AROUND = 160
"""Characters shown on either side of a passage that lies beyond what is shown."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a criterion's quote stands."""

    deliverable: str
    mark: str
    """The id of its mark; empty where it lies beyond what is shown."""
    excerpt: str
    """The passage with what is around it, where it has no mark."""


@dataclass(frozen=True, slots=True)
class ShownDeliverable:
    """A file of the output, and its text with marks."""

    file: Deliverable
    body: Markup
    note: str
    """How much is shown, where that is not all; else empty."""
    searched: str
    """In how much of it quotes were looked up, where that is not all; else empty."""


_Wanted = tuple[int, Quote]
"""A criterion, by its number, and what its reason quotes."""


@dataclass(frozen=True, slots=True)
class _Quoted:
    """A criterion, by its number, and where its quotes stand in one text."""

    criterion: int
    spans: tuple[Span, ...]


def shown_deliverables(
    files: Sequence[Deliverable], criteria: Sequence[JudgedCriterion]
) -> tuple[list[ShownDeliverable], dict[int, list[Passage]]]:
    """The files with marks in them, and the passages of each criterion by its number."""
    texts = [file for file in files if file.text]
    wanted = [_quotes_for(file, criteria) for file in files]
    lengths = _searched(files, wanted)
    room = min(LONGEST_SHOWN, ROOM // max(len(texts), 1))
    passages: dict[int, list[Passage]] = {}
    shown: list[ShownDeliverable] = []
    for number, file in enumerate(files):
        text = file.text or ""
        length = len_fitting(text, room)
        quoted = _quoted_in(text[: lengths[number]], wanted[number])
        segments = segments_of(length, [item.spans for item in quoted])
        marks = {
            segment.start: f"mark-{number}-{place}"
            for place, segment in enumerate(segments)
            if segment.quotes
        }
        for item in quoted:
            passage = _passage(file.name, text, item.spans[0], marks)
            passages.setdefault(item.criterion, []).append(passage)
        owners = [item.criterion for item in quoted]
        body = Markup("").join(
            _marked(text, segment, marks, owners, criteria) for segment in segments
        )
        note = "" if length == len(text) else f"the first {length:,} of {len(text):,} characters"
        searched = _searched_in_words(lengths[number], text) if wanted[number] else ""
        shown.append(ShownDeliverable(file, body, note, searched))
    return shown, passages


def _quotes_for(file: Deliverable, criteria: Sequence[JudgedCriterion]) -> list[_Wanted]:
    found = (
        (number, quote)
        for number, item in enumerate(criteria)
        if not item.deliverables or file.name in item.deliverables
        for quote in item.quotes
    )
    return list(islice(found, MOST_QUOTES)) if file.text else []


def _searched(files: Sequence[Deliverable], wanted: Sequence[Sequence[_Wanted]]) -> list[int]:
    """In how many characters of each file quotes are looked up: first in what was requested."""
    lengths = [0] * len(files)
    left = MOST_SEARCHED
    for number in sorted(range(len(files)), key=lambda number: not files[number].requested):
        if wanted[number]:
            lengths[number] = min(len(files[number].text or ""), LONGEST_SEARCHED, left)
            left -= lengths[number]
    return lengths


def _searched_in_words(length: int, text: str) -> str:
    if length == len(text):
        return ""
    if not length:
        return "What judges quoted was not looked up in this file."
    return f"What judges quoted was looked up in the first {length:,} characters alone."


def _quoted_in(text: str, wanted: Sequence[_Wanted]) -> list[_Quoted]:
    if not (text and wanted):
        return []
    places = Places.of(text)
    spans = {quote: places.find(quote.text, quote.near) for quote in {quote for _, quote in wanted}}
    return [_Quoted(number, spans[quote]) for number, quote in wanted if spans[quote]]


def _passage(name: str, text: str, span: Span, marks: dict[int, str]) -> Passage:
    start, end = span
    if mark := marks.get(start, ""):
        return Passage(name, mark, "")
    return Passage(name, "", text[max(0, start - AROUND) : min(end, start + AROUND) + AROUND])


def _marked(
    text: str,
    segment: Segment,
    marks: dict[int, str],
    owners: Sequence[int],
    criteria: Sequence[JudgedCriterion],
) -> Markup:
    """A stretch of text; one that is quoted is a mark that leads back to its first criterion."""
    shown = shown_whole(text[segment.start : segment.end])
    if not segment.quotes:
        return shown
    numbers = sorted({owners[quote] for quote in segment.quotes})
    verdicts = {criteria[number].verdict for number in numbers}
    kind = next((word for word in ("pass", "fail") if verdicts == {word}), "mixed")
    said = ", ".join(f"{criteria[n].id[:40]} {criteria[n].verdict}" for n in numbers[:5])
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return Markup(
        '<mark id="{}" class="{}"><a href="#criterion-{}" title="{}">{}</a></mark>'
    ).format(marks[segment.start], kind, numbers[0], shown_whole(f"Quoted for {said}{more}"), shown)
