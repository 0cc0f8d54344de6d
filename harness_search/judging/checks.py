"""The declarative checks by which the deterministic judge grades a criterion.

A criterion's `check` is a JSON object with a `kind`:

```
{"kind": "fact", "forms": ["Halden Components Ltd", "Halden Components"]}
{"kind": "number", "value": 1250000, "tolerance": 0.5, "near": ["annual fee"], "unit": "%"}
{"kind": "date", "date": "2026-03-31", "near": ["expires"]}
{"kind": "section", "titles": ["Change of control"]}
{"kind": "all", "of": [...]}   {"kind": "any", "of": [...]}   {"kind": "not", "of": {...}}
```
"""

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness_search.errors import invalid
from harness_search.judging.reading import (
    Number,
    Passage,
    contains,
    dates_in,
    normalise,
    numbers_in,
    read_passages,
    title_of,
)


def _not_blank(phrase: str) -> str:
    if not normalise(phrase):
        raise ValueError("a phrase with at least one letter or digit")
    return phrase


Phrase = Annotated[str, AfterValidator(_not_blank)]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1)]


class _CheckModel(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True, frozen=True, strict=True)


class FactCheck(_CheckModel):
    """Passes when any accepted form of a fact appears, on word boundaries, in any case."""

    kind: Literal["fact"]
    forms: Phrases


class NumberCheck(_CheckModel):
    """Passes when a number within `tolerance` (absolute) appears.

    With `near`, one of its phrases must stand in the same line or paragraph or in the heading
    above it. With unit "%", only a percentage counts; without, every number does.
    """

    kind: Literal["number"]
    value: float = Field(allow_inf_nan=False)
    tolerance: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    near: tuple[Phrase, ...] = ()
    unit: Literal["%"] | None = None


class DateCheck(_CheckModel):
    """Passes when the date appears in any unambiguous form; `near` as in NumberCheck."""

    kind: Literal["date"]
    date: datetime.date
    near: tuple[Phrase, ...] = ()


class SectionCheck(_CheckModel):
    """Passes when a heading holds one of the titles, or a line of its own is one of them."""

    kind: Literal["section"]
    titles: Phrases


class AllCheck(_CheckModel):
    """Passes when every part passes."""

    kind: Literal["all"]
    of: tuple["Check", ...] = Field(min_length=1)


class AnyCheck(_CheckModel):
    """Passes when at least one part passes."""

    kind: Literal["any"]
    of: tuple["Check", ...] = Field(min_length=1)


class NotCheck(_CheckModel):
    """Passes when its part fails."""

    kind: Literal["not"]
    of: "Check"


Check = Annotated[
    FactCheck | NumberCheck | DateCheck | SectionCheck | AllCheck | AnyCheck | NotCheck,
    Field(discriminator="kind"),
]


@cache
def _parser() -> TypeAdapter[Check]:
    """Built on first use: commands that only look never need it."""
    for model in (AllCheck, AnyCheck, NotCheck):
        model.model_rebuild()
    return TypeAdapter(Check)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether a check passed, and one sentence that names what was found or missing."""

    passed: bool
    reason: str


def parse_check(file: Path | str, field: str, raw: object) -> Check:
    """Read one check; raises InputError naming the file and the field inside the check."""
    try:
        # The JSON mode is strict about types and still reads lists as tuples and ISO dates.
        return _parser().validate_json(json.dumps(raw))
    except ValidationError as error:
        raise invalid(file, error, field) from error


def evaluate(check: Check, text: str) -> CheckResult:
    """Grade a text by a check. Pure: the same check and text always give the same result."""
    return evaluate_passages(check, read_passages(text))


def evaluate_passages(check: Check, passages: tuple[Passage, ...]) -> CheckResult:
    """Grade a text that was read already."""
    match check:
        case FactCheck():
            return _fact(check, passages)
        case NumberCheck():
            return _number(check, passages)
        case DateCheck():
            return _date(check, passages)
        case SectionCheck():
            return _section(check, passages)
        case NotCheck():
            return _negated(evaluate_passages(check.of, passages))
        case AllCheck() | AnyCheck():
            return _combined(check, [evaluate_passages(part, passages) for part in check.of])


def _combined(check: AllCheck | AnyCheck, results: list[CheckResult]) -> CheckResult:
    """The reasons that decided: of the passing parts for a pass, of the failing for a fail."""
    passes = (result.passed for result in results)
    passed = all(passes) if isinstance(check, AllCheck) else any(passes)
    return CheckResult(
        passed, "; ".join(result.reason for result in results if result.passed == passed)
    )


def _negated(result: CheckResult) -> CheckResult:
    if result.passed:
        return CheckResult(False, f"{result.reason}, which must not appear")
    return CheckResult(True, f"{result.reason}, as required")


def _fact(check: FactCheck, passages: tuple[Passage, ...]) -> CheckResult:
    for form in check.forms:
        wanted = normalise(form)
        if any(contains(passage.text, wanted) for passage in passages):
            return CheckResult(True, f'found "{form}"')
    return CheckResult(False, f"found none of {_quoted(check.forms)}")


def _number(check: NumberCheck, passages: tuple[Passage, ...]) -> CheckResult:
    for passage in _near(check.near, passages):
        for number in numbers_in(passage.text):
            if _is_wanted(number, check):
                return CheckResult(True, f'found "{number.shown}"{_place(check.near)}')
    wanted = f"{check.value:,.10g}{check.unit or ''}"
    return CheckResult(False, f"did not find the number {wanted}{_place(check.near)}")


def _is_wanted(number: Number, check: NumberCheck) -> bool:
    # Scaling ("1.1 million") leaves noise in the last bits, which no tolerance should have to name.
    allowed = check.tolerance + 1e-12 * max(1.0, abs(check.value))
    unit_fits = check.unit is None or number.percent
    return unit_fits and abs(number.value - check.value) <= allowed


def _date(check: DateCheck, passages: tuple[Passage, ...]) -> CheckResult:
    for passage in _near(check.near, passages):
        if check.date in dates_in(passage.text):
            return CheckResult(True, f"found the date {check.date}{_place(check.near)}")
    return CheckResult(False, f"did not find the date {check.date}{_place(check.near)}")


def _section(check: SectionCheck, passages: tuple[Passage, ...]) -> CheckResult:
    for title in check.titles:
        wanted = normalise(title)
        for passage in passages:
            if title_of(passage) == wanted or (
                passage.is_heading and contains(passage.text, wanted)
            ):
                return CheckResult(True, f'found the heading "{title}"')
    return CheckResult(False, f"found no heading {_quoted(check.titles)}")


def _near(phrases: tuple[str, ...], passages: tuple[Passage, ...]) -> Iterator[Passage]:
    """The passages that hold one of the phrases, or stand under a heading that does."""
    wanted = [normalise(phrase) for phrase in phrases]
    for passage in passages:
        context = f"{passage.heading} ; {passage.text}"
        if not wanted or any(contains(context, phrase) for phrase in wanted):
            yield passage


def _place(near: tuple[str, ...]) -> str:
    return f" near {_quoted(near)}" if near else ""


def _quoted(phrases: tuple[str, ...]) -> str:
    return " or ".join(f'"{phrase}"' for phrase in phrases)
