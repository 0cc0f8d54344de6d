"""Deliverables that were made to take a judge's time or memory."""

import io
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from openpyxl import Workbook

from harness_kit.extraction import UnreadableDocumentError, extract_text
from harness_search.judging.reading import MOST_MARKS, normalise
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.spec import Heading, Paragraph, Table

LINE = b"BT /F1 12 Tf 72 700 Td (hello) Tj ET\n"
FONT = "/Font << /F1 5 0 R >>"
MAIL = b"From: a@halden.example\nSubject: Fees\nMIME-Version: 1.0\n"


def pdf(objects: Sequence[bytes | str]) -> bytes:
    """A PDF file of these objects, numbered from 1, the first of which is its catalogue."""
    written, offsets = b"%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(written))
        body = item if isinstance(item, bytes) else item.encode()
        written += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF" % (count, table, count, len(written))
    )


def stream(content: bytes, entries: str = "") -> bytes:
    packed = zlib.compress(content)
    head = f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n"
    return head.encode() + packed + b"\nendstream"


def one_page(content: bytes, resources: str = FONT, *more: bytes) -> bytes:
    page = f"<< /Type /Page /Parent 2 0 R /Resources << {resources} >> /Contents 4 0 R >>"
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    return pdf([
        "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page, stream(content), font, *more,
    ])  # fmt: skip


def pages(kids: str) -> bytes:
    root = f"<< /Type /Pages /Kids [{kids}] /Count 1 >>"
    return pdf(["<< /Type /Catalog /Pages 2 0 R >>", root, "<< /Type /Page /Parent 2 0 R >>"])


