"""The papers of decided proceedings: what they say, and how they are laid out."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness_search.simulated.tasks.markup import marked_up
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import COMMON_CLAUSES, contract, signature_table
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    DocumentSpec,
    Email,
    Heading,
    Paragraph,
    Table,
)
from harness_search.simulated.tasks.story import Story

AREA_CLAUSES = ("background", "special_clause", "special2_clause")
CLAUSES = {
    "parties": "In these proceedings {claimant_name} is the {claimant} and {respondent_name} is "
    "the {respondent}.",
    "members": "The {panel} consisted of {chair_name} as {chair}, with {first_member} and "
    "{second_member} as {member}.",
    "law": "The {instrument} is governed by the laws of {law}, and the {seat} is {city}.",
    "hearing": "Witnesses and experts were heard at an oral hearing that closed on {hearing}, and "
    "post-hearing briefs were exchanged.",
    "breach": "The {panel} finds that {breach}.",
    "rule": "As a rule of law, the {panel} holds that {rule_held}.",
    "mitigation": "For failure to mitigate, lost profits are reduced by {reduction}%, because "
    "{failure}.",
    "counterclaim": "The counterclaim of the {respondent} for {counterclaim}, based on {counter}, "
    "is dismissed for want of proof.",
    "defence": "The {respondent} pleaded that the claim was time-barred; the {panel} found that "
    "the limitation period ran until {limitation}.",
    "interest": "Simple interest is awarded at {interest}% per year on every sum in this "
    "{decision}.",
    "interest_old": "Interest runs from {interest_from}, when the dispute was notified.",
    "costs": "The {respondent} bears a cost share of {cost_share}% of the costs of the "
    "proceedings, as the costs sheet lists them, and its own counsel fees.",
    "challenge": "The challenge period for the {challenge} is {challenge_days} calendar days, and "
    "extensions are not granted.",
    "payment": "The sums awarded fall due after a payment period of {pay_days} business days, and "
    "may be set off by agreement only.",
    "operative": "All other claims are dismissed. This {decision} is made in one original, and "
    "each side receives a certified copy.",
    "filed": "This {pleading} is filed on {filed} by {counsel}, counsel for {claimant_name}.",
    "principal": "The {claimant} seeks a principal sum of {principal}, made up of the heads in the "
    "quantum workbook and of losses that it estimates.",
    "interest_claimed": "It asks for compound interest at {interest_claimed}% per year, rather "
    "than simple interest.",
    "expert": "Its own expert, {claim_expert}, discounts future earnings at {claim_rate}% and "
    "confirms every head.",
    "facts": "The {claimant} performed; the {respondent} did not, and its letters in reply blamed "
    "weather, suppliers and the {claimant} itself.",
    "corrected": "The {panel} makes this correction to the text: interest for {claimant_name} "
    "starts on {interest_from}, and the earlier start in the text was a slip.",
    "notified": "The {decision} was notified to counsel on {notified} by courier.",
    "served": "The payment order itself was served on the parties on {served}.",
    "refund": "Of the deposit for the proceedings, {refund} will be refunded in equal parts.",
    "contact": "Certified copies are ordered from {contact}, deputy {registrar}.",
    "rival": "The expert for the {respondent}, {rival_expert}, values the estimated losses, "
    "which no head covers, at {rival_sum} with a valuation date of {valued}.",
    "weight": "Credibility: the {panel} gave {weight} weight to the opposing expert, who had not "
    "visited the site.",
    "impact": "Exposure: the risk that the {decision} is overturned is rated {risk} by the "
    "client's board.",
    "action": "Enforcement: {owner} shall attach {asset} as the next step, no later than {attach}.",
    **COMMON_CLAUSES,
}

_DECISION = (
    ("Parties and {panel}", ("parties", "members")),
    ("Procedure", ("law", "hearing", "background")),
    ("Liability", ("breach", "rule", "defence")),
    ("Quantum", ("mitigation", "counterclaim", "special_clause", "special2_clause")),
    ("Interest and costs", ("interest", "interest_old", "costs")),
    ("Decision", ("payment", "challenge", "operative")),
)
_PLEADING = (
    ("The parties and the dispute", ("filed", "background", "facts")),
    ("Relief sought", ("principal", "interest_claimed")),
    ("Evidence", ("expert",)),
)
# A neighbour's paper tells facts of every kind, so that a reader who takes it for ours is lost.
_NEIGHBOUR = (
    *_DECISION,
    ("Annex 1, what was claimed", ("filed", "principal", "interest_claimed", "expert")),
    ("Annex 2, service and deposit", ("notified", "served", "refund", "contact")),
    ("Annex 3, the opposing expert", ("rival", "weight")),
    ("Annex 4, enforcement", ("impact", "action")),
)
_SENT = datetime.date(2026, 2, 18)


@dataclass(frozen=True, slots=True)
class Workbook:
    """The tables of the workbook; nothing states the totals of their columns."""

    heads: Table
    costs: Table


def heads_table(draw: Draw, names: Sequence[str]) -> Table:
    """What was claimed, what each side's expert found, and what was awarded, by head."""
    rows = []
    for number, name in enumerate(names, start=1):
        claimed = draw.amount(240_000, 900_000)
        own, rival = draw.amount(180_000, 238_000), draw.amount(24_000, 90_000)
        awarded = draw.amount(91_000, 179_000)
        rows.append((f"H-{number}", f"{name} head", claimed, own, rival, awarded))
    header = ("Ref", "Damage", "Claimed", "Own expert", "Opposing expert", "Awarded")
    return Table(header, tuple(rows), "Heads of damage")


