"""Family: an abstract of a long-running instrument (a lease, a policy, a servicing agreement)."""

import datetime

from harness_search.simulated.tasks.abstract_areas import ABSTRACT_AREAS
from harness_search.simulated.tasks.abstract_papers import documents
from harness_search.simulated.tasks.abstract_points import (
    AREA_CLAUSES,
    CLAUSES,
    PLAN_CLAUSES,
    POINTS,
)
from harness_search.simulated.tasks.fragments import outsider, told
from harness_search.simulated.tasks.names import Draw, business_day_after, working_day_after
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

FAMILY = "instrument-abstract"
AREAS = tuple(ABSTRACT_AREAS)

_EXTRAS = ("plan draft", "plan neighbour", "draft neighbour", "draft", "neighbour")
_GRADES = ("high", "medium", "low")


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of an abstract in one of the AREAS."""
    words = dict(ABSTRACT_AREAS[area])
    grantor = draw.company(words["grantor_trade"])
    holder = draw.company(words["holder_trade"])
    words |= {
        "grantor_name": grantor.name, "holder_name": holder.name, "holder_short": holder.short,
        "near": outsider(draw, words["near_trade"]).short, "address": draw.address(),
        "currency": draw.currency, "partner": draw.person(), "associate": draw.person(),
        "signatory": draw.person(), "signatory2": draw.person(), "project": draw.project,
    }  # fmt: skip
    values = _values(draw)
    schedule = _schedule(draw, values, words["column"])
    values |= _sums(schedule, values["surcharge"], draw.currency)
    story = Story(words, values, CLAUSES | {key: words[key] for key in AREA_CLAUSES})
    extras = frozenset(draw.pick(_EXTRAS).split())
    missing = frozenset[str]() if "plan" in extras else PLAN_CLAUSES
    return Matter(
        title=story.say("Abstract of the {instrument}: {holder_name}"),
        work_type="analyze",
        slug_words=f"abstract-{holder.short.split()[0].lower()}",
        opening=story.say(
            "{partner} asks for an abstract in {project}: {holder_name} needs to know where it "
            "stands under the paper that it signed with {grantor_name} before it plans the next "
            "years."
        ),
        distractors="superseded drafts or papers of another client",
        main_deliverables=("abstract.docx", "instrument-abstract.docx", "summary-of-terms.docx"),
        second_deliverables=("key-dates.xlsx", "payments.xlsx", "follow-up.md"),
        points=tuple(story.point(template) for template in told(POINTS, missing)),
        documents=documents(draw, story, schedule, extras),
    )


def _values(draw: Draw) -> dict[str, Value]:
    law, city = draw.law()
    other_law, other_city = draw.law()
    risk, other_risk = (_GRADES[place] for place in draw.positions(len(_GRADES), 2))
    return _dates(draw) | {
        "pay": days_value(draw, 21, 60), "early_notice": days_value(draw, 90),
        "remedy": days_value(draw, 21, 85),
        "index": percent_value(draw, 2, 4), "default": percent_value(draw, 5, 11),
        "surcharge": percent_value(draw, 5, 11),
        "special_figure": percent_value(draw, 12, 19, 0.5),
        "special2_figure": percent_value(draw, 22, 45, 1),
        "security_sum": money_value(draw, 30_000, 200_000),
        "early_sum": money_value(draw, 20_000, 150_000),
        "contribution": money_value(draw, 15_000, 90_000),
        "cover": money_value(draw, 2_100_000, 9_500_000, 100_000),
        "guarantor": company_value(draw.company("Holding"), outsider(draw, "Holding")),
        "contact": Value("name", draw.person(), draw.person()),
        "action_owner": Value("name", draw.person(), draw.person()),
        "plan_owner": Value("name", draw.person(), draw.person()),
        "risk": Value("name", f"{risk} risk", f"{other_risk} risk"),
        "law": Value("name", law, other_law), "city": Value("name", city, other_city),
    }  # fmt: skip


def _dates(draw: Draw) -> dict[str, Value]:
    start = draw.date(datetime.date(2021, 1, 4), datetime.date(2022, 12, 19))
    end = draw.date(datetime.date(2029, 1, 8), datetime.date(2031, 12, 15))
    received = working_day_after(start, -draw.count(5, 20))
    noted = draw.date(received - datetime.timedelta(days=21), received - datetime.timedelta(days=2))
    other_start = draw.date(datetime.date(2020, 1, 6), datetime.date(2020, 12, 1))
    release, handover = draw.days(28, 120), draw.days(21, 60)
    return {
        "start": Value("date", start, other_start),
        "end": Value("date", end, draw.date(datetime.date(2027, 1, 4), datetime.date(2028, 1, 3))),
        "received": Value("date", received, noted),
        "early_date": date_value(draw, datetime.date(2026, 6, 1), datetime.date(2027, 12, 15)),
        "extend_by": date_value(draw, datetime.date(2028, 1, 10), datetime.date(2028, 12, 15)),
        "action_by": date_value(draw, datetime.date(2026, 1, 5), datetime.date(2026, 2, 27)),
        "plan_by": date_value(draw, datetime.date(2026, 3, 2), datetime.date(2026, 5, 29)),
        "written": Value("date", draw.date(datetime.date(2025, 10, 1), datetime.date(2025, 12, 5))),
        "release": Value("number", release, draw.days(28, 120), unit=" days"),
        "handover": Value("number", handover, draw.days(21, 70), unit=" business days"),
        "released": Value("date", end + datetime.timedelta(days=release)),
        "handed_over": Value("date", business_day_after(received, handover)),
    }  # fmt: skip


def _schedule(draw: Draw, values: dict[str, Value], column: str) -> Table:
    """The payment schedule; nothing states the total of its amounts."""
    first, last = (int(values[key].text().split()[-1]) for key in ("start", "end"))
    rows = []
    amount = draw.amount(36_000, 160_000, 400)
    for number, year in enumerate(range(first, last), start=1):
        instalment = Formula(f"=C{number + 1}/4", amount // 4)
        rows.append((f"P{number}", f"{year}/{year + 1}", amount, instalment))
        amount += draw.amount(400, 4_000, 400)
    return Table(("Period", "Contract year", column, "Per instalment"), tuple(rows), "Payments")


def _sums(schedule: Table, surcharge: Value, currency: str) -> dict[str, Value]:
    total = schedule.total(2)
    # Amounts are multiples of 400 and the percentage is one of 1/4, so that this is whole.
    extension_surcharge = total * round(float(surcharge.text()) * 4) // 400
    return {
        "total": Value("number", total, prefix=f"{currency} "),
        "extension_surcharge": Value("number", extension_surcharge, prefix=f"{currency} "),
    }
