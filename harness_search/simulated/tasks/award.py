"""Family: a decision compared with what was claimed and with what the experts found."""

import datetime

from harness_search.simulated.tasks.award_areas import AWARD_AREAS
from harness_search.simulated.tasks.award_papers import (
    AREA_CLAUSES,
    CLAUSES,
    Workbook,
    costs_table,
    documents,
    heads_table,
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
    money_value,
    percent_value,
    period_values,
)

FAMILY = "award-comparison"
AREAS = tuple(AWARD_AREAS)

_POINTS = (
    PointTemplate(
        "Parties", "name the {claimant} and the {respondent} in these proceedings.", ("parties",),
        (
            States("claimant_name", "the {claimant}", guarded=True),
            States("respondent_name", "the {respondent}", guarded=True),
        ),
    ),
    PointTemplate(
        "Members of the {panel}",
        "name the {chair} and the two {member} of which the {panel} consisted.", ("members",),
        (
            States("chair_name", "the {chair}", guarded=True),
            States("first_member", "the first of the {member}", guarded=True),
            States("second_member", "the second of the {member}", guarded=True),
        ),
    ),
    PointTemplate(
        "Governing law and seat",
        "state by the laws of which country the {instrument} is governed, and the {seat}.",
        ("law",),
        (
            States("law", "the governing law", guarded=True, error_class="legal-rule use"),
            States("city", "the {seat}", guarded=True),
        ),
    ),
    PointTemplate(
        "Breach found", "state when, as the {panel} finds, the {respondent} {breach_asked}.",
        ("breach",), (States("breached", "the date of the breach", guarded=True),),
    ),
    PointTemplate(
        "Rule of law applied", "state the rule of law that the {panel} holds to apply.", ("rule",),
        (States("rule_held", "the rule applied", guarded=True, error_class="legal-rule use"),),
    ),
    PointTemplate(
        "Limitation defence",
        "state until when the limitation period of the claim, pleaded to be time-barred, ran.",
        ("defence",),
        (States("limitation", "the end of the limitation period", ("limitation",), True,
                "legal-rule use"),),
    ),
    PointTemplate(
        "Mitigation", "state by how much lost profits are reduced for failure to mitigate.",
        ("mitigation",),
        (States("reduction", "the reduction for failure to mitigate", guarded=True),),
    ),
    PointTemplate(
        "Counterclaim", "state the amount of the counterclaim that is dismissed for want of proof.",
        ("counterclaim",),
        (States("counterclaim", "the counterclaim", ("counterclaim",), True, "coverage"),),
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
        "Interest awarded",
        "state the simple interest per year that is awarded on every sum.", ("interest",),
        (States("interest", "the interest awarded", ("interest",), True),),
    ),
    PointTemplate(
        "Start of interest",
        "state the one day on which interest for {claimant_name} starts after any correction, and "
        "no earlier or later one.",
        ("corrected",), (States("interest_from", "the corrected start of interest", guarded=True),),
    ),
    PointTemplate(
        "Interest claimed",
        "state at which rate per year compound rather than simple interest was asked for.",
        ("interest_claimed",),
        (States("interest_claimed", "the interest claimed", ("interest",), True),),
    ),
    PointTemplate(
        "Filing of the claim",
        "state when the {pleading} was filed, and by which counsel for the {claimant}.", ("filed",),
        (
            States("filed", "the date of the filing", guarded=True),
            States("counsel", "counsel for the {claimant}", guarded=True),
        ),
    ),
    PointTemplate(
        "Own expert",
        "name the expert of the {claimant}'s own side who discounts future earnings, and state the "
        "rate.", ("expert",),
        (
            States("claim_expert", "the {claimant}'s expert", guarded=True),
            States("claim_rate", "the discount rate of the {claimant}'s expert", guarded=True),
        ),
    ),
    PointTemplate(
        "{head} head",
        "give every sum that line {head_ref} of the quantum workbook, {head} head, sets out.",
        ("head_row",),
        (
            States("head_claimed", "the sum claimed for {head}"),
            States("head_rival", "the opposing expert's figure for {head}"),
            States("head_awarded", "the sum awarded for {head}"),
        ),
    ),
    PointTemplate(
        "Refund of the deposit", "state how much of the deposit will be refunded.", ("refund",),
        (States("refund", "the refund of the deposit", ("refund", "refunded", "deposit"), True),),
    ),
    PointTemplate(
        "Certified copies",
        "name the deputy {registrar} from whom certified copies are ordered.", ("contact",),
        (States("contact", "who gives certified copies", guarded=True, error_class="coverage"),),
    ),
)  # fmt: skip
_DEBRIEF_POINTS = (
    PointTemplate(
        "Opposing expert",
        "name the expert for the {respondent}, and state the value of the estimated losses and the "
        "valuation date.", ("rival",),
        (
            States("rival_expert", "the {respondent}'s expert", guarded=True),
            States("rival_sum", "the {respondent}'s expert's figure for them", (), True),
            States("valued", "the valuation date of the {respondent}'s expert", (), True),
        ),
    ),
    PointTemplate(
        "Exposure", "state how the client's board has rated the risk of being overturned.",
        ("impact",),
        (States("risk", "the rating of the risk", guarded=True, error_class="materiality/impact"),),
    ),
    PointTemplate(
        "Enforcement", "name who shall attach {asset}, and state no later than when.", ("action",),
        (
            States("owner", "who has to act", guarded=True, error_class="remedial action"),
            States("attach", "the day of the next step", (), True, "remedial action"),
        ),
    ),
)  # fmt: skip
_COMPUTED_POINTS = (
    PointTemplate(
        "Total awarded",
        'state the total of the "Awarded" column in the heads of damage.', (),
        (States("awarded", "the total awarded"),),
        "The total awarded under all heads of damage is {awarded}.",
    ),
    PointTemplate(
        "Costs to be reimbursed",
        "compute the reimbursement: apply the cost share that the {respondent} bears to the total "
        'of the "Incurred" column.', (),
        (States("reimbursed", "the costs to be reimbursed", guarded=True),),
        "The costs to be reimbursed are {reimbursed}.",
    ),
    PointTemplate(
        "Shortfall against the claim",
        'compute the shortfall: subtract the total of the "Awarded" column from the principal sum '
        "that the {claimant} seeks.", (),
        (States("shortfall", "the shortfall against the claim", guarded=True),),
        "The shortfall against the principal sum is {shortfall}.",
    ),
    PointTemplate(
        "Last day for the {challenge}",
        "compute the last day: add the challenge period for the {challenge} in calendar days to "
        "the date on which the {decision} was notified to counsel.", (),
        (States("challenged", "the last day for the {challenge}", guarded=True),),
        "The challenge period ends on {challenged}.",
    ),
    PointTemplate(
        "Due date of payment",
        "compute the due date: add the payment period for the sums awarded in business days to the "
        "date on which the payment order itself was served on the parties.", (),
        (States("due", "the due date of payment", guarded=True),),
        "The sums awarded fall due on {due}.",
    ),
)  # fmt: skip


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of an award comparison in one of the AREAS."""
    words = dict(AWARD_AREAS[area])
    words |= {
        "partner": draw.person(), "associate": draw.person(), "clerk": draw.person(),
        "project": draw.project, "currency": draw.currency,
    }  # fmt: skip
    claimant = draw.company(words["trade"])
    heads = heads_table(draw, words["heads"].split("|"))
    costs = costs_table(draw)
    values = _values(draw, words) | _sums(draw, heads, costs) | _deadlines(draw)
    values["claimant_name"] = company_value(claimant, draw.company(words["other_trade"]))
    row = heads.rows[draw.count(0, len(heads.rows) - 1)]
    words |= {"head_ref": str(row[0]), "head": str(row[1]).removesuffix(" head")}
    for key, place in (("head_claimed", 2), ("head_rival", 4), ("head_awarded", 5)):
        values[key] = Value("number", int(str(row[place])), prefix=f"{draw.currency} ")
    clauses = CLAUSES | {key: words[key] for key in AREA_CLAUSES}
    clauses |= {"head_row": row_text(row)}
    clauses["breach"] = clauses["breach"].replace("{breach}", words["breach"])
    story = Story(words, values, clauses)
    expert = draw.chance(0.5)
    points = (*_POINTS, *(_DEBRIEF_POINTS if expert else ()), *_COMPUTED_POINTS)
    return Matter(
        title=f"{words['decision']} and claim compared: {claimant.name}",
        work_type="analyze",
        slug_words=f"award-{claimant.short.split()[0].lower()}",
        opening=story.say(
            f"{{partner}} acts for {claimant.short} in {{project}} and needs the decision compared "
            "with what was claimed and with what the experts found, and the periods that now run."
        ),
        distractors="a decision between other parties"
        + ("" if expert else ", and a superseded draft"),
        main_deliverables=("award-memo.docx", "decision-summary.docx", "comparison-memo.docx"),
        second_deliverables=("award-comparison.xlsx", "post-award-dates.xlsx", "next-steps.md"),
        points=tuple(story.point(template) for template in points),
        documents=documents(draw, story, Workbook(heads, costs), expert=expert),
    )


def _values(draw: Draw, words: dict[str, str]) -> dict[str, Value]:
    law, city = draw.law()
    other_law, other_city = draw.law()
    risk = draw.pick(("slight", "considerable"))
    other_risk = "slight" if risk == "considerable" else "considerable"
    people = (
        "chair_name", "first_member", "second_member", "counsel", "claim_expert", "rival_expert",
        "contact", "owner",
    )  # fmt: skip
    named = {key: Value("name", draw.person(), draw.person()) for key in people}
    return named | {
        "respondent_name": company_value(
            draw.company(words["opposing_trade"]), draw.company(words["opposing_trade"])
        ),
        "law": Value("name", law, other_law), "city": Value("name", city, other_city),
        "rule_held": Value("name", words["rule"], words["rule_wrong"]),
        "risk": Value("name", risk, other_risk), "weight": Value("name", "little", "full"),
        "breached": date_value(draw, datetime.date(2022, 2, 7), datetime.date(2022, 11, 25)),
        "filed": date_value(draw, datetime.date(2023, 5, 8), datetime.date(2023, 12, 15)),
        "hearing": date_value(draw, datetime.date(2025, 3, 3), datetime.date(2025, 7, 18)),
        "valued": date_value(draw, datetime.date(2024, 9, 2), datetime.date(2024, 12, 20)),
        "limitation": date_value(draw, datetime.date(2026, 9, 7), datetime.date(2027, 5, 28)),
        "decided": date_value(draw, datetime.date(2025, 11, 3), datetime.date(2025, 12, 19)),
        "interest_from": date_value(draw, datetime.date(2023, 1, 9), datetime.date(2023, 4, 28)),
        "attach": date_value(draw, datetime.date(2026, 6, 8), datetime.date(2026, 7, 24)),
        "reduction": percent_value(draw, 12, 35, 0.5),
        "interest": percent_value(draw, 3, 6), "interest_claimed": percent_value(draw, 7, 11),
        "claim_rate": percent_value(draw, 6.25, 12.25), "special_figure": _figure(draw),
        "special2_figure": _figure(draw),
        "counterclaim": money_value(draw, 960_000, 1_900_000),
        "refund": money_value(draw, 8_000, 21_500),
        "rival_sum": money_value(draw, 2_000_000, 2_900_000, 10_000),
    }  # fmt: skip


def _figure(draw: Draw) -> Value:
    return percent_value(draw, 14, 64, 0.5)


def _sums(draw: Draw, heads: Table, costs: Table) -> dict[str, Value]:
    """The principal sum and the cost share, and what follows from them and from the tables."""
    prefix = f"{draw.currency} "
    awarded, incurred = heads.total(5), costs.total(3)
    principals = [draw.amount(5_600_000, 8_800_000, 10_000) for _ in range(2)]
    gaps = [principal - awarded for principal in principals]
    shares = [draw.percent(66, 95, 1) for _ in range(2)]
    # Costs are multiples of 2,000, so that a whole percentage of them has no cents.
    reimbursed = [round(incurred * share / 100) for share in shares]
    return {
        "principal": Value("number", principals[0], principals[1], prefix=prefix),
        "cost_share": Value("percent", shares[0], shares[1]),
        "awarded": Value("number", awarded, prefix=prefix),
        "shortfall": Value("number", gaps[0], gaps[1], prefix=prefix),
        "reimbursed": Value("number", reimbursed[0], reimbursed[1], prefix=prefix),
    }


def _deadlines(draw: Draw) -> dict[str, Value]:
    """Two periods and the days from which they run, and the days on which they end."""
    challenges = [draw.days(28, 60) for _ in range(2)]
    payments = [draw.count(6, 9), draw.count(11, 15)]
    # Early and narrow windows, so that no period ends on a day that a paper names.
    notified = [draw.date(datetime.date(2026, 2, 2), datetime.date(2026, 2, 13)) for _ in range(2)]
    served = [draw.date(datetime.date(2026, 1, 12), datetime.date(2026, 1, 16)) for _ in range(2)]
    return {
        **period_values(
            ("challenge_days", "notified", "challenged"), challenges, notified, business=False
        ),
        **period_values(("pay_days", "served", "due"), payments, served, business=True),
    }
