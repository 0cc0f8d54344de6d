"""The diff between two harnesses on a page: signs, colours, numbers, and what is cut."""

import re

from harness_search.pages.difference import (
    LONGEST_LINE,
    MOST_COMPARED,
    MOST_ROWS,
    difference_shown,
    source_shown,
)
from harness_search.reports.hunks import MOST_ALIGNED


def test_added_and_removed_lines_have_a_sign_a_colour_and_a_number() -> None:
    shown = difference_shown("import os\nx = 1\n", "import os\nx = 'two'\n")
    assert (shown.added, shown.removed, shown.remarks) == (1, 1, ())
    assert re.search(
        '<tr class="removed">.*?>2<.*?>\N{MINUS SIGN}<.*?<span class="tn">1</span>', shown.table
    )
    assert re.search(
        r'<tr class="added">.*?>2<.*?>\+<.*?<span class="ts">&#39;two&#39;</span>', shown.table
    )
    assert '<span class="tk">import</span>' in shown.table


def test_lines_keep_their_numbers_whatever_looks_like_the_end_of_one() -> None:
    old = "a = 1\x0c\nb = '''\u2028\r\n'''\n"
    shown = difference_shown(old, old + "c = 3\n")
    assert re.search(r'<tr class="added"><td class="line"></td><td class="line">4<', shown.table)
    assert "⟨U+2028⟩␍" in shown.table and "␌" in shown.table


def test_the_missing_newline_of_a_last_line_is_shown() -> None:
    assert "no newline at the end" in difference_shown("x\n", "x").table


def test_sources_that_are_alike_have_no_table() -> None:
    assert difference_shown("x\n", "x\n").table == ""


def test_a_line_of_five_megabytes_is_cut_and_says_by_how_much() -> None:
    shown = difference_shown("x = 1\n", "x = '" + "<" * 5_000_000 + "'\n")
    assert len(shown.table) < 10 * LONGEST_LINE
    left = MOST_COMPARED - LONGEST_LINE
    assert f"… {left:,} more characters" in shown.table
    assert any("5,000,007 characters" in remark for remark in shown.remarks)


def test_a_huge_rewrite_is_bounded_and_says_so() -> None:
    old, new = ("".join(f"{x} = {i}\n" for i in range(MOST_ALIGNED + 1_000)) for x in "ab")
    shown = difference_shown(old, new)
    assert shown.table.count("<tr class=") == MOST_ROWS + 1
    assert any("Too many lines differ" in remark for remark in shown.remarks)
    assert any(f"first {MOST_ROWS:,} of 6,000 lines" in remark for remark in shown.remarks)


def test_a_whole_source_is_bounded_too() -> None:
    shown = source_shown("x\n" * 5_000_000)
    assert shown.table.count("<tr class=") == MOST_ROWS
    assert len(shown.remarks) == 2
