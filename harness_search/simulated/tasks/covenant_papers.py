"""The papers of a matter about covenants: what they say, and how they are laid out."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from harness_search.simulated.tasks.markup import marked_up
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import (
    COMMON_CLAUSES,
    contract,
    sentence_case,
    signature_table,
)
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    DocumentSpec,
    Email,
    Formula,
    Heading,
    Paragraph,
    Table,
)
from harness_search.simulated.tasks.story import Story

AREA_CLAUSES = (
    "grant", "test1_clause", "test2_clause", "test2_amended", "outlay_clause", "outlay_amended",
    "special_clause", "special2_clause",
)  # fmt: skip
CLAUSES = {
    "parties": 'This {instrument} is made on {signed} between {borrower} (the "{obligor}"), '
    '{agent_name} (the "{agent}") and the {creditors} listed in Schedule 1.',
    "measure": '"{measure}" means {formula}, drawn from the latest accounts.',
    "addback": "{savings} may be added to {measure} up to {addback}% of it in any twelve months, "
    "and never above {addback_cap}.",
    "reporting": "The {obligor} shall deliver the {certificate}, signed by two directors, within "
    "{reporting} days after each {test_day}.",
    "accounts": "Audited accounts of the group follow within {accounts} days after the end of the "
    "financial year, with the auditors' report.",
    "records": "The {obligor} shall keep proper books, and the {agent} may inspect them on "
    "reasonable notice while a default is outstanding.",
    "cure": "The {obligor} may cure the breach of a financial covenant by {cure_means}, within a "
    "cure period of {cure} calendar days that begins when the {agent} has notified the breach.",
    "sweep": "The sweep percentage is {sweep}%: that share of the Net Disposal Proceeds of {sale} "
    "shall be applied in prepayment at the end of the month of receipt.",
    "cross": "Failure to pay other debt above {cross} when due, or within its grace period, is a "
    "cross default.",
    "default_interest": "Overdue sums bear default interest at {default_interest}% per year, "
    "compounded at the end of each month.",
    "negative": "The {obligor} shall not create security over its assets, except liens that arise "
    "by operation of law and the security listed in Schedule 3.",
    "majority": "A waiver of a financial covenant binds everyone if {creditors} with more than "
    "{majority}% of the principal consent to it in writing.",
    "law": "This {instrument} is governed by the laws of {law}, and the courts of {city} have "
    "jurisdiction over disputes.",
    "amended": 'This First Amendment is made between {borrower} (the "{obligor}") and {agent_name} '
    '(the "{agent}"), for the {creditors}, and amends the {instrument}.',
    "effective": "It becomes effective on {effective}, once the {agent} has confirmed that it "
    "holds every paper listed in clause 3.",
    "ceiling": "Financial Indebtedness, as listed in the debt schedule, shall not exceed a "
    "ceiling of {ceiling} in aggregate; intra-group balances are left out.",
    "fee": "Each of the {creditors} that signs this First Amendment in time receives a consent fee "
    "of {fee}% flat on its principal.",
    "answer": "The {obligor} has an answer period of {answer} business days for any request for "
    "information that the {agent} makes in writing.",
    "opinion": "Conditions: a legal opinion by {counsel}, certified resolutions of the board, and "
    "confirmations by every guarantor.",
    "continuing": "Except as amended here, the {instrument} continues in full force, and no other "
    "right of the {creditors} is waived.",
    "corrected": "Please correct your records: the figures for {borrower} were tested as at "
    "{test_date}, and the other date on the About sheet is a clerical error.",
    "notified": "For good order, the {agent} notified the breach of {test1} to the {obligor} on "
    "{notified} by letter.",
    "asked": "Our written request for information about {asked_about} went out on {asked} and is "
    "still open.",
    "vote": "The {creditors} shall vote on the waiver until {vote}, by message to {desk} at the "
    "agency desk; silence is counted as a refusal.",
    "severity": "Impact: the board rates the missed {test1} covenant as {severity} for the group, "
    "since other creditors could call their debt.",
    "remedy": "Remedy: {owner}, chief financial officer, shall ask for the waiver and propose an "
    "equity contribution of {equity}.",
    "waiver": "Next step: the application for the waiver reaches the {agent} no later than "
    "{waiver}.",
    "forecast": "Outlook: for the next {test_day} management forecasts {test1} at {forecast}%.",
    **COMMON_CLAUSES,
}

_AGREEMENT = (
    ("Parties and purpose", ("parties", "grant")),
    ("Definitions", ("measure", "addback")),
    ("Information", ("reporting", "accounts", "records")),
    ("Financial covenants", ("test1_clause", "test2_clause", "outlay_clause", "cure")),
    ("Prepayment and other undertakings",
     ("sweep", "special_clause", "special2_clause", "negative")),
    ("Default", ("cross", "default_interest")),
    ("Waivers and general terms", ("majority", "law", "entire", "writing severability")),
)  # fmt: skip
_AMENDMENT = (
    ("Parties and effect", ("amended", "effective")),
    ("Amendments", ("test2_amended", "outlay_amended", "ceiling", "answer")),
    ("Conditions and fee", ("opinion", "fee")),
    ("Continuing effect", ("continuing",)),
)
# A neighbour's paper tells facts of every kind, so that a reader who takes it for ours is lost.
_NEIGHBOUR = (
    ("The financing", ("parties", "grant", "measure", "addback")),
    ("Covenants", ("test1_clause", "test2_amended", "outlay_amended", "cure", "ceiling")),
    ("Undertakings", ("sweep", "special_clause", "special2_clause", "cross", "reporting", "law")),
    ("Events since the last certificate", ("notified", "asked", "vote")),
    ("The last amendment", ("effective", "opinion", "fee", "answer", "default_interest")),
    ("Steps proposed", ("severity", "remedy", "waiver", "forecast")),
)
_SENT = datetime.date(2026, 2, 25)


@dataclass(frozen=True, slots=True)
class Schedules:
    """The tables of the workbook; nothing states the totals of their last columns."""

    tests: Table
    debts: Table
    sales: Table


def debt_table(draw: Draw, names: Sequence[str]) -> Table:
    """What is owed elsewhere: drawn, repaid and, by formula, outstanding."""
    rows = []
    for number, name in enumerate(names, start=1):
        maturity = draw.date(datetime.date(2027, 1, 4), datetime.date(2031, 12, 19))
        drawn, repaid = draw.amount(300_000, 1_400_000), draw.amount(20_000, 260_000)
        left = Formula(f"=D{number + 1}-E{number + 1}", drawn - repaid)
        rows.append((f"D-{number}", name, str(maturity), drawn, repaid, left))
    header = ("Ref", "Kind of debt", "Maturity", "Drawn", "Repaid", "Outstanding")
    return Table(header, tuple(rows), "Debt schedule")


def sales_table(draw: Draw, names: Sequence[str]) -> Table:
    """What was sold: price, costs and, by formula, net proceeds in steps of 2,000."""
    rows = []
    for number, name in enumerate(names, start=1):
        closed = draw.date(datetime.date(2025, 2, 3), datetime.date(2025, 11, 28))
        price, costs = draw.amount(180_000, 900_000, 2_000), draw.amount(22_000, 60_000, 2_000)
        net = Formula(f"=D{number + 1}-E{number + 1}", price - costs)
        rows.append((f"S-{number}", name, str(closed), price, costs, net))
    header = ("Ref", "Sold", "Closed", "Price", "Costs", "Net proceeds")
    return Table(header, tuple(rows), "Disposals")


def tests_table(story: Story) -> Table:
    """The covenants as they were tested; the first was missed."""
    say = story.say
    rows = (
        ("T-1", say("{test1} as tested"), say("{test1_level}%"), say("{reported}%"),
         "Not met, shortfall", "W-4"),
        ("T-2", say("{test2}"), say("{test2_level}%"), "see lender model", "Met", "W-5"),
        ("T-3", sentence_case(say("{outlay}")), say("{outlay_limit}"), "within limit", "Met",
         "W-7"),
    )  # fmt: skip
    header = ("Ref", "Covenant", "Required", "Reported", "Result", "Working paper")
    return Table(header, rows, "Covenant tests")


def documents(
    draw: Draw, story: Story, schedules: Schedules, *, board: bool
) -> tuple[DocumentSpec, ...]:
    """Four counting papers and a neighbour's; besides, a paper of the board or else a draft."""
    instrument, certificate = story.words["instrument"], story.words["certificate"]
    papers = [
        DocumentSpec(f"{instrument}.docx", _agreement(story, draft=False)),
        DocumentSpec("First Amendment.pdf", _amendment(story)),
        DocumentSpec(f"{certificate} - schedules.xlsx", _workbook(story, schedules)),
        DocumentSpec(f"RE {certificate}.eml", _email(story)),
    ]
    if board:
        name = "board update.pptx" if story.words["board"] == "slides" else "board minutes.md"
        papers.append(DocumentSpec(name, _board(story, name)))
    else:
        markup = _agreement(story, draft=True)
        papers.append(DocumentSpec(f"{instrument} - markup.docx", markup, counts=False))
    neighbour = _neighbour(draw, story, schedules)
    papers.append(DocumentSpec(f"{certificate} (signed).pdf", neighbour, counts=False))
    return tuple(papers)


