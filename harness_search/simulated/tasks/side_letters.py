"""Family: the matrix of the special terms that letters beside an agreement promise."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from harness_search.simulated.tasks.names import Company, Draw, business_day_after
from harness_search.simulated.tasks.papers import row_text
from harness_search.simulated.tasks.side_letters_areas import SIDE_LETTER_AREAS
from harness_search.simulated.tasks.side_letters_papers import papers
from harness_search.simulated.tasks.side_letters_points import AREA_CLAUSES, CLAUSES, POINTS
from harness_search.simulated.tasks.spec import Formula, Matter, Table, plain
from harness_search.simulated.tasks.story import (
    Story,
    Value,
    date_value,
    days_value,
    money_value,
    percent_value,
)

FAMILY = "side-letters"
AREAS = tuple(SIDE_LETTER_AREAS)

_RATINGS = ("rated critical", "rated high", "rated moderate", "rated low")
_SIDED = ("excluded", "excuse", "consent", "cure")
"""The words of an area that have a wrong side beside the true one."""
_DOMICILES = ("Luxembourg", "Jersey", "Delaware", "Denmark", "Quebec", "Austria", "Spain", "Norway")
_UNIT = 10_000
_ASKED_ROW = 3


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """The inputs of what must be computed, before they are written into values.

    Their ranges keep the computed dates apart from each other and from every date of the papers.
    """

    closing: datetime.date
    election: int
    offered: datetime.date
    answer: int
    draw: int
    cap: int


def build(draw: Draw, area: str) -> Matter:
    """Draw the matter of a matrix of special terms in one of the AREAS."""
    words = dict(SIDE_LETTER_AREAS[area])
    vehicle = draw.company(words["trade"])
    first, second = draw.company(words["first_trade"]), draw.company(words["second_trade"])
    words |= _names(draw, vehicle, first, second)
    words |= {key: words[key].format_map(words) for key in words if key.endswith("_asks")}
    commitment = draw.amount(1_000_000, 9_000_000, _UNIT)
    corrected = Value(
        "number", commitment, draw.amount(1_000_000, 9_000_000, _UNIT), prefix=f"{draw.currency} "
    )
    words["subscribed"] = corrected.text(wrong=True)
    register = _register(draw, words, commitment)
    inputs = _inputs(draw, words["kind"], register)
    values = {
        **_values(draw, words), **_input_values(draw, inputs), **_row_values(register),
        **_computed(inputs, words["kind"], register.total(3), draw.currency),
        "commitment": corrected,
    }  # fmt: skip
    words["third"] = str(register.rows[_ASKED_ROW][1])
    clauses = {**CLAUSES, **{key: words[key] for key in AREA_CLAUSES}}
    clauses["row"] = row_text(register.rows[_ASKED_ROW])
    story = Story(words, values, clauses)
    with_notes = draw.chance(0.5)
    return Matter(
        title=story.say("{vehicle}: matrix of the {letter}s"),
        work_type="review",
        slug_words=f"letters-{vehicle.short.split()[0].lower()}",
        opening=story.say(
            "We advise on {project} and need the matrix of the special terms that bind {vehicle}: "
            "what the {letter}s promise beside the main agreement, who may elect the same and "
            "until when, and where the papers conflict."
        ),
        distractors=story.say("a {letter} of a neighbouring matter")
        + ("" if with_notes else story.say(" and a superseded draft of one of the {letter}s")),
        main_deliverables=("special-terms.docx", "terms-matrix.docx", "matrix-memo.docx"),
        second_deliverables=("terms-matrix.xlsx", "election-dates.xlsx", "open-points.md"),
        points=tuple(story.point(template) for template in POINTS),
        documents=papers(draw, story, register, with_notes=with_notes),
    )


def _names(draw: Draw, vehicle: Company, first: Company, second: Company) -> dict[str, str]:
    return {
        "vehicle": vehicle.short, "vehicle_name": vehicle.name,
        "first": first.short, "first_name": first.name,
        "second": second.short, "second_name": second.name,
        "currency": draw.currency, "project": draw.project,
        "writer": draw.person(), "reader": draw.person(), "sponsor_signer": draw.person(),
    }  # fmt: skip


def _register(draw: Draw, words: Mapping[str, str], commitment: int) -> Table:
    """Who holds how much; nothing states the total. It agrees with the corrected figure."""
    others = [
        f"{draw.person().split()[1]} {trade}" for trade in words["register_trades"].split("|")
    ]
    rows = []
    for number, holder in enumerate([words["first"], words["second"], *others], start=1):
        drawn = draw.amount(600_000, 6_500_000, _UNIT)
        amount = commitment if number == 1 else drawn
        units = Formula(f"=D{number + 1}/{_UNIT}", amount // _UNIT)
        rows.append((f"R-{number:02d}", holder, draw.pick(_DOMICILES), amount, units))
    header = ("Ref", words["role"], "Domicile", words["column"], "Units")
    return Table(header, tuple(rows), "Register")


def _row_values(register: Table) -> dict[str, Value]:
    _, _, domicile, amount, _ = register.rows[_ASKED_ROW]
    return {
        "third_domicile": Value("name", str(domicile)),
        "third_amount": Value("number", int(plain(amount))),
    }


def _inputs(draw: Draw, kind: str, register: Table) -> _Arithmetic:
    room = draw.amount(1_500_000, 9_500_000, _UNIT)
    return _Arithmetic(
        closing=draw.date(datetime.date(2025, 8, 18), datetime.date(2025, 9, 12)),
        election=draw.days(30, 60) if kind == "calendar" else draw.days(21, 36),
        offered=draw.date(datetime.date(2025, 11, 12), datetime.date(2025, 11, 21)),
        answer=draw.days(21, 40),
        draw=round(draw.percent(11, 20, 1)),
        cap=register.total(3) + room,
    )


def _input_values(draw: Draw, inputs: _Arithmetic) -> dict[str, Value]:
    """The inputs with the sides that the distractors tell."""
    prefix = f"{draw.currency} "
    other_cap = inputs.cap + draw.amount(1_000_000, 3_000_000, _UNIT)
    return {
        "closing": Value(
            "date", inputs.closing,
            draw.date(datetime.date(2025, 7, 28), datetime.date(2025, 8, 15)),
        ),
        "offered": Value(
            "date", inputs.offered,
            draw.date(datetime.date(2025, 7, 28), datetime.date(2025, 8, 15)),
        ),
        "election": Value("number", inputs.election, draw.days(21, 60), unit=" days"),
        "answer": Value("number", inputs.answer, draw.days(21, 40), unit=" days"),
        "draw": Value("percent", inputs.draw, draw.percent(11, 20, 1)),
        "cap": Value("number", inputs.cap, other_cap, prefix=prefix),
    }  # fmt: skip


def _values(draw: Draw, words: Mapping[str, str]) -> dict[str, Value]:
    severity, other_severity = (_RATINGS[place] for place in draw.positions(len(_RATINGS), 2))
    return {
        **{key: Value("name", words[key], words[f"{key}_wrong"]) for key in _SIDED},
        **{
            key: Value("name", draw.person(), draw.person())
            for key in ("signer", "key_person", "cure_owner")
        },
        "severity": Value("name", severity, other_severity),
        "rate": percent_value(draw, 1, 3, 0.05), "discount": percent_value(draw, 3.5, 10, 0.5),
        "co": percent_value(draw, 21, 45, 1),
        "report": days_value(draw, 45, 120), "transfer": days_value(draw, 45, 120),
        "key_days": days_value(draw, 60, 180),
        "threshold": money_value(draw, 500_000, 4_000_000, 50_000),
        "affected": money_value(draw, 21_000, 190_000, 250),
        "executed": Value(
            "date", draw.date(datetime.date(2025, 6, 2), datetime.date(2025, 6, 27))
        ),
        "effective": date_value(draw, datetime.date(2025, 6, 30), datetime.date(2025, 7, 25)),
        "cure_due": date_value(draw, datetime.date(2026, 2, 2), datetime.date(2026, 2, 27)),
        "next_date": date_value(draw, datetime.date(2026, 3, 2), datetime.date(2026, 3, 27)),
    }  # fmt: skip


def _computed(inputs: _Arithmetic, kind: str, total: int, currency: str) -> dict[str, Value]:
    """What follows from the papers and stands in none of them."""
    prefix = f"{currency} "
    elected_by = (
        inputs.closing + datetime.timedelta(days=inputs.election)
        if kind == "calendar"
        else business_day_after(inputs.closing, inputs.election)
    )
    return {
        "total": Value("number", total, prefix=prefix),
        "elected_by": Value("date", elected_by),
        "answered_by": Value("date", business_day_after(inputs.offered, inputs.answer)),
        "drawn": Value("number", total * inputs.draw // 100, prefix=prefix),
        "headroom": Value("number", inputs.cap - total, prefix=prefix),
    }
