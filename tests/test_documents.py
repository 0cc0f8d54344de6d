"""Documents to text."""

import datetime
import zipfile
from pathlib import Path

import pytest
from docx import Document
from openpyxl import Workbook
from pptx import Presentation

from harness_search.judging.documents import (
    EXTRACTOR_VERSION,
    TextStore,
    UnreadableDocumentError,
    cell_text,
    extract_text,
)

DAY = datetime.date(2026, 3, 31)
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


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


def raw_docx(path: Path, body: str) -> None:
    """A .docx whose body is given as XML."""
    write_memo(path)
    with zipfile.ZipFile(path) as source:
        parts = {entry: source.read(entry) for entry in source.namelist()}
    parts["word/document.xml"] = (
        f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'.encode()
    )
    with zipfile.ZipFile(path, "w") as target:
        for name, data in parts.items():
            target.writestr(name, data)


def test_a_docx_reads_as_markdown_in_document_order(tmp_path: Path) -> None:
    write_memo(tmp_path / "memo.docx")
    assert extract_text(tmp_path / "memo.docx") == (
        "# Memo\n\n## Change of control\n\nConsent is needed.\n\n"
        "| Party | Fee |\n| Halden | 1,250 |\n\n- first\n\nAfter the table.\n\n"
    )


def test_tracked_changes_read_as_accepted_and_hidden_text_is_no_text(tmp_path: Path) -> None:
    raw_docx(
        tmp_path / "a.docx",
        "<w:p><w:r><w:t>fee of </w:t></w:r><w:ins><w:r><w:t>12</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>9</w:delText></w:r></w:del>"
        "<w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:t> days</w:t></w:r></w:p>",
    )
    assert extract_text(tmp_path / "a.docx").strip() == "fee of 12 days"


def test_content_controls_and_nested_tables_are_read_once(tmp_path: Path) -> None:
    def paragraph(text: str) -> str:
        return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"

    inner = f"<w:tbl><w:tr><w:tc>{paragraph('inner')}</w:tc></w:tr></w:tbl>"
    raw_docx(
        tmp_path / "a.docx",
        f"<w:sdt><w:sdtContent>{paragraph('controlled')}</w:sdtContent></w:sdt>"
        f"<w:tbl><w:tr><w:tc>{paragraph('outer')}{inner}</w:tc></w:tr></w:tbl>",
    )
    text = extract_text(tmp_path / "a.docx")
    assert text.startswith("controlled\n\n| outer")
    assert text.count("inner") == 1


def test_an_xlsx_shows_values_as_a_person_sees_them(tmp_path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "Fees"
    sheet.append(["Party", "Fee", "Due"])
    sheet.append(["Halden", 0.1 + 0.2, datetime.datetime.combine(DAY, datetime.time())])
    sheet.append(["Brenvale", 0.125, None])
    sheet["B3"].number_format = "0.0%"
    workbook.create_sheet("Empty")
    workbook.save(tmp_path / "a.xlsx")
    assert extract_text(tmp_path / "a.xlsx") == (
        "## Sheet: Fees\n\n| Party | Fee | Due |\n| Halden | 0.3 | 2026-03-31 |\n"
        "| Brenvale | 12.5% |\n"
    )


def test_a_formula_gives_its_cached_value_or_nothing(tmp_path: Path) -> None:
    workbook = Workbook()
    workbook.worksheets[0].append(["Total", "=1+1", "end"])
    workbook.save(tmp_path / "a.xlsx")
    assert "| Total |  | end |" in extract_text(tmp_path / "a.xlsx")


def test_a_single_far_cell_does_not_make_a_sheet_large(tmp_path: Path) -> None:
    workbook = Workbook()
    workbook.worksheets[0]["A1048576"] = "far away"
    workbook.save(tmp_path / "a.xlsx")
    assert extract_text(tmp_path / "a.xlsx").endswith("| far away |\n")


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