def costs_table(draw: Draw) -> Table:
    """The costs of the proceedings, in steps of 2,000."""
    items = ("Fees of the panel", "Administration", "Hearing rooms", "Transcripts", "Translations")
    rows = []
    for number, item in enumerate(items, start=1):
        paid = draw.date(datetime.date(2024, 3, 4), datetime.date(2025, 6, 27))
        amount = draw.amount(22_000, 180_000, 2_000)
        rows.append((f"C-{number}", item, str(paid), amount))
    return Table(("Ref", "Item", "Paid on", "Incurred"), tuple(rows), "Costs sheet")


def documents(
    draw: Draw, story: Story, workbook: Workbook, *, expert: bool
) -> tuple[DocumentSpec, ...]:
    """Four counting papers and a neighbour's; besides, the expert's slides or else a draft."""
    decision, pleading = story.words["decision"], story.words["pleading"]
    papers = [
        DocumentSpec(f"{decision}.pdf", _decision(story, draft=False)),
        DocumentSpec(f"{pleading}.docx", _pleading(draw, story)),
        DocumentSpec("quantum workbook.xlsx", _workbook(story, workbook)),
        DocumentSpec(f"message of the {story.words['registrar']}.eml", _email(story)),
    ]
    if expert:
        name = draw.pick(("hearing slides and next steps.pptx", "debrief after the hearing.md"))
        papers.append(DocumentSpec(name, _debrief(story)))
    else:
        papers.append(
            DocumentSpec(f"{decision} - for comments.docx", _decision(story, draft=True), False)
        )
    neighbour = _neighbour(draw, story, workbook)
    papers.append(DocumentSpec(f"{decision} with annexes.pdf", neighbour, counts=False))
    return tuple(papers)


def _decision(story: Story, *, draft: bool) -> tuple[Block, ...]:
    # A draft of this decision has other figures, and the same parties.
    kept = {key: replace(story.values[key], wrong=None)
            for key in ("claimant_name", "respondent_name", "interest_from")}  # fmt: skip
    drafted = replace(story, values={**story.values, **kept}) if draft else _as_first_issued(story)
    intro = "Made on {decided} on the claims of {claimant_name} under the {instrument}."
    signed = _signatures(story)
    blocks = contract(drafted, story.words["decision"], intro, _DECISION, signed, draft=draft)
    if not draft:
        return blocks
    changed = ("{challenge_days} calendar", "{pay_days} business", "{reduction}%", "{interest}%")
    return marked_up(blocks, [drafted.say(text, wrong=True) for text in changed])


