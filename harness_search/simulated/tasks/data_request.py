"""Family: the answer to a request for information or records, and the file that prepares it."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness_search.simulated.tasks.data_request_areas import DATA_REQUEST_AREAS
from harness_search.simulated.tasks.data_request_papers import papers
from harness_search.simulated.tasks.data_request_points import AREA_CLAUSES, CLAUSES, POINTS
from harness_search.simulated.tasks.names import Draw, business_day_after
from harness_search.simulated.tasks.papers import row_text
from harness_search.simulated.tasks.spec import Formula, Matter, Table, plain
from harness_search.simulated.tasks.story import (
    Story,
    Value,
    date_value,
    days_value,
    money_value,
    percent_value,
)

FAMILY = "data-request"
AREAS = tuple(DATA_REQUEST_AREAS)

_RATINGS = ("rated critical", "rated high", "rated moderate", "rated low")
_SIDED = ("basis", "channel", "exempt", "redact", "cure")
"""The words of an area that have a wrong side beside the true one."""
_COST_ITEMS = ("Collection", "First review", "Second review", "Redaction", "Project office")
_HOLD = datetime.date(2025, 10, 27), datetime.date(2025, 10, 31)
_CURE = datetime.date(2025, 11, 10), datetime.date(2025, 12, 5)
_GAP_ROW, _OTHER_GAP_ROW, _ASKED_ROW = 1, 4, 3


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """The inputs of what must be computed, before they are written into values."""

    received: datetime.date
    response: int
    due: datetime.date
    hold: datetime.date
    certify: int
    certified_by: datetime.date
    sample: int
    budget: int


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a request for information in one of the AREAS."""
    company = draw.company(DATA_REQUEST_AREAS[area]["trade"])
    words = dict(DATA_REQUEST_AREAS[area]) | {
        "company": company.short, "company_name": company.name, "currency": draw.currency,
        "project": draw.project, "writer": draw.person(), "reader": draw.person(),
    }  # fmt: skip
    inventory, costs = _inventory(draw, words["systems"].split("|")), _costs(draw)
    inputs = _inputs(draw, words["kind"])
    values = {
        **_values(draw, words), **_input_values(draw, words["kind"], inputs),
        **_row_values(inventory), **_computed(inputs, inventory, costs, draw.currency),
    }  # fmt: skip
    words["row_system"] = str(inventory.rows[_ASKED_ROW][1])
    clauses = {**CLAUSES, **{key: words[key] for key in AREA_CLAUSES}}
    clauses["row"] = row_text(inventory.rows[_ASKED_ROW])
    story = Story(words, values, clauses)
    with_deck = draw.chance(0.5)
    return Matter(
        title=story.say("{company}: answer to the {request}"),
        work_type="draft",
        slug_words=f"request-{company.short.split()[0].lower()}",
        opening=story.say(
            "We act for {company} in {project} and need the file memo on the {request} that "
            "reached the company: who asks for what and by when, what may be held back, and how "
            "the gap in the records is cured before anything is handed over."
        ),
        distractors="a file memo on the request to another company"
        + ("" if with_deck else " and a superseded edition of the policy"),
        main_deliverables=("request-memo.docx", "response-plan.docx", "reply-memo.docx"),
        second_deliverables=("response-tracker.xlsx", "request-figures.xlsx", "actions.md"),
        points=tuple(story.point(template) for template in POINTS),
        documents=papers(draw, story, inventory, costs, with_deck=with_deck),
    )


def _values(draw: Draw, words: Mapping[str, str]) -> dict[str, Value]:
    firm, other_firm = draw.company(words["firm_trade"]), draw.company(words["firm_trade"])
    severity, other_severity = (_RATINGS[place] for place in draw.positions(len(_RATINGS), 2))
    systems = words["systems"].split("|")
    return {
        "asker_name": Value(
            "name", words["asker_true"].format(firm=firm.name),
            words["asker_wrong"].format(firm=other_firm.name),
        ),
        **{key: Value("name", words[key], words[f"{key}_wrong"]) for key in _SIDED},
        **{
            key: Value("name", draw.person(), draw.person())
            for key in ("subject", "contact", "owner", "cure_owner")
        },
        "severity": Value("name", severity, other_severity),
        "gap_system": Value("name", systems[_GAP_ROW], systems[_OTHER_GAP_ROW]),
        "extension": days_value(draw, 21, 70),
        "scope_months": days_value(draw, 24, 120), "retention": days_value(draw, 60, 180),
        "threshold": percent_value(draw, 2, 20, 0.5),
        "gap_count": Value("number", draw.amount(210, 980, 1), draw.amount(210, 980, 1)),
        "penalty": money_value(draw, 1_500, 24_000, 50),
        "scope_from": date_value(draw, datetime.date(2021, 1, 4), datetime.date(2023, 12, 15)),
        "dated": date_value(draw, datetime.date(2025, 9, 1), datetime.date(2025, 9, 26)),
    }  # fmt: skip


