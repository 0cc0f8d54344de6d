"""The papers of an instrument: itself, the side letter, the schedule, mail and distractors."""

import datetime

from harness_search.simulated.tasks.abstract_points import LETTER_SECTIONS, SECTIONS
from harness_search.simulated.tasks.fragments import email, slides
from harness_search.simulated.tasks.markup import marked_up
from harness_search.simulated.tasks.names import Draw, long_date
from harness_search.simulated.tasks.papers import contract, sentence_case, signature_table
from harness_search.simulated.tasks.spec import Block, DocumentSpec, Table
from harness_search.simulated.tasks.story import Story

_OTHER_FROM, _OTHER_TO = datetime.date(2025, 2, 3), datetime.date(2025, 11, 21)


def documents(
    draw: Draw, story: Story, schedule: Table, extras: frozenset[str]
) -> tuple[DocumentSpec, ...]:
    """The papers that every matter has, and those of `extras`."""
    instrument = story.words["instrument"]
    letter_intro = (
        "Further to the {instrument} of {holder_name} beginning on {start}, the parties agree as "
        "follows. Terms defined there have the same meaning here."
    )
    signed = _signatures(story)
    letter = contract(story, "Side letter", letter_intro, LETTER_SECTIONS, signed, draft=False)
    papers = [
        DocumentSpec(f"{instrument}.docx", _instrument(story, draft=False)),
        DocumentSpec("Side letter.pdf", letter),
        DocumentSpec(
            "payment schedule.xlsx", (schedule, _key_dates(story), _about(story))
        ),
        DocumentSpec("RE handover and key dates.eml", _correction(story)),
    ]  # fmt: skip
    if "plan" in extras:
        name = draw.pick(("portfolio review.pptx", "portfolio review notes.md"))
        papers.append(DocumentSpec(name, _plan(story)))
    if "draft" in extras:
        marked = marked_up(_instrument(story, draft=True), [story.say("{early_sum}", wrong=True)])
        papers.append(DocumentSpec(f"{instrument} (2).docx", marked, counts=False))
    if "neighbour" in extras:
        papers.append(_neighbour(draw, story))
    return tuple(papers)


def _instrument(story: Story, *, draft: bool) -> tuple[Block, ...]:
    intro = (
        'This {instrument} is made between {grantor_name} (the "{grantor}") and {holder_name} '
        '(the "{holder}"). The payment schedule is kept as a workbook and forms part of it.'
    )
    signed = _signatures(story)
    return contract(story, story.words["instrument"], intro, SECTIONS, signed, draft=draft)


def _signatures(story: Story) -> Table:
    words, date = story.words, story.say("{start}")
    return signature_table(
        (
            (words["grantor_name"], words["signatory"], date),
            (words["holder_name"], words["signatory2"], date),
        )
    )


def _key_dates(story: Story) -> Table:
    """Its day of payment is the one that the later e-mail corrects."""
    rows = (
        ("Originals signed", story.words["signatory2"], "two copies"),
        (
            story.say("Booked as {security} received"), story.words["associate"],
            story.say("{received}", wrong=True),
        ),
    )  # fmt: skip
    return Table(("Event", "Entered by", "Entry"), rows, "Key dates")


def _about(story: Story) -> Table:
    rows = (
        (story.words["project"], story.words["holder_name"], story.words["currency"]),
    )  # fmt: skip
    return Table(("File", "Client", "Amounts in"), rows, "About")


def _correction(story: Story) -> tuple[Block, ...]:
    written = datetime.date.fromisoformat(str(story.values["written"].true))
    return email(
        (story.words["associate"], story.words["partner"]),
        written,
        story.say("{project} - handover and key dates"),
        (
            story.say("{partner}, here is what I took from the file of {holder_short}."),
            story.clause("received"),
            story.clause("contact"),
            story.clause("action"),
            (
                story.say("two originals of the {instrument}: one with the {holder}, one with us"),
                "the side letter was signed on the same day and prevails where it differs",
            ),
            "The finance team asked for one page that it can plan with; it does not want to read "
            "the papers again. Nothing else was agreed orally.",
        ),
        ("payment schedule.xlsx",),
    )


def _plan(story: Story) -> tuple[Block, ...]:
    return slides(
        story.say("{project}: portfolio review"),
        (
            ("What is at stake", (story.clause("risk"),)),
            ("Decision", (story.clause("plan"),)),
            (
                "Working rules",
                (
                    story.say("{holder_short} speaks to the {grantor} through one person only."),
                    "Figures come from the schedule, not from the ledger.",
                ),
            ),
        ),
    )


def _neighbour(draw: Draw, story: Story) -> DocumentSpec:
    """A paper about a neighbouring client's instrument, filed here by mistake."""
    if draw.chance(0.5):
        return DocumentSpec("terms at a glance.xlsx", _other_terms(draw, story), counts=False)
    return DocumentSpec("FW renewal next door.eml", _other_mail(draw, story), counts=False)


def _other_terms(draw: Draw, story: Story) -> tuple[Block, ...]:
    wrong = {
        "Default interest on overdue amounts": "{default}% per year",
        "Compensation on exercise of the {early}": "{early_sum}",
        "{security}": "{security_sum}",
        "Term": "{start} to {end}",
        "Remedy of a breach after a warning": "{remedy} days",
        "Contact for notices": "{contact}",
        "{special}": "{special_figure}%",
    }
    rows = tuple(
        (sentence_case(story.say(label)), story.say(text, wrong=True))
        for label, text in wrong.items()
    )
    kept = (
        ("Kept by", draw.person()),
        ("As of", long_date(draw.date(_OTHER_FROM, _OTHER_TO))),
    )
    return (Table(("Client", story.words["near"]), (*kept, *rows), "Terms"),)


def _other_mail(draw: Draw, story: Story) -> tuple[Block, ...]:
    keys = (
        "expiry", "default", "security", "early", "early_sum", "extension", "special_clause",
        "action", "risk",
    )  # fmt: skip
    return email(
        (draw.person(), draw.person()),
        draw.date(_OTHER_FROM, _OTHER_TO),
        story.say("{near} - renewal"),
        (
            story.say("These are the terms of {near}, which asks us the same questions."),
            *(story.clause(key, wrong=True) for key in keys),
            story.say("{near} would like our view by the end of the week."),
        ),
    )
