"""The papers of a filing matter: agreement, guidance, figures, correspondence and distractors."""

import datetime

from harness_search.simulated.tasks.filing_points import (
    AGREEMENT_SECTIONS,
    DRAFT_SECTIONS,
    GUIDANCE_SECTIONS,
)
from harness_search.simulated.tasks.fragments import email, slides
from harness_search.simulated.tasks.markup import marked_up
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import (
    Sections,
    contract,
    sentence_case,
    signature_table,
)
from harness_search.simulated.tasks.spec import Block, DocumentSpec, Heading, Paragraph, Table
from harness_search.simulated.tasks.story import Story

_AFTER_SIGNING = (datetime.date(2026, 3, 2), datetime.date(2026, 3, 20))


def documents(
    draw: Draw, story: Story, tables: tuple[Table, ...], extras: frozenset[str]
) -> tuple[DocumentSpec, ...]:
    """The papers that every matter has, and those of `extras`: deck, draft, neighbour."""
    agreement, guidance = story.words["agreement"], story.words["guidance"]
    sheets = (*tables, _timetable(story), _about(draw, story))
    papers = [
        DocumentSpec(f"{agreement}.docx", _agreement(story)),
        DocumentSpec(f"{guidance}.pdf", _guidance(story)),
        DocumentSpec("figures and hot documents.xlsx", sheets),
        DocumentSpec("RE chronology and open items.eml", _correction(draw, story)),
    ]
    if "deck" in extras:
        papers.append(DocumentSpec("steering group deck.pptx", _deck(story)))
    if "draft" in extras:
        papers.append(DocumentSpec("strategy memo v1.docx", _draft(story), counts=False))
    if "neighbour" in extras:
        papers.append(DocumentSpec("FW clearance status.eml", _other(draw, story), counts=False))
    return tuple(papers)


def _agreement(story: Story) -> tuple[Block, ...]:
    intro = (
        'This {agreement} is made between {target} and {buyer} (the "Purchaser"; the term includes '
        "any acquirer of rights under it)."
    )
    signed = signature_table(
        [
            (story.words["target"], story.words["signatory"], "on the signature page"),
            (story.say("{buyer}"), story.words["signatory2"], "on the signature page"),
        ]
    )
    return contract(story, story.words["agreement"], intro, AGREEMENT_SECTIONS, signed, draft=False)


def _guidance(story: Story) -> tuple[Block, ...]:
    return (
        Heading(story.words["guidance"]),
        Paragraph(story.say("Published by the {authority}; copy for the file of {project}.")),
        *_numbered(story, GUIDANCE_SECTIONS, wrong=False),
    )


def _numbered(story: Story, sections: Sections, *, wrong: bool) -> tuple[Block, ...]:
    """Sections with numbered paragraphs of one clause each."""
    blocks: list[Block] = []
    for number, (heading, paragraphs) in enumerate(sections, start=1):
        blocks.append(Heading(f"{number}. {sentence_case(story.say(heading))}", 2))
        keys = " ".join(paragraphs).split()
        for position, key in enumerate(keys, start=1):
            blocks.append(Paragraph(f"{number}.{position} {story.clause(key, wrong=wrong)}"))
    return tuple(blocks)


def _timetable(story: Story) -> Table:
    """Its day of signing is the one that the later e-mail corrects."""
    rows = (
        ("Signature pages exchanged", story.say("{signing}", wrong=True), "closing room"),
        ("Planned date of submission", story.say("{submission}"), "both counsel"),
        ("Clean team set up", "before the first data request", story.words["associate"]),
    )
    return Table(("Step", "When", "With"), rows, "Timetable")


def _about(draw: Draw, story: Story) -> Table:
    rows = ((story.words["project"], draw.currency, "figures of the last full year"),)
    return Table(("File", "Money in", "Period"), rows, "About")


def _correction(draw: Draw, story: Story) -> tuple[Block, ...]:
    return email(
        (story.words["associate"], story.words["partner"]),
        draw.date(*_AFTER_SIGNING),
        story.say("{project} - chronology and open items"),
        (
            story.say("{partner}, a few things from today's call with {target_short}."),
            story.clause("signing"),
            "The sheet that the closing room keeps has not been brought up to date.",
            story.clause("finding"),
            story.clause("third_hot"),
            story.clause("action"),
            story.clause("budget"),
            "Please do not forward this beyond the clean team:",
            (
                "the hot documents are with outside counsel only",
                story.say("nobody speaks to the {authority} before the memo is settled"),
            ),
        ),
        ("figures and hot documents.xlsx",),
    )


def _deck(story: Story) -> tuple[Block, ...]:
    return slides(
        story.say("{project}: road to clearance"),
        (
            (
                "Where we stand",
                (
                    story.say("{target_short} and {buyer_short} have signed; the file is open."),
                    story.clause("risk_grade"),
                ),
            ),
            ("If the authority insists", (story.clause("remedy_plan"),)),
            (
                "Advocacy",
                (
                    story.clause("paper_plan"),
                    "Customers are called only from the agreed script.",
                ),
            ),
            ("Rules of the road", (story.clause("standstill"),)),
        ),
    )


def _draft(story: Story) -> tuple[Block, ...]:
    """The first strategy memo, written on figures and terms that were given up since."""
    blocks = (
        Heading(story.say("Strategy memo: {target_short}")),
        Paragraph("DRAFT v1 - superseded; written before the terms were settled."),
        Paragraph(story.say("For {partner}, on the {filing} in {project}.")),
        *_numbered(story, DRAFT_SECTIONS, wrong=True),
    )
    return marked_up(blocks, [story.say("{reverse}", wrong=True)])


def _other(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A paper of a neighbouring deal that was filed here by mistake."""
    keys = (
        "covenant", "longstop", "reverse", "rule", "finding", "waiting", "fee", "budget",
        "second_hot", "remedy_plan", "risk_grade",
    )  # fmt: skip
    return email(
        (draw.person(), draw.person()),
        draw.date(*_AFTER_SIGNING),
        story.say("{near} / {near_buyer} - clearance status"),
        (
            story.say("This is where {near} and {near_buyer} stand with their {filing}."),
            story.say("The parties signed on {signing} and plan to submit on {submission}.",
                      wrong=True),
            *(story.clause(key, wrong=True) for key in keys),
            story.say("{near} wants to see our memo before the week is out."),
        ),
    )  # fmt: skip
