"""Family: a provider's invoices reconciled with its engagement terms and a side letter."""

import datetime

from harness_search.simulated.tasks.names import Draw, long_date
from harness_search.simulated.tasks.papers import (
    COMMON_CLAUSES,
    contract,
    note,
    row_text,
    signature_table,
)
from harness_search.simulated.tasks.reconciliation_areas import RECONCILIATION_AREAS
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    DocumentSpec,
    Heading,
    Matter,
    Paragraph,
    Table,
)
from harness_search.simulated.tasks.story import (
    PointTemplate,
    States,
    Story,
    Value,
    date_value,
    days_value,
    money_value,
    percent_value,
)

FAMILY = "fee-reconciliation"
AREAS = tuple(RECONCILIATION_AREAS)

_NOTED = datetime.date(2025, 11, 24)

_AREA_CLAUSES = ("special_clause", "special2_clause")
_CLAUSES = {
    "service": "The {provider} shall {service}, with the care of an experienced firm.",
    "team": "{lead} leads the team; a change of the lead needs the {client}'s consent in writing.",
    "rates": "Time is charged at the hourly rates in the rate table and recorded in units of six "
    "minutes with a description of the work.",
    "month_cap": "The fees for one calendar month may not exceed a monthly cap of {month_cap} "
    "unless the {client} agrees beforehand.",
    "volume": "Once the fees of a calendar year pass {volume_at}, a volume rebate of {volume}% "
    "applies to everything above.",
    "payment": "An invoice is payable within {pay} days after the invoice date.",
    "objection": "The {client} may raise an objection to an invoice within {objection} calendar "
    "days after receiving it.",
    "late": "Late payment bears interest of {late}% per year, without a reminder.",
    "expenses": "Expenses for travel and translation are reimbursed up to a yearly limit of "
    "{expenses}, against receipts.",
    "cap": "The liability of the {provider} is limited to {cap} for each engagement year.",
    "end": "Either party may end the engagement on {end_notice} days' notice to a month's end.",
    "law": "The engagement is governed by the laws of {law}; the courts of {city} decide disputes.",
    "travel": "Travel time is charged at {travel}% of the hourly rate.",
    "fixed": "For {fixed_stage} a fixed fee of {fixed} applies instead of hourly rates.",
    "credit": "For the delay at the start, the {provider} grants a credit note of {credit}, to be "
    "set off against the next invoice.",
    "prevails": "This side letter prevails over the {instrument} where the two differ.",
    "disputed": "The {client} disputes invoice {disputed_no} in the amount of {disputed}, because "
    "the hours were not described.",
    "paid": "The last payment to the {provider} was made on {paid}.",
    "arrived": "Invoice {disputed_no} was received by the accounts department on {arrived}.",
    **COMMON_CLAUSES,
}
_SECTIONS = (
    ("Engagement", ("service", "team")),
    ("Fees", ("rates", "month_cap", "volume", "special_clause")),
    ("Invoices", ("payment objection", "late", "expenses")),
    ("Liability and duration", ("cap", "end")),
    ("General terms", ("law", "confidentiality", "entire", "writing severability")),
)
_LETTER_SECTIONS = (
    ("Fees that differ", ("travel", "fixed", "special2_clause")),
    ("Credit", ("credit",)),
    ("Effect", ("prevails writing",)),
)

