"""Papers as files: what is written is read again, line by line."""

import datetime
import email
import io
import string
import zipfile
from email.policy import default
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness_search.judging.documents import cell_text, extract_text, table_row
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    Email,
    Formula,
    Heading,
    Paragraph,
    Revised,
    Table,
    plain,
)

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
KINDS = ("docx", "eml", "md", "pdf", "pptx", "txt", "xlsx")
WITH_TEXT = ("docx", "eml", "md", "pdf", "pptx", "txt")
SUBJECT = "Correction of the fee \N{EN DASH} schedule 2"
MAIL = Email(
    "Anna Berg <anna@halden.example>",
    "Desk <desk@firm.example>",
    datetime.date(2026, 3, 31),
    SUBJECT,
    ("fees.xlsx", "side letter.docx"),
)
FEES = Table(
    ("Party", "Fee", "Note"),
    (
        ("Halden Holdings B.V.", 1_250_000, "Payable on signing, " * 12 + "and not before"),
        ("Brenvale", 2.5, "=SUM is no formula here"),
        ("Total", Formula("=SUM(B2:B3)", 1_250_002.5), "both"),
    ),
    "Fees",
)

words = st.text(
    string.ascii_letters
    + string.digits
    + "$€%&§'\N{RIGHT SINGLE QUOTATION MARK}“”()/,;:-\N{EN DASH}.",
    min_size=1,
    max_size=14,
).filter(lambda word: any(letter.isalnum() for letter in word) and word[0].isalnum())
sentences = st.lists(words, min_size=1, max_size=60).map(lambda chosen: " ".join(chosen) + ".")
# A page can only end within a sentence when not every word ends one.
long_sentences = st.lists(
    words.filter(lambda word: word[-1].isalnum()), min_size=8, max_size=60
).map(lambda chosen: " ".join(chosen) + ".")
titles = st.lists(words, min_size=1, max_size=5).map(" ".join)
blocks_of_text = st.lists(
    st.one_of(
        sentences.map(Paragraph),
        st.builds(Heading, titles, st.sampled_from((1, 2, 3))),
        st.lists(sentences, min_size=1, max_size=3).map(lambda items: Bullets(tuple(items))),
        st.tuples(titles, titles, sentences, sentences).map(
            lambda cells: Table(cells[:2], (cells[2:],), "Sheet")
        ),
    ),
    min_size=1,
    max_size=12,
)


def text_of(folder: Path, kind: str, blocks: tuple[Block, ...]) -> list[str]:
    header = (MAIL,) if kind == "eml" else ()
    path = folder / f"paper.{kind}"
    path.write_bytes(render(path.name, (*header, *blocks)))
    return extract_text(path).splitlines()


def lines_of(block: Block, kind: str) -> list[str]:
    match block:
        case Bullets():
            return [f"- {item}" for item in block.items]
        case Table():
            rows = ([plain(cell) for cell in row] for row in (block.header, *block.rows))
            if kind in {"docx", "pdf", "pptx"}:
                return [
                    table_row([f"{c:,}" if not isinstance(c, str) else c for c in r]) for r in rows
                ]
            return [table_row([cell_text(cell) for cell in row]) for row in rows]
        case Paragraph() | Revised():
            return [block.text]
        case _:
            return []


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(blocks=blocks_of_text)
def test_every_line_of_a_paper_is_read_again(tmp_path: Path, blocks: list[Block]) -> None:
    for kind in WITH_TEXT:
        lines = text_of(tmp_path, kind, tuple(blocks))
        for block in blocks:
            assert set(lines_of(block, kind)) <= set(lines), kind
            if isinstance(block, Heading):
                assert any(line.startswith("#") and line.endswith(block.text) for line in lines)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sentence=long_sentences, before=st.integers(0, 60))
