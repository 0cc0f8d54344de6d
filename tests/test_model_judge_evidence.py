"""A judge's quote is held to its words and their order, and not to what stands between them."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.judging.model.evidence import Evidence

TEXT = """\
# Schedule

| Item | Amount | Due |
|:-----|-------:|-----|
| Rent arrears | EUR 1,250.00 | 5 March 2026 |
| Change | -5 % | Line<br>two |

The seller gives an indemnity[^1] for tax. The **inde**pendent expert's indem- nity is well-
known. Fifty m\u1d49tres of H\u2082O\u2009\u2014\u2009the \ufb01nal \uff21\uff22\uff23.

- The lease is long.
- The rent is low:
  1. Rent is due monthly.
  2. The term is
     30 days.

See [the Act](https://example.org/a_(b)) of 1998, with short- and long-term duties of $ 40.

[^1]: As agreed in May.
"""
EVIDENCE = Evidence(TEXT)
WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=4, max_size=30)
BETWEEN = [
    " ",
    " | ",
    "[^3] ",
    "\n- ",
    ", ",
    ": ",
    "** ",
    " \u2013 ",
    "\t",
    "](https://a.example/b) ",
]


@pytest.mark.parametrize(
    "quote",
    [
        "Rent arrears EUR 1,250.00 5 March 2026",
        "Rent arrears, EUR 1,250.00, 5 March 2026",
        "Rent arrears: EUR 1,250.00; 5 March 2026",
        "| Rent arrears | EUR 1,250.00 |",
        "Item Amount Due Rent arrears",
        "1,250.00",
        "Change -5 % Line two",
        "The seller gives an indemnity for tax.",
        "The seller gives an indemnity[^1] for tax",
        "expert's indemnity is well-known",
        "indem- nity is well- known",
        "the independent expert",
        "metres of H2O - the final ABC",
        "The lease is long. The rent is low",
        "- The lease is long.\n- The rent is low:",
        "\u2022 The lease is long \u2022 The rent is low",
        "Rent is due monthly. The term is 30 days",
        "1. Rent is due monthly. 2. The term is 30 days",
        "1) Rent is due monthly.\nThe term is 30 days",
        "See the Act of 1998",
        "See [the Act](https://example.org/a_(b)) of 1998",
        "short and long-term duties",
        "The seller gives ... indemnity for tax ... As agreed in May",
    ],
)
def test_what_a_judge_may_leave_out_of_a_quote(quote: str) -> None:
    assert EVIDENCE.holds(quote)


@pytest.mark.parametrize(
    "quote",
    [
        "Rent arrears 5 March 2026",
        "EUR 1,250.00 Rent arrears",
        "Rent arrears EUR 1,350.00 5 March 2026",
        "Rent arrears EUR 1250.00 5 March 2026",
        "Rent arrears USD 1,250.00",
        "arrears EUR 1,250",
        "250.00 5 March 2026",
        "Change 5 % Line two",
        "duties of \u20ac 40",
        "gives an indemnity tax",
        "The seller gives no indemnity",
        "seller gives an indem",
        "for tax ... The seller gives",
        "the indemnity",
        "example org a b",
        "|||",
    ],
)
def test_words_that_are_others_or_elsewhere_are_no_quote(quote: str) -> None:
    assert not EVIDENCE.holds(quote)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("a \u2265 b for all c", "a \u2264 b for all c"),
        ("a >= b for all c", "a <= b for all c"),
        ("a \u2260 b for all c", "a = b for all c"),
        ("a != b for all c", "a = b for all c"),
        ("within \u00b1 5 points of it", "within 5 points of it"),
        ("Revenue must be < 5 million", "Revenue must be > 5 million"),
        ("| Limit | < 5 million |", "Limit > 5 million"),
        ("if a <b it is so, and c > d", "it is so, and c < d"),
        ("C++ and C# are languages", "C and C are"),
        ("Net loss of (1,250) was booked", "Net loss of 1,250"),
        ("Net loss of ($ 12) was booked", "Net loss of $ 12"),
        ("Net loss of $(1.5m) was booked", "Net loss of $1.5m"),
        ("Net loss of -$12 was booked", "Net loss of $12"),
    ],
)
def test_a_quote_without_the_sign_that_turns_its_sense_is_none(text: str, quote: str) -> None:
    assert not Evidence(text).holds(quote)
    assert Evidence(text).holds(text)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("a \u2265 b for all c", "a >= b for all c"),
        ("> The fee is\n> due at once\n>> as agreed", "The fee is due at once as agreed"),
        ("> Revenue is < 5 million", "> Revenue is < 5 million"),
        ("Terms\n=====\nThe fee is due", "Terms The fee is due"),
        ("The <b>fee</b> is due", "b fee b is due"),
        ("Draft -> review => issue", "Draft \u2192 review \u2192 issue"),
        ("Item #5 and C# apply", "Item 5 and C# apply"),
        ("Net loss of (1,250) was booked", "net loss of -1,250"),
        ("Net loss of $(12) was booked", "net loss of -$12"),
        ("The report (2024) says so", "The report 2024 says so"),
        ("There are (1) rent and (2) tax", "There are 1 rent and 2 tax"),
        ("Signed (5.3.2026) by both", "Signed 5.3.2026 by both"),
    ],
)
def test_other_uses_of_such_signs_do_not_count(text: str, quote: str) -> None:
    assert Evidence(text).holds(quote)


def test_a_text_looked_through_takes_little_room() -> None:
    line = "{}. The Landlord shall pay the non-refundable sum of $1,250,000.00 (less 3.5 %).\n"
    text = "".join(line.format(number) for number in range(1_000))
    evidence = Evidence(text)
    tracemalloc.start()
    assert not evidence.holds("nothing of this kind")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 6 * len(text)  # four readings; lists of words took fifty times the text


def test_marks_on_letters_are_part_of_a_word() -> None:
    text = Evidence(
        "\u0915\u093f\u0930\u093e\u092f\u093e \u0926\u0947\u092f \u0939\u0948 \u0906\u091c"
    )
    assert text.holds("\u0915\u093f\u0930\u093e\u092f\u093e \u0926\u0947\u092f \u0939\u0948")
    assert not text.holds("\u0915\u0941\u0930\u093e\u092f\u093e \u0926\u0947\u092f \u0939\u0948")


@given(WORDS, st.data())
def test_a_run_of_words_is_a_quote_whatever_stands_between_them(
    words: list[str], data: st.DataObject
) -> None:
    def written(some: list[str]) -> str:
        return some[0] + "".join(data.draw(st.sampled_from(BETWEEN)) + word for word in some[1:])

    words = [f"{word}x" for word in words]  # none is a number of a list
    start = data.draw(st.integers(0, len(words) - 3))
    assert Evidence(written(words)).holds(written(words[start : start + 3]))


@given(WORDS, WORDS, st.sampled_from(BETWEEN))
def test_no_quote_stands_there_whose_words_do_not_in_one_piece(
    words: list[str], quote: list[str], between: str
) -> None:
    words, quote = [f"{word}x" for word in words], [f"{word}x" for word in quote[:4]]
    runs = [words[start : start + len(quote)] for start in range(len(words))]
    assert Evidence(between.join(words)).holds(" ".join(quote)) is (quote in runs)


@given(WORDS, st.data())
def test_words_left_out_or_in_another_order_are_no_quote(
    words: list[str], data: st.DataObject
) -> None:
    words = [f"{word}{number}" for number, word in enumerate(words)]  # each of them once
    text = Evidence(" | ".join(words))
    left_out = data.draw(st.integers(1, len(words) - 2))
    assert not text.holds(" ".join([*words[:left_out], *words[left_out + 1 :]]))
    other = data.draw(st.permutations(words).filter(lambda order: order != words))
    assert not text.holds(" ".join(other))


@pytest.mark.parametrize(
    "part",
    [
        "a b | c*d\n",
        "](",
        "](a",
        "](()",
        "[^",
        "a- ",
        "1. x\n",
        " (",
        "-5,",
        "\ufdfa",
        "<a",
        "(1",
        "($1,111",
        "1,111",
        "c++",
        "\n> ",
        ">=",
        "|",
        "\u0301",
    ],
)
def test_long_texts_of_any_kind_take_time_in_proportion(part: str) -> None:
    """Half a million signs; what took quadratic time would take hours."""
    text = Evidence(part * (500_000 // len(part)) + " the end is near ")
    assert text.holds("the end is near")
    assert not text.holds("the end is nearer")
