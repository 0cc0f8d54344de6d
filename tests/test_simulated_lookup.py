"""What the simulated model finds in the papers, and what it works out from them."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_matter import ASSIGNMENT, PAPERS

from harness_search.simulated.arithmetic import business_days_after, computed, number_of
from harness_search.simulated.extraction import answer, library_of, points_of

LETTER = "Letter of Larch Holdings Ltd\nThe breach was notified on 6 March 2026.\n"
TERMS = (
    "Terms of Larch Holdings Ltd\nThe cure period is 21 calendar days.\n"
    "The escalation period is 5 business days.\nThe success fee is 2.5%.\n"
    "The cap on fees is EUR 900,000.\n"
)
FEES = "| Contract | Annual fee |\n| A | 1,000 |\n| B | 2,500.50 USD |\n| C | none |"
LIBRARY = library_of(
    {"letter.docx": LETTER, "terms.docx": TERMS, "register.xlsx": FEES + "\nLarch"}, ASSIGNMENT
)


def test_facts_come_from_what_was_read_alone() -> None:
    (rent, *_) = points_of(ASSIGNMENT)
    assert answer(rent, library_of({}, ASSIGNMENT)) == []
    assert any("120,000" in line for line in answer(rent, library_of(PAPERS, ASSIGNMENT)))


def test_whoever_mistakes_the_matter_believes_the_neighbour() -> None:
    (rent, *_) = points_of(ASSIGNMENT)
    assert any(
        "77,000" in line for line in answer(rent, library_of(PAPERS, ASSIGNMENT, wrong_matter=True))
    )


def test_a_correction_by_e_mail_beats_what_it_corrects() -> None:
    (rent, *_) = points_of(ASSIGNMENT)
    mail = "Larch Holdings Ltd\nCorrection: the annual rent under the lease is EUR 125,000."
    papers = {**PAPERS, "mail.eml": mail}
    assert answer(rent, library_of(papers, ASSIGNMENT)) == [mail.splitlines()[1]]


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        ('state the total of the "Annual fee" column.', "3,500.50"),
        (
            "compute the end of it: add the cure period in calendar days to the date on which the "
            "breach was notified.",
            "27 March 2026",
        ),
        (
            "compute the end of it: add the escalation period in business days to the date on "
            "which the breach was notified.",
            "13 March 2026",
        ),
        (
            'compute the fee: apply the success fee to the total of the "Annual fee" column.',
            "87.51",
        ),
        (
            'compute what is left: subtract the total of the "Annual fee" column from the cap on '
            "fees.",
            "896,499.50",
        ),
    ],
)
def test_what_stands_nowhere_is_worked_out(request_: str, result: str) -> None:
    (point,) = points_of(f"1. Result: {request_}")
    found = computed(point, LIBRARY)
    assert found is not None
    assert result in found


def test_a_result_without_its_inputs_is_left_open() -> None:
    (point,) = points_of('1. Result: state the total of the "Weight" column.')
    assert computed(point, LIBRARY) == ""


def test_a_point_that_asks_for_no_calculation_has_no_result() -> None:
    assert computed(points_of(ASSIGNMENT)[0], LIBRARY) is None


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1,000", 1000), ("$ 12.50", 12.5), ("-3", -3), ("none", None), ("12 of 15 pages", None)],
)
def test_a_cell_is_a_number_when_it_holds_little_else(cell: str, value: float | None) -> None:
    assert number_of(cell) == value


@given(st.dates(datetime.date(2000, 1, 1), datetime.date(2040, 1, 1)), st.integers(1, 90))
def test_business_days_are_counted_one_by_one(start: datetime.date, days: int) -> None:
    end = business_days_after(start, days)
    between = [start + datetime.timedelta(days=step + 1) for step in range((end - start).days)]
    assert sum(day.weekday() < 5 for day in between) == days
    assert end.weekday() < 5


SCORES = """
from harness_search.simulated.extraction import best_passages, library_of, points_of, words_of
from simulated_matter import ASSIGNMENT, PAPERS
library = library_of(PAPERS, ASSIGNMENT)
for point in points_of(ASSIGNMENT):
    wanted = words_of(f"{point.heading} {point.request}")
    print([passage.text for passage in best_passages(wanted, library, 0.1)])
"""


def test_what_fits_best_is_the_same_in_every_process() -> None:
    """Sums of floats differ with the order of a set, and that with the seed of its hashes."""
    found = {
        subprocess.run(
            [sys.executable, "-c", SCORES],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1
