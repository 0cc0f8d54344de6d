"""A judge's quote is found where it stands, in whatever signs either of them is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.judging.quoted import Quote, quotes_of
from harness_search.judging.reading import normalise
from harness_search.pages.quotes import MOST_NEAR, Places, segments_of

MEMO = (
    "# Rent\n\n"
    "The  **annual rent** is\n5,000\N{NO-BREAK SPACE}USD \N{EN DASH} \u201cfixed\u201d.\n\n"
    "| Stra\u00dfe | caf\u0065\u0301 no. 42 |\n\nThe parties may terminate on 3 months' notice.\n"
)


def quoted(text: str, quote: str, near: tuple[str, ...] = ()) -> list[str]:
    return [text[start:end] for start, end in Places.of(text).find(quote, near)]


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("the annual rent is 5,000 USD", ["The  **annual rent** is\n5,000\N{NO-BREAK SPACE}USD"]),
        ('usd - "fixed"', ["USD \N{EN DASH} \u201cfixed"]),
        ("Caf\u00e9", ["caf\u0065\u0301"]),
        ("strasse", ["Stra\u00dfe"]),
        ("annual ... terminate \u2026 notice", ["annual", "terminate", "notice"]),
        ("\u2026the parties may terminate", ["The parties may terminate"]),
        ('- "3 months\u2019 notice."', ["3 months' notice"]),
        ("terminate ... annual", []),
        ("4", []),
        ("rent of 5,000", []),
        ("...", []),
        ("", []),
    ],
)
def test_where_a_quote_stands(quote: str, found: list[str]) -> None:
    assert quoted(MEMO, quote) == found


def test_of_several_places_the_one_beside_what_was_looked_near_to_is_meant() -> None:
    text = "Item 42 of the list.\n\n# Deadline\n\nFile within 42 days.\n"
    first, last = text.index("42"), text.rindex("42")
    places = Places.of(text)
    assert places.find("42") == ((first, first + 2),)
    assert places.find("42", ("file", "deadline")) == ((last, last + 2),)
    assert places.find("42", ("no such words",)) == ((first, first + 2),)


@given(st.lists(st.sampled_from(["quote", "near", "by", "other"]), max_size=60))
def test_the_nearest_place_is_found_among_all(words: list[str]) -> None:
    text, phrases = " ".join(words), ("near", "by")
    begins = [len(" ".join([*words[:number], ""])) for number in range(len(words))]
    quotes = [begin for begin, word in zip(begins, words, strict=True) if word == "quote"]
    beside = [begin for begin, word in zip(begins, words, strict=True) if word in phrases]
    by_distance = [(min((abs(it - one) for one in beside), default=0), it) for it in quotes]
    wanted = ((begin := min(by_distance)[1], begin + 5),) if quotes else ()
    assert Places.of(text).find("quote", phrases) == wanted


def test_only_the_first_phrases_around_a_quote_are_looked_for() -> None:
    text = "42 one and 42 last"
    many = tuple(f"absent {number}" for number in range(MOST_NEAR))
    assert quoted(text, "42", (*many[1:], "last")) == ["42"]
    assert Places.of(text).find("42", (*many[1:], "last")) == ((11, 13),)
    assert Places.of(text).find("42", (*many, "last")) == ((0, 2),)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_ascii_has_the_form_that_judges_read(text: str) -> None:
    assert Places.of(text).plain == normalise(text)


WORDS = st.text(min_size=1, max_size=400)


@given(WORDS, st.data())
def test_whatever_stands_in_a_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    """Whole words, in spans that lie within the text and read the same."""
    words = text.split()
    if not words:
        return
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    quote = " ".join(words[first : last + 1])
    spans = Places.of(text).find(quote)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    plain = [normalise(text[start:end]) for start, end in spans]
    wanted = normalise(quote)
    assert all(part in wanted for part in plain)
    only_letters = quote.isascii() and quote.replace(" ", "").isalnum()
    assert plain == [wanted] or not only_letters


@given(st.lists(st.sampled_from(["a", "\u00df", "e\u0301", "*", " ", "\n", "\u200b", "\ufb01"])))
def test_spans_are_exact_where_signs_become_several_one_or_none(signs: list[str]) -> None:
    text = "".join([*signs, " Wort\u00df ", *signs])
    ((start, end),) = Places.of(text).find("wortss")
    assert text[start:end] == "Wort\u00df"


def test_long_texts_of_any_kind_take_time_in_proportion() -> None:
    """Half a million signs each; what took quadratic time would take hours."""
    for part in ("a b  c*d`\n", "x", "\u00df ", "e\u0301", "\u0301", "* "):
        text = part * (500_000 // len(part))
        places = Places.of(f"{text} the end is near ")
        assert [span[0] > 400_000 for span in places.find("the end ... near")] == [True, True]


def test_a_text_is_cut_where_quotes_begin_and_end() -> None:
    segments = segments_of(10, [[(1, 4), (3, 6)], [(5, 12)], []])
    assert [(item.start, item.end, sorted(item.quotes)) for item in segments] == [
        (0, 1, []), (1, 3, [0]), (3, 4, [0]), (4, 5, [0]), (5, 6, [0, 1]), (6, 10, [1]),
    ]  # fmt: skip
    assert segments_of(0, []) == []


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4)


@given(st.integers(1, 50), st.lists(SPANS, max_size=5))
def test_segments_make_up_the_text_and_say_what_covers_each_sign(
    length: int, drawn: list[list[tuple[int, int]]]
) -> None:
    quotes = [[(start, start + size) for start, size in spans] for spans in drawn]
    found = segments_of(length, quotes)
    assert [place for item in found for place in range(item.start, item.end)] == list(range(length))
    for item in found:
        for place in range(item.start, item.end):
            covering = {
                number
                for number, spans in enumerate(quotes)
                if any(start <= place < end for start, end in spans)
            }
            assert covering == item.quotes


@pytest.mark.parametrize(
    ("reason", "quotes"),
    [
        (
            'found "42" near "submit" or "file"; did not find the number 30 near "submit"',
            [Quote("42", ("submit", "file"))],
        ),
        (
            'did not find the number 1,800 near "Presumption of harm"',
            [Quote("Presumption of harm")],
        ),
        ('found the date 2026-07-01 near "waiting period"', [Quote("waiting period")]),
        ('found the heading "Document H-1"', [Quote("Document H-1")]),
        ('found "the near miss; and more"', [Quote("the near miss; and more")]),
        ('found none of "a" or "b"', []),
        ("memo.docx is missing: the top level of the output has no file there", []),
        ('The rent is stated ("The rent is ... 5 USD")', [Quote("The rent is ... 5 USD")]),
        (
            'It says so ("twelve") as asked ("The term is twelve months")',
            [
                Quote('twelve") as asked ("The term is twelve months'),
                Quote("The term is twelve months"),
            ],
        ),
        ("", []),
        ('")', []),
        (' (" ")', []),
    ],
)
def test_what_a_reason_quotes(reason: str, quotes: list[Quote]) -> None:
    assert list(quotes_of(reason)) == quotes


@given(st.text())
def test_any_reason_can_be_read(reason: str) -> None:
    assert all(quote.text for quote in quotes_of(reason))
