"""Documents to text."""

import datetime
import zipfile
from pathlib import Path

import pytest
from docx import Document
from openpyxl import Workbook
from pptx import Presentation

from harness_kit.documents import read_document
from harness_kit.extraction import EXTRACTORS, extract_from
from harness_search.judging.documents import (
    EXTRACTOR_VERSION,
    TextStore,
    UnreadableDocumentError,
    cell_text,
    extract_text,
)

DAY = datetime.date(2026, 3, 31)


def write_memo(path: Path) -> None:
    document = Document()
    document.add_heading("Memo", 0)
    document.add_heading("Change of control", 2)
    document.add_paragraph("Consent is needed.")
    table = document.add_table(0, 2)
    for row in (("Party", "Fee"), ("Halden", "1,250")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph("first", "List Bullet")
    document.add_paragraph("After the table.")
    document.save(str(path))


def test_a_docx_reads_as_markdown_in_document_order(tmp_path: Path) -> None:
    write_memo(tmp_path / "memo.docx")
    assert extract_text(tmp_path / "memo.docx") == (
        "# Memo\n\n## Change of control\n\nConsent is needed.\n\n"
        "| Party | Fee |\n| Halden | 1,250 |\n\n- first\n\nAfter the table.\n\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_250_000, "1250000"), (1e15, "1000000000000000"), (12.0, "12"), (True, "TRUE"),
        (datetime.date(2026, 3, 1), "2026-03-01"), (None, ""), (" a\nb ", "a b"),
        (datetime.datetime.combine(DAY, datetime.time(9, 30)), "2026-03-31 09:30"),
        (datetime.time(9), "09:00:00"),
    ],
)  # fmt: skip
def test_cell_values_have_one_plain_form(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_text_files_are_utf_8_with_plain_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("\ufeff# Café\r\nok\r".encode())
    assert extract_text(tmp_path / "a.md") == "# Café\nok\n"


@pytest.mark.parametrize(
    "name", ["memo.docx", "memo.xlsx", "memo.DOCX", "memo.pptx", "memo.pdf", "memo.eml"]
)
@pytest.mark.parametrize("data", [b"# Markdown under a false name", b"", b"PK\x03\x04broken"])
def test_a_file_that_does_not_open_as_its_extension_is_unreadable(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableDocumentError, match="does not open as") as caught:
        extract_text(tmp_path / name)
    assert caught.value.path == tmp_path / name


def test_one_office_format_under_the_extension_of_another_is_unreadable(tmp_path: Path) -> None:
    write_memo(tmp_path / "memo.docx")
    (tmp_path / "memo.xlsx").write_bytes((tmp_path / "memo.docx").read_bytes())
    Workbook().save(tmp_path / "book.xlsx")
    (tmp_path / "book.docx").write_bytes((tmp_path / "book.xlsx").read_bytes())
    (tmp_path / "memo.pptx").write_bytes((tmp_path / "memo.docx").read_bytes())
    (tmp_path / "book.pdf").write_bytes((tmp_path / "book.xlsx").read_bytes())
    for name in ("memo.xlsx", "book.docx", "memo.pptx", "book.pdf"):
        with pytest.raises(UnreadableDocumentError):
            extract_text(tmp_path / name)


def test_a_presentation_reads_slide_by_slide_with_notes_and_without_what_is_hidden(
    tmp_path: Path,
) -> None:
    show = Presentation()
    for title in ("Kick-off", "Fees", "Hidden"):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text_frame.text = f"About {title}"
    shown, hidden = show.slides[1], show.slides[2]
    shown.notes_slide.notes_text_frame.text = "Ask Halden."
    table = shown.shapes.add_table(2, 2, 0, 0, 100, 100).table
    for number, text in enumerate(("Party", "Fee", "Halden", "1,250")):
        table.cell(*divmod(number, 2)).text = text
    hidden._element.set("show", "0")
    show.save(str(tmp_path / "a.pptx"))
    assert extract_text(tmp_path / "a.pptx") == (
        "## Slide 1: Kick-off\n\n- About Kick-off\n\n## Slide 2: Fees\n\n- About Fees\n\n"
        "| Party | Fee |\n| Halden | 1,250 |\n\nNotes: Ask Halden.\n\n"
    )


def test_an_e_mail_in_html_alone_is_reduced_to_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text(
        "From: a@halden.example\nSubject: Fees\nContent-Type: text/html\n\n"
        "<head><style>p {}</style></head><p>The fee is <b>due</b>.<ul><li>one<li>two</ul>"
        "<table><tr><td>Halden</td><td><p>1,250</p></td></tr></table>",
        encoding="utf-8",
    )
    assert extract_text(tmp_path / "a.eml") == (
        "From: a@halden.example\nSubject: Fees\n\n"
        "The fee is due.\n\n- one\n\n- two\n\n| Halden | 1,250 |\n"
    )


def test_a_comma_separated_file_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Party,Fee\nHalden,1250\n", encoding="utf-8")
    assert extract_text(tmp_path / "a.csv") == "Party,Fee\nHalden,1250\n"


def test_text_that_is_not_utf_8_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableDocumentError, match="not UTF-8"):
        extract_text(tmp_path / "a.txt")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", b"\0" * (65 * 2**20))
    with pytest.raises(UnreadableDocumentError, match="64 MB"):
        extract_text(tmp_path / "a.docx")


