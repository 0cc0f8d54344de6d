"""Family: a provider's invoices reconciled with its engagement terms and a side letter."""

import datetime

from harness_search.simulated.tasks.names import Draw, business_day_after, long_date
from harness_search.simulated.tasks.papers import (
    contract,
    row_text,
    signature_table,
)
from harness_search.simulated.tasks.reconciliation_areas import RECONCILIATION_AREAS
from harness_search.simulated.tasks.reconciliation_points import (
    AREA_CLAUSES,
    CLAUSES,
    LETTER_SECTIONS,
    POINTS,
    SECTIONS,
    TOLD_ELSEWHERE,
)
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
    Revised,
    Table,
    plain,
)
from harness_search.simulated.tasks.story import (
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
_SEVERITIES = ("critical", "considerable", "moderate")
_CORRECTED = ("credit", "fixed")
_OTHER_NAMES = ("billing memo.txt", "billing memo.md", "bills - overview.docx")


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
    register = _register(draw, words["stages"].split("|"), values["disputed_no"].text())
    payments = _payments(draw, register)
    words["payment_ref"], words["paid_invoice"] = map(str, payments.rows[2][:2])
    values |= _sums(draw, register, values, payments.rows[2])
    clauses = CLAUSES | {key: words[key] for key in AREA_CLAUSES}
    # A table in a letter writes its figures as the letter does.
    clauses["rate_row"] = row_text(rates.rows[1])
    clauses["payment_row"] = row_text(payments.rows[2])
    # The side letter tells this fact wrongly, and an e-mail corrects it.
    corrected = draw.pick(_CORRECTED)
    clauses[corrected] = f"Correction agreed after the side letter: {clauses[corrected]}"
    story = Story(words, values, clauses)
    return Matter(
        title=story.say("Fee reconciliation: {provider_name} for {client_name}"),
        work_type="analyze",
        slug_words=f"fees-{client.short.split()[0].lower()}",
        opening=story.say(
            "{partner} wants the fees of {provider_name} reconciled for {client_name} in "
            "{project}: what was agreed, what was billed and what may be refused."
        ),
        distractors="a superseded draft and a paper about another client",
        main_deliverables=("reconciliation-memo.docx", "fee-memo.docx", "billing-review.docx"),
        second_deliverables=("exceptions.xlsx", "payments-due.xlsx", "queries.md"),
        points=tuple(story.point(template) for template in POINTS),
        documents=_documents(draw, story, rates, (register, payments), corrected),
    )


def _values(draw: Draw, lead: str) -> dict[str, Value]:
    arrived = draw.date(datetime.date(2025, 9, 15), datetime.date(2025, 10, 31))
    convened = draw.date(datetime.date(2025, 11, 3), datetime.date(2025, 11, 21))
    committee, objection = draw.days(21, 35), draw.days(21, 60)
    law, city = draw.law()
    number = draw.count(210, 480)
    severity, mistaken = draw.positions(len(_SEVERITIES), 2)
    return {
        "signed": date_value(draw, datetime.date(2024, 1, 8), datetime.date(2024, 12, 2)),
        "arrived": Value(
            "date", arrived, draw.date(datetime.date(2025, 9, 15), datetime.date(2025, 10, 31))
        ),
        "object_by": Value("date", arrived + datetime.timedelta(days=objection)),
        "convened": Value(
            "date", convened, draw.date(datetime.date(2025, 11, 3), datetime.date(2025, 11, 21))
        ),
        "meet_by": Value("date", business_day_after(convened, committee)),
        "paid": date_value(draw, datetime.date(2025, 7, 1), datetime.date(2025, 9, 12)),
        "step_due": date_value(draw, datetime.date(2026, 2, 2), datetime.date(2026, 4, 30)),
        "committee": Value("number", committee, draw.days(21, 35), unit=" business days"),
        "objection": Value("number", objection, draw.days(21, 60), unit=" days"),
        "pay": days_value(draw, 21, 60), "end_notice": days_value(draw, 60),
        "stale": days_value(draw, 70, 180), "records": days_value(draw, 70, 180),
        "lead": Value("name", lead, draw.person()),
        "owner": Value("name", draw.person(), draw.person()),
        "contact": Value("name", draw.person(), draw.person()),
        "severity": Value("name", _SEVERITIES[severity], _SEVERITIES[mistaken]),
        "rate": Value("number", draw.amount(205, 395, 5), draw.amount(205, 395, 5)),
        "month_cap": money_value(draw, 20_000, 60_000), "volume": percent_value(draw, 5, 9, 0.5),
        "volume_at": money_value(draw, 150_000, 400_000, 5_000),
        "prompt": percent_value(draw, 1.5, 4, 0.5), "late": percent_value(draw, 5, 12),
        "budget": money_value(draw, 500_000, 900_000, 2_500),
        "expenses": money_value(draw, 4_000, 18_000), "exposure": money_value(draw, 61_000, 99_000),
        "cap": money_value(draw, 1_000_000, 3_000_000),
        "travel": percent_value(draw, 40, 75, 2.5), "fixed": money_value(draw, 9_000, 40_000),
        "credit": money_value(draw, 1_000, 8_000, 250),
        "disputed_no": Value("name", f"INV-{number}", f"INV-{number + draw.count(31, 60)}"),
        "special_figure": percent_value(draw, 12, 20, 0.5),
        "special2_figure": percent_value(draw, 21, 38, 1),
        "law": Value("name", law), "city": Value("name", city),
    }  # fmt: skip


def _sums(
    draw: Draw, register: Table, values: dict[str, Value], booked: tuple[Cell, ...]
) -> dict[str, Value]:
    """What follows from the register, and the payment that a point asks about."""
    total, prefix = register.total(5), f"{draw.currency} "
    disputed = int(plain(register.rows[5][5]))
    discount = total * float(str(values["prompt"].true)) / 100
    return {
        "total": Value("number", total, prefix=prefix),
        "disputed": Value("number", disputed, draw.amount(7_000, 44_000, 50), prefix=prefix),
        "prompt_sum": Value("number", discount, prefix=prefix),
        "budget_left": Value("number", int(str(values["budget"].true)) - total, prefix=prefix),
        "booked": Value("date", datetime.date.fromisoformat(str(booked[2]))),
        "booked_sum": Value("number", int(str(booked[3]))),
    }


def _rates(
    draw: Draw, grades: list[str], team: tuple[str, str, str], values: dict[str, Value]
) -> Table:
    rates = (draw.amount(400, 620, 10), values["rate"].text(), draw.amount(110, 200, 5))
    rows = tuple(
        (grade, person, str(rate)) for grade, person, rate in zip(grades, team, rates, strict=True)
    )
    return Table(("Grade", "Name", "Hourly rate"), rows)


def _register(draw: Draw, stages: list[str], number: str) -> Table:
    """The invoice register, the disputed invoice in its sixth row; nothing states the total."""
    first = int(number.removeprefix("INV-")) - 5
    day = datetime.date(2025, 2, 28)
    rows: list[tuple[Cell, ...]] = []
    for place in range(draw.count(7, 9)):
        # Multiples of 50, so that half percents of the total end within two decimals.
        hours, rate = draw.count(31, 96), 50 * draw.count(4, 9)
        billed = Formula(f"=D{place + 2}*E{place + 2}", hours * rate)
        stage = stages[place % len(stages)]
        rows.append((f"INV-{first + place}", day.isoformat(), stage, hours, rate, billed))
        day += datetime.timedelta(days=draw.count(25, 33))
    header = ("Invoice", "Invoice date", "Stage", "Hours", "Blended rate", "Amount billed")
    return Table(header, tuple(rows), "Invoice register")


def _payments(draw: Draw, register: Table) -> Table:
    first = draw.count(510, 890)
    day = datetime.date(2025, 4, 11)
    rows: list[tuple[Cell, ...]] = []
    for place, invoice in enumerate(register.rows[:4]):
        rows.append((f"P-{first + place}", invoice[0], day.isoformat(), plain(invoice[5])))
        day += datetime.timedelta(days=draw.count(22, 30))
    return Table(("Payment", "For invoice", "Booked on", "Sum paid"), tuple(rows), "Payments")


def _documents(
    draw: Draw, story: Story, rates: Table, sheets: tuple[Table, ...], corrected: str
) -> tuple[DocumentSpec, ...]:
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
    # A counting paper that tells one fact wrongly: the correction comes by e-mail.
    told = story.say(CLAUSES[corrected], wrong=True)
    as_signed = Story(story.words, story.values, {**story.clauses, corrected: told})
    executed = contract(story, instrument, intro, SECTIONS, signed, draft=False)
    drafted = contract(story, instrument, intro, SECTIONS, signed, draft=True)
    letter = contract(as_signed, "Side letter", letter_intro, LETTER_SECTIONS, signed, draft=False)
    about = Table(
        ("Client", "Provider", "Amounts in", "Remark"),
        ((parties[1], parties[0], draw.currency, "As booked, before any set-off."),),
        "About",
    )
    old_rate = (*rates.rows[1][:2], story.values["rate"].text(wrong=True))
    old_rates = Table(rates.header, (rates.rows[0], old_rate, rates.rows[2]))
    return (
        DocumentSpec(f"{instrument}.docx", (*executed, *_rate_annex(story, rates))),
        DocumentSpec("Side letter.pdf", letter),
        DocumentSpec("invoice-register.xlsx", (*sheets, about)),
        DocumentSpec("billing - to the partner.eml", _billing_email(story, corrected)),
        DocumentSpec(
            f"{instrument} rev B.docx",
            (*_revised(drafted), *_rate_annex(story, old_rates)), counts=False,
        ),
        DocumentSpec(draw.pick(_OTHER_NAMES), _other_matter(draw, story), counts=False),
    )  # fmt: skip


def _revised(drafted: tuple[Block, ...]) -> tuple[Block, ...]:
    """The draft with the marks of a reviewer in two of its clauses."""
    marked = list(drafted)
    places = [
        place
        for place, block in enumerate(drafted)
        if (isinstance(block, Paragraph) and "interest" in block.text) or "convening" in str(block)
    ]
    for place in places:
        block = marked[place]
        if isinstance(block, Paragraph):
            marked[place] = Revised(
                block.text.removesuffix("."), ", unless agreed otherwise", ", to be confirmed", "."
            )
    return tuple(marked)


def _rate_annex(story: Story, rates: Table) -> tuple[Block, ...]:
    return (
        Heading("Rate table", 2),
        Paragraph(story.say("Hourly rates in {currency}, net of VAT:")),
        rates,
    )


def _billing_email(story: Story, corrected: str) -> tuple[Block, ...]:
    words = story.words
    return (
        Email(
            words["associate"], words["partner"], _NOTED,
            story.say("{project} - billing of {provider_name}"), ("time records.zip",),
        ),
        Paragraph(
            story.say("I went through the invoices with the controller of {client_short}.")
        ),
        *(
            Paragraph(story.clause(key))
            for key in ("disputed", "arrived", "paid", "severity", "convened", "step", "contact")
        ),
        Paragraph(story.clause(corrected)),
        Paragraph("Three things for the memo:"),
        Bullets((
            "the register shows what was billed, not what is owed; nobody has added it up",
            story.say("the side letter was signed with the {instrument} and counts as well"),
            "the controller wants to know what to refuse before the next payment run",
        )),
        Paragraph(
            "Please do not write to the other side yet. The general counsel will call first."
        ),
        Paragraph(words["associate"]),
    )  # fmt: skip


def _other_matter(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A paper about a neighbouring client that was filed here by mistake."""
    provider = draw.company(story.words["like_provider"])
    client = draw.company(story.words["like_client"])
    other = Story(
        {
            **story.words, "provider_name": provider.name, "client_name": client.name,
            "provider": "Provider", "client": "Client",
        },
        story.values, CLAUSES,
    )  # fmt: skip
    return (
        Heading(f"{client.name} - bills of {provider.name}"),
        Paragraph(f"From {draw.person()} to {draw.person()}, {long_date(_NOTED)}"),
        Paragraph(
            f"{client.name} asked us to look at the bills of {provider.name}. What was agreed and "
            "what was found, in the order in which the memo should take it:"
        ),
        *(Paragraph(other.clause(key, wrong=True)) for key in TOLD_ELSEWHERE),
        Paragraph(
            "The bills will be described in more detail from now on, which the audit committee "
            "will discuss at its next meeting."
        ),
    )
