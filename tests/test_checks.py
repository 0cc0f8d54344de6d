"""The check vocabulary."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.errors import InputError
from harness_search.judging.checks import CheckResult, evaluate, parse_check

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def graded(check: dict[str, Any], text: str) -> CheckResult:
    return evaluate(parse_check("task.json", "check", check), text)


def passes(check: dict[str, Any], text: str) -> bool:
    return graded(check, text).passed


def number(value: float, **more: Any) -> dict[str, Any]:
    return {"kind": "number", "value": value, **more}


# Facts


@pytest.mark.parametrize(
    "text",
    [
        "the HALDEN components LTD is", "by **Halden**\n Components\tLtd.",
        "(Halden\u00a0Components)", "| 3 | Halden Components | yes |",
        "Halden Components\u2019 consent",
        "_Halden Components_",
    ],
)  # fmt: skip
def test_a_fact_is_found_in_any_case_spacing_and_typography(text: str) -> None:
    assert passes({"kind": "fact", "forms": ["Halden Components Ltd", "Halden Components"]}, text)


@pytest.mark.parametrize(
    "text",
    ["", "Halden", "Haldens Components", "Old-Halden Componentsware", "Halden.\n\nComponents"],
)
def test_a_fact_is_not_found_in_parts_or_inside_words(text: str) -> None:
    assert not passes({"kind": "fact", "forms": ["Halden Components"]}, text)


def test_quotes_and_dashes_compare_as_plain_ones() -> None:
    check = {"kind": "fact", "forms": ["the landlord's break-option"]}
    assert passes(check, "The Landlord\u2019s break\u2011option")


def test_the_reason_names_what_was_found_or_missing() -> None:
    check = {"kind": "fact", "forms": ["Irish law", "law of Ireland"]}
    assert graded(check, "under Irish Law").reason == 'found "Irish law"'
    assert graded(check, "").reason == 'found none of "Irish law" or "law of Ireland"'
    assert graded(number(5, near=["fee"]), "").reason == 'did not find the number 5 near "fee"'


# Numbers


def renderings(value: int) -> list[str]:
    forms = [f"{value}", f"{value:,}", f"${value:,}", f"EUR {value}", f"USD{value:,}.00"]
    if value % 10_000 == 0 and value:
        forms += [f"{value / 1e6:.10g} million", f"£{value / 1e6:.10g}m", f"{value / 1e9:.10f} bn"]
    if value % 1_000 == 0 and value:
        forms += [f"{value // 1000}k", f"{value // 1000} thousand"]
    return forms


@given(st.integers(0, 10**10) | st.integers(1, 10**5).map(lambda value: value * 10_000), st.data())
def test_every_rendering_of_an_amount_is_recognised(value: int, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(renderings(value)))
    assert passes(number(value), f"The annual fee is {form}, payable yearly.")
    assert passes(number(value), f"| Fee | {form} |")
    assert passes(number(value), f"It is {form}.")


@given(st.integers(0, 10**10), st.integers(1, 10**6))
def test_a_neighbour_outside_the_tolerance_is_not_recognised(value: int, distance: int) -> None:
    text = f"The fee is {value + distance + 11:,}."
    assert not passes(number(value, tolerance=10), text)
    assert passes(number(value, tolerance=distance + 11), text)


@given(
    st.decimals(0, 100, places=2), st.sampled_from(["%", " %", " percent", " per cent", "\u00a0%"])
)
def test_every_rendering_of_a_percentage_is_recognised(value: Any, mark: str) -> None:
    check = number(float(value), unit="%")
    assert passes(check, f"a rate of {value.normalize():f}{mark} per year")
    assert not passes(check, f"a rate of {value.normalize():f} days per year")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (14.2, "14.2.1"), (1, "C-001a"), (5, "5th"), (2026, "31 March 2026"), (31, "2026-03-31"),
        (250, "1,250"), (125, "1.25 millions"), (1.25, "1.25 million"), (30, "30e"), (5, "0.5"),
    ],
)  # fmt: skip
def test_parts_of_other_things_are_not_numbers(value: float, text: str) -> None:
    assert not passes(number(value), text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-5, "a change of -5 points"), (20, "10-20 days"), (30, "30-day period"),
        (30, "thirty (30)"), (1250000, "**1,250,000**"), (5, "- 5 days"),
        (12, "clause 12."), (7, "7\u00b9 days"),
    ],
)  # fmt: skip
def test_signs_ranges_and_marks_are_understood(value: float, text: str) -> None:
    assert passes(number(value), text)


def test_near_means_the_same_line_paragraph_or_heading_above() -> None:
    check = number(30, near=["cure period"])
    assert passes(check, "The cure\nperiod is\n30 days.")
    assert passes(check, "## Cure period\n\nIt ends after 30 days.")
    assert passes(check, "**Cure Period**\n\n- 30 days")
    assert passes(check, "| Cure period | 30 |")
    assert not passes(check, "The cure period is long.\n\nPayment takes 30 days.")
    assert not passes(check, "| Cure period | 31 |\n| Payment | 30 |")
    assert not passes(check, "- cure period: 31\n- payment: 30")
    assert not passes(check, "## Cure period\n\n31\n\n## Payment\n\n30")


# Dates


def date_renderings(date: datetime.date) -> list[str]:
    name, short = MONTHS[date.month - 1], MONTHS[date.month - 1][:3]
    day, year = date.day, date.year
    forms = [
        date.isoformat(), f"{year}/{date.month:02d}/{day:02d}", f"{day} {name} {year}",
        f"{day}th {name} {year}", f"{day}th day of {name}, {year}", f"{name} {day}, {year}",
        f"{name} {day} {year}", f"{short}. {day}, {year}", f"{day} {short} {year}",
        f"{day}-{short}-{year}", f"{day:02d}.{date.month:02d}.{year}", f"{date}T00:00:00",
        f"{name.upper()}\u00a0{day}, {year}",
    ]  # fmt: skip
    if day > 12:
        forms += [f"{day}/{date.month:02d}/{year}", f"{date.month}/{day}/{year}"]
    return forms


some_dates = st.dates(datetime.date(1950, 1, 1), datetime.date(2100, 12, 31))


@given(some_dates, st.data())
def test_every_rendering_of_a_date_is_recognised(date: datetime.date, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(date_renderings(date)))
    assert passes({"kind": "date", "date": date.isoformat()}, f"It ends on {form}, at noon.")


@given(some_dates, some_dates, st.data())
def test_another_date_is_never_taken_for_it(
    date: datetime.date, other: datetime.date, data: st.DataObject
) -> None:
    form = data.draw(st.sampled_from(date_renderings(other)))
    found = passes({"kind": "date", "date": date.isoformat()}, f"It ends on {form}.")
    assert found == (date == other)


@given(some_dates, st.data())
def test_no_part_of_a_date_is_a_number(date: datetime.date, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(date_renderings(date)))
    for part in (date.day, date.month, date.year):
        assert not passes(number(part), f"It ends on {form} as agreed")


def test_a_date_that_may_be_two_days_is_neither() -> None:
    for date in ("2026-05-03", "2026-03-05"):
        assert not passes({"kind": "date", "date": date}, "by 03/05/2026")
    assert passes({"kind": "date", "date": "2026-05-03"}, "by 03.05.2026")
    assert not passes({"kind": "date", "date": "2026-03-31"}, "31 February 2026, 2026-03-311")


def test_a_date_can_be_asked_for_near_a_phrase() -> None:
    check = {"kind": "date", "date": "2026-03-31", "near": ["expires"]}
    assert passes(check, "It expires on 31 March 2026.")
    assert not passes(check, "It expires soon.\n\nSigned on 31 March 2026.")


# Sections


@pytest.mark.parametrize(
    "line",
    [
        "# Change of control", "### 4. CHANGE OF CONTROL", "**Change of Control:**",
        "4) Change of control", "Change of control:", "## Halden: change of control (clause 14)",
    ],
)  # fmt: skip
def test_a_section_is_a_heading_with_the_title(line: str) -> None:
    check = {"kind": "section", "titles": ["Change of control"]}
    assert passes(check, f"Intro\n\n{line}\n\nText")


def test_a_sentence_with_the_title_is_no_section() -> None:
    check = {"kind": "section", "titles": ["Change of control"]}
    assert not passes(check, "A change of control occurs when shares are sold.")
    assert not passes(check, "| Change of control | yes |")


# Combinations

leaves = st.sampled_from(
    [
        {"kind": "fact", "forms": ["alpha"]}, {"kind": "fact", "forms": ["beta"]}, number(7),
        number(8), {"kind": "section", "titles": ["gamma"]}, {"kind": "date", "date": "2026-03-31"},
    ]
)  # fmt: skip
texts = st.lists(
    st.sampled_from(["alpha", "beta", "7", "8", "\n\n# gamma\n\n", "31 March 2026"]), max_size=6
).map(" ".join)


@given(st.lists(leaves, min_size=1, max_size=4), texts)
def test_de_morgan_holds_for_all_any_and_not(parts: list[dict[str, Any]], text: str) -> None:
    def negated(check: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "not", "of": check}

    for one, other in (("all", "any"), ("any", "all")):
        left = negated({"kind": one, "of": parts})
        right = {"kind": other, "of": [negated(part) for part in parts]}
        assert passes(left, text) == passes(right, text)
    for part in parts:
        assert passes(negated(negated(part)), text) == passes(part, text)


def test_reasons_of_combinations_name_the_parts_that_decided() -> None:
    good, bad = {"kind": "fact", "forms": ["alpha"]}, {"kind": "fact", "forms": ["beta"]}
    guarded = {"kind": "all", "of": [good, {"kind": "not", "of": bad}]}
    assert graded(guarded, "alpha beta").reason == 'found "beta", which must not appear'
    assert graded(guarded, "").reason == 'found none of "alpha"'
    assert graded({"kind": "any", "of": [good, bad]}, "beta").reason == 'found "beta"'


# Parsing


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({}, "c"), ("x", "c"), ({"kind": "regex"}, "c"),
        ({"kind": "fact"}, "c.fact.forms"), ({"kind": "fact", "forms": []}, "c.fact.forms"),
        ({"kind": "fact", "forms": ["* "]}, "c.fact.forms.0"),
        ({"kind": "fact", "forms": ["a"], "weight": 2}, "c.fact.weight"),
        ({"kind": "number", "value": "12"}, "c.number.value"),
        ({"kind": "number", "value": True}, "c.number.value"),
        ({"kind": "number", "value": float("nan")}, "c.number.value"),
        ({"kind": "number", "value": 1, "tolerance": -1}, "c.number.tolerance"),
        ({"kind": "number", "value": 1, "unit": "days"}, "c.number.unit"),
        ({"kind": "date", "date": "31 March"}, "c.date.date"),
        ({"kind": "all", "of": []}, "c.all.of"),
        ({"kind": "any", "of": [{"kind": "fact"}]}, "c.any.of.0.fact.forms"),
        ({"kind": "not", "of": [number(1)]}, "c.not.of"),
    ],
)  # fmt: skip
def test_a_malformed_check_names_file_and_field(raw: object, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_check("a/task.json", "c", raw)
    assert (caught.value.file, caught.value.field) == ("a/task.json", field)
