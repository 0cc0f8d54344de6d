"""Family: a strategy memo on the filing with the authority that must clear a deal."""

import datetime
from dataclasses import dataclass

from harness_search.simulated.tasks.filing_areas import FILING_AREAS
from harness_search.simulated.tasks.filing_papers import documents
from harness_search.simulated.tasks.filing_points import (
    AREA_CLAUSES,
    CLAUSES,
    DECK_CLAUSES,
    POINTS,
)
from harness_search.simulated.tasks.fragments import outsider, told
from harness_search.simulated.tasks.names import Company, Draw, business_day_after
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

FAMILY = "filing-strategy"
AREAS = tuple(FILING_AREAS)

_EXTRAS = ("deck draft", "deck neighbour", "draft neighbour", "neighbour")
_GRADES = ("critical", "grave", "moderate", "slight")
_RISKS = ("substantial", "manageable", "remote", "acute")
_HOT_KINDS = (
    ("board deck", "e-mail to the sales force"), ("strategy paper", "chat among the owners"),
    ("deal model comment", "memo to the lenders"),
)  # fmt: skip
_COSTS = (
    "Economic experts", "Document platform", "Certified translation", "Local counsel",
    "Printing and couriers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tables:
    """The sheets of the workbook of figures whose rows points ask about."""

    market: Table
    hot: Table
    costs: Table


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a filing strategy memo in one of the AREAS."""
    words = dict(FILING_AREAS[area])
    target, buyer = draw.company(words["trade"]), draw.company(words["buyer_trade"])
    near = outsider(draw, words["near_trade"])
    near_buyer = outsider(draw, words["near_buyer_trade"])
    first_kind, second_kind = _HOT_KINDS[draw.count(0, len(_HOT_KINDS) - 1)]
    words["deal"] = words["deal"].format(target=target.name, buyer=buyer.name)
    words |= {
        "target": target.name, "target_short": target.short, "buyer_short": buyer.short,
        "near": near.short, "near_buyer": near_buyer.short, "project": draw.project,
        "partner": draw.person(), "associate": draw.person(), "signatory": draw.person(),
        "signatory2": draw.person(), "h1_kind": first_kind, "h2_kind": second_kind,
    }  # fmt: skip
    values = _values(draw, words)
    values["buyer"] = company_value(buyer, near_buyer)
    tables = _tables(draw, words, values, (target, buyer))
    clauses = CLAUSES | {key: words[key] for key in AREA_CLAUSES}
    clauses |= {
        "first_row": row_text(tables.hot.rows[0]), "second_row": row_text(tables.hot.rows[1])
    }  # fmt: skip
    story = Story(words, values, clauses)
    extras = frozenset(draw.pick(_EXTRAS).split())
    missing = frozenset[str]() if "deck" in extras else DECK_CLAUSES
    return Matter(
        title=story.say("Filing strategy for {project}: {target}"),
        work_type="draft",
        slug_words=f"filing-{target.short.split()[0].lower()}",
        opening=story.say(
            "{partner} wants a strategy memo on the {filing} in {project}, {deal}. Use the papers "
            "that the deal team has collected so far."
        ),
        distractors="a superseded memo or the papers of a neighbouring deal",
        main_deliverables=("filing-memo.docx", "filing-strategy.docx", "clearance-memo.docx"),
        second_deliverables=("filing-calendar.xlsx", "figures.xlsx", "next-steps.md"),
        points=tuple(story.point(template) for template in told(POINTS, missing)),
        documents=documents(draw, story, (tables.market, tables.hot, tables.costs), extras),
    )


def _values(draw: Draw, words: dict[str, str]) -> dict[str, Value]:
    values = _facts(draw) | _hot_values(draw, words["phrases"].split("|"))
    values |= _rule_values(draw, points=words["measure"] == "points")
    signing = draw.date(datetime.date(2026, 1, 5), datetime.date(2026, 2, 27))
    submission = draw.date(datetime.date(2026, 4, 1), datetime.date(2026, 5, 29))
    file_within, waiting = draw.days(21, 45), draw.days(24, 75)
    longer = datetime.timedelta(days=waiting)
    return values | {
        "signing": Value("date", signing, _earlier(draw, signing)),
        "submission": Value("date", submission, _earlier(draw, submission)),
        "file_within": Value("number", file_within, draw.days(21, 60), unit=" business days"),
        "waiting": Value("number", waiting, draw.days(24, 90), unit=" calendar days"),
        "deadline": Value("date", business_day_after(signing, file_within)),
        "waiting_end": Value("date", submission + longer),
    }


def _facts(draw: Draw) -> dict[str, Value]:
    risk, other_risk = _two_of(draw, _RISKS)
    return {
        "longstop": date_value(draw, datetime.date(2026, 11, 2), datetime.date(2027, 3, 31)),
        "action_by": date_value(draw, datetime.date(2026, 3, 2), datetime.date(2026, 3, 31)),
        "paper_by": date_value(draw, datetime.date(2026, 6, 1), datetime.date(2026, 7, 31)),
        "extension": days_value(draw, 56), "second_wait": days_value(draw, 21, 60),
        "cap_share": percent_value(draw, 4, 19), "fee_share": percent_value(draw, 51, 79, 1),
        "special_figure": percent_value(draw, 4, 19),
        "size": money_value(draw, 90_000_000, 180_000_000, 500_000),
        "reverse": money_value(draw, 6_000_000, 20_000_000, 50_000),
        "fee": money_value(draw, 30_000, 390_000, 1_000),
        "fine": money_value(draw, 8_000, 29_500),
        "budget": money_value(draw, 420_000, 900_000, 5_000),
        "action_owner": Value("name", draw.person(), draw.person()),
        "remedy_owner": Value("name", draw.person(), draw.person()),
        "paper_author": Value("name", draw.person(), draw.person()),
        "remedy_buyer": company_value(draw.company("Partners"), outsider(draw, "Partners")),
        "risk": Value("name", risk, other_risk),
    }  # fmt: skip


def _hot_values(draw: Draw, phrases: list[str]) -> dict[str, Value]:
    turned = draw.count(0, len(phrases) - 1)
    first, second, third, wrong, wrong2, wrong3 = [*phrases[turned:], *phrases[:turned]]
    grades = [_GRADES[place] for place in draw.positions(len(_GRADES), 2)]
    others = [grade for grade in _GRADES if grade not in grades]
    return {
        "h1_phrase": Value("name", first, wrong), "h2_phrase": Value("name", second, wrong2),
        "h3_phrase": Value("name", third, wrong3),
        "h1_author": Value("name", draw.person(), draw.person()),
        "h3_author": Value("name", draw.person(), draw.person()),
        "h1_grade": Value("name", grades[0], others[0]),
        "h2_grade": Value("name", grades[1], others[1]),
    }  # fmt: skip


def _rule_values(draw: Draw, *, points: bool) -> dict[str, Value]:
    """The limits of the rule; those of a concentration test are the same in every matter."""
    if points:
        return {"limit": Value("number", 1_800, 2_500), "limit2": Value("number", 200, 250)}
    level, limit = draw.percent(46, 69, 1), draw.percent(21, 30, 1)
    return {
        "limit": Value("percent", limit, draw.percent(31, 44, 1)),
        "limit2": Value("percent", draw.percent(4, 9), draw.percent(10, 13)),
        "level": Value("percent", level, draw.percent(31, 44, 1)),
        "change": Value("percent", draw.percent(14, 20, 0.5), draw.percent(14, 20, 0.5)),
    }


def _tables(
    draw: Draw, words: dict[str, str], values: dict[str, Value], parties: tuple[Company, Company]
) -> Tables:
    """The tables, and in `values` what follows from them; nothing states their totals."""
    market = _market(draw, words, values, parties)
    costs = Table(
        ("Item", "Estimated cost", "Ordered by"),
        tuple((item, draw.amount(6_000, 72_000, 250), "deal team") for item in _COSTS),
        "Costs",
    )
    prefix, total = f"{draw.currency} ", market.total(1)
    # Every figure is a multiple of 400 and the percentage one of 1/4, so that this is whole.
    ceiling = total * round(float(values["cap_share"].text()) * 4) // 400
    left = int(values["budget"].text().removeprefix(prefix).replace(",", "")) - costs.total(1)
    values["total"] = Value("number", total)
    values["ceiling"] = Value("number", ceiling)
    values["budget_left"] = Value("number", left, prefix=prefix)
    return Tables(market, _hot_table(draw, words, values), costs)


def _market(
    draw: Draw, words: dict[str, str], values: dict[str, Value], parties: tuple[Company, Company]
) -> Table:
    names = [party.short for party in parties]
    names += [f"{draw.person().split()[1]} {words['market'].title().split()[-1]}" for _ in range(4)]
    shares = _shares(draw)
    if words["measure"] == "points":
        _add_concentration(draw, shares, values)
        unit = draw.amount(41_200, 97_600, 400)
        figures = [share * unit for share in shares]
    else:
        figures = [draw.amount(120_000, 2_400_000, 400) for _ in names]
    last = len(names) + 1
    rows = tuple(
        (
            name, figure,
            Formula(
                f"=ROUND(B{row}/SUM(B$2:B${last})*100,1)", round(figure / sum(figures) * 100, 1)
            ),
            _basis(draw),
        )
        for row, (name, figure) in enumerate(zip(names, figures, strict=True), start=2)
    )  # fmt: skip
    return Table((words["player"], words["column"], "Part in %", "Basis"), rows, words["sheet"])


def _basis(draw: Draw) -> str:
    return draw.pick(("reported", "management estimate", "registry extract"))


def _shares(draw: Draw) -> list[int]:
    """Six whole percentages that add up to 100; the two parties come first and are large."""
    parties = [draw.count(22, 29), draw.count(13, 19)]
    rest = 100 - sum(parties)
    small = [draw.count(6, 9), draw.count(10, 13), draw.count(11, 14)]
    return [*parties, rest - sum(small), *small]


def _add_concentration(draw: Draw, shares: list[int], values: dict[str, Value]) -> None:
    first, second, *others = shares
    level = (first + second) ** 2 + sum(share**2 for share in others)
    values["level"] = Value("number", level, level - draw.amount(151, 389, 1))
    change = 2 * first * second
    values["change"] = Value("number", change, change - draw.amount(51, 149, 1))


def _hot_table(draw: Draw, words: dict[str, str], values: dict[str, Value]) -> Table:
    def row(number: int, kind: str, author: str) -> tuple[str, ...]:
        key = f"h{number}"
        dated = str(draw.date(datetime.date(2025, 3, 3), datetime.date(2025, 10, 31)))
        phrase, grade = values[f"{key}_phrase"].text(), values[f"{key}_grade"].text()
        return (f"H-{number}", kind, author, dated, f'"{phrase}"', grade)

    rows = (
        row(1, words["h1_kind"], values["h1_author"].text()),
        row(2, words["h2_kind"], draw.person()),
    )
    return Table(("Ref", "Kind", "Custodian", "Created", "Words", "Rating"), rows, "Hot documents")


def _two_of(draw: Draw, options: tuple[str, ...]) -> tuple[str, str]:
    first = draw.pick(options)
    return first, draw.pick([option for option in options if option != first])


def _earlier(draw: Draw, date: datetime.date) -> datetime.date:
    return draw.date(date - datetime.timedelta(days=14), date - datetime.timedelta(days=2))