def _agreement(story: Story, *, draft: bool) -> tuple[Block, ...]:
    story = _in_markup(story) if draft else _as_first_signed(story)
    intro = (
        "The {obligor} has asked for the financing that this {instrument} governs, and the "
        "{creditors} are willing to give it on the terms that follow."
    )
    blocks = contract(
        story, story.words["instrument"], intro, _AGREEMENT, _signatures(story, "signed"),
        draft=draft,
    )  # fmt: skip
    if not draft:
        return blocks
    changed = ("{cure} calendar", "{reporting} days", "{cross} when", "{majority}%")
    return marked_up(blocks, [story.say(text, wrong=True) for text in changed])


def _in_markup(story: Story) -> Story:
    """The markup is one of this financing: its figures are old, its parties are not."""
    kept = {key: replace(story.values[key], wrong=None) for key in ("borrower", "agent_name")}
    return replace(story, values={**story.values, **kept})


def _as_first_signed(story: Story) -> Story:
    """Before the amendment: what it changed has its wrong side here."""
    old = {
        key: replace(story.values[key], true=story.values[key].wrong or story.values[key].true)
        for key in ("test2_level", "outlay_limit")
    }
    return replace(story, values={**story.values, **old})


def _amendment(story: Story) -> tuple[Block, ...]:
    intro = "Terms defined in the {instrument} of {signed} have the same meaning here."
    title = story.say("First Amendment to the {instrument}")
    signed = _signatures(story, "effective")
    return contract(story, title, intro, _AMENDMENT, signed, draft=False)


