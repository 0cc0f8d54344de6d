"""Reasons without what they are about: only words that say how work is graded are let through.

What a task is about cannot be listed, so nothing is looked for: a word passes when it is one of the
few hundred below, in lower case, and everything else is replaced by what kind of thing it was.
"""

import re
from functools import lru_cache, partial

LONGEST = 300
"""Characters of a reason."""

TEXT, FILE, DATE, AMOUNT, NUMBER, WORD = (
    "[text]", "[file]", "[date]", "[amount]", "[number]", "[word]",
)  # fmt: skip
MASKS = (TEXT, FILE, DATE, AMOUNT, NUMBER, WORD)

_COMMON = """\
a about above absent according across add added adds after again against all almost alone along
already also although always an and another answer answered answers any anything anywhere appear
appears are around as asked at attempt available be because become been before began begin being
below beneath beside between beyond both broken but by call called calls came can cannot case cell
check checked cited cites citing claim clear clearly close closed column comes compared comparison
complete completely complies comply concern conclude concluded concludes conclusion confirm
confirmed connection consistent contain contained containing contains content contents contradict
contradicts copied correct corrected correctly could count counted crashed criteria criterion date
dates decide decided deliver deliverable deliverables delivered describe described describes detail
detailed details did differ different differs discuss discussed discusses do document documents
does done down draft during each earlier either else empty end ended ends enough entirely error
errors even every everything evidence exact exactly exceeded exception exit exited expected explain
explained explains expressly fail failed fails failure false far few figure figures file files
final find finds first fix folder follow followed following follows for format found from full
fully gave general gets give given gives go goes got had has have heading headings held here hold
holds how however identified identifies identify if in include included includes including
incomplete incorrect incorrectly inside instead instruction instructions into invalid is it item
items its itself just kept kind know known lack lacks last late later least left length less level
like limit line lines list listed lists long longer looked made make makes many matched matches
matching may memory mention mentioned mentions merely might misread misses missing misstated
misstates more most much must name named names near nearly need needed needs neither never new next
no none nor not note noted notes nothing notice now number numbers of off often omits omitted on
once one only open or order other others otherwise out output outside over own page paragraph
paragraphs part partial partially partly pass passed passes place point points possible precise
present process properly provide provided provides put question quote quoted quotes raised rather
read readable reading reads reason reasons reference references refers refused regular relevant
relies reply require required requirement requirements requires response result results row rubric
said same satisfied satisfies satisfy say says second section sections see seems seen sentence
sentences separate separately set several short should show shown shows sign similar since so some
something somewhere specific specified specifies stale standard start started state stated
statement states still stop stopped structure such sum summary support supported supports table
tables take taken than that the their them then there these they thing this those though through
time timeout to together too took top total true twice type unchanged unclear under understated
unreadable unsupported until up upon use used uses using vague value values verdict version very
was well went were what when where whether which whichever while whole whose why will with within
without word words work would write written wrong wrongly wrote yet
"""
COMMON = frozenset(_COMMON.split())

_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|`[^`]*`")
_FILE = re.compile(r"\S+\.(?:docx?|xlsx?|pptx?|pdf|md|txt|eml|csv|json|html?|py)\b", re.IGNORECASE)
_DATE = re.compile(
    r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b"
    r"|\b\d{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?[A-Z][a-z]{2,8}\.?,?\s+\d{4}\b"
    r"|\b[A-Z][a-z]{2,8}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}\b"
)
_AMOUNT = re.compile(
    r"(?:\b[A-Za-z]{3}\s?|[$€£¥]\s?)\d[\d.,']*\d?(?:\s?(?:million|billion|thousand|[mMkK]\b))?"
    r"|\d[\d.,']*\s?(?:%|[$€£¥]|\b(?:USD|EUR|GBP|CHF|percent|per cent)\b)"
)
_PART = re.compile(r"\[(?:text|file|date|amount|number|word)\]|\w+(?:['\u2019]\w+)*|.")


@lru_cache(maxsize=8_192)  # trials of a task mostly fail for the same reasons
def without_identity(reason: str) -> str:
    """A reason of a judge or of the scaffold with names, amounts, dates, quotations and all other
    words that are not among COMMON replaced by what they were."""
    text = " ".join(reason[: 4 * LONGEST].split())
    for pattern, mask in ((_QUOTED, TEXT), (_FILE, FILE), (_DATE, DATE), (_AMOUNT, AMOUNT)):
        text = pattern.sub(partial(_spaced, mask), text)
    parts: list[str] = []
    at_start = True
    for part in _PART.findall(text):
        parts.append(_let_through(part, at_start))
        if not part.isspace():
            at_start = part == "."
    return _shortened(_once(" ".join("".join(parts).split())))


def _spaced(mask: str, found: re.Match[str]) -> str:
    """An amount may be preceded by any three letters: those of a common word stay."""
    word, space, _ = found.group().partition(" ")
    return f" {word}{space}{NUMBER} " if mask is AMOUNT and word in COMMON else f" {mask} "


def _let_through(part: str, at_start: bool) -> str:
    """A part as it may be shown. A capital letter makes a common word a name, except where a
    sentence starts."""
    if part in MASKS or part in ".,;:()":
        return part
    if not (part[0].isalnum() or part[0] == "_"):
        return " "
    if part in COMMON:
        return part
    if at_start and part[0].lower() + part[1:] in COMMON:
        return part.lower()
    return NUMBER if part.isdecimal() else WORD


def _once(text: str) -> str:
    """One mask for a run of the same."""
    for mask in MASKS:
        one = re.escape(mask)
        text = re.sub(rf"{one}(?:[ .,]*{one})+", mask, text)
    return re.sub(r" (?=[.,;:)])", "", text)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rpartition(' ')[0]} ..."
