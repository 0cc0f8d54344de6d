"""Family: a survey of the consents that a change of control needs, from the target's contracts."""

import datetime

from harness_search.simulated.tasks.consent_areas import CONSENT_AREAS
from harness_search.simulated.tasks.consent_papers import documents
from harness_search.simulated.tasks.consent_points import (
    AMENDMENT_CLAUSES,
    AREA_CLAUSES,
    CLAUSES,
    PLAN_CLAUSES,
    POINTS,
)
from harness_search.simulated.tasks.fragments import outsider, told
from harness_search.simulated.tasks.names import Draw, business_day_after
from harness_search.simulated.tasks.papers import row_text
from harness_search.simulated.tasks.spec import Formula, Matter, Table
from harness_search.simulated.tasks.story import (
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

_EXTRAS = (
    "amendment draft", "amendment neighbour", "plan draft", "plan neighbour", "draft neighbour",
    "neighbour", "draft",
)  # fmt: skip
_REGISTER_CONTRACTS = (
    "Office Services Agreement", "Software Subscription", "Insurance Brokerage Mandate",
    "Fleet Agreement", "Telecoms Agreement", "Waste Services Agreement",
)  # fmt: skip
_REGISTER_LAWS = ("Denmark", "Spain", "Quebec", "Norway", "Austria", "Texas")
_REGISTER_TRADES = ("Facilities", "Systems", "Brokers", "Mobility", "Telecom", "Recycling")
_GRADES = ("severe", "noticeable", "negligible", "existential")
_ASKED_ROW = 4


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a consent survey in one of the AREAS."""
    words = dict(CONSENT_AREAS[area])
    target, buyer = draw.company(words["trade"]), draw.company(words["buyer_trade"])
    first, second = draw.company(words["first_trade"]), draw.company(words["second_trade"])
    other_buyer = outsider(draw, "Partners")
    words["deal"] = words["deal"].format(target=target.name, buyer=buyer.name)
    words |= {
        "target": target.name, "target_short": target.short, "first_party": first.name,
        "second_party": second.name, "near": outsider(draw, words["near_trade"]).short,
        "currency": draw.currency, "partner": draw.person(), "associate": draw.person(),
        "signatory": draw.person(), "signatory2": draw.person(), "project": draw.project,
    }  # fmt: skip
    values = _values(draw)
    register = _register(draw, words, values)
    values |= _register_values(register, values["retention"], draw.currency)
    words["third_short"] = values["third"].text().removesuffix(" Ltd")
    values["buyer"] = company_value(buyer, other_buyer)
    clauses = CLAUSES | {key: words[key] for key in AREA_CLAUSES}
    clauses["register_row"] = row_text(register.rows[_ASKED_ROW])
    story = Story(words, values, clauses)
    extras = frozenset(draw.pick(_EXTRAS).split())
    missing = AMENDMENT_CLAUSES if "amendment" not in extras else frozenset[str]()
    missing |= PLAN_CLAUSES if "plan" not in extras else frozenset[str]()
    return Matter(
        title=f"Consent survey for {draw.project}: {target.name}",
        work_type="review",
        slug_words=f"consents-{target.short.split()[0].lower()}",
        opening=story.say(
            "{partner} needs the consent survey for {project}, {deal}. Work from the folder of "
            "papers that has been disclosed."
        ),
        distractors="superseded drafts or papers of another matter",
        main_deliverables=("consent-memo.docx", "consent-survey.docx", "change-of-control.docx"),
        second_deliverables=("contract-schedule.xlsx", "consent-dates.xlsx", "open-items.md"),
        points=tuple(story.point(template) for template in told(POINTS, missing)),
        documents=documents(draw, story, register, extras),
    )


def _values(draw: Draw) -> dict[str, Value]:
    law, city = draw.law()
    law2, city2 = draw.law()
    other_law, other_city = draw.law()
    effect = draw.pick(("given", "refused"))
    grades = [_GRADES[place] for place in draw.positions(len(_GRADES), 2)]
    return _dates(draw) | {
        "renewal": days_value(draw, 90), "request": days_value(draw, 28, 90),
        "termination": days_value(draw, 30, 120), "cure": days_value(draw, 21, 90),
        "threshold": percent_value(draw, 22, 75, 1), "cap": money_value(draw, 400_000, 4_000_000),
        "special_figure": percent_value(draw, 4, 18), "special2_figure": percent_value(draw, 4, 18),
        "retention": percent_value(draw, 4, 18),
        "break_fee": money_value(draw, 40_000, 300_000),
        "guarantee": money_value(draw, 310_000, 980_000),
        "handling": money_value(draw, 8_000, 39_500),
        "price": money_value(draw, 18_000_000, 90_000_000, 250_000),
        "bank": company_value(draw.company("Bank"), outsider(draw, "Bank")),
        "addressee": Value("name", draw.person(), draw.person()),
        "action_owner": Value("name", draw.person(), draw.person()),
        "plan_owner": Value("name", draw.person(), draw.person()),
        "grade": Value("name", grades[0], grades[1]),
        "effect": Value("name", effect, "refused" if effect == "given" else "given"),
        "effect_phrase": Value("name", f"deemed to be {effect}", None, (f"deemed {effect}",)),
        "law": Value("name", law, other_law), "city": Value("name", city, other_city),
        "law2": Value("name", law2), "city2": Value("name", city2),
    }  # fmt: skip


def _dates(draw: Draw) -> dict[str, Value]:
    start = draw.date(datetime.date(2019, 1, 7), datetime.date(2021, 12, 20))
    sent = draw.date(datetime.date(2025, 9, 15), datetime.date(2025, 11, 28))
    noted = draw.date(sent - datetime.timedelta(days=14), sent - datetime.timedelta(days=2))
    completion = draw.date(datetime.date(2026, 3, 2), datetime.date(2026, 6, 26))
    silence, notify = draw.days(21, 60), draw.days(21, 48)
    other_completion = draw.date(datetime.date(2026, 10, 1), datetime.date(2026, 12, 18))
    return {
        "start": Value("date", start),
        "sent": Value("date", sent, noted),
        "amended": Value("date", draw.date(datetime.date(2023, 2, 1), datetime.date(2024, 10, 31))),
        "expiry": date_value(draw, datetime.date(2027, 1, 4), datetime.date(2028, 12, 18)),
        "signing": date_value(draw, datetime.date(2025, 12, 1), datetime.date(2025, 12, 19)),
        "action_by": date_value(draw, datetime.date(2026, 1, 28), datetime.date(2026, 2, 27)),
        "plan_by": date_value(draw, datetime.date(2026, 1, 28), datetime.date(2026, 2, 27)),
        "completion": Value("date", completion, other_completion),
        "silence": Value("number", silence, draw.days(21, 60), unit=" days"),
        "notify": Value("number", notify, draw.days(21, 60), unit=" business days"),
        "deemed": Value("date", sent + datetime.timedelta(days=silence)),
        "notify_by": Value("date", business_day_after(completion, notify)),
    }


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
        fee = draw.amount(12_000, 480_000, 400)
        quarter = Formula(f"=E{number + 1}/4", fee // 4)
        rows.append((f"K-{number:02d}", party, contract_name, law, fee, quarter, str(expiry)))
    header = (
        "Ref", "Counterparty", "Contract", "Governing law", "Annual fee", "Per quarter",
        "Expiry date",
    )  # fmt: skip
    return Table(header, tuple(rows), "Contract register")


def _register_values(register: Table, retention: Value, currency: str) -> dict[str, Value]:
    """What follows from the fees, and the row that a point asks about."""
    row = register.rows[_ASKED_ROW]
    party, contract_name, law, expiry = (str(row[place]) for place in (1, 2, 3, 6))
    total = register.total(4)
    # Fees are multiples of 400 and the percentage is one of 1/4, so that this is whole.
    kept = total * round(float(retention.text()) * 4) // 400
    return {
        "total": Value("number", total, prefix=f"{currency} "),
        "kept": Value("number", kept, prefix=f"{currency} "),
        "third": Value("name", party), "third_contract": Value("name", contract_name),
        "third_law": Value("name", law),
        "third_expiry": Value("date", datetime.date.fromisoformat(expiry)),
    }  # fmt: skip
