"""The facts of one matter, told in sentences, and turned into points and criteria.

Every family is written as templates with slots in braces. A slot is a word of the practice area,
a name, or a `Value`, which has two sides: what the executed papers of the matter say, and what a
superseded draft or a paper of another matter says instead.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness_search.simulated.tasks.names import Company, Draw, business_day_after, long_date
from harness_search.simulated.tasks.spec import CriterionSpec, ErrorClass, PointSpec


@dataclass(frozen=True, slots=True)
class Value:
    """One fact of a matter: its true side and, if a distractor tells it otherwise, the wrong one.

    The sides are written texts; `kind` says how a check looks for them: `number` and `percent`
    in figures, `date` in any form, `name` in the accepted `forms`.
    """

    kind: Literal["number", "percent", "date", "name"]
    true: str | float | datetime.date
    wrong: str | float | datetime.date | None = None
    forms: tuple[str, ...] = ()
    prefix: str = ""
    unit: str = ""

    def text(self, *, wrong: bool = False) -> str:
        """One side as the documents write it."""
        side = self.wrong if wrong and self.wrong is not None else self.true
        if isinstance(side, datetime.date):
            return long_date(side)
        return side if isinstance(side, str) else f"{self.prefix}{side:,.10g}"

    def described(self, *, wrong: bool = False) -> str:
        """One side with its unit, as a rubric writes it."""
        return f"{self.text(wrong=wrong)}{'%' if self.kind == 'percent' else self.unit}"

    def check(self, near: tuple[str, ...], *, wrong: bool = False) -> dict[str, Any]:
        """The check that looks for one side."""
        side = self.wrong if wrong else self.true
        if isinstance(side, datetime.date):
            return {"kind": "date", "date": side.isoformat(), **({"near": [*near]} if near else {})}
        if isinstance(side, int | float):
            unit = {"unit": "%"} if self.kind == "percent" else {}
            return {
                "kind": "number", "value": side, "tolerance": 0.001, "near": [*near], **unit
            }  # fmt: skip
        return {"kind": "fact", "forms": [*(self.forms if not wrong else ()), side]}


@dataclass(frozen=True, slots=True)
class States:
    """A criterion to be: the deliverable must state a value, as the subject says.

    With `guarded`, giving the wrong side of the value anywhere near fails it.
    """

    value: str
    subject: str
    near: tuple[str, ...] = ()
    guarded: bool = False
    error_class: ErrorClass | None = None
    """Without one it follows from the kind of the value."""


@dataclass(frozen=True, slots=True)
class PointTemplate:
    """A point to be: heading and request with slots, the clauses that answer it, its criteria."""

    heading: str
    request: str
    clauses: tuple[str, ...]
    states: tuple[States, ...]
    computed: str = ""


@dataclass(frozen=True)
class Story:
    """The words and values of one matter, and the clauses in which its papers tell them."""

    words: Mapping[str, str]
    values: Mapping[str, Value]
    clauses: Mapping[str, str]

    def say(self, template: str, *, wrong: bool = False) -> str:
        """Fill the slots of a template with the true or the wrong sides."""
        sides = {key: value.text(wrong=wrong) for key, value in self.values.items()}
        return template.format_map({**self.words, **sides})

    def clause(self, key: str, *, wrong: bool = False) -> str:
        """One clause as a document has it."""
        return self.say(self.clauses[key], wrong=wrong)

    def point(self, template: PointTemplate) -> PointSpec:
        """Turn a template into a point with its sources and criteria."""
        return PointSpec(
            heading=self.say(template.heading),
            request=self.say(template.request),
            criteria=tuple(
                self._criterion(states, computed=bool(template.computed))
                for states in template.states
            ),
            sources=tuple(self.clause(key) for key in template.clauses),
            computed=self.say(template.computed),
        )

    def _criterion(self, states: States, *, computed: bool) -> CriterionSpec:
        value, subject = self.values[states.value], self.say(states.subject)
        near = tuple(self.say(phrase) for phrase in states.near)
        check = value.check(near)
        fails = "it is missing or given otherwise"
        if states.guarded and value.wrong is not None:
            refused = value.check(near, wrong=True)
            check = {"kind": "all", "of": [check, {"kind": "not", "of": refused}]}
            wrong = value.described(wrong=True)
            fails = f"it is missing, or {wrong} is given, from a draft or from another matter"
        passes = f"the deliverable states {subject}: {value.described()}"
        error_class = states.error_class or _error_class(value, computed=computed)
        return CriterionSpec(f"States {subject}", passes, fails, check, error_class)


def _error_class(value: Value, *, computed: bool) -> ErrorClass:
    if computed:
        return "cross-doc synthesis"
    return "missing facts/entities" if value.kind == "name" else "numbers/dates"


def period_values(
    keys: tuple[str, str, str],
    periods: Sequence[int],
    starts: Sequence[datetime.date],
    *,
    business: bool,
) -> dict[str, Value]:
    """A period in days, the day from which it runs and the day on which it ends, two sides each.

    The wrong end is the likely mistake: the right period, counted from another matter's date.
    """
    period, start, end = keys
    ends = [
        business_day_after(date, periods[0]) if business
        else date + datetime.timedelta(days=periods[0])
        for date in starts
    ]  # fmt: skip
    unit = " business days" if business else " days"
    return {
        period: Value("number", periods[0], periods[1], unit=unit),
        start: Value("date", starts[0], starts[1]),
        end: Value("date", ends[0], ends[1]),
    }


def company_value(company: Company, wrong: Company | None = None) -> Value:
    """A company as a value: its short name is an accepted form."""
    return Value("name", company.name, wrong.name if wrong else None, (company.short,))


def days_value(draw: Draw, low: int = 21, high: int = 180) -> Value:
    """A period in days with two sides."""
    return Value("number", draw.days(low, high), draw.days(low, high), unit=" days")


def percent_value(draw: Draw, low: float, high: float, step: float = 0.25) -> Value:
    """A percentage with two sides."""
    return Value("percent", draw.percent(low, high, step), draw.percent(low, high, step))


def money_value(draw: Draw, low: int, high: int, step: int = 500) -> Value:
    """A sum in the matter's currency with two sides."""
    prefix = f"{draw.currency} "
    return Value(
        "number", draw.amount(low, high, step), draw.amount(low, high, step), prefix=prefix
    )


def date_value(draw: Draw, first: datetime.date, last: datetime.date) -> Value:
    """A working day between two dates with two sides."""
    return Value("date", draw.date(first, last), draw.date(first, last))
