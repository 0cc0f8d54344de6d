"""Papers that every matter file holds and that answer nothing: real reading that leads nowhere."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import lines_of
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    Cell,
    DocumentSpec,
    Email,
    Formula,
    Heading,
    Matter,
    Paragraph,
    Table,
)

MOST_GENERAL = 3
LONG_SHARE = 0.25
"""Of the tasks: those whose papers together overflow a limited context window."""
LEAST_LONG, MOST_LONG = 15_000, 30_000
"""Characters of a long paper."""
_FROM, _TO = datetime.date(2025, 1, 13), datetime.date(2025, 4, 30)
_LONG_KINDS = (
    ("standard_terms", "Standard terms for advisers", "definitions", "Annex: expressions"),
    ("definitions", "Common definitions schedule", "standard_terms", "Annex: working rules"),
    ("procedural_order", "General procedural rules", "standard_terms", "Annex: working rules"),
)


@dataclass(frozen=True, slots=True)
class _File:
    """What the general papers know of the matter that they lie in."""

    matter: Matter
    words: Mapping[str, str]
    date: datetime.date

    def texts(self, name: str) -> list[str]:
        """The paragraphs of a text of the library, with the names of the matter."""
        return [paragraph.format_map(self.words) for paragraph in _paragraphs(name)]


def general_papers(draw: Draw, matter: Matter, most: int) -> tuple[DocumentSpec, ...]:
    """Up to three papers of the matter, so many that it has at most `most` documents in all.

    They count as papers of the matter, and nothing in them answers a point.
    """
    long = draw.chance(LONG_SHARE)
    wanted = min(max(draw.count(0, MOST_GENERAL), long), most - len(matter.documents))
    kinds = [_SHORT[place] for place in draw.positions(len(_SHORT), max(0, wanted - long))]
    file = _file(draw, matter)
    papers = [kind(draw, file) for kind in kinds]
    return (*papers, *([_long_paper(draw, file)] if long and wanted else []))


def _file(draw: Draw, matter: Matter) -> _File:
    parties = [party for party in draw.companies if party.short in matter.opening]
    partner = next((name for name in draw.persons if name in matter.opening), "") or draw.person()
    firm = f"{draw.person().split()[1]} & {draw.person().split()[1]} LLP"
    words = {
        "client": parties[0].name if parties else draw.project,
        "project": draw.project, "firm": firm, "partner": partner, "lead": draw.person(),
        "clerk": draw.person(), "counsel": draw.person(),
    }  # fmt: skip
    return _File(matter, words, draw.date(_FROM, _TO))


@cache
def _paragraphs(name: str) -> tuple[str, ...]:
    library = files("harness_search.simulated.tasks.library")
    text = library.joinpath(f"{name}.md").read_text(encoding="utf-8")
    return tuple(text.strip().split("\n\n"))


def _some(draw: Draw, texts: Sequence[str], low: int, high: int) -> list[str]:
    count = min(len(texts), draw.count(low, high))
    return [texts[place] for place in draw.positions(len(texts), count)]


def _engagement_letter(draw: Draw, file: _File) -> DocumentSpec:
    first, *rest = file.texts("engagement_letter")
    blocks: list[Block] = [
        Heading(file.words["firm"]),
        Paragraph(f"{file.words['client']}, for the attention of the general counsel"),
        Paragraph(f"{file.words['project']}: our engagement"),
        *(Paragraph(text) for text in (first, *_some(draw, rest, 7, 12))),
        Paragraph(f"{file.words['partner']}, for {file.words['firm']}"),
    ]
    return DocumentSpec("Engagement of counsel.pdf", tuple(blocks))


def _deck(draw: Draw, file: _File) -> DocumentSpec:
    rules = _some(draw, file.texts("kick_off"), 8, 12)
    blocks: list[Block] = [
        Heading(f"{file.words['project']} - kick-off"),
        Paragraph(f"{file.words['firm']} for {file.words['client']}"),
    ]
    titles = ("How we work", "Who does what", "House rules", "Last remarks")
    for number, title in enumerate(titles):
        items = tuple(rules[number :: len(titles)])
        if items:
            blocks += [Heading(title, 2), Bullets(items)]
    return DocumentSpec("kick-off meeting.pptx", tuple(blocks))


def _index(draw: Draw, file: _File) -> DocumentSpec:
    """The papers of the file with their pages; where each begins is a formula."""
    names = [document.name for document in file.matter.documents if document.counts]
    rows: list[tuple[Cell, ...]] = []
    first = 1
    for number, name in enumerate(names, start=1):
        pages = draw.count(2, 19)
        begins = Formula(f"=C{number}+D{number}", first) if rows else 1
        rows.append((number, PurePosixPath(name).stem, begins, pages))
        first += pages
    about = ("Matter", "Kept by", "Volume"), ((file.words["project"], file.words["clerk"], "A"),)
    return DocumentSpec(
        "bundle index.xlsx",
        (
            Table(("Tab", "Title", "Begins at", "Sheets"), tuple(rows), "Bundle"),
            Table((*about[0], "For"), ((*about[1][0], file.words["client"]),), "About"),
        ),
    )


def _contacts(draw: Draw, file: _File) -> DocumentSpec:
    words = file.words
    desk = draw.address()
    rows = (
        (words["partner"], words["firm"], "conduct of the matter", f"ext. {draw.count(210, 980)}"),
        (words["lead"], words["firm"], "day-to-day work", f"ext. {draw.count(210, 980)}"),
        (words["clerk"], words["firm"], "calendar and bundles", f"ext. {draw.count(210, 980)}"),
        (words["counsel"], words["client"], "in-house lawyer", f"ext. {draw.count(210, 980)}"),
    )
    return DocumentSpec(
        "contact list.md",
        (
            Heading(f"{words['project']} - who is who"),
            Paragraph(f"For {words['client']} and {words['firm']}; couriers go to {desk}."),
            Table(("Person", "Organisation", "Role", "Telephone"), rows),
            Paragraph("Please tell the clerk when you are away for more than a day."),
        ),
    )


def _billing(draw: Draw, file: _File) -> DocumentSpec:
    words = file.words
    return DocumentSpec(
        "pro forma.eml",
        (
            Email(words["clerk"], words["counsel"], file.date, f"{words['project']} - pro forma"),
            Paragraph(f"Dear {words['counsel']},"),
            *(Paragraph(text) for text in _some(draw, file.texts("billing"), 4, 7)),
            Paragraph(f"{words['clerk']}, {words['firm']}, for {words['client']}"),
        ),
    )


_SHORT: tuple[Callable[[Draw, _File], DocumentSpec], ...] = (
    _engagement_letter, _deck, _index, _contacts, _billing,
)  # fmt: skip


def _long_paper(draw: Draw, file: _File) -> DocumentSpec:
    """Terms, definitions or rules of procedure, with part of another text as an annex."""
    main, title, annex, annex_title = _LONG_KINDS[draw.count(0, len(_LONG_KINDS) - 1)]
    body = file.texts(main)
    more = [text for text in file.texts(annex) if not text.startswith("#")]
    chosen = _some(draw, more, len(more) * 2 // 3, len(more))
    blocks: list[Block] = [
        Heading(title),
        Paragraph(f"For {file.words['project']} and {file.words['client']}"),
        *_numbered(body),
        Heading(annex_title, 2),
    ]
    room = MOST_LONG - 500 - sum(len(line) + 2 for line in lines_of(blocks))
    for text in chosen:
        room -= len(text) + 2
        if room > 0:
            blocks.append(Paragraph(text))
    return DocumentSpec(f"{title}.{draw.pick(('docx', 'pdf'))}", tuple(blocks))


def _numbered(paragraphs: Sequence[str]) -> Iterator[Block]:
    section = clause = 0
    for text in paragraphs:
        if text.startswith("## "):
            section, clause = section + 1, 0
            yield Heading(f"{section}. {text.removeprefix('## ')}", 2)
        else:
            clause += 1
            yield Paragraph(f"{section}.{clause} {text}")
