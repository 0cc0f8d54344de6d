"""The shapes of the papers in a matter file: contracts, letters, notes."""

from collections.abc import Iterator, Sequence

from harness_search.judging.documents import cell_text, table_row
from harness_search.simulated.tasks.rendering.plain import shown_rows
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    Cell,
    Email,
    Heading,
    Paragraph,
    Revised,
    Table,
    plain,
)
from harness_search.simulated.tasks.story import Story

Sections = Sequence[tuple[str, Sequence[str]]]
"""Headings, each with its paragraphs; a paragraph lists the keys of its clauses, with spaces."""

EXECUTED = "Executed version"
DRAFT = "DRAFT - superseded, not signed"

# What every contract of every family says besides; no point asks for it.
COMMON_CLAUSES = {
    "confidentiality": (
        "Each party shall keep the other's business information confidential and use it only to "
        "perform its obligations; this survives the end of the relationship."
    ),
    "entire": (
        "This document and its schedules contain everything the parties have agreed on its "
        "subject; earlier drafts, term sheets and correspondence have no effect."
    ),
    "writing": (
        "Amendments are valid only in writing and signed by both parties, and a party that does "
        "not exercise a right at once does not lose it."
    ),
    "severability": (
        "Should a provision be invalid, the others remain in force and the gap is filled with "
        "what the parties would reasonably have wanted."
    ),
}


def contract(
    story: Story, title: str, intro: str, sections: Sections, signatures: Table, *, draft: bool
) -> tuple[Block, ...]:
    """A contract with numbered clauses; a draft tells the wrong sides and says what it is."""
    blocks: list[Block] = [
        Heading(title), Paragraph(DRAFT if draft else EXECUTED), Paragraph(story.say(intro))
    ]  # fmt: skip
    for number, (heading, paragraphs) in enumerate(sections, start=1):
        blocks.append(Heading(f"{number}. {sentence_case(story.say(heading))}", 2))
        for position, keys in enumerate(paragraphs, start=1):
            text = " ".join(story.clause(key, wrong=draft) for key in keys.split())
            blocks.append(Paragraph(f"{number}.{position} {text}"))
    if draft:
        return (*blocks, Paragraph("Signature blocks to be completed once the text is settled."))
    return (*blocks, Heading("Signatures", 2), signatures)


def note(
    sender: str, recipient: str, date: str, subject: str, paragraphs: Sequence[str | Bullets]
) -> tuple[Block, ...]:
    """An e-mail as it is filed: its header lines, its text and the sender's name."""
    lines = f"From: {sender}\nTo: {recipient}\nDate: {date}\nSubject: {subject}"
    text = [Paragraph(part) if isinstance(part, str) else part for part in paragraphs]
    return (Paragraph(lines), *text, Paragraph(sender))


def signature_table(rows: Sequence[tuple[str, str, str]]) -> Table:
    """Who signed, for whom, when."""
    return Table(("Party", "Signed by", "Date"), tuple(rows))


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def row_text(row: Sequence[Cell]) -> str:
    """A row of a workbook's table as it is extracted."""
    return table_row([cell_text(plain(cell)) for cell in row])


def lines_of(blocks: Sequence[Block]) -> Iterator[str]:
    """What the paragraphs, list items and table rows of a document say, as they are extracted."""
    for block in blocks:
        match block:
            case Heading() | Paragraph() | Revised():
                yield block.text
            case Bullets():
                yield from block.items
            case Table():
                # A workbook keeps bare numbers, a printed table separates their thousands.
                yield from (row_text(row) for row in (block.header, *block.rows))
                yield from (table_row(row) for row in shown_rows(block))
            case Email():
                yield block.subject
