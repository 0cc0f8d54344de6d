"""Family: the covenants of a financing extracted, and its compliance certificate tested."""

import datetime

from harness_search.simulated.tasks.covenant_areas import COVENANT_AREAS
from harness_search.simulated.tasks.covenant_papers import (
    AREA_CLAUSES,
    CLAUSES,
    Schedules,
    debt_table,
    documents,
    sales_table,
    tests_table,
)
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.papers import row_text
from harness_search.simulated.tasks.spec import Matter, Table
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
    period_values,
)

FAMILY = "covenant-extraction"
AREAS = tuple(COVENANT_AREAS)

_POINTS = (
    PointTemplate(
        "Parties",
        "name the {obligor} and the {agent} between which the {instrument} is made, and state its "
        "date.", ("parties",),
        (
            States("borrower", "the {obligor}", guarded=True),
            States("agent_name", "the {agent}", guarded=True),
            States("signed", "the date of the {instrument}", guarded=True),
        ),
    ),
    PointTemplate(
        "Definition of {measure}", 'state what "{measure}" means.', ("measure",),
        (States("formula", "the meaning of {measure}", (), True, "legal-rule use"),),
    ),
    PointTemplate(
        "Limits on additions",
        "state up to which percentage of {measure}, and up to which amount, the following may be "
        "added to it in any twelve months, {savings_asked}.", ("addback",),
        (
            States("addback", "the percentage limit on additions", (), True),
            States("addback_cap", "the limit on additions as an amount", (), True),
        ),
    ),
    PointTemplate(
        "{test1} level", "state the level that {test1} shall at least reach.", ("test1_clause",),
        (States("test1_level", "the required {test1}", (), True, "legal-rule use"),),
    ),
    PointTemplate(
        "{test2} after the amendment",
        "state the level, and no former one, to which {test2} is tightened for as long as the "
        "{junior_are} outstanding.", ("test2_amended",),
        (States("test2_level", "the tightened {test2}", (), True, "legal-rule use"),),
    ),
    PointTemplate(
        "Allowance for {outlay}",
        "state the sum, and no former one, at which the limit for {outlay} is reset.",
        ("outlay_amended",),
        (States("outlay_limit", "the limit for {outlay}", guarded=True),),
    ),
    PointTemplate(
        "Delivery of the {certificate}",
        "state within how many days after each {test_day} the {obligor} shall deliver the "
        "certificate signed by two directors.", ("reporting",),
        (States("reporting", "the days to deliver the {certificate}", ("{certificate}",), True),),
    ),
    PointTemplate(
        "{special}", "{special_asks}", ("special_clause",),
        (States("special_figure", "the percentage for: {special}", guarded=True),),
    ),
    PointTemplate(
        "{special2}", "{special2_asks}", ("special2_clause",),
        (States("special2_figure", "the percentage for: {special2}", guarded=True),),
    ),
    PointTemplate(
        "Cross default",
        "state the amount of other debt above which failure to pay is a cross default.", ("cross",),
        (States("cross", "the cross default threshold", ("cross default",), True,
                "legal-rule use"),),
    ),
    PointTemplate(
        "Default interest", "state the default interest per year that overdue sums bear.",
        ("default_interest",),
        (States("default_interest", "the default interest", ("interest",), True),),
    ),
    PointTemplate(
        "Majority for a waiver",
        "state the percentage of the principal above which {creditors} that consent in writing to "
        "a waiver bind everyone.", ("majority",),
        (States("majority", "the majority for a waiver", ("waiver",), True, "legal-rule use"),),
    ),
    PointTemplate(
        "Governing law",
        "state by the laws of which country the {instrument} is governed, and which courts have "
        "jurisdiction over disputes.", ("law",),
        (
            States("law", "the governing law", guarded=True),
            States("city", "the place of the courts", guarded=True),
        ),
    ),
    PointTemplate(
        "Effective date of the amendment",
        "state when the First Amendment becomes effective, once every paper has been confirmed.",
        ("effective",),
        (States("effective", "the effective date of the amendment", ("effective",), True),),
    ),
    PointTemplate(
        "Conditions and consent fee",
        "name who gives the legal opinion among the conditions, and state the flat consent fee.",
        ("opinion", "fee"),
        (
            States("counsel", "who gives the legal opinion", guarded=True, error_class="coverage"),
            States("fee", "the consent fee", ("consent fee",), True),
        ),
    ),
    PointTemplate(
        "{test1} as tested",
        "state the percentage at which {test1} was tested, and whether there is a shortfall.",
        ("tested",),
        (
            States("reported", "the tested {test1}", guarded=True),
            States("missed", "that the test was not met", error_class="materiality/impact"),
        ),
    ),
    PointTemplate(
        "Test date",
        "state the one date as at which the figures were tested, as corrected.", ("corrected",),
        (States("test_date", "the corrected test date", guarded=True),),
    ),
    PointTemplate(
        "Vote on the waiver",
        "state until when the {creditors} shall vote, and name who receives its messages at the "
        "agency desk.", ("vote",),
        (
            States("vote", "the last day of the vote", ("vote",), True),
            States("desk", "who collects the votes", guarded=True, error_class="coverage"),
        ),
    ),
)  # fmt: skip
_BOARD_POINTS = (
    PointTemplate(
        "Impact of the missed covenant",
        "state how the board rates the impact of the missed covenant on the group.", ("severity",),
        (States("severity", "the severity", guarded=True, error_class="materiality/impact"),),
    ),
    PointTemplate(
        "Remedy",
        "name who shall propose a remedy, and state the equity contribution.", ("remedy",),
        (
            States("owner", "who has to act", guarded=True, error_class="remedial action"),
            States("equity", "the equity contribution", ("equity",), True, "remedial action"),
        ),
    ),
    PointTemplate(
        "Next step", "state no later than when the application for the waiver reaches the {agent}.",
        ("waiver",),
        (States("waiver", "the day of the waiver application", (), True, "remedial action"),),
    ),
)  # fmt: skip
_COMPUTED_POINTS = (
    PointTemplate(
        "Total debt outstanding",
        'state the total of the "Outstanding" column in the debt schedule.', (),
        (States("outstanding", "the total of the debt outstanding"),),
        "The total of the debt outstanding in the debt schedule is {outstanding}.",
    ),
    PointTemplate(
        "Prepayment out of disposals",
        "compute the prepayment: apply the sweep percentage of the Net Disposal Proceeds of {sale} "
        'to the total of the "Net proceeds" column.', (),
        (States("prepayment", "the prepayment out of disposals"),),
        "The prepayment out of disposals is {prepayment}.",
    ),
    PointTemplate(
        "Headroom under the ceiling",
        'compute the headroom: subtract the total of the "Outstanding" column from the ceiling for '
        "Financial Indebtedness.", (),
        (States("headroom", "the headroom under the ceiling", guarded=True),),
        "The headroom under the ceiling for Financial Indebtedness is {headroom}.",
    ),
    PointTemplate(
        "Last day for a cure",
        "compute the last day for a cure: add the cure period for the breach of a financial "
        "covenant in calendar days to the date on which the breach of {test1} was notified.", (),
        (States("cured", "the last day for a cure", guarded=True),),
        "The cure period ends on {cured}.",
    ),
    PointTemplate(
        "Last day for an answer",
        "compute the last day for an answer: add the answer period of the {obligor} in business "
        "days to the date on which the request about {asked_about} went out.", (),
        (States("answered", "the last day for an answer", guarded=True),),
        "The answer to the request for information is due on {answered}.",
    ),
)  # fmt: skip


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a covenant extraction in one of the AREAS."""
    words = dict(COVENANT_AREAS[area])
    words |= {
        "partner": draw.person(), "associate": draw.person(), "signatory": draw.person(),
        "signatory2": draw.person(), "project": draw.project, "currency": draw.currency,
        "savings_asked": words["savings"][:1].lower() + words["savings"][1:],
    }  # fmt: skip
    borrower = draw.company(words["trade"])
    values = _values(draw, words)
    values["borrower"] = company_value(borrower, draw.company(words["other_trade"]))
    debts = debt_table(draw, words["debts"].split("|"))
    sales = sales_table(draw, words["sales"].split("|"))
    values |= _sums(draw, debts, sales) | _deadlines(draw)
    clauses = CLAUSES | {key: words[key] for key in AREA_CLAUSES}
    tests = tests_table(Story(words, values, clauses))
    story = Story(words, values, clauses | {"tested": row_text(tests.rows[0])})
    board = draw.chance(0.5)
    points = (*_POINTS, *(_BOARD_POINTS if board else ()), *_COMPUTED_POINTS)
    return Matter(
        title=f"Covenants and compliance: {borrower.name}",
        work_type="review",
        slug_words=f"covenants-{borrower.short.split()[0].lower()}",
        opening=story.say(
            f"{{partner}} advises a lender to {borrower.short} in {{project}} and needs the "
            "covenants extracted as they stand after the amendment, and the latest certificate "
            "tested against them."
        ),
        distractors="a certificate that another borrower signed"
        + ("" if board else ", and a superseded draft"),
        main_deliverables=("covenant-memo.docx", "compliance-review.docx", "lender-memo.docx"),
        second_deliverables=("covenant-schedule.xlsx", "compliance-dates.xlsx", "actions.md"),
        points=tuple(story.point(template) for template in points),
        documents=documents(draw, story, Schedules(tests, debts, sales), board=board),
    )


def _values(draw: Draw, words: dict[str, str]) -> dict[str, Value]:
    low, high = (int(bound) for bound in words["test1_range"].split())
    low2, high2 = (int(bound) for bound in words["test2_range"].split())
    law, city = draw.law()
    other_law, other_city = draw.law()
    severities = ["critical", "severe", "moderate"]
    severity = draw.pick(severities)
    severities.remove(severity)
    return {
        "signed": date_value(draw, datetime.date(2022, 1, 10), datetime.date(2023, 6, 30)),
        "effective": date_value(draw, datetime.date(2025, 4, 7), datetime.date(2025, 9, 26)),
        "test_date": date_value(draw, datetime.date(2025, 12, 1), datetime.date(2025, 12, 31)),
        "vote": date_value(draw, datetime.date(2026, 5, 18), datetime.date(2026, 6, 12)),
        "waiver": date_value(draw, datetime.date(2026, 5, 4), datetime.date(2026, 5, 15)),
        "reporting": days_value(draw, 24, 70),
        "accounts": days_value(draw, 90, 180),
        "commitment": money_value(draw, 24_000_000, 90_000_000, 250_000),
        "addback_cap": money_value(draw, 1_500_000, 7_500_000, 50_000),
        "outlay_limit": money_value(draw, 1_500_000, 9_500_000, 50_000),
        "cross": money_value(draw, 300_000, 1_250_000, 10_000),
        "equity": money_value(draw, 1_000_000, 6_000_000, 50_000),
        "addback": percent_value(draw, 8, 19, 0.5),
        "test1_level": percent_value(draw, low, high, 1),
        "reported": percent_value(draw, low - 24, low - 1, 0.5),
        "forecast": percent_value(draw, high + 1, high + 20, 0.5),
        "test2_level": percent_value(draw, low2, high2, 0.5),
        "special_figure": percent_value(draw, 2, 9), "special2_figure": percent_value(draw, 10, 20),
        "default_interest": percent_value(draw, 5, 12), "fee": percent_value(draw, 0.25, 1.75),
        "majority": percent_value(draw, 51, 79, 1),
        "formula": Value("name", words["formula"], words["formula_wrong"]),
        "agent_name": company_value(
            draw.company(words["agent_trade"]), draw.company(words["agent_trade"])
        ),
        "counsel": Value("name", draw.person(), draw.person()),
        "desk": Value("name", draw.person(), draw.person()),
        "owner": Value("name", draw.person(), draw.person()),
        "severity": Value("name", severity, draw.pick(severities)),
        "missed": Value("name", "Not met"),
        "law": Value("name", law, other_law), "city": Value("name", city, other_city),
    }  # fmt: skip


def _sums(draw: Draw, debts: Table, sales: Table) -> dict[str, Value]:
    """The ceiling and the sweep, and what follows from them and the totals of the tables."""
    prefix = f"{draw.currency} "
    outstanding, proceeds = debts.total(5), sales.total(5)
    ceilings = [draw.amount(7_500_000, 12_500_000, 50_000) for _ in range(2)]
    sweeps = [draw.percent(40, 90, 1) for _ in range(2)]
    rooms = [ceiling - outstanding for ceiling in ceilings]
    # Net proceeds are multiples of 2,000, so that a whole percentage of them has no cents.
    paid = [round(proceeds * sweep / 100) for sweep in sweeps]
    return {
        "ceiling": Value("number", ceilings[0], ceilings[1], prefix=prefix),
        "sweep": Value("percent", sweeps[0], sweeps[1]),
        "outstanding": Value("number", outstanding, prefix=prefix),
        "headroom": Value("number", rooms[0], rooms[1], prefix=prefix),
        "prepayment": Value("number", paid[0], paid[1], prefix=prefix),
    }


def _deadlines(draw: Draw) -> dict[str, Value]:
    """Two periods and the days from which they run, and the days on which they end."""
    cures = [draw.days(21, 45) for _ in range(2)]
    answers = [draw.count(6, 9), draw.count(11, 15)]
    # Early and narrow windows, so that no period ends on a day that a paper names.
    notified = [draw.date(datetime.date(2026, 2, 9), datetime.date(2026, 2, 20)) for _ in range(2)]
    asked = [draw.date(datetime.date(2026, 1, 5), datetime.date(2026, 1, 9)) for _ in range(2)]
    return {
        **period_values(("cure", "notified", "cured"), cures, notified, business=False),
        **period_values(("answer", "asked", "answered"), answers, asked, business=True),
    }
