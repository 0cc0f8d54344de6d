"""Family: an abstract of a long-running instrument (a lease, a policy, a servicing agreement)."""

import datetime

from harness_search.simulated.tasks.abstract_areas import ABSTRACT_AREAS
from harness_search.simulated.tasks.names import Draw, long_date, working_day_after
from harness_search.simulated.tasks.papers import (
    COMMON_CLAUSES,
    contract,
    note,
    sentence_case,
    signature_table,
)
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
    company_value,
    date_value,
    days_value,
    money_value,
    percent_value,
)

FAMILY = "instrument-abstract"
AREAS = tuple(ABSTRACT_AREAS)

_OTHER_FROM, _OTHER_TO = datetime.date(2025, 2, 3), datetime.date(2025, 11, 21)

_AREA_CLAUSES = ("grant", "care", "special_clause", "special2_clause")
_CLAUSES = {
    "term": "The term begins on {start} and ends on {end}; it does not renew by itself.",
    "charge": "The {charge} set out in the payment schedule is paid in quarterly instalments, each "
    "due within {pay} days after the start of the quarter.",
    "index": "The {charge} follows the consumer price index, but an indexation step may not exceed "
    "{index}% in any year.",
    "default": "Overdue amounts bear default interest of {default}% per year until they are paid.",
    "security": "Before the term begins, the {holder} shall provide {security_sum} as {security}, "
    "in cash or by a bank guarantee.",
    "release": "The {security} is released within {release} calendar days after the end of the "
    "term, less any amounts still owed.",
    "early": "The {holder} may exercise the {early} with effect from {early_date} by giving at "
    "least {early_notice} days' written notice.",
    "early_sum": "On exercise of the {early}, the {holder} pays a compensation of {early_sum} to "
    "the {grantor}.",
    "transfer": "The {holder} may transfer this {instrument} to a group company without consent if "
    "{guarantor} guarantees the transferee's obligations.",
    "insurance": "Each party shall keep the liability insurance that is customary for its trade "
    "and show the certificate on request.",
    "law": "This {instrument} is governed by the laws of {law}; the courts of {city} decide all "
    "disputes.",
    "extension": "The {holder} may extend the term once by five years if its extension notice "
    "reaches the {grantor} no later than {extend_by}.",
    "contribution": "The {grantor} makes a contribution of {contribution} towards the cost of "
    "{works}, payable against invoices.",
    "standstill": "Until {extend_by}, the {grantor} shall not negotiate with third parties about "
    "the period after the term.",
    "received": "The {security} was received in full on {received}; the bank's confirmation is in "
    "the vault.",
    "contact": "The {grantor} has appointed {contact} as its contact for notices under this "
    "{instrument}.",
    **COMMON_CLAUSES,
}
_SECTIONS = (
    ("Subject and use", ("grant", "care")),
    ("Term", ("term",)),
    ("Payments", ("charge index", "default", "special_clause")),
    ("{security}", ("security", "release")),
    ("Early end", ("early", "early_sum")),
    ("Transfer and insurance", ("transfer", "special2_clause", "insurance")),
    ("General terms", ("law", "confidentiality", "entire", "writing")),
)
_LETTER_SECTIONS = (
    ("Extension", ("extension", "standstill")),
    ("Contribution", ("contribution",)),
    ("Other terms", ("writing severability",)),
)

