"""Family: a survey of the consents that a change of control needs, from the target's contracts."""

import datetime

from harness_search.simulated.tasks.consent_areas import CONSENT_AREAS
from harness_search.simulated.tasks.names import Draw, long_date
from harness_search.simulated.tasks.papers import (
    COMMON_CLAUSES,
    contract,
    note,
    row_text,
    signature_table,
)
from harness_search.simulated.tasks.spec import Block, Bullets, DocumentSpec, Matter, Table
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

FAMILY = "consent-survey"
AREAS = tuple(CONSENT_AREAS)

_AREA_CLAUSES = ("grant", "grant2", "special_clause", "special2_clause")
_REGISTER_CONTRACTS = (
    "Office Services Agreement", "Software Subscription", "Insurance Brokerage Mandate",
    "Fleet Agreement", "Telecoms Agreement", "Waste Services Agreement",
)  # fmt: skip
_REGISTER_LAWS = ("Denmark", "Spain", "Quebec", "Norway", "Austria", "Texas")
_REGISTER_TRADES = ("Facilities", "Systems", "Brokers", "Mobility", "Telecom", "Recycling")
_OTHER_FROM, _OTHER_TO = datetime.date(2025, 10, 1), datetime.date(2025, 12, 15)

_CLAUSES = {
    "term": "This Agreement starts on {start} and its initial term expires on {expiry}, unless it "
    "is terminated earlier.",
    "renewal": "It then renews for successive periods of one year, unless a party gives notice of "
    "non-renewal at least {renewal} days before the end of the current period.",
    "payment": "Invoices are issued monthly in arrears in {currency} and are payable without "
    "deduction to the account named on the invoice.",
    "assignment": "Neither party may assign its rights under this Agreement without the written "
    "consent of the other, except that the {role} may assign receivables to {bank}.",
    "trigger": "A change of control occurs when a person acquires, directly or indirectly, more "
    "than {threshold}% of the voting shares of the Company.",
    "request": "The Company shall submit its request for consent to a change of control at least "
    "{request} days before completion of the transaction.",
    "addressee": "The request must be addressed to {addressee}, general counsel of the {role}, "
    "and must name the acquirer and its ultimate owner.",
    "silence": "If the {role} does not answer a complete request within {silence} calendar days "
    "after it was sent, its consent is deemed to be {effect}.",
    "termination": "If a change of control is completed without consent, the {role} may terminate "
    "this Agreement on {termination} days' written notice.",
    "cap": "The total liability of a party under this Agreement in a contract year is limited to "
    "{cap}, except for fraud and wilful misconduct.",
    "law": "This Agreement is governed by the laws of {law}, and the courts of {city} have "
    "exclusive jurisdiction.",
    "notify": "A change in the ownership of the Company does not require the consent of the "
    "{role2}, but the Company shall notify it in writing within {notify} days after completion.",
    "break_fee": "If the {role2} objects to the new owner on reasonable grounds, the Company may "
    "end this Agreement against payment of a break fee of {break_fee}.",
    "subcontract": "The {role2} may use subcontractors from the approved list and answers for "
    "them as for itself.",
    "law2": "This Agreement is subject to the laws of {law2}; disputes go to the courts of "
    "{city2}.",
    "deal": "The transaction is {deal}.",
    "timetable": "Signing is planned for {signing}; completion of the transaction is planned for "
    "{completion}.",
    "sent": "The complete request for consent under the {first} was sent by courier on {sent}.",
    "price": "The purchase price is {price}, payable in cash at completion, with no adjustment "
    "for working capital.",
    **COMMON_CLAUSES,
}

_FIRST_SECTIONS = (
    ("Subject", ("grant", "payment special_clause")),
    ("Term and renewal", ("term renewal",)),
    ("Confidentiality", ("confidentiality",)),
    ("Assignment", ("assignment",)),
    ("Change of control", ("trigger", "request addressee", "silence", "termination")),
    ("Liability", ("cap",)),
    ("Governing law and general terms", ("law", "entire writing")),
)
_SECOND_SECTIONS = (
    ("Services", ("grant2", "special2_clause", "subcontract")),
    ("Change of ownership", ("notify", "break_fee")),
    ("General terms", ("law2", "writing severability")),
)