_POINTS = (
    PointTemplate(
        "Lead of the team", "name the person who leads the team of the {provider}.", ("team",),
        (States("lead", "the lead of the team", guarded=True),),
    ),
    PointTemplate(
        "Hourly rate of {rated}",
        "state the hourly rate of {rated}, {grade}, in the rate table.", ("rate_row",),
        (States("rate", "the hourly rate of {rated}", ("{rated}",), True),),
    ),
    PointTemplate(
        "Monthly cap", "state the monthly cap that the fees for one calendar month may not exceed.",
        ("month_cap",), (States("month_cap", "the monthly cap", ("cap", "exceed"), True),),
    ),
    PointTemplate(
        "Volume rebate",
        "state the volume rebate and the fees of a calendar year above which it applies.",
        ("volume",),
        (
            States("volume", "the volume rebate", ("rebate",), True),
            States("volume_at", "the fees above which the rebate applies", ("rebate",)),
        ),
    ),
    PointTemplate(
        "Payment period",
        "state within how many days after the invoice date an invoice is payable.", ("payment",),
        (States("pay", "the payment period", ("payable", "payment"), True),),
    ),
    PointTemplate(
        "Objections",
        "state within how many calendar days after receiving an invoice the {client} may raise an "
        "objection to it.", ("objection",),
        (States("objection", "the objection period", ("objection", "objections"), True),),
    ),
    PointTemplate(
        "Late payment", "state the interest per year that late payment bears.", ("late",),
        (States("late", "the interest on late payment", ("late payment",), True),),
    ),
    PointTemplate(
        "Expenses", "state the yearly limit up to which expenses for travel and translation are "
        "reimbursed.", ("expenses",),
        (States("expenses", "the limit of expenses", ("expenses",), True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}", guarded=True),),
    ),
    PointTemplate(
        "Travel time", "state the percentage of the hourly rate at which travel time is charged.",
        ("travel",), (States("travel", "the rate for travel time", ("travel time",)),),
    ),
    PointTemplate(
        "Fixed fee", "state the fixed fee that applies for {fixed_stage} instead of hourly rates.",
        ("fixed",), (States("fixed", "the fixed fee", ("fixed fee",)),),
    ),
    PointTemplate(
        "{special2}", "{special2_asks}", ("special2_clause",),
        (States("special2_figure", "the percentage for: {special2}"),),
    ),
    PointTemplate(
        "Credit note",
        "state the credit note granted for the delay at the start, to be set off against the next "
        "invoice.", ("credit",), (States("credit", "the credit note", ("credit",)),),
    ),
    PointTemplate(
        "Disputed invoice",
        "state which invoice the {client} disputes because the hours were not described, and its "
        "amount.", ("disputed",),
        (
            States("disputed_no", "the number of the disputed invoice", guarded=True),
            States("disputed", "the sum of the disputed invoice", ("disputed", "disputes"), True),
        ),
    ),
    PointTemplate(
        "Last payment", "state the date on which the last payment to the {provider} was made.",
        ("paid",), (States("paid", "the date of the last payment", ("payment",), True),),
    ),
    PointTemplate(
        "Total amount billed",
        'state the total of the "Amount billed" column in the invoice register.', (),
        (States("total", "the total of the amounts billed", ("billed", "total")),),
        "The total of the amounts billed in the invoice register is {total}.",
    ),
    PointTemplate(
        "Objection deadline",
        "compute the last calendar day for an objection to the disputed invoice, from the day on "
        "which the accounts department received it.", (),
        (States("object_by", "the last day for an objection"),),
        "An objection to the disputed invoice must be raised by {object_by}.",
    ),
)  # fmt: skip


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a fee reconciliation in one of the AREAS."""
    words = dict(RECONCILIATION_AREAS[area])
    provider, client = draw.company(words["provider_trade"]), draw.company(words["client_trade"])
    team = (draw.person(), draw.person(), draw.person())
    grades = words["grades"].split("|")
    words |= {
        "provider_name": provider.name, "client_name": client.name, "client_short": client.short,
        "currency": draw.currency, "partner": draw.person(), "associate": draw.person(),
        "project": draw.project, "rated": team[1], "grade": grades[1].lower(),
    }  # fmt: skip
    values = _values(draw, team[0])
    rates = _rates(draw, grades, team, values)
    register = _register(draw, words["stages"].split("|"), values)
    total = sum(int(row[4]) for row in register.rows)
    values["total"] = Value("number", total, prefix=f"{draw.currency} ")
    clauses = _CLAUSES | {key: words[key] for key in _AREA_CLAUSES}
    # A table in a letter writes its figures as the letter does.
    clauses["rate_row"] = row_text(rates.rows[1])
    story = Story(words, values, clauses)
    return Matter(
        title=story.say("Fee reconciliation: {provider_name} for {client_name}"),
        work_type="analyze",
        slug_words=f"fees-{client.short.split()[0].lower()}",
        opening=story.say(
            "{partner} wants the fees of {provider_name} reconciled for {client_name} in "
            "{project}: what was agreed, what was billed and what may be refused."
        ),
        distractors="a superseded draft and a memo about another client",
        main_deliverables=("reconciliation-memo.docx", "fee-memo.docx", "billing-review.docx"),
        second_deliverables=("exceptions.xlsx", "payments-due.xlsx", "queries.md"),
        points=tuple(story.point(template) for template in _POINTS),
        documents=_documents(draw, story, rates, register),
    )


def _values(draw: Draw, lead: str) -> dict[str, Value]:
    arrived = draw.date(datetime.date(2025, 9, 15), datetime.date(2025, 10, 31))
    objection = draw.days(21, 60)
    law, city = draw.law()
    number = draw.count(210, 480)
    return {
        "signed": Value("date", draw.date(datetime.date(2024, 1, 8), datetime.date(2024, 12, 2))),
        "arrived": Value("date", arrived),
        "object_by": Value("date", arrived + datetime.timedelta(days=objection)),
        "paid": date_value(draw, datetime.date(2025, 7, 1), datetime.date(2025, 9, 12)),
        "lead": Value("name", lead, draw.person()),
        "rate": Value("number", draw.amount(205, 395, 5), draw.amount(205, 395, 5)),
        "month_cap": money_value(draw, 20_000, 60_000), "volume": percent_value(draw, 5, 15, 0.5),
        "volume_at": money_value(draw, 150_000, 400_000, 5_000), "pay": days_value(draw, 21, 60),
        "objection": Value("number", objection, draw.days(21, 60), unit=" days"),
        "late": percent_value(draw, 5, 12), "expenses": money_value(draw, 4_000, 18_000),
        "cap": money_value(draw, 800_000, 3_000_000), "end_notice": days_value(draw, 60),
        "travel": percent_value(draw, 40, 75, 5), "fixed": money_value(draw, 9_000, 40_000),
        "credit": money_value(draw, 1_000, 8_000, 250),
        "disputed_no": Value("name", f"INV-{number}", f"INV-{number + draw.count(31, 60)}"),
        "disputed": money_value(draw, 7_000, 30_000, 50),
        "special_figure": percent_value(draw, 12, 20, 0.5),
        "special2_figure": percent_value(draw, 21, 38, 1),
        "law": Value("name", law), "city": Value("name", city),
    }  # fmt: skip


def _rates(
    draw: Draw, grades: list[str], team: tuple[str, str, str], values: dict[str, Value]
) -> Table:
    rates = (draw.amount(400, 620, 10), values["rate"].text(), draw.amount(110, 200, 5))
    rows = tuple(
        (grade, person, str(rate)) for grade, person, rate in zip(grades, team, rates, strict=True)
    )
    return Table(("Grade", "Name", "Hourly rate"), rows)


def _register(draw: Draw, stages: list[str], values: dict[str, Value]) -> Table:
    """The invoice register; nothing states the total of its column."""
    number, disputed = values["disputed_no"].text(), values["disputed"].true
    first = int(number.removeprefix("INV-")) - 5
    day = datetime.date(2025, 2, 28)
    rows: list[tuple[str | int, ...]] = []
    for place in range(draw.count(7, 9)):
        billed = int(str(disputed)) if place == 5 else draw.amount(6_000, 42_000, 50)
        hours = draw.count(22, 96)
        stage = stages[place % len(stages)]
        rows.append((f"INV-{first + place}", day.isoformat(), stage, hours, billed))
        day += datetime.timedelta(days=draw.count(25, 33))
    header = ("Invoice", "Invoice date", "Stage", "Hours", "Amount billed")
    return Table(header, tuple(rows), "Invoice register")


def _documents(draw: Draw, story: Story, rates: Table, register: Table) -> tuple[DocumentSpec, ...]:
    instrument, signed_on = story.words["instrument"], story.values["signed"].text()
    parties = (story.words["provider_name"], story.words["client_name"])
    signed = signature_table([(party, draw.person(), signed_on) for party in parties])
    intro = (
        'These terms are agreed on {signed} between {provider_name} (the "{provider}") and '
        '{client_name} (the "{client}").'
    )
    letter_intro = (
        "{provider_name} and {client_name} agree on the following in addition to the {instrument} "
        "of {signed}."
    )
    executed = contract(story, instrument, intro, _SECTIONS, signed, draft=False)
    drafted = contract(story, instrument, intro, _SECTIONS, signed, draft=True)
    letter = contract(story, "Side letter", letter_intro, _LETTER_SECTIONS, signed, draft=False)
    about = Table(
        ("Client", "Provider", "Amounts in", "Remark"),
        ((parties[1], parties[0], draw.currency, "As booked, before any set-off."),),
        "About",
    )
    old_rate = (*rates.rows[1][:2], story.values["rate"].text(wrong=True))
    old_rates = Table(rates.header, (rates.rows[0], old_rate, rates.rows[2]))
    return (
        DocumentSpec(f"{instrument}.docx", (*executed, *_rate_annex(story, rates))),
        DocumentSpec("Side letter.docx", letter),
        DocumentSpec("invoice-register.xlsx", (register, about)),
        DocumentSpec("billing - e-mail to the partner.txt", _billing_note(story)),
        DocumentSpec(
            f"{instrument} rev B.docx", (*drafted, *_rate_annex(story, old_rates)), counts=False
        ),
        DocumentSpec("billing memo.txt", _other_note(draw, story), counts=False),
    )


def _rate_annex(story: Story, rates: Table) -> tuple[Block, ...]:
    return (
        Heading("Rate table", 2),
        Paragraph(story.say("Hourly rates in {currency}, net of VAT:")),
        rates,
    )


def _billing_note(story: Story) -> tuple[Block, ...]:
    return note(
        story.words["associate"], story.words["partner"], long_date(_NOTED),
        story.say("{project} - billing of {provider_name}"),
        (
            story.say("I went through the invoices with the controller of {client_short}."),
            story.clause("disputed"), story.clause("arrived"), story.clause("paid"),
            "Three things for the memo:",
            Bullets((
                "the register shows what was billed, not what is owed; nobody has added it up",
                story.say("the side letter was signed with the {instrument} and counts as well"),
                "the controller wants to know what to refuse before the next payment run",
            )),
            "Please do not contact the provider yet. The general counsel will call first.",
        ),
    )  # fmt: skip


def _other_note(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A memo about a neighbouring client that was filed here by mistake."""
    other = draw.company("Textiles")
    return note(
        draw.person(), draw.person(), long_date(_NOTED), f"{other.name} - billing",
        (
            f"{other.name} asked us to look at the bills of its auditor.",
            story.say("It disputes invoice {disputed_no} in the amount of {disputed}, because the "
                      "hours were not described.", wrong=True),
            story.say("The last payment to the auditor was made on {paid}.", wrong=True),
            "The auditor has offered to describe its hours in more detail from now on, which the "
            "audit committee will discuss at its next meeting.",
        ),
    )  # fmt: skip
