"""Word documents to text: what a reader of the document sees, tracked changes accepted."""

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness_kit.extraction import extract_from

NAMES = " ".join(
    f'xmlns:{short}="http://schemas.openxmlformats.org/{name}"'
    for short, name in (
        ("w", "wordprocessingml/2006/main"),
        ("r", "officeDocument/2006/relationships"),
        ("m", "officeDocument/2006/math"),
        ("mc", "markup-compatibility/2006"),
        ("wp", "drawingml/2006/wordprocessingDrawing"),
        ("a", "drawingml/2006/main"),
    )
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WHITE = '<w:color w:val="FFFFFF"/>'
HEAD = "| head |\n\n"
DARK = '<w:shd w:val="clear" w:fill="1F3864"/>'


def related(parts: Iterable[tuple[str, str, str]]) -> str:
    """A part that lists related parts: identifier, kind and name of each."""
    entries = "".join(
        f'<Relationship Id="{name}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for name, kind, target in parts
    )
    return f"<Relationships>{entries}</Relationships>"


def shown(body: str, before: str = "", **parts: str) -> str:
    """The text of a document with this body and these other parts, named by their kinds."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as container:
        container.writestr("_rels/.rels", related([("a", "officeDocument", "word/document.xml")]))
        container.writestr(
            "word/document.xml", f"<w:document {NAMES}>{before}<w:body>{body}</w:body></w:document>"
        )
        kinds = [(name, name.rstrip("0123456789"), f"{name}.xml") for name in parts]
        container.writestr("word/_rels/document.xml.rels", related(kinds))
        for name, content in parts.items():
            container.writestr(f"word/{name}.xml", f"<w:root {NAMES}>{content}</w:root>")
    return extract_from(Path("a.docx"), packed.getvalue())


def p(*runs: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def style(name: str, content: str, kind: str = "paragraph") -> str:
    return (
        f'<w:style w:type="{kind}" w:styleId="{name}"><w:name w:val="{name}"/>{content}</w:style>'
    )


def box(content: str) -> str:
    drawn = f"<wp:anchor><w:txbxContent>{content}</w:txbxContent></wp:anchor>"
    old = f"<w:pict><w:txbxContent>{content}</w:txbxContent></w:pict>"
    return (
        f"<w:r><mc:AlternateContent><mc:Choice>{drawn}</mc:Choice>"
        f"<mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"
    )


def test_tracked_changes_read_as_accepted() -> None:
    assert shown(
        p(
            r("fee of "), f"<w:ins>{r('12')}</w:ins>",
            "<w:del><w:r><w:delText>9</w:delText></w:r></w:del>",
            f"<w:moveFrom>{r('gone')}</w:moveFrom><w:moveTo>{r(' whole')}</w:moveTo>", r(" days"),
        )
    ) == "fee of 12 whole days\n\n"  # fmt: skip


def test_a_paragraph_whose_end_was_deleted_goes_on_in_the_next() -> None:
    ended = "<w:rPr><w:del/></w:rPr>"
    assert shown(p(r("One "), properties=ended) + p(r("and two."))) == "One and two.\n\n"
    table = f"<w:tbl><w:tr><w:tc>{p(r('cell'))}</w:tc></w:tr></w:tbl>"
    assert shown(p(r("One"), properties=ended) + table) == "One\n\n| cell |\n\n"


def test_rows_and_cells_that_were_deleted_or_are_hidden_are_no_text() -> None:
    def row(text: str, properties: str = "", cell: str = "") -> str:
        kept = f"<w:tc><w:tcPr>{cell}</w:tcPr>{p(r(text))}</w:tc>"
        return f"<w:tr><w:trPr>{properties}</w:trPr>{kept}</w:tr>"

    table = row("kept") + row("deleted", "<w:del/>") + row("hidden", "<w:hidden/>")
    assert shown(f"<w:tbl>{table}{row('cell', cell='<w:cellDel/>')}</w:tbl>") == "| kept |\n\n"


def test_comments_are_no_text() -> None:
    body = p("<w:commentRangeStart/>", r("text"), "<w:r><w:commentReference/></w:r>")
    assert shown(body, comments=f"<w:comment>{p(r('remark'))}</w:comment>") == "text\n\n"


@pytest.mark.parametrize(
    "run",
    [
        r("no", "<w:vanish/>"), r("no", '<w:rStyle w:val="Based"/>'), r("no", '<w:sz w:val="2"/>'),
        r("no", WHITE), r("no", WHITE + '<w:shd w:val="clear" w:fill="FFFFFF"/>'),
        '<w:r><w:drawing><wp:inline><wp:docPr hidden="1"/><w:txbxContent><w:p><w:r><w:t>no</w:t>'
        "</w:r></w:p></w:txbxContent></wp:inline></w:drawing></w:r>",
        "<w:r><w:instrText>no</w:instrText></w:r>",
    ],
)  # fmt: skip
def test_text_that_no_reader_sees_is_no_text(run: str) -> None:
    styles = style("Secret", "<w:rPr><w:vanish/></w:rPr>", "character")
    styles += style("Based", '<w:basedOn w:val="Secret"/>', "character")
    assert shown(p(run, r("seen")), styles=styles) == "seen\n\n"


@pytest.mark.parametrize(
    "run",
    [
        r("yes", '<w:vanish w:val="0"/>'), r("yes", '<w:sz w:val="16"/>'),
        r("yes", WHITE + '<w:shd w:val="clear" w:fill="1F3864"/>'),
        r("yes", WHITE + '<w:highlight w:val="black"/>'),
        r("yes", '<w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>'),
    ],
)  # fmt: skip
def test_text_that_only_looks_hidden_is_text(run: str) -> None:
    assert shown(p(run)) == "yes\n\n"


def test_white_text_on_the_ground_of_a_style_is_text() -> None:
    dark = style("Dark", f"<w:pPr>{DARK}</w:pPr>")
    banner = p(r("banner", WHITE), properties='<w:pStyle w:val="Dark"/>')
    assert shown(banner, styles=dark) == "banner\n\n"


@pytest.mark.parametrize(
    "run",
    [
        r("no", '<w:rStyle w:val="Pale"/>'), r("no", '<w:rStyle w:val="PaleToo"/>'),
        r("no", '<w:rStyle w:val="Tiny"/>'), r("no", '<w:color w:val="FEFEFE"/>'),
        r("no", '<w:sz w:val="3"/>'), r("no", '<w:sz w:val="1.5pt"/>'),
        r("no", '<w:color w:val="auto" w:themeColor="background1"/>'),
        r("no", '<w:color w:val="000000" w:themeColor="text1" w:themeTint="05"/>'),
        r("no", WHITE + '<w:shd w:val="clear" w:fill="FEFEFE"/>'),
        r("no", WHITE + '<w:highlight w:val="white"/>'),
        r("no", '<w:color w:val="0A0A0A"/><w:highlight w:val="black"/>'),
        f"<m:oMath><m:r><w:rPr>{WHITE}</w:rPr><m:t>no</m:t></m:r></m:oMath>",
    ],
)  # fmt: skip
def test_pale_and_tiny_text_is_no_text_wherever_its_look_comes_from(run: str) -> None:
    styles = style("Pale", f"<w:rPr>{WHITE}</w:rPr>", "character")
    styles += style("PaleToo", '<w:basedOn w:val="Pale"/>', "character")
    styles += style("Tiny", '<w:rPr><w:sz w:val="2"/></w:rPr>', "character")
    assert shown(p(run, r("seen")), styles=styles) == "seen\n\n"


@pytest.mark.parametrize("look", [WHITE, '<w:sz w:val="2"/>'])
def test_a_run_can_be_seen_in_a_paragraph_whose_style_cannot(look: str) -> None:
    usual = f'<w:style w:type="paragraph" w:default="1" w:styleId="N"><w:rPr>{look}</w:rPr>'
    own = r("seen", '<w:color w:val="000000"/><w:sz w:val="20"/>')
    assert shown(p(r("no"), own), styles=f"{usual}</w:style>") == "seen\n\n"


@pytest.mark.parametrize(
    "color",
    [
        '<w:color w:val="808080" w:themeColor="background1" w:themeShade="80"/>',
        '<w:color w:val="auto"/>', '<w:color w:val="FFFF00"/>',
    ],
)  # fmt: skip
def test_text_of_another_colour_than_its_ground_is_text(color: str) -> None:
    assert shown(p(r("yes", color))) == "yes\n\n"


def test_a_theme_says_which_colours_are_white() -> None:
    colours = '<a:accent1><a:srgbClr val="FFFFFF"/></a:accent1>'
    theme = f"<a:themeElements><a:clrScheme>{colours}</a:clrScheme></a:themeElements>"
    run = r("no", '<w:color w:val="FF0000" w:themeColor="accent1"/>')
    assert shown(p(run, r("seen")), theme=theme) == "seen\n\n"


@pytest.mark.parametrize(
    ("cell", "row", "table", "styled", "text"),
    [
        ("", "", "", "", ""), (DARK, "", "", "", HEAD), ("", DARK, "", "", HEAD),
        ("", "", DARK, "", HEAD), ("", "", "", f"<w:tcPr>{DARK}</w:tcPr>", HEAD),
        ("", "", "", f'<w:tblStylePr w:type="lastCol"><w:tcPr>{DARK}</w:tcPr></w:tblStylePr>',
         HEAD),
        ('<w:shd w:val="clear" w:fill="FFFFFF"/>', "", DARK, "", ""),
    ],
)  # fmt: skip
def test_white_text_in_a_cell_is_text_where_something_is_behind_it(
    cell: str, row: str, table: str, styled: str, text: str
) -> None:
    content = f"<w:tc><w:tcPr>{cell}</w:tcPr>{p(r('head', WHITE))}</w:tc>"
    properties = f'<w:tblPr><w:tblStyle w:val="T"/>{table}</w:tblPr>'
    body = f"<w:tr><w:tblPrEx>{row}</w:tblPrEx>{content}</w:tr>"
    styles = style("T", styled, "table")
    assert shown(f"<w:tbl>{properties}{body}</w:tbl>", styles=styles) == text


def test_white_text_below_the_dark_first_row_of_a_table_style_is_no_text() -> None:
    first = f"<w:tcPr>{DARK}</w:tcPr><w:rPr>{WHITE}</w:rPr>"
    styles = style("T", f'<w:tblStylePr w:type="firstRow">{first}</w:tblStylePr>', "table")
    rows = [p(r("Head")), p(r("Body"), r("no", WHITE))]
    body = "".join(f"<w:tr><w:tc>{text}</w:tc></w:tr>" for text in rows)
    table = f'<w:tbl><w:tblPr><w:tblStyle w:val="T"/></w:tblPr>{body}</w:tbl>'
    assert shown(table, styles=styles) == "| Head |\n| Body |\n\n"


def test_white_text_is_text_on_dark_pages_alone() -> None:
    dark = '<w:background w:color="000000"/>'
    body = p(r("yes", WHITE))
    assert shown(body, before=dark, settings="<w:displayBackgroundShape/>") == "yes\n\n"
    assert shown(body, before=dark) == ""
    white = '<w:background w:color="FFFFFF"/>'
    assert shown(body, before=white, settings="<w:displayBackgroundShape/>") == ""
    unknown = '<w:background w:color="navy"/>'
    assert shown(body, before=unknown, settings="<w:displayBackgroundShape/>") == "yes\n\n"


@pytest.mark.parametrize("fill", ["#1F3864", "navy"])
def test_white_text_on_a_ground_that_cannot_be_read_is_text(fill: str) -> None:
    run = r("yes", WHITE + f'<w:shd w:val="clear" w:fill="{fill}"/>')
    assert shown(p(run)) == "yes\n\n"


def test_numbers_of_looks_that_cannot_be_read_are_left_out() -> None:
    run = r("no", '<w:color w:val="auto" w:themeColor="background1" w:themeTint="ZZ"/>')
    assert shown(p(run, r("seen"))) == "seen\n\n"
    row = f"<w:tr><w:tc>{p(r('head', WHITE))}</w:tc></w:tr>"
    properties = '<w:tblPr><w:tblStyle w:val="T"/><w:tblLook w:val="ZZ"/></w:tblPr>'
    dark = f'<w:tblStylePr w:type="firstRow"><w:tcPr>{DARK}</w:tcPr></w:tblStylePr>'
    assert shown(f"<w:tbl>{properties}{row}</w:tbl>", styles=style("T", dark, "table")) == HEAD


def test_properties_of_a_table_are_not_sought_behind_its_rows() -> None:
    row = f"<w:tr><w:tc>{p(r('no', WHITE), r('seen'))}</w:tc></w:tr>"
    assert shown(f"<w:tbl>{row}<w:tblPr>{DARK}</w:tblPr></w:tbl>") == "| seen |\n\n"


def test_cells_of_several_columns_leave_the_others_below_their_headings() -> None:
    def cell(text: str, span: str = "") -> str:
        return f"<w:tc><w:tcPr>{span}</w:tcPr>{p(r(text))}</w:tc>"

    span = cell("Span", '<w:gridSpan w:val="2"/>')
    first = f"<w:tr>{span}{cell('C')}</w:tr>"
    second = "<w:tr>" + "".join(map(cell, "abc")) + "</w:tr>"
    third = f'<w:tr><w:trPr><w:gridBefore w:val="2"/></w:trPr>{cell("d")}</w:tr>'
    assert shown(f"<w:tbl>{first}{second}{third}</w:tbl>") == (
        "| Span |  | C |\n| a | b | c |\n|  |  | d |\n\n"
    )
    wide = cell("x", '<w:gridSpan w:val="999999999"/>')
    assert len(shown(f"<w:tbl><w:tr>{wide}</w:tr></w:tbl>")) < 300


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ('<w:sym w:font="Wingdings" w:char="F0FE"/>', "☑"),
        ('<w:sym w:font="Wingdings" w:char="F0A8"/>', "☐"),
        ('<w:sym w:font="MS Gothic" w:char="2612"/>', "☒"),
        ('<w:sym w:font="Symbol" w:char="F0A3"/>', "≤"),
        ('<w:sym w:font="Webdings" w:char="F0FE"/>', ""),
        ("<w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData>", "[x]"),
        ('<w:ffData><w:checkBox><w:default/><w:checked w:val="0"/></w:checkBox></w:ffData>', "[ ]"),
    ],
)  # fmt: skip
def test_symbols_and_check_boxes_are_characters(mark: str, text: str) -> None:
    assert shown(p(f"<w:r>{mark}</w:r>", r(" Agreed"))) == f"{text} Agreed".lstrip() + "\n\n"


@pytest.mark.parametrize(("content", "text"), [("", "[x]"), (r("☒"), "☒")])
def test_a_check_box_of_a_content_control_shows_its_sign_or_its_state(
    content: str, text: str
) -> None:
    box_ = '<w14:checkbox xmlns:w14="urn:w14"><w14:checked w14:val="1"/></w14:checkbox>'
    held = f"<w:sdtPr>{box_}</w:sdtPr><w:sdtContent>{content}</w:sdtContent>"
    assert shown(p(f"<w:sdt>{held}</w:sdt>", r(" Agreed"))) == f"{text} Agreed\n\n"


def test_a_style_can_hide_whole_paragraphs() -> None:
    styles = style("Gone", "<w:rPr><w:vanish/></w:rPr>")
    hidden = p(r("no"), properties='<w:pStyle w:val="Gone"/>')
    again = p(r("yes", '<w:vanish w:val="0"/>'), properties='<w:pStyle w:val="Gone"/>')
    assert shown(hidden + again, styles=styles) == "yes\n\n"
    defaults = "<w:docDefaults><w:rPrDefault><w:rPr><w:vanish/></w:rPr></w:rPrDefault>"
    assert shown(p(r("no")), styles=f"{defaults}</w:docDefaults>") == ""


def test_content_controls_are_read_and_nested_tables_are_lists_in_their_cell() -> None:
    inner = "".join(
        f"<w:tr>{''.join(f'<w:tc>{p(r(text))}</w:tc>' for text in row)}</w:tr>"
        for row in (("Party", "Fee"), ("Halden", "1,250"))
    )
    outer = f"<w:tr><w:tc>{p(r('outer'))}<w:tbl>{inner}</w:tbl>{p(r('after'))}</w:tc></w:tr>"
    controlled = f"<w:sdt><w:sdtContent>{p(r('controlled'))}</w:sdtContent></w:sdt>"
    assert shown(f"{controlled}<w:tbl>{outer}</w:tbl>") == (
        "controlled\n\n| outer Party, Fee; Halden, 1,250 after |\n\n"
    )


def test_a_text_box_follows_its_paragraph_and_is_read_once() -> None:
    assert shown(p(r("before"), box(p(r("in the box"))), r(" it"))) == "before it\n\nin the box\n\n"


def test_notes_stand_at_the_end_with_their_numbers() -> None:
    def note(kind: str, name: int) -> str:
        return f'<w:r><w:{kind}Reference w:id="{name}"/></w:r>'

    body = p(r("First"), note("footnote", 7), r(" second"), note("endnote", 7))
    deleted = p(f"<w:del>{note('footnote', 8)}</w:del>")
    foot = "".join(
        f'<w:footnote w:id="{name}">{p(r(text))}</w:footnote>'
        for name, text in ((7, "Clause 4."), (8, "gone"))
    )
    end = f'<w:endnote w:id="7">{p(r("Clause 9."))}</w:endnote>'
    assert shown(body + deleted, footnotes=foot, endnotes=end) == (
        "First[^1] second[^2]\n\n[^1]: Clause 4.\n\n[^2]: Clause 9.\n\n"
    )


def test_headers_and_footers_that_some_page_shows_are_read_once() -> None:
    def section(*marks: str) -> str:
        references = "".join(
            f'<w:headerReference w:type="{kind}" r:id="header{n}"/>'
            for n, kind in enumerate(("default", "first", "even"), start=1)
        )
        footer = '<w:footerReference w:type="default" r:id="footer1"/>'
        return f"<w:sectPr>{references}{footer}{''.join(marks)}</w:sectPr>"

    parts = {
        "header1": p(r("Privileged")), "header2": p(r("Cover")), "header3": p(r("Left page")),
        "footer1": p(r("Halden"), "<w:r><w:tab/></w:r>", r("Page 1")),
    }  # fmt: skip
    body = p(r("text"))
    assert shown(body + section() + section(), **parts) == (
        "Header: Privileged\n\ntext\n\nFooter: Halden Page 1\n\n"
    )
    assert "Header: Cover\n\ntext" in shown(body + section("<w:titlePg/>"), **parts)
    even = shown(body + section(), settings="<w:evenAndOddHeaders/>", **parts)
    assert "Header: Left page\n\ntext" in even


def test_symbols_of_formulas_are_text() -> None:
    assert shown(p(r("x = "), "<m:oMath><m:r><m:t>2y</m:t></m:r></m:oMath>")) == "x = 2y\n\n"