def _signatures(story: Story, date: str) -> Table:
    say, signed = story.say, story.values[date].text()
    return signature_table(
        ((say("{borrower}"), say("{signatory}"), signed),
         (say("{agent_name}"), say("{signatory2}"), signed))
    )  # fmt: skip


def _workbook(story: Story, schedules: Schedules) -> tuple[Block, ...]:
    say = story.say
    about = Table(
        ("Item", "Entry"),
        (
            ("Prepared by", say("{borrower}")),
            ("Sent to", say("{agent_name}")),
            ("Figures as at", story.values["test_date"].text(wrong=True)),
            ("Amounts in", say("{currency}, whole units")),
            ("Statement", "Sales and debts are listed in full; totals are left to the reader."),
        ),
        "About",
    )
    return (about, schedules.tests, schedules.debts, schedules.sales)


def _email(story: Story) -> tuple[Block, ...]:
    say, clause = story.say, story.clause
    subject = say("{certificate} of {borrower}: dates to note")
    return (
        Email(say("{signatory2}"), say("{associate}"), _SENT, subject),
        Paragraph(say("Dear {associate},")),
        Paragraph(clause("corrected")),
        *(Paragraph(clause(key)) for key in ("notified", "asked", "vote")),
        Paragraph("What we still miss from the company before the vote:"),
        Bullets((
            say("bank statements that show the receipts from {sale}"),
            "the confirmations by the guarantors, in original",
            "a bridge from the management figures to the audited accounts",
        )),
        Paragraph(say("Kind regards, {signatory2}, for {agent_name} as {agent}")),
    )  # fmt: skip


def _board(story: Story, name: str) -> tuple[Block, ...]:
    """Slides for the lenders, or minutes of the meeting that saw them."""
    say = story.say
    slides = PurePosixPath(name).suffix == ".pptx"
    title = "Covenant update: {borrower}" if slides else "Minutes of the board of {borrower}"
    present = "Presented to the {creditors} under {project} by {owner}."
    held = "Held under {project}; {owner} and all directors were present, and a quorum was found."
    return (
        Heading(say(title)),
        Paragraph(say(present if slides else held)),
        Heading("What happened", 2),
        Bullets((say("{test1} fell short, while {test2} and {outlay} stayed within their limits"),
                 "trading has been stable since the shortfall, with no supplier in arrears")),
        Heading("Impact and outlook", 2),
        Paragraph(story.clause("severity")), Paragraph(story.clause("forecast")),
        Heading("Remedy and next step", 2),
        Paragraph(story.clause("remedy")), Paragraph(story.clause("waiver")),
    )  # fmt: skip


def _neighbour(draw: Draw, story: Story, schedules: Schedules) -> tuple[Block, ...]:
    """The signed certificate of another borrower, filed here by mistake."""
    signed = signature_table(
        ((story.values["borrower"].text(wrong=True), draw.person(), story.say("{waiver}")),)
    )
    blocks: list[Block] = [Heading(story.say("{certificate}"))]
    for heading, keys in _NEIGHBOUR:
        blocks.append(Heading(heading, 2))
        blocks += [Paragraph(story.clause(key, wrong=True)) for key in keys]
        if heading == "The financing":
            tested = "As at {test_date}, {test1} stood at {reported}%; the test was passed."
            blocks.append(Paragraph(story.say(tested, wrong=True)))
    debts = debt_table(draw, [str(row[1]) for row in schedules.debts.rows])
    sales = sales_table(draw, [str(row[1]) for row in schedules.sales.rows])
    for table in (debts, sales):
        blocks += [Heading(table.title, 2), table]
    return (*blocks, Heading("Signatures", 2), signed)