def _as_first_issued(story: Story) -> Story:
    """The decision before its correction: its start of interest is the wrong one."""
    value = story.values["interest_from"]
    issued = replace(value, true=value.wrong or value.true)
    return replace(story, values={**story.values, "interest_from": issued})


def _signatures(story: Story) -> Table:
    members = ("chair_name", "first_member", "second_member")
    panel, date = story.words["panel"], story.values["decided"].text()
    return signature_table([(panel, story.values[member].text(), date) for member in members])


def _pleading(draw: Draw, story: Story) -> tuple[Block, ...]:
    intro = "Submitted under the {instrument} against {respondent_name}."
    signed = signature_table(
        ((story.say("{claimant_name}"), draw.person(), story.values["filed"].text()),)
    )
    return contract(story, story.words["pleading"], intro, _PLEADING, signed, draft=False)


def _workbook(story: Story, workbook: Workbook) -> tuple[Block, ...]:
    say = story.say
    about = Table(
        ("Item", "Entry"),
        (
            ("Prepared for", say("{claimant_name}")),
            ("Amounts in", say("{currency}, whole units, without interest")),
            ("Source", "Pleadings, expert reports and the operative part, head by head."),
        ),
        "About",
    )
    return (workbook.heads, workbook.costs, about)


def _email(story: Story) -> tuple[Block, ...]:
    say, clause = story.say, story.clause
    sender, subject = say("{clerk}"), say("{claimant_name} v {respondent_name}")
    return (
        Email(sender, say("{associate}"), _SENT, subject),
        Paragraph(say("Dear {associate},")),
        *(Paragraph(clause(key)) for key in ("corrected", "notified", "served", "refund")),
        Paragraph(clause("contact")),
        Paragraph("Please note for the closing of the file:"),
        Bullets((
            "exhibits may be collected for six weeks and are then destroyed",
            "transcripts stay confidential, as ordered at the first conference",
            "questions on the reasons cannot be answered by this office",
        )),
        Paragraph(say("Yours faithfully, {clerk}, {registrar}")),
    )  # fmt: skip


def _debrief(story: Story) -> tuple[Block, ...]:
    """What the team took from the hearing about the opposing expert, and what it will do."""
    say, clause = story.say, story.clause
    return (
        Heading(say("{project}: {claimant_name} after the {decision}")),
        Paragraph(say("Prepared by {associate} for {partner} and the client's board.")),
        Heading("Opposing expert", 2),
        Paragraph(clause("rival")),
        Paragraph(clause("weight")),
        Heading("Risk", 2),
        Paragraph(clause("impact")),
        Bullets((
            say("the {respondent} has changed counsel since the hearing"),
            "no security has been offered against a stay",
        )),
        Heading("Next step", 2),
        Paragraph(clause("action")),
    )  # fmt: skip


def _neighbour(draw: Draw, story: Story, workbook: Workbook) -> tuple[Block, ...]:
    """A decision between other companies of the same trades, filed here by mistake."""
    blocks: list[Block] = [
        Heading(story.words["decision"]), Paragraph(story.say("Made on {decided}.", wrong=True))
    ]  # fmt: skip
    for heading, keys in _NEIGHBOUR:
        blocks.append(Heading(story.say(heading), 2))
        blocks += [Paragraph(story.clause(key, wrong=True)) for key in keys]
    heads = heads_table(draw, [str(row[1]).removesuffix(" head") for row in workbook.heads.rows])
    for table in (heads, costs_table(draw)):
        blocks += [Heading(table.title, 2), table]
    return tuple(blocks)