def _inventory(draw: Draw, systems: list[str]) -> Table:
    """The systems that hold what is asked for; nothing states how many records they hold."""
    counts = [draw.amount(410, 8_900, 1) for _ in systems]
    counts[-1] += -sum(counts) % 100  # so that a whole percentage of all is a whole number
    rows = tuple(
        (f"S-{number:02d}", system, draw.pick(("A", "B", "A and B")), draw.person(), count)
        for number, (system, count) in enumerate(zip(systems, counts, strict=True), start=1)
    )
    return Table(("Ref", "System", "Category", "Custodian", "Records"), rows, "Inventory")


def _row_values(inventory: Table) -> dict[str, Value]:
    _, _, _, custodian, records = inventory.rows[_ASKED_ROW]
    return {
        "row_custodian": Value("name", str(custodian)),
        "row_records": Value("number", int(plain(records))),
    }


def _costs(draw: Draw) -> Table:
    """The estimate of the exercise: days times daily rate, a formula in each row."""
    rows = []
    for number, item in enumerate(_COST_ITEMS, start=2):
        days, rate = draw.count(8, 34), draw.amount(450, 1_250, 10)
        rows.append((item, days, rate, Formula(f"=B{number}*C{number}", days * rate)))
    return Table(("Item", "Days", "Daily rate", "Estimated cost"), tuple(rows), "Cost estimate")


def _inputs(draw: Draw, kind: str) -> _Arithmetic:
    received = draw.date(datetime.date(2025, 10, 13), datetime.date(2025, 10, 24))
    response = draw.days(30, 50) if kind == "calendar" else draw.days(21, 30)
    certify = draw.days(21, 45)
    due = (
        received + datetime.timedelta(days=response)
        if kind == "calendar"
        else business_day_after(received, response)
    )
    hold = _day_apart(draw, _HOLD, lambda day: business_day_after(day, certify) == due)
    return _Arithmetic(
        received, response, due, hold, certify, business_day_after(hold, certify),
        sample=round(draw.percent(3, 12, 1)), budget=draw.amount(230_000, 420_000),
    )  # fmt: skip


def _day_apart(
    draw: Draw,
    period: tuple[datetime.date, datetime.date],
    refused: Callable[[datetime.date], bool],
) -> datetime.date:
    """A day of the period that is not refused: no two answers of a matter are the same day."""
    while refused(day := draw.date(*period)):
        pass
    return day


def _input_values(draw: Draw, kind: str, inputs: _Arithmetic) -> dict[str, Value]:
    """The inputs with the sides that the distractors tell."""
    stamped = draw.date(datetime.date(2025, 10, 6), datetime.date(2025, 10, 10))
    other_response = draw.days(30, 50) if kind == "calendar" else draw.days(21, 30)
    cured, other_cured = (
        _day_apart(draw, _CURE, (inputs.due, inputs.certified_by).__contains__) for _ in range(2)
    )
    return {
        "cure_due": Value("date", cured, other_cured),
        "received": Value("date", inputs.received, stamped),
        "response": Value("number", inputs.response, other_response, unit=" days"),
        "hold": Value("date", inputs.hold, draw.date(*_HOLD)),
        "certify": Value("number", inputs.certify, draw.days(21, 45), unit=" days"),
        "sample": Value("percent", inputs.sample, draw.percent(3, 12, 1)),
        "budget": Value("number", inputs.budget, prefix=f"{draw.currency} "),
    }


def _computed(
    inputs: _Arithmetic, inventory: Table, costs: Table, currency: str
) -> dict[str, Value]:
    """What follows from the papers and stands in none of them."""
    total = inventory.total(4)
    return {
        "total": Value("number", total),
        "due": Value("date", inputs.due),
        "certified_by": Value("date", inputs.certified_by),
        "sampled": Value("number", total * inputs.sample // 100),
        "unspent": Value("number", inputs.budget - costs.total(3), prefix=f"{currency} "),
    }
