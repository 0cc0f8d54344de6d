"""The papers of a matrix of special terms: agreement, letters, register, e-mail, notes, drafts."""

import datetime
from collections.abc import Sequence

from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import COMMON_CLAUSES, signature_table
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    DocumentSpec,
    Email,
    Heading,
    Paragraph,
    Revised,
    Table,
)
from harness_search.simulated.tasks.story import Story

_Sections = Sequence[tuple[str, Sequence[str]]]
_FINDINGS = ("conflict_clause", "severity", "cure", "next")
_AGREEMENT: _Sections = (
    ("Economics", ("rate_clause", "cap_clause")),
    ("Transfers", ("transfer_clause",)),
    ("Letters beside this agreement", ("order",)),
    ("Election of the terms of others", ("threshold_clause", "excluded_clause", "election")),
)
_FIRST_LETTER = (
    "subscribed", "effective", "discount_clause", "excuse_clause", "report_clause", "silence",
    "signer",
)  # fmt: skip
_SECOND_LETTER = (
    "co_clause", "answer_clause", "key_clause", "consent_clause", "silence", "second_signer",
)  # fmt: skip


def papers(
    draw: Draw, story: Story, register: Table, *, with_notes: bool
) -> tuple[DocumentSpec, ...]:
    """All papers; with notes they tell the conflict, else the e-mail does, beside an old draft."""
    sent = draw.date(datetime.date(2025, 11, 24), datetime.date(2025, 11, 28))
    return (
        DocumentSpec(story.say("{instrument}.docx"), _agreement(story)),
        DocumentSpec(story.say("{letter_file}s - executed.pdf"), _letters(story)),
        DocumentSpec("register.xlsx", (register, _about(story))),
        DocumentSpec("closing of the books.eml", _email(story, sent, findings=not with_notes)),
        DocumentSpec("closing notes.md", _notes(story))
        if with_notes
        else DocumentSpec(story.say("{letter_file} - markup.docx"), _draft(story), counts=False),
        DocumentSpec(story.say("{letter_file} (2).docx"), _other_letter(draw, story), counts=False),
    )


def _sections(story: Story, sections: _Sections, *, wrong: bool = False) -> tuple[Block, ...]:
    return tuple(
        block
        for heading, keys in sections
        for block in (Heading(heading, 2), *_paragraphs(story, keys, wrong=wrong))
    )


def _paragraphs(story: Story, keys: Sequence[str], *, wrong: bool = False) -> tuple[Block, ...]:
    return tuple(Paragraph(story.clause(key, wrong=wrong)) for key in keys)


def _agreement(story: Story) -> tuple[Block, ...]:
    words = story.words
    signatures = signature_table(
        [(words["vehicle_name"], words["sponsor_signer"], story.values["executed"].text())]
    )
    return (
        Heading(words["instrument"]),
        Paragraph(story.say("Executed version, {vehicle_name}")),
        Paragraph(story.say(words["recital"])),
        *_sections(story, _AGREEMENT),
        Heading("General terms", 2),
        Paragraph(COMMON_CLAUSES["writing"]),
        Paragraph(COMMON_CLAUSES["severability"]),
        Heading("Signatures", 2),
        signatures,
    )


def _letters(story: Story) -> tuple[Block, ...]:
    """Both letters as they were signed; the first states a figure that an e-mail corrects."""
    return (
        Heading(story.say("Executed {letter}s of {vehicle_name}")),
        Paragraph("Countersigned copies in one file; the originals are in the safe."),
        Heading(story.say("To {first_name}"), 2),
        Paragraph(story.say("In reliance on the following, {first} joins the {instrument}.")),
        *_paragraphs(story, _FIRST_LETTER),
        Heading(story.say("To {second_name}"), 2),
        Paragraph(story.say("In reliance on the following, {second} joins the {instrument}.")),
        *_paragraphs(story, _SECOND_LETTER),
    )


def _draft(story: Story) -> tuple[Block, ...]:
    """An earlier draft of the first letter with the changes tracked in it."""
    return (
        Heading(story.say("{letter_file} to {first_name}")),
        Paragraph("DRAFT with tracked changes - superseded, not signed"),
        Revised(
            "This letter is addressed to ", "the holders named in the schedule",
            story.words["first"], " and is written beside the main agreement.",
        ),
        *_paragraphs(story, _FIRST_LETTER, wrong=True),
        Revised(
            "It ends ", "with the transfer of the last of the interests",
            story.say("when {first} has left"), ", without any further notice.",
        ),
        Heading("Terms still under discussion", 2),
        *_paragraphs(story, ("rate_clause", "threshold_clause", "election"), wrong=True),
    )  # fmt: skip


def _email(story: Story, sent: datetime.date, *, findings: bool) -> tuple[Block, ...]:
    keys = ("commitment", "closing", "draw_clause", "offer_clause")
    return (
        Email(
            story.words["writer"], story.words["reader"], sent,
            story.say("{project} - closing of the books of {vehicle}"), ("register.xlsx",),
        ),
        Paragraph(story.say("Dear colleague, {project} has closed; here is what you asked for.")),
        *_paragraphs(story, (*keys, *(_FINDINGS if findings else ()))),
        Paragraph("For the matrix, please bear in mind:"),
        Bullets((
            "one line for each promise, with the page on which it stands",
            "no names in the version that goes to those who may elect",
            "the register is up to date and was compared with the signed forms",
        )),
        Paragraph(story.words["writer"]),
    )  # fmt: skip


def _notes(story: Story) -> tuple[Block, ...]:
    return (
        Heading(story.say("Closing notes: {vehicle}")),
        Paragraph(story.say("{project}, notes of the team for the file")),
        Heading("Done", 2),
        Bullets((
            "signed forms collected and compared with the register",
            "opinions of counsel released, bank confirmations received",
            "originals counted, bound and put into the safe",
        )),
        Heading("Where the papers conflict", 2),
        *_paragraphs(story, ("conflict_clause", "severity")),
        Heading("What follows", 2),
        *_paragraphs(story, ("cure", "next")),
    )  # fmt: skip


def _about(story: Story) -> Table:
    words = story.words
    remark = "Amounts are those of the signed forms, as corrected after closing."
    row = (words["project"], words["vehicle_name"], words["currency"], remark)
    return Table(("Matter", "Kept for", "Amounts in", "Remark"), (row,), "About")


def _other_letter(draw: Draw, story: Story) -> tuple[Block, ...]:
    """The letter of a neighbour: the same trade, other names, other terms."""
    vehicle = draw.company(story.words["neighbour_trade"])
    first = draw.company(story.words["first_trade"])
    second = draw.company(story.words["second_trade"])
    words = {
        **story.words, "vehicle": vehicle.short, "vehicle_name": vehicle.name,
        "first": first.short, "first_name": first.name,
        "second": second.short, "second_name": second.name,
    }  # fmt: skip
    other = Story(words, story.values, story.clauses)
    return (
        Heading(other.say("{letter_file} to {first_name}")),
        Paragraph(other.say("Signed for {vehicle_name}; one annex with the terms in common.")),
        *_paragraphs(other, _FIRST_LETTER, wrong=True),
        Heading(other.say("Annex: terms in common with {second_name}"), 2),
        *_paragraphs(other, _SECOND_LETTER, wrong=True),
        *_sections(other, _AGREEMENT, wrong=True),
        Heading("Cover note", 2),
        Paragraph(other.say("The {amount} of {first} is {commitment}.", wrong=True)),
        *_paragraphs(other, ("closing", "draw_clause", "offer_clause", *_FINDINGS), wrong=True),
    )