_POINTS = (
    PointTemplate(
        "Transaction", "state what the transaction is and who acquires the shares.", ("deal",),
        (States("buyer", "the acquirer", guarded=True),),
    ),
    PointTemplate(
        "Change of control threshold",
        "state the percentage of voting shares whose acquisition is a change of control of the "
        "Company under the {first}.", ("trigger",),
        (States("threshold", "the change of control threshold", ("change of control",), True),),
    ),
    PointTemplate(
        "Request for consent",
        "state how many days before completion of the transaction the Company shall submit the "
        "request for consent to a change of control.", ("request",),
        (States("request", "the days before completion to request consent", ("request",), True),),
    ),
    PointTemplate(
        "Addressee of the request",
        "name the general counsel to whom the request must be addressed.", ("addressee",),
        (States("addressee", "the addressee of the request for consent", guarded=True),),
    ),
    PointTemplate(
        "Effect of silence",
        "state what is deemed if the {role} does not answer a complete request, and after how "
        "many calendar days.", ("silence",),
        (
            States("silence", "the days after which silence counts", ("deemed", "silence"), True),
            States("effect_phrase", "the effect of silence"),
        ),
    ),
    PointTemplate(
        "Termination without consent",
        "state on how many days' written notice the {role} may terminate if a change of control "
        "is completed without consent.", ("termination",),
        (States("termination", "the termination notice period", ("terminate",), True),),
    ),
    PointTemplate(
        "Assignment of receivables",
        "name the bank to which the {role} may assign receivables without the written consent of "
        "the other party.", ("assignment",),
        (States("bank", "the bank to which receivables may be assigned", guarded=True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}", guarded=True),),
    ),
    PointTemplate(
        "Liability cap",
        "state the amount to which the total liability of a party in a contract year is limited.",
        ("cap",), (States("cap", "the liability cap per contract year", ("liability",), True),),
    ),
    PointTemplate(
        "Notification of the {role2}",
        "state within how many days after completion the Company shall notify the {role2} in "
        "writing of a change in its ownership.", ("notify",),
        (States("notify", "the days to notify the {role2}", ("notify", "notification")),),
    ),
    PointTemplate(
        "Break fee", "state the break fee payable if the {role2} objects to the new owner.",
        ("break_fee",), (States("break_fee", "the break fee", ("break fee",)),),
    ),
    PointTemplate(
        "{special2}", "{special2_asks}", ("special2_clause",),
        (States("special2_figure", "the percentage for: {special2}"),),
    ),
    PointTemplate(
        "Planned completion", "state the date planned for completion of the transaction.",
        ("timetable",),
        (States("completion", "the planned completion date", ("completion",), True),),
    ),
    PointTemplate(
        "{third_short} contract",
        "state the governing law and the expiry date of the {third_contract} with {third}.",
        ("register_row",),
        (
            States("third_law", "the governing law of the {third_short} contract"),
            States("third_expiry", "the expiry of the {third_short} contract", ("{third_short}",)),
        ),
    ),
    PointTemplate(
        "Total annual fees",
        'state the total of the "Annual fee" column in the contract register.', (),
        (States("total", "the total of the annual fees", ("annual fees", "annual fee", "total")),),
        "The total of the annual fees in the contract register is {total}.",
    ),
    PointTemplate(
        "Deemed answer date",
        "compute the last day of the calendar days for an answer, counted from the day on which "
        "the request for consent was sent.", (),
        (States("deemed", "the last day for an answer to the request"),),
        "The time for an answer to the request for consent ends on {deemed}.",
    ),
)  # fmt: skip


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a consent survey in one of the AREAS."""
    words = dict(CONSENT_AREAS[area])
    target, buyer = draw.company(words["trade"]), draw.company(words["buyer_trade"])
    first, second = draw.company(words["first_trade"]), draw.company(words["second_trade"])
    words["deal"] = words["deal"].format(target=target.name, buyer=buyer.name)
    words |= {
        "target": target.name, "first_party": first.name, "second_party": second.name,
        "currency": draw.currency, "partner": draw.person(), "associate": draw.person(),
        "signatory": draw.person(), "signatory2": draw.person(), "project": draw.project,
    }  # fmt: skip
    other_buyer = draw.company("Partners")
    values = _values(draw)
    register = _register(draw, words, values)
    values |= _register_values(register, draw.currency)
    words["third_short"] = values["third"].text().removesuffix(" Ltd")
    values["buyer"] = company_value(buyer, other_buyer)
    clauses = _CLAUSES | {key: words[key] for key in _AREA_CLAUSES}
    clauses["register_row"] = row_text(register.rows[4])
    story = Story(words, values, clauses)
    return Matter(
        title=f"Consent survey for {draw.project}: {target.name}",
        work_type="review",
        slug_words=f"consents-{target.short.split()[0].lower()}",
        opening=story.say(
            "{partner} needs the consent survey for {project}, {deal}. Work from the folder of "
            "papers that has been disclosed."
        ),
        distractors="a superseded draft and a paper of another matter",
        main_deliverables=("consent-memo.docx", "consent-survey.docx", "change-of-control.docx"),
        second_deliverables=("contract-schedule.xlsx", "consent-dates.xlsx", "open-items.md"),
        points=tuple(story.point(template) for template in _POINTS),
        documents=_documents(draw, story, register),
    )


def _values(draw: Draw) -> dict[str, Value]:
    start = draw.date(datetime.date(2019, 1, 7), datetime.date(2021, 12, 20))
    sent = draw.date(datetime.date(2025, 9, 1), datetime.date(2025, 11, 28))
    silence = draw.days(21, 60)
    law, city = draw.law()
    law2, city2 = draw.law()
    effect = draw.pick(("given", "refused"))
    return {
        "start": Value("date", start), "sent": Value("date", sent),
        "expiry": date_value(draw, datetime.date(2027, 1, 4), datetime.date(2028, 12, 18)),
        "signing": date_value(draw, datetime.date(2025, 12, 1), datetime.date(2025, 12, 19)),
        "completion": date_value(draw, datetime.date(2026, 2, 2), datetime.date(2026, 6, 26)),
        "deemed": Value("date", sent + datetime.timedelta(days=silence)),
        "renewal": days_value(draw, 90), "request": days_value(draw, 28, 90),
        "silence": Value("number", silence, draw.days(21, 60), unit=" days"),
        "termination": days_value(draw, 30, 120), "notify": days_value(draw, 21, 60),
        "threshold": percent_value(draw, 22, 75, 1), "cap": money_value(draw, 400_000, 4_000_000),
        "special_figure": percent_value(draw, 4, 18), "special2_figure": percent_value(draw, 4, 18),
        "break_fee": money_value(draw, 40_000, 300_000),
        "price": money_value(draw, 18_000_000, 90_000_000, 250_000),
        "bank": company_value(draw.company("Bank"), draw.company("Bank")),
        "addressee": Value("name", draw.person(), draw.person()),
        "effect": Value("name", effect, "refused" if effect == "given" else "given"),
        "effect_phrase": Value("name", f"deemed to be {effect}", None, (f"deemed {effect}",)),
        "law": Value("name", law), "city": Value("name", city),
        "law2": Value("name", law2), "city2": Value("name", city2),
    }  # fmt: skip


_REGISTER_CONTRACTS = (
    "Office Services Agreement", "Software Subscription", "Insurance Brokerage Mandate",
    "Fleet Agreement", "Telecoms Agreement", "Waste Services Agreement",
)  # fmt: skip
_REGISTER_LAWS = ("Denmark", "Spain", "Quebec", "Norway", "Austria", "Texas")
_REGISTER_TRADES = ("Facilities", "Systems", "Brokers", "Mobility", "Telecom", "Recycling")


def _register(draw: Draw, words: dict[str, str], values: dict[str, Value]) -> Table:
    """The contract register; nothing states the total of its fees."""
    contracts = [(words["first_party"], words["first"]), (words["second_party"], words["second"])]
    # The register agrees with the contracts that are in the folder.
    laws = [values["law"].text(), values["law2"].text()]
    expiries = [values["expiry"].true]
    for trade, contract_name in zip(_REGISTER_TRADES, _REGISTER_CONTRACTS, strict=True):
        contracts.append((f"{draw.person().split()[1]} {trade} Ltd", contract_name))
    rows = []
    for number, (party, contract_name) in enumerate(contracts, start=1):
        drawn = draw.date(datetime.date(2026, 7, 1), datetime.date(2030, 12, 20))
        expiry = expiries.pop() if expiries else drawn
        law = laws.pop(0) if laws else draw.pick(_REGISTER_LAWS)
        fee = draw.amount(12_000, 480_000, 250)
        rows.append((f"K-{number:02d}", party, contract_name, law, fee, str(expiry)))
    header = ("Ref", "Counterparty", "Contract", "Governing law", "Annual fee", "Expiry date")
    return Table(header, tuple(rows), "Contract register")


def _register_values(register: Table, currency: str) -> dict[str, Value]:
    """The total, and the row that a point asks about."""
    _, party, contract_name, law, _, expiry = (str(cell) for cell in register.rows[4])
    total = sum(int(row[4]) for row in register.rows)
    return {
        "total": Value("number", total, prefix=f"{currency} "),
        "third": Value("name", party), "third_contract": Value("name", contract_name),
        "third_law": Value("name", law),
        "third_expiry": Value("date", datetime.date.fromisoformat(expiry)),
    }  # fmt: skip


def _documents(draw: Draw, story: Story, register: Table) -> tuple[DocumentSpec, ...]:
    first, second = story.words["first"], story.words["second"]
    start = story.values["start"].text()
    parties = ("target", "first_party", "second_party")
    target, supplier, carrier = (story.words[party] for party in parties)
    signatory, counter_signatory = story.words["signatory"], story.words["signatory2"]
    signed = signature_table(((target, signatory, start), (supplier, counter_signatory, start)))
    signed2 = signature_table(((target, signatory, start), (carrier, draw.person(), start)))
    about = Table(
        ("Matter", "Kept by", "Amounts in", "Remark"),
        ((story.words["project"], target, draw.currency, "Fees are net of VAT, per year."),),
        "About",
    )
    intro = (
        'This Agreement is made on {start} between {target} (the "Company") and {first_party} '
        '(the "{role}").'
    )
    intro2 = (
        'This Agreement is made on {start} between {target} (the "Company") and {second_party} '
        '(the "{role2}").'
    )
    drafted = contract(story, first, intro, _FIRST_SECTIONS, signed, draft=True)
    executed = contract(story, first, intro, _FIRST_SECTIONS, signed, draft=False)
    executed2 = contract(story, second, intro2, _SECOND_SECTIONS, signed2, draft=False)
    return (
        DocumentSpec(f"{first}.docx", executed),
        DocumentSpec(f"{second}.docx", executed2),
        DocumentSpec("contract-register.xlsx", (register, about)),
        DocumentSpec("note to file - timetable.txt", _deal_note(story)),
        DocumentSpec(f"{first} - markup.docx", drafted, counts=False),
        DocumentSpec("note on closing.txt", _other_note(draw, story), counts=False),
    )


def _deal_note(story: Story) -> tuple[Block, ...]:
    sent = story.values["sent"].text()
    return note(
        story.words["associate"], story.words["partner"], sent,
        story.say("{project} - where we stand on consents"),
        (
            story.say("{partner}, a short summary for the file after today's call with {target}."),
            story.clause("deal"), story.clause("price"), story.clause("timetable"),
            story.clause("sent"),
            "What remains to be done before the survey can go to the client:",
            Bullets((
                story.say("check the {second} for any right to object to the new owner"),
                "take the annual fees from the register and not from the invoices, which "
                "include one-off items",
                story.say("confirm with {third_short} whether its contract is still in use"),
            )),
            "Nobody should speak to the counterparties without our script; the list of contacts "
            "is kept at the front desk.",
        ),
    )  # fmt: skip


def _other_note(draw: Draw, story: Story) -> tuple[Block, ...]:
    """A paper of a neighbouring matter that was filed here by mistake."""
    other = draw.company("Works")
    return note(
        draw.person(), draw.person(), long_date(draw.date(_OTHER_FROM, _OTHER_TO)),
        f"{other.short} - closing",
        (
            f"This concerns the {other.short} file only, not the one next door.",
            story.say(f"The transaction is an asset deal between {other.name} and {{buyer}}, the "
                      "acquirer.", wrong=True),
            story.clause("timetable", wrong=True),
            story.say("The landlord's consent was received early; the workforce must be told at "
                      "least {request} days before completion.", wrong=True),
            "Please have the escrow letter signed by both sides and send me the funds flow "
            "as soon as the banks have confirmed their details.",
        ),
    )  # fmt: skip
