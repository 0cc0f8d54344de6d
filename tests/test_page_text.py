"""Text that others have written is shown on pages, whatever is in it."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from harness_search.amounts import UNKNOWN, compact, dollars
from harness_search.pages import numbers
from harness_search.pages.site import Site, policy
from harness_search.pages.text import anchor
from harness_search.plots.values import Measured
from harness_search.visible import escaped_json, one_line, visible

SEEN = {"\n", "\t"}
SHOWN_BY_FONTS = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2") | {
    "\U000110bd",
    "\U000110cd",
    *map(chr, range(0x13430, 0x13440)),
}
"""Format characters that have a shape of their own: Arabic, Kaithi and Egyptian signs."""


def test_no_invisible_character_is_left_in_what_a_page_shows() -> None:
    for number in range(sys.maxunicode + 1):
        sign = chr(number)
        if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            assert sign in SEEN | SHOWN_BY_FONTS or visible(sign) != sign, f"U+{number:04X}"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("exe.\u202etxt", "exe.⟨U+202E⟩txt"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("nul\0 bell\a del\x7f csi\x9b1m", "nul␀ bell␇ del␡ csi⟨U+009B⟩1m"),
        ("half \ud83d", "half \ufffd"),
        ("one\r\ntwo\tthree\rfour", "one\ntwo\tthree␍four"),
        ("Z" + "\u0336" * 50, "Z" + "\u0336" * 4 + "⟨46 more marks⟩"),
        ("plain § café 合同 שלום", "plain § café 合同 שלום"),
    ],
)
def test_hostile_text_is_shown_as_visible_marks(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


def test_a_line_of_five_megabytes_is_cut_and_says_by_how_much() -> None:
    shown = visible("a" * 5_000_000, longest=1_000)
    assert shown == "a" * 1_000 + "… 4,999,000 more characters"


@given(st.text(st.characters(codec=None), max_size=200), st.integers(0, 100))
def test_what_is_visible_can_be_written_and_stays_as_it_is(text: str, longest: int) -> None:
    shown = visible(text, longest)
    shown.encode()
    assert visible(shown) == shown


@given(st.text(st.characters(codec=None), max_size=300))
def test_a_line_is_one_line_of_at_most_its_length(text: str) -> None:
    line = one_line(text, 20)
    assert len(line) <= 20
    assert "\n" not in line


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_names_never_share_an_anchor(one: str, other: str) -> None:
    assert (anchor("candidate", one) == anchor("candidate", other)) == (one == other)


def test_the_anchor_of_a_harness_has_its_name() -> None:
    assert anchor("candidate", "second_look_on_008") == "candidate-second_look_on_008"
    assert set(anchor("candidate", '"><script>')) <= set("candidate-script.0123456789abcdef")


@given(st.dictionaries(st.text(st.characters(codec=None)), st.text(st.characters(codec=None))))
def test_json_with_escapes_is_the_same_document(document: dict[str, str]) -> None:
    text = escaped_json(json.dumps(document, ensure_ascii=False))
    assert json.loads(text) == json.loads(json.dumps(document))
    text.encode()
    assert all(visible(sign) == sign for sign in text)


HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;␛[2J⟨U+202E⟩"


def test_every_template_shows_hostile_text_as_text(site: Site) -> None:
    page = site.page("base.html", workspace=HOSTILE, simulated=False, home="#top")
    assert HOSTILE[:8] not in page.replace(str(site_scripts(page)), "")
    assert SHOWN[:60] in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_markup_of_our_own_passes_and_a_missing_value_is_a_dash(site: Site) -> None:
    page = site.page("base.html", workspace=Markup("<b>x</b>"), simulated=False)
    assert page.count("<b>x</b>") == 0, "a name is never markup"
    assert numbers.percent(None) == UNKNOWN


def test_a_simulated_run_says_so_in_header_and_footer(site: Site) -> None:
    page = site.page("base.html", workspace="w", simulated=True)
    assert page.count("SIMULATED") == 1
    assert "Simulated run" in page
    assert "imulated" not in site.page("base.html", workspace="w", simulated=False)


def test_the_policy_lets_in_nothing_but_our_own_script() -> None:
    still, live = policy(["let a;"], live=False), policy(["let a;"], live=True)
    assert "default-src 'none'" in still
    assert "script-src 'sha256-" in still
    assert "connect-src" not in still
    assert "connect-src 'self'" in live


@pytest.fixture
def site() -> Site:
    return Site()


def site_scripts(page: str) -> str:
    return page[page.index("<script>") :]


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0.0, "$0.00"),
        (0.0041234, "$0.0041"),
        (12.3, "$12.30"),
        (1234.5, "$1,234"),
        (None, UNKNOWN),
    ],
)
def test_money_has_digits_that_say_something(usd: float | None, shown: str) -> None:
    assert dollars(usd) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (950, "950"), (999.6, "1.00 k"), (12_345, "12.3 k"), (4_560_000, "4.56 M")],
)
def test_counts_of_tokens_have_three_digits(number: float, shown: str) -> None:
    assert compact(number) == shown


finite = st.floats(-1e6, 1e6)


@given(finite, finite, finite)
def test_a_number_line_has_nought_and_the_whole_interval_on_it(
    a: float, b: float, c: float
) -> None:
    low, value, high = sorted((a, b, c))
    drawn = numbers.scale(Measured(value, low, high))
    assert 0 <= drawn.low <= drawn.value <= drawn.high <= numbers.SCALE_WIDTH
    assert 0 <= drawn.zero <= numbers.SCALE_WIDTH


def test_a_probability_is_never_shown_as_certain() -> None:
    assert [numbers.chance(p) for p in (0.0, 0.5, 1.0)] == ["< 0.01", "0.50", "> 0.99"]


def test_a_value_always_comes_with_its_interval_or_says_that_it_has_none() -> None:
    assert numbers.measured(Measured(71.2, 68, 74.4)).striptags() == "71.2 (68.0 to 74.4)"
    assert numbers.measured(Measured(71.2)).striptags() == "71.2 (no interval)"
    assert numbers.measured(None).striptags() == "not measured"
    assert (
        numbers.difference(Measured(-1.5, -3, 0)).striptags()
        == "\N{MINUS SIGN}1.5 (\N{MINUS SIGN}3.0 to 0.0)"
    )
