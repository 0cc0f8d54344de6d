"""The papers of a request for information: letter, policy, inventory, e-mail, deck, neighbours."""

import datetime
from collections.abc import Sequence

from harness_search.simulated.tasks.names import Draw
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
_FINDINGS = ("gap", "severity", "cure", "next")
_POLICY: _Sections = (
    ("Responsibility", ("owner", "training")),
    ("Search", ("certify", "threshold")),
    ("Review before release", ("exempt_clause", "redact_clause", "log", "sample")),
    ("Afterwards", ("retention",)),
)
_LETTER: _Sections = (
    ("Who asks, and why", ("asked", "subject", "basis")),
    ("What is asked for", ("scope_clause", "scope2_clause", "preserve")),
    ("When and how to answer", ("response", "channel", "contact", "delay_clause")),
)


def papers(
    draw: Draw, story: Story, inventory: Table, costs: Table, *, with_deck: bool
) -> tuple[DocumentSpec, ...]:
    """All papers; with a deck it tells the findings, else the e-mail does, beside an old policy."""
    sent = draw.date(datetime.date(2025, 11, 3), datetime.date(2025, 11, 7))
    return (
        DocumentSpec(story.say("{request_file}.docx"), _letter(story)),
        DocumentSpec(story.say("{policy_file}.pdf"), _policy(story)),
        DocumentSpec("inventory-and-costs.xlsx", (inventory, costs, _about(story))),
        DocumentSpec("where we stand.eml", _email(story, sent, findings=not with_deck)),
        DocumentSpec("readiness review.pptx", _deck(story))
        if with_deck
        else DocumentSpec(story.say("{policy_file} (2).docx"), _old_policy(story), counts=False),
        DocumentSpec("File memo - request.docx", _other_memo(draw, story), counts=False),
    )


def _sections(story: Story, sections: _Sections, *, wrong: bool = False) -> tuple[Block, ...]:
    return tuple(
        block
        for heading, keys in sections
        for block in (Heading(heading, 2), *_paragraphs(story, keys, wrong=wrong))
    )


def _paragraphs(story: Story, keys: Sequence[str], *, wrong: bool = False) -> tuple[Block, ...]:
    return tuple(Paragraph(story.clause(key, wrong=wrong)) for key in keys)


def _letter(story: Story) -> tuple[Block, ...]:
    """The request as it came in; the stamp on it tells the date that an e-mail corrects."""
    return (
        Heading(story.say("{request_title}")),
        Paragraph(story.say("{asker_name} to {company_name}, {dated}")),
        Paragraph(story.say("Stamped at the front desk of {company}: {received}", wrong=True)),
        *_sections(story, _LETTER),
        Paragraph("This letter is sent in two copies; one of them is to be returned with the "
                  "signature of the person who took it in."),
        Paragraph(story.say("{contact}, for {asker_name}")),
    )  # fmt: skip


def _policy(story: Story) -> tuple[Block, ...]:
    return (
        Heading(story.say("{policy_title}")),
        Paragraph(story.say("In force at {company_name}; it replaces all earlier editions.")),
        Paragraph(
            "The policy says who answers requests from outside, what is searched, what is left "
            "out and who looks at the result before it leaves the house."
        ),
        *_sections(story, _POLICY),
        Paragraph("Exceptions need the written consent of the general counsel."),
    )


def _old_policy(story: Story) -> tuple[Block, ...]:
    """The edition before, with the changes that were tracked when it was last revised."""
    return (
        Heading(story.say("{policy_title}")),
        Paragraph("DRAFT of an earlier edition - superseded, kept for the record only"),
        Revised(
            "The policy binds ", "the legal department", story.say("everybody at {company_name}"),
            " who is asked for information from outside.",
        ),
        *_sections(story, _POLICY, wrong=True),
        Revised(
            "A request is entered in the register ", "at the end of the week", "on the same day",
            " and shown to the head of the department that it concerns.",
        ),
    )  # fmt: skip


def _email(story: Story, sent: datetime.date, *, findings: bool) -> tuple[Block, ...]:
    keys = ("received", "hold", "budget", *(_FINDINGS if findings else ()))
    return (
        Email(
            story.words["writer"], story.words["reader"], sent,
            story.say("{project} - where we stand with the {request}"),
            ("inventory-and-costs.xlsx",),
        ),
        Paragraph(story.say("Dear colleague, this is the state of {project} for {company}.")),
        *_paragraphs(story, keys),
        Paragraph("What the team is doing in the meantime:"),
        Bullets((
            "the exports are loaded into the review tool system by system",
            "duplicates are taken out before anybody reads, and counted separately",
            "two readers look at everything that mentions a lawyer",
        )),
        Paragraph("Please do not answer to the other side before we have spoken."),
        Paragraph(story.words["writer"]),
    )  # fmt: skip


def _deck(story: Story) -> tuple[Block, ...]:
    return (
        Heading(story.say("Readiness review for {company}")),
        Paragraph(story.say("{project}, steering group, slides for the file")),
        Heading("What went well", 2),
        Bullets((
            "every custodian was found and spoken to",
            "the search terms were agreed in one round and tried out on one mailbox",
            "the review tool was ready two days early",
        )),
        Heading("What was found", 2),
        *_paragraphs(story, ("gap", "severity")),
        Heading("What follows", 2),
        *_paragraphs(story, ("cure", "next")),
    )  # fmt: skip


def _about(story: Story) -> Table:
    header = ("Matter", "Company", "Amounts in", "Remark")
    remark = "Records are counted after duplicates were taken out."
    words = story.words
    row = (words["project"], words["company_name"], words["currency"], remark)
    return Table(header, (row,), "About")


def _other_memo(draw: Draw, story: Story) -> tuple[Block, ...]:
    """The file of a neighbour: a company of the same trade that was asked the same things."""
    other = draw.company(story.words["neighbour_trade"])
    words = {**story.words, "company": other.short, "company_name": other.name}
    neighbour = Story(words, story.values, story.clauses)
    policy = (("What the policy says", ("owner", "certify", "sample", "exempt_clause")),)
    return (
        Heading(neighbour.say("File memo: {request} to {company}")),
        Paragraph(neighbour.say("For the file of {company_name}; the letter is quoted in full.")),
        Paragraph(neighbour.say("We take {received} as the date of receipt.", wrong=True)),
        *_sections(neighbour, _LETTER, wrong=True),
        *_sections(neighbour, policy, wrong=True),
        *_sections(neighbour, (("What the team found", _FINDINGS),), wrong=True),
        Paragraph(neighbour.clause("hold", wrong=True)),
        Paragraph("The answer was handed over in time and the file can be closed."),
    )