def changed(name: str, part: str, old: bytes, new: bytes) -> bytes:
    """An Office file with one part changed."""
    written = io.BytesIO()
    blocks = (Heading("Kick-off"), Paragraph("hello"), Table(("Fee",), ((12,),), "Fees"))
    packed = io.BytesIO(render(name, blocks))
    with (
        zipfile.ZipFile(packed) as source,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.namelist():
            data = source.read(entry)
            assert entry != part or old in data
            target.writestr(entry, data.replace(old, new) if entry == part else data)
    return written.getvalue()


def presentation(part: str, old: bytes, new: bytes) -> bytes:
    return changed("a.pptx", part, old, new)


def sheet(new: bytes, old: bytes = b"<v>12</v>") -> bytes:
    return changed("a.xlsx", "xl/worksheets/sheet1.xml", old, new)


def memo(new: bytes, old: bytes = b"<w:body>") -> bytes:
    return changed("a.docx", "word/document.xml", old, new)


def locked_container() -> bytes:
    """An Office file whose parts say that they are encrypted, one by one."""
    data = bytearray(render("a.docx", (Paragraph("hello"),)))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    return bytes(data)


def badly_packed() -> bytes:
    """An Office file with a part in a packing that Office never uses, spoilt."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_LZMA) as container:
        container.writestr("_rels/.rels", b"x" * 1000)
    data = bytearray(written.getvalue())
    data[45] = 0xFF  # a property that the packing does not have
    return bytes(data)


def without_root() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as container:
        container.writestr("note.txt", "A plain zip file.")
    return written.getvalue()


def misplaced_root() -> bytes:
    """A document whose root lies in a stream that is no object stream: the reader asserts it is."""
    body = b"%PDF-1.5\n"
    stream = len(body)
    body += b"2 0 obj\n<< /Type /Nope /N 1 /First 4 /Length 23 >>\nstream\n"
    body += b"1 0 << /Type /Catalog >>\nendstream\nendobj\n"
    table = len(body)
    entries = bytes(4) + b"\x02\x00\x02\x00"
    entries += b"".join(b"\x01" + place.to_bytes(2, "big") + b"\x00" for place in (stream, table))
    head = b"3 0 obj\n<< /Type /XRef /Size 4 /W [1 2 1] /Root 1 0 R /Length %d >>\nstream\n"
    body += head % len(entries) + entries + b"\nendstream\nendobj\n"
    return body + b"startxref\n%d\n%%%%EOF\n" % table


def encrypted() -> bytes:
    from pypdf import PdfWriter

    writer, written = PdfWriter(clone_from=io.BytesIO(one_page(LINE))), io.BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(written)
    return written.getvalue()


LAUGHS = b"<!DOCTYPE a [<!ENTITY a0 'ha'>" + b"".join(
    b"<!ENTITY a%d '%b'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
)
SLIDE, SHOW = "ppt/slides/slide1.xml", "ppt/presentation.xml"
PARTED = MAIL + b'Content-Type: multipart/mixed; boundary="b"\n\n'
NESTED = b"".join(
    b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(2_000)
)
DEEP = b"<a>" * 100_000
OLD, SEALED = bytes.fromhex("d0cf11e0a1b11ae1"), "EncryptedPackage".encode("utf-16-le")
HOSTILE = {
    "encrypted.docx": lambda: OLD + bytes(1_000) + SEALED,
    "locked.docx": locked_container,
    "badly packed.docx": badly_packed,
    "a zip file.docx": without_root,
    "deep.docx": lambda: memo(b"<w:body>" + DEEP),
    "laughs.docx": lambda: memo(LAUGHS + b"]><w:document x='&a11;' ", b"<w:document "),
    "long.docx": lambda: memo(b"x" * 11_000_000, b"hello"),
    "unpacks to 65 MB.docx": lambda: memo(b"x" * (65 * 2**20), b"hello"),
    "cut short.docx": lambda: render("a.docx", (Heading("Kick-off"),))[:-200],
    "encrypted.xlsx": lambda: OLD + bytes(1_000) + SEALED,
    "deep.xlsx": lambda: sheet(b"<v>12</v></c>" + DEEP, b"<v>12</v></c>"),
    "laughs.xlsx": lambda: sheet(LAUGHS + b"]><worksheet x='&a11;' ", b"<worksheet "),
    "without end.xlsx": lambda: sheet(b"<v>1e999</v>"),
    "no number.xlsx": lambda: sheet(b"<v>" + b"9" * 5_000 + b"</v>"),
    "no such text.xlsx": lambda: sheet(b"<v>9999</v>", b"<v>0</v>"),
    "far to the right.xlsx": lambda: sheet(b'r="ZZZ2"', b'r="A2"'),
    "2 million cells.xlsx": lambda: sheet(
        b"<sheetData>" + b'<row><c r="XFD1"><v>1</v></c></row>' * 130, b"<sheetData>"
    ),
    "unpacks to 65 MB.xlsx": lambda: sheet(b"<v>12</v>" + b" " * (65 * 2**20)),
    "cut short.xlsx": lambda: render("a.xlsx", (Table(("Fee",), ((1,),), "Fees"),))[:-200],
    "encrypted.pptx": lambda: OLD + bytes(1_000) + SEALED,
    "encrypted.eml": lambda: MAIL + b"Content-Type: multipart/encrypted; boundary=b\n\n",
    "11 million letters.txt": lambda: b"x" * 11_000_000,
    "11 million letters.csv": lambda: b"x" * 11_000_000,
    "no letters.md": lambda: b"\xff\xfe\x00",
    "cut short.pdf": lambda: one_page(LINE)[:-200],
    "encrypted.pdf": encrypted,
    "root misplaced.pdf": misplaced_root,
    "unpacks to 80 MB.pdf": lambda: one_page(LINE * 2_200_000),
    "too many tokens.pdf": lambda: one_page(LINE * 80_000),
    "a page tree in a circle.pdf": lambda: pages("2 0 R"),
    "100,000 pages.pdf": lambda: pages("3 0 R " * 99_999),
    "3,000 pages.pdf": lambda: pages("3 0 R " * 3_000),
    "5,000 fonts.pdf": lambda: one_page(
        LINE, f"/Font << {' '.join(f'/F{n} 5 0 R' for n in range(5_000))} >>"
    ),
    "deep.pdf": lambda: pdf(["[" * 100_000]),
    "unpacks to 65 MB.pptx": lambda: presentation(SLIDE, b"hello", b"x" * (65 * 2**20)),
    "deep.pptx": lambda: presentation(SLIDE, b"<p:cSld>", b"<p:cSld>" + b"<a>" * 100_000),
    "laughs.pptx": lambda: presentation(SLIDE, b"<p:sld ", LAUGHS + b"]><p:sld x='&a11;' "),
    "100,000 slides.pptx": lambda: presentation(
        SHOW, b"<p:sldIdLst>", b"<p:sldIdLst>" + b"<p:sldId/>" * 100_000
    ),
    "no such slide.pptx": lambda: presentation(SHOW, b'r:id="rId', b'r:id="rId9'),
    "cut short.pptx": lambda: render("a.pptx", (Heading("Kick-off"),))[:-200],
    "nested.eml": lambda: MAIL + NESTED + b"hello",
    "100,000 parts.eml": lambda: PARTED + b"--b\n\nx\n" * 100_000,
    "2,000 parts.eml": lambda: PARTED + b"--b\n\nx\n" * 2_000,
    "a long header.eml": lambda: b"From: " + b"a," * 100_000 + b"\n\nhello",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_unreadable_and_nothing_worse(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(HOSTILE[name]())
    with pytest.raises(UnreadableDocumentError):
        extract_text(tmp_path / name)


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx", "pdf", "eml", "md", "txt", "csv"])
def test_a_file_of_100_mb_is_refused_unread(tmp_path: Path, kind: str) -> None:
    with (tmp_path / f"a.{kind}").open("wb") as stream:
        stream.truncate(100 * 2**20)
    with pytest.raises(UnreadableDocumentError, match="it is larger than 64 MB"):
        extract_text(tmp_path / f"a.{kind}")


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx", "pdf"])
def test_of_an_encrypted_file_that_is_the_reason(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"a.{kind}").write_bytes(HOSTILE[f"encrypted.{kind}"]())
    with pytest.raises(UnreadableDocumentError) as caught:
        extract_text(tmp_path / f"a.{kind}")
    assert caught.value.reason == f"it does not open as .{kind} (it is encrypted)"


def test_a_form_that_shows_itself_is_read_once(tmp_path: Path) -> None:
    resources = f"{FONT} /XObject << /X1 6 0 R >>"
    form = stream(LINE + b"/X1 Do", f"/Type /XObject /Subtype /Form /Resources << {resources} >>")
    (tmp_path / "a.pdf").write_bytes(one_page(b"/X1 Do", resources, form))
    assert extract_text(tmp_path / "a.pdf") == "hello\n\n"


def test_html_of_open_brackets_alone_does_not_take_hours(tmp_path: Path) -> None:
    html = MAIL + b"Content-Type: text/html\n\n" + b"<a " * 500_000
    (tmp_path / "a.eml").write_bytes(html)
    assert extract_text(tmp_path / "a.eml").startswith("From: a@halden.example")


def test_a_workbook_of_one_long_string_in_thousands_of_cells_is_refused(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for _ in range(400):
        sheet.append(["MARK"])
    plain = io.BytesIO()
    book.save(plain)
    bomb = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry, source.read(entry).replace(b"MARK", b"x" * 32_000))
    with pytest.raises(UnreadableDocumentError, match="more than 10000000 characters"):
        extract_text(bomb)


def test_endless_marks_on_one_letter_are_cut_and_ordinary_ones_are_not() -> None:
    assert normalise("a" + "\u0301\u0316" * 100_000) == normalise("a" + "\u0301\u0316" * 8)
    ordinary = "Cafe\u0301 " + "e\u0323\u0302" * 50
    assert normalise(ordinary) == unicodedata.normalize("NFC", ordinary).casefold()
    assert MOST_MARKS >= 8