def test_a_paragraph_over_several_pages_stays_one_line(
    tmp_path: Path, sentence: str, before: int
) -> None:
    long = " ".join([sentence] * (9_000 // len(sentence) + 1))
    blocks = (*(Paragraph(f"Clause {number}.") for number in range(before)), Paragraph(long))
    assert text_of(tmp_path, "pdf", (*blocks, Paragraph("Signed."))) == [
        line for block in (*blocks, Paragraph("Signed.")) for line in (block.text, "")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_read_again_row_by_row(tmp_path: Path, kind: str) -> None:
    lines = text_of(tmp_path, kind, (Heading("Schedule 2", 2), FEES))
    assert set(lines_of(FEES, kind)) <= set(lines)


def test_a_table_over_several_pages_keeps_its_rows(tmp_path: Path) -> None:
    rows = tuple((f"Contract {number}", "Payable within the term. " * 5) for number in range(120))
    lines = text_of(tmp_path, "pdf", (Table(("Contract", "Term"), rows),))
    assert [line for line in lines if line] == [
        table_row([" ".join(cell.split()) for cell in row]) for row in (("Contract", "Term"), *rows)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_two_renderings_are_the_same_bytes(kind: str) -> None:
    header = (MAIL,) if kind == "eml" else ()
    revised = Revised("The fee is ", "9", "12", " days.")
    blocks = (*header, Heading("Fees"), revised, Bullets(("one", "two")), FEES)
    assert render(f"a.{kind}", blocks) == render(f"b.{kind}", blocks)


def test_a_revision_is_a_tracked_change_and_reads_as_accepted(tmp_path: Path) -> None:
    from lxml import etree

    revised = Revised("The notice period is ", "thirty", "forty-five", " days.")
    data = render("a.docx", (Paragraph("Clause 4"), revised))
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        body = etree.fromstring(packed.read("word/document.xml"))
    (inserted,), (deleted,) = body.iter(f"{WORD}ins"), body.iter(f"{WORD}del")
    assert inserted.findtext(f".//{WORD}t") == "forty-five"
    assert deleted.findtext(f".//{WORD}delText") == "thirty"
    for change in (inserted, deleted):
        assert change.get(f"{WORD}author")
        assert change.get(f"{WORD}date") == "2020-01-01T00:00:00Z"
    assert inserted.get(f"{WORD}id") != deleted.get(f"{WORD}id")
    for kind in WITH_TEXT:
        assert "The notice period is forty-five days." in text_of(tmp_path, kind, (revised,))


def test_a_formula_is_a_formula_and_has_its_value() -> None:
    data = io.BytesIO(render("a.xlsx", (FEES,)))
    assert openpyxl.load_workbook(data)["Fees"]["B4"].value == "=SUM(B2:B3)"
    values = openpyxl.load_workbook(data, data_only=True)["Fees"]
    assert values["B4"].value == 1_250_002.5
    assert values["C3"].value == "=SUM is no formula here"


def test_an_e_mail_has_its_headers_and_names_its_attachments(tmp_path: Path) -> None:
    message = email.message_from_bytes(render("a.eml", (MAIL, Paragraph("Hi."))), policy=default)
    assert message["Message-ID"].endswith("@halden.example>")
    assert message["Date"].datetime.date() == MAIL.sent
    assert text_of(tmp_path, "eml", (Paragraph("Hi."),))[:5] == [
        "From: Anna Berg <anna@halden.example>",
        "To: Desk <desk@firm.example>",
        "Date: Tue, 31 Mar 2026 09:00:00 +0000",
        f"Subject: {SUBJECT}",
        "Attachments: fees.xlsx, side letter.docx",
    ]


def test_a_presentation_opens_a_slide_at_every_heading() -> None:
    from pptx import Presentation

    blocks = (Heading("Kick-off"), Paragraph("Project Alder"), Heading("Fees", 2), FEES)
    slides = Presentation(io.BytesIO(render("a.pptx", blocks))).slides
    assert [slide.shapes.title.text for slide in slides] == ["Kick-off", "Fees"]
    assert [slide.slide_layout.name for slide in slides] == ["Title Slide", "Title and Content"]


def test_what_a_format_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with an Email"):
        render("a.eml", (Paragraph("Hi."),))
    with pytest.raises(ValueError, match="cannot show"):
        render("a.pdf", (Paragraph("Greek: \u03b1"),))
    with pytest.raises(ValueError, match="no format"):
        render("a.odt", ())
