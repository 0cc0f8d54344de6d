"""The simulated model as a judge: it reads a deliverable for the words that a criterion names.

It knows nothing but what its request says. It errs as models do: on some criteria of a text always
in the same way, and on some by chance, which is drawn anew for each reading. What differs between
two processes or workspaces that ask the same (markers, canaries, company in a call) moves nothing.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness_search.judging.reading import (
    Passage,
    contains,
    dates_in,
    normalise,
    numbers_in,
    read_passages,
    title_of,
)
from harness_search.simulated.chance import uniform
from harness_search.simulated.personas import Persona
from harness_search.simulated.rubrics import Demand, Sought, demand_of, stems_of

LONGEST_QUOTE = 200
MOST_WORDS_AROUND = 12
"""On each side of what a quote is about, where its line is too long."""
PLAUSIBLE_WORDS = 0.4
"""Share of a criterion's words that a passage must have before it is mistaken for an answer."""
ENOUGH_WORDS = 0.8
"""Share of a criterion's words in one passage that count as an answer, where it names no fact."""
_DATA = re.compile(r"<deliverables (\w+)>\n(.*)\n</deliverables \1>", re.DOTALL)
_CRITERION = re.compile(r"^Criterion: (.*)\nIt is met when: ((?:.|\n)*?)(?=\n\n|\Z)", re.MULTILINE)
_NUMBERED = re.compile(r"^\[(\d+)\]\n(?=(?:Task: .*\n)?Criterion: )", re.MULTILINE)
_READING = re.compile(r"^Reading \d+\.$", re.MULTILINE)
_PAPER = re.compile(r"\w\.(?:docx|xlsx|pptx|pdf|eml|md|txt|csv)\b")


