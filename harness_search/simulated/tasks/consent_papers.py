"""The papers of a consent survey: contracts, register, correspondence, plans and distractors."""

import datetime

from harness_search.simulated.tasks.consent_points import (
    AMENDMENT_SECTIONS,
    FIRST_SECTIONS,
    SECOND_SECTIONS,
)
from harness_search.simulated.tasks.fragments import email, slides
from harness_search.simulated.tasks.markup import marked_up
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import contract, signature_table
from harness_search.simulated.tasks.spec import Block, DocumentSpec, Table
from harness_search.simulated.tasks.story import Story

_LATE = (datetime.date(2025, 12, 1), datetime.date(2025, 12, 15))


def documents(
    draw: Draw, story: Story, register: Table, extras: frozenset[str]
) -> tuple[DocumentSpec, ...]:
    """The papers that every matter has, and those of `extras`."""
    first, second = story.words["first"], story.words["second"]
    sheets = (register, _tracker(story), _about(draw, story))
    papers = [
        DocumentSpec(f"{first}.docx", _first(story, draft=False)),
        DocumentSpec(f"{second}.docx", _second(draw, story)),
        DocumentSpec("contract-register.xlsx", sheets),
        DocumentSpec("RE timetable and consents.eml", _correction(draw, story)),
    ]
    if "amendment" in extras:
        papers.append(DocumentSpec(f"Amendment No 1 to {first}.pdf", _amendment(story)))
    if "plan" in extras:
        name = draw.pick(("steering deck.pptx", "consent checklist.md"))
        papers.append(DocumentSpec(name, _plan(story)))
    if "draft" in extras:
        marked = marked_up(_first(story, draft=True), [story.say("{cap}", wrong=True)])
        papers.append(DocumentSpec(f"{first} - markup.docx", marked, counts=False))
    if "neighbour" in extras:
        papers.append(DocumentSpec("FW closing.eml", _other(draw, story), counts=False))
    return tuple(papers)


def _first(story: Story, *, draft: bool) -> tuple[Block, ...]:
    intro = (
        'This Agreement is made on {start} between {target} (the "Company") and {first_party} '
        '(the "{role}").'
    )
    signed = _signatures(story, story.words["first_party"], story.words["signatory2"], "{start}")
    return contract(story, story.words["first"], intro, FIRST_SECTIONS, signed, draft=draft)


def _second(draw: Draw, story: Story) -> tuple[Block, ...]:
    intro = (
        'This Agreement is made on {start} between {target} (the "Company") and {second_party} '
        '(the "{role2}").'
    )
    signed = _signatures(story, story.words["second_party"], draw.person(), "{start}")
    return contract(story, story.words["second"], intro, SECOND_SECTIONS, signed, draft=False)


def _amendment(story: Story) -> tuple[Block, ...]:
    intro = (
        "{target} and {first_party} amend their {first} on {amended}; its terms have the same "
        "meaning here."
    )
    signed = _signatures(story, story.words["first_party"], story.words["signatory2"], "{amended}")
    title = story.say("Amendment No 1 to the {first}")
    return contract(story, title, intro, AMENDMENT_SECTIONS, signed, draft=False)


def _signatures(story: Story, party: str, signatory: str, day: str) -> Table:
    date = story.say(day)
    return signature_table(
        ((story.words["target"], story.words["signatory"], date), (party, signatory, date))
    )


def _tracker(story: Story) -> Table:
    """Its day for the first letter is the one that the later e-mail corrects."""
    rows = (
        (story.words["first"], "letter to counterparty", story.say("{sent}", wrong=True)),
        (story.words["second"], "draft with us", "open"),
    )
    return Table(("Paper", "State of play", "Posted"), rows, "Tracker")


def _about(draw: Draw, story: Story) -> Table:
    rows = (
        (story.words["project"], story.words["target"], draw.currency, "Net of VAT, per year."),
    )
    return Table(("Matter", "Kept by", "Amounts in", "Remark"), rows, "About")


def _correction(draw: Draw, story: Story) -> tuple[Block, ...]:
    return email(
        (story.words["associate"], story.words["partner"]),
        draw.date(*_LATE),
        story.say("{project} - timetable and consents"),
        (
            story.say("{partner}, a short summary for the file after today's call with "
                      "{target_short}."),
            story.clause("deal"), story.clause("price"), story.clause("timetable"),
            story.clause("completion"),
            story.clause("sent"), story.clause("retention"), story.clause("action"),
            "What remains to be done before the survey can go to the client:",
            (
                "take yearly figures from the register and not from the invoices, which include "
                "one-off items",
                story.say("confirm with {third_short} whether its services are still in use"),
            ),
            "Nobody should speak to the counterparties without our script; the list of contacts "
            "is kept at the front desk.",
        ),
        ("contract-register.xlsx",),
    )  # fmt: skip


def _plan(story: Story) -> tuple[Block, ...]:
    return slides(
        story.say("{project}: consents and what they are worth"),
        (
            ("Where it hurts", (story.clause("grade"),)),
            ("Plan B", (story.clause("plan"),)),
            (
                "House rules",
                (
                    story.say("One voice towards {first_party}: the letter, nothing by telephone."),
                    "Every answer goes into the folder on the day of its receipt.",
                ),
            ),
        ),
    )


def _other(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A paper of a neighbouring matter that was filed here by mistake."""
    keys = (
        "timetable", "completion", "trigger", "request", "silence", "termination", "retention",
        "special_clause", "action", "grade", "plan",
    )  # fmt: skip
    return email(
        (draw.person(), draw.person()),
        draw.date(*_LATE),
        story.say("{near} - closing"),
        (
            story.say("This concerns the {near} file only, not the one next door."),
            story.say("There the shares of {near} go to {buyer}, the acquirer.", wrong=True),
            *(story.clause(key, wrong=True) for key in keys),
            "Please have the escrow letter signed by both sides and send me the funds flow as "
            "soon as the banks have confirmed their details.",
        ),
    )