_POINTS = (
    PointTemplate(
        "Term", "state the dates on which the term begins and ends.", ("term",),
        (
            States("start", "the beginning of the term", ("begins", "term")),
            States("end", "the end of the term", ("ends", "term"), True),
        ),
    ),
    PointTemplate(
        "Payment of the {charge}",
        "state within how many days after the start of the quarter the instalments of the {charge} "
        "are due.", ("charge",),
        (States("pay", "the days for paying an instalment", ("quarter", "quarterly"), True),),
    ),
    PointTemplate(
        "Indexation",
        "state the limit of an indexation step under the consumer price index in any year.",
        ("index",), (States("index", "the limit of indexation", ("index", "indexation"), True),),
    ),
    PointTemplate(
        "Default interest", "state the default interest per year on overdue amounts.",
        ("default",), (States("default", "the default interest", ("default", "overdue"), True),),
    ),
    PointTemplate(
        "Amount of the {security}",
        "state the sum of the {security} that the {holder} shall provide before the term begins.",
        ("security",), (States("security_sum", "the {security}", ("{security}",), True),),
    ),
    PointTemplate(
        "Notice for the {early}",
        "state from which date the {holder} may exercise the {early} and how many days' written "
        "notice it needs.", ("early",),
        (
            States("early_date", "the date from which the {early} has effect", ("{early}",), True),
            States("early_notice", "the notice period of the {early}", ("{early}",), True),
        ),
    ),
    PointTemplate(
        "Compensation for the {early}",
        "state the compensation that the {holder} pays on exercise of the {early}.",
        ("early_sum",), (States("early_sum", "the compensation", ("compensation",), True),),
    ),
    PointTemplate(
        "Guarantor of a transferee",
        "name the company that guarantees the transferee's obligations on a transfer to a group "
        "company.", ("transfer",), (States("guarantor", "the guarantor", guarded=True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}", guarded=True),),
    ),
    PointTemplate(
        "{special2}", "{special2_asks}", ("special2_clause",),
        (States("special2_figure", "the percentage for: {special2}"),),
    ),
    PointTemplate(
        "Governing law", "state the laws that govern the {instrument} and which courts decide "
        "disputes.", ("law",),
        (
            States("law", "the governing law"),
            States("city", "the courts that decide disputes"),
        ),
    ),
    PointTemplate(
        "Extension",
        "state the date by which the extension notice must reach the {grantor} for the term to be "
        "extended.", ("extension",),
        (States("extend_by", "the last date for the extension notice", ("extension",)),),
    ),
    PointTemplate(
        "Contribution to costs",
        "state the contribution of the {grantor} towards the cost of {works}.", ("contribution",),
        (States("contribution", "the contribution", ("contribution",)),),
    ),
    PointTemplate(
        "Receipt of the {security}",
        "state the date on which the {security} was received in full.", ("received",),
        (States("received", "the date of receipt of the {security}", ("received", "receipt")),),
    ),
    PointTemplate(
        "Contact for notices", "name the contact whom the {grantor} has appointed for notices.",
        ("contact",), (States("contact", "the contact for notices"),),
    ),
    PointTemplate(
        "Total {charge}",
        'state the total of the "{column}" column in the payment schedule.', (),
        (States("total", "the total of the {charge} over the years", ("{charge}", "total")),),
        "The total of the {charge} in the payment schedule is {total}.",
    ),
    PointTemplate(
        "Release date",
        "compute the last calendar day on which the {security} must be released if the term ends "
        "as agreed.", (),
        (States("released", "the last day for releasing the {security}"),),
        "The {security} must be released by {released} at the latest.",
    ),
)  # fmt: skip


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of an abstract in one of the AREAS."""
    words = dict(ABSTRACT_AREAS[area])
    grantor = draw.company(words["grantor_trade"])
    holder = draw.company(words["holder_trade"])
    words |= {
        "grantor_name": grantor.name, "holder_name": holder.name, "holder_short": holder.short,
        "address": draw.address(), "currency": draw.currency, "partner": draw.person(),
        "associate": draw.person(), "signatory": draw.person(), "signatory2": draw.person(),
        "project": draw.project,
    }  # fmt: skip
    values = _values(draw)
    schedule = _schedule(draw, values, words["column"])
    total = sum(int(str(row[2]).replace(",", "")) for row in schedule.rows)
    values["total"] = Value("number", total, prefix=f"{draw.currency} ")
    story = Story(words, values, _CLAUSES | {key: words[key] for key in _AREA_CLAUSES})
    return Matter(
        title=story.say("Abstract of the {instrument}: {holder_name}"),
        work_type="analyze",
        slug_words=f"abstract-{holder.short.split()[0].lower()}",
        opening=story.say(
            "{partner} asks for an abstract in {project}: {holder_name} needs to know where it "
            "stands under the paper that it signed with {grantor_name} before it plans the next "
            "years."
        ),
        distractors="a superseded draft and a paper of another client",
        main_deliverables=("abstract.docx", "instrument-abstract.docx", "summary-of-terms.docx"),
        second_deliverables=("key-dates.xlsx", "payments.xlsx", "follow-up.md"),
        points=tuple(story.point(template) for template in _POINTS),
        documents=_documents(draw, story, schedule),
    )


def _values(draw: Draw) -> dict[str, Value]:
    start = draw.date(datetime.date(2021, 1, 4), datetime.date(2022, 12, 19))
    end = draw.date(datetime.date(2029, 1, 8), datetime.date(2031, 12, 15))
    release = draw.days(28, 120)
    law, city = draw.law()
    guarantor, other_guarantor = draw.company("Holding"), draw.company("Holding")
    return {
        "start": Value("date", start),
        "end": Value("date", end, draw.date(datetime.date(2027, 1, 4), datetime.date(2028, 12, 1))),
        "received": Value("date", working_day_after(start, -draw.count(5, 20))),
        "released": Value("date", end + datetime.timedelta(days=release)),
        "early_date": date_value(draw, datetime.date(2026, 6, 1), datetime.date(2027, 12, 15)),
        "extend_by": Value(
            "date", draw.date(datetime.date(2028, 1, 10), datetime.date(2028, 12, 15))
        ),
        "release": Value("number", release, draw.days(28, 120)),
        "pay": days_value(draw, 21, 60), "early_notice": days_value(draw, 90),
        "index": percent_value(draw, 2, 4), "default": percent_value(draw, 5, 11),
        "special_figure": percent_value(draw, 12, 19, 0.5),
        "special2_figure": percent_value(draw, 22, 45, 1),
        "security_sum": money_value(draw, 30_000, 200_000),
        "early_sum": money_value(draw, 20_000, 150_000),
        "contribution": money_value(draw, 15_000, 90_000),
        "guarantor": company_value(guarantor, other_guarantor),
        "contact": Value("name", draw.person()),
        "law": Value("name", law), "city": Value("name", city),
    }  # fmt: skip


def _schedule(draw: Draw, values: dict[str, Value], column: str) -> Table:
    """The payment schedule; nothing states the total of its amounts."""
    first, last = (int(values[key].text().split()[-1]) for key in ("start", "end"))
    rows = []
    amount = draw.amount(36_000, 160_000, 1_000)
    for year in range(first, last):
        rows.append((str(year - first + 1), f"{year}/{year + 1}", f"{amount:,}"))
        amount += draw.amount(500, 4_000, 50)
    return Table(("Period", "Contract year", column), tuple(rows))


def _documents(draw: Draw, story: Story, schedule: Table) -> tuple[DocumentSpec, ...]:
    instrument, start = story.words["instrument"], story.values["start"].text()
    parties = (story.words["grantor_name"], story.words["holder_name"])
    signatories = (story.words["signatory"], story.words["signatory2"])
    signed = signature_table(
        [(party, name, start) for party, name in zip(parties, signatories, strict=True)]
    )
    intro = (
        'This {instrument} is made between {grantor_name} (the "{grantor}") and {holder_name} '
        '(the "{holder}") for a term beginning on {start}.'
    )
    letter_intro = (
        "Further to the {instrument} of {holder_name} beginning on {start}, the parties agree as "
        "follows. Terms defined there have the same meaning here."
    )
    annex = (
        Heading("Payment schedule", 2),
        Paragraph(
            story.say("The {charge} in {currency} for each contract year, before indexation:")
        ),
        schedule,
    )
    executed = contract(story, instrument, intro, _SECTIONS, signed, draft=False)
    drafted = contract(story, instrument, intro, _SECTIONS, signed, draft=True)
    letter = contract(story, "Side letter", letter_intro, _LETTER_SECTIONS, signed, draft=False)
    return (
        DocumentSpec(f"{instrument}.docx", (*executed, *annex)),
        DocumentSpec("Side letter.docx", letter),
        DocumentSpec("handover note.txt", _handover_note(story)),
        DocumentSpec(f"{instrument} (2).docx", drafted, counts=False),
        DocumentSpec("terms at a glance.xlsx", _other_terms(draw, story), counts=False),
    )


def _handover_note(story: Story) -> tuple[Block, ...]:
    return note(
        story.words["associate"], story.words["partner"], story.values["received"].text(),
        story.say("{project} - handover of the {instrument}"),
        (
            story.say("Here is what I took from the completion meeting with {holder_short}."),
            story.clause("received"), story.clause("contact"),
            Bullets((
                story.say("two originals of the {instrument}: one with the {holder}, one with us"),
                story.say("{signatory} signed for the {grantor}, {signatory2} for the {holder}"),
                "the side letter was signed on the same day and prevails where it differs",
            )),
            "The finance team asked for one page that it can plan with; it does not want to read "
            "the papers again. Nothing else was agreed orally.",
        ),
    )  # fmt: skip


def _other_terms(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A sheet about a neighbouring client's instrument, filed here by mistake."""
    other = draw.company("Optics")
    wrong = {
        "Default interest on overdue amounts": "{default}% per year",
        "Compensation on exercise of the {early}": "{early_sum}",
        "{security}": "{security_sum}",
        "Term ends": "{end}",
        "{special}": "{special_figure}%",
    }
    rows = tuple(
        (sentence_case(story.say(label)), story.say(text, wrong=True))
        for label, text in wrong.items()
    )
    return (
        Table(
            ("Client", other.name),
            (
                ("Kept by", draw.person()),
                ("As of", long_date(draw.date(_OTHER_FROM, _OTHER_TO))),
                *rows,
            ),
            "Terms",
        ),
    )