@dataclass(frozen=True, slots=True)
class _Text:
    """The deliverables of a request."""

    lines: tuple[str, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class _Opinion:
    verdict: Literal["pass", "fail", "cannot_judge"]
    quote: str
    reason: str


def is_judging(request: Mapping[str, Any]) -> bool:
    """Whether a request shows deliverables and asks for a verdict with evidence."""
    blocks = _texts_of(request)
    return len(blocks) == 2 and '"evidence_quote"' in blocks[1] and bool(_DATA.fullmatch(blocks[0]))


def judged(request: Mapping[str, Any], persona: Persona, noise: str) -> str:
    """The JSON that answers a request to judge: of each criterion a pure function of it, of the
    persona, the deliverables, the reading and the noise key."""
    shown, asked = _texts_of(request)
    match = _DATA.fullmatch(shown)
    assert match is not None
    text = re.sub(rf"^<file {match[1]} name=.*>$", "", match[2], flags=re.MULTILINE)
    reading = _READING.search(asked)
    answer = functools.partial(_answer, text, persona, f"{noise}/{reading[0] if reading else ''}")
    numbered = [(found[1], found.end()) for found in _NUMBERED.finditer(asked)]
    if not numbered:
        return json.dumps(answer(_criterion_at(asked, 0)), ensure_ascii=False)
    answers = [{"id": name, **answer(_criterion_at(asked, end))} for name, end in numbered]
    return json.dumps({"answers": answers}, ensure_ascii=False)


def _texts_of(request: Mapping[str, Any]) -> list[str]:
    """The text blocks of the user's messages."""
    messages = [one for one in request.get("messages") or [] if isinstance(one, Mapping)]
    contents = [one.get("content") for one in messages if one.get("role") == "user"]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    texts = [block.get("text") for block in blocks if isinstance(block, Mapping)]
    return [text for text in texts if isinstance(text, str)]


def _criterion_at(asked: str, start: int) -> tuple[str, str]:
    found = _CRITERION.search(asked, start)
    return (found[1], found[2]) if found else ("", "")


def _answer(
    text: str, persona: Persona, reading: str, criterion: tuple[str, str]
) -> dict[str, str]:
    """One answer, errors included."""
    read = _read(text)
    demand = demand_of(*criterion)
    opinion = _opinion(demand, read)
    if _errs(text, persona, reading, criterion):
        opinion = _mistaken(opinion, demand, read)
    return {
        "evidence_quote": opinion.quote,
        "verdict": opinion.verdict,
        "reason": opinion.reason,
    }


def _errs(text: str, persona: Persona, reading: str, criterion: tuple[str, str]) -> bool:
    """Whether it says the contrary: on some criteria whenever it is asked, on others by chance."""
    asked = (persona.family, text, *criterion)
    place = uniform("judging", *asked)
    if place < persona.misjudges:
        return True
    wavers = place < persona.misjudges + persona.wavers
    return wavers and uniform("wavering", reading, *asked) < 0.5


@functools.lru_cache(maxsize=16)
def _read(text: str) -> _Text:
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    return _Text(lines, read_passages(text))


# Reading.


def _opinion(demand: Demand, read: _Text) -> _Opinion:
    for unwanted in demand.none_of:
        if passage := next(_fitting(unwanted, demand, read), None):
            quote = _quote(read, passage, unwanted)
            return _Opinion("fail", quote, f"It gives {unwanted.shown}, which it must not.")
    if demand.names_papers:
        paper = next((line for line in read.lines if _PAPER.search(line)), "")
        reason = "It names papers, and none that it must not." if paper else "It names no paper."
        return _Opinion("pass" if paper else "fail", _shortened(paper, _PAPER), reason)
    if not demand.all_of:
        return _by_words(demand, read)
    passages = []
    for wanted in demand.all_of:
        found = next(_fitting(wanted, demand, read), None) or _anywhere(wanted, read)
        if found is None:
            return _Opinion("fail", "", f"{wanted.shown} does not stand in it.")
        passages.append(found)
    quote = _quote(read, passages[0], demand.all_of[0])
    return _Opinion("pass", quote, f"It has {demand.all_of[0].shown}.")


def _fitting(item: Sought, demand: Demand, read: _Text) -> Iterator[Passage]:
    """Passages that hold it, and speak of the subject where there is one."""
    for passage in read.passages:
        if demand.as_heading and not passage.is_heading and title_of(passage) != item.phrase:
            continue
        if not _holds(passage, item):
            continue
        if item.phrase or demand.subject & stems_of(f"{passage.heading} {passage.text}"):
            yield passage


def _anywhere(item: Sought, read: _Text) -> Passage | None:
    """A passage that holds a date or a large number: these stand nowhere by accident."""
    if item.phrase or not item.distinctive:
        return None
    return next((passage for passage in read.passages if _holds(passage, item)), None)


def _holds(passage: Passage, item: Sought) -> bool:
    if item.date is not None:
        return item.date in dates_in(passage.text)
    if item.number is not None:
        wanted = item.number
        return any(abs(number.value - wanted) < 0.001 for number in numbers_in(passage.text))
    return contains(passage.text, item.phrase)


def _by_words(demand: Demand, read: _Text) -> _Opinion:
    """Where nothing is named: the passage with most of the criterion's words."""
    if not demand.subject:
        return _Opinion("cannot_judge", "", "The criterion asks for nothing that can be found.")
    best, passage = _best(demand, read)
    if best >= ENOUGH_WORDS:
        return _Opinion("pass", _line_of(read, passage), "A passage speaks of just that.")
    return _Opinion("fail", "", "No passage answers it.")


def _best(demand: Demand, read: _Text) -> tuple[float, str]:
    shares = [
        (len(demand.subject & stems_of(passage.text)) / max(1, len(demand.subject)), passage.text)
        for passage in read.passages
    ]
    return max(shares, key=lambda found: found[0], default=(0.0, ""))


# Erring.


def _mistaken(opinion: _Opinion, demand: Demand, read: _Text) -> _Opinion:
    """The contrary, where there is something to be mistaken about."""
    if opinion.verdict == "pass":
        return _Opinion("fail", "", "It is not stated clearly enough.")
    share, passage = _best(demand, read)
    if share < PLAUSIBLE_WORDS:
        return opinion
    return _Opinion("pass", _line_of(read, passage), "The passage answers it.")


# Quoting.


def _quote(read: _Text, passage: Passage, item: Sought) -> str:
    """The line that holds it, as it was written; of a long line the part around it."""
    for line in read.lines:
        plain = normalise(line)
        if plain in passage.text and _holds(Passage(plain, ""), item):
            return _shortened(line, _mark_of(item))
    return _line_of(read, passage.text)


def _line_of(read: _Text, passage: str) -> str:
    """The first line of a passage."""
    lines = (line for line in read.lines if normalise(line) and normalise(line) in passage)
    return _shortened(next(lines, ""), None)


def _mark_of(item: Sought) -> re.Pattern[str]:
    first = item.shown.split()[0]
    return re.compile(re.escape(first), re.IGNORECASE)


def _shortened(line: str, mark: re.Pattern[str] | None) -> str:
    if len(line) <= LONGEST_QUOTE:
        return line
    found = mark.search(line) if mark is not None else None
    return _window(line.split(), len(line[: found.start()].split()) if found else 0)


def _window(words: Sequence[str], centre: int) -> str:
    """Whole words around one of them, as many as a quote may have."""
    around = list(words[max(0, centre - MOST_WORDS_AROUND) : centre + MOST_WORDS_AROUND])
    while len(" ".join(around)) > LONGEST_QUOTE and len(around) > 1:
        around.pop()
    return " ".join(around)