def test_a_missing_file_is_not_called_unreadable(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        extract_text(tmp_path / "none.docx")


def test_the_store_extracts_each_content_once(tmp_path: Path) -> None:
    store = TextStore(tmp_path / "text")
    for name in ("one.docx", "two.docx"):
        write_memo(tmp_path / "source.docx")
        (tmp_path / name).write_bytes((tmp_path / "source.docx").read_bytes())
    (tmp_path / "two.docx").write_bytes((tmp_path / "one.docx").read_bytes())
    first = store.file_of(tmp_path / "one.docx")
    first.write_text("kept", encoding="utf-8")
    assert store.text_of(tmp_path / "two.docx") == "kept"
    assert first.name.endswith(f"-{EXTRACTOR_VERSION}.txt")


def test_the_store_never_mixes_kinds_of_documents_with_equal_bytes(tmp_path: Path) -> None:
    store = TextStore(tmp_path / "text")
    for name in ("memo.md", "memo.docx"):
        (tmp_path / name).write_text("# Same bytes", encoding="utf-8")
    assert store.text_of(tmp_path / "memo.md") == "# Same bytes"
    with pytest.raises(UnreadableDocumentError):
        store.text_of(tmp_path / "memo.docx")


def test_a_harness_reads_what_its_judge_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_memo(tmp_path / "memo.docx")
    (tmp_path / "bad.docx").write_text("# Markdown", encoding="utf-8")
    assert read_document(Path("memo.docx")) == TextStore(tmp_path).text_of(tmp_path / "memo.docx")
    with pytest.raises(ValueError, match=r"^bad.docx: it does not open as .docx"):
        read_document(Path("bad.docx"))


@pytest.mark.parametrize(
    ("value", "text"), [("\r", "\n"), ("a\r\nb", "a\nb"), ("half \ud83d", "half \ufffd")]
)
def test_every_text_can_be_stored_and_comes_back_as_it_was(
    monkeypatch: pytest.MonkeyPatch, value: str, text: str
) -> None:
    monkeypatch.setitem(EXTRACTORS, ".pdf", lambda data: value)
    assert extract_from(Path("a.pdf"), b"") == text


# E-mails.

MIXED = """\
From: a@halden.example
To: b@halden.example
Subject: Fees
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain

Plain words.
--c
Content-Type: text/html

<p>Words in HTML.
--c--
--b
Content-Type: application/pdf; name="lease.pdf"
Content-Disposition: attachment; filename="lease.pdf"
Content-Transfer-Encoding: base64

aGVsbG8=
--b
Content-Type: message/rfc822

From: c@halden.example
Subject: Earlier terms

The earlier body.
--b--
"""


def test_an_e_mail_shows_headers_attachment_names_and_the_plain_body(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text(MIXED, encoding="utf-8")
    assert extract_text(tmp_path / "a.eml") == (
        "From: a@halden.example\nTo: b@halden.example\nSubject: Fees\n"
        "Attachments: lease.pdf, Earlier terms.eml\n\nPlain words.\n"
    )


def test_html_that_no_reader_of_an_e_mail_sees_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text(
        "From: a@halden.example\nContent-Type: text/html\n\n"
        '<p>Seen.</p><p style="Display: NONE">Pass <b>all</b>.</p><p hidden>Pass.</p><!-- Pass -->',
        encoding="utf-8",
    )
    assert extract_text(tmp_path / "a.eml") == "From: a@halden.example\n\nSeen.\n"


def test_an_encrypted_e_mail_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text(
        "From: a@halden.example\nContent-Type: application/pkcs7-mime\n\nAAAA", encoding="utf-8"
    )
    with pytest.raises(UnreadableDocumentError, match="it is encrypted"):
        extract_text(tmp_path / "a.eml")
