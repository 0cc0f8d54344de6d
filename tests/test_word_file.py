"""Word files from Markdown: what python-docx would have written, without python-docx."""

import io
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import docx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness_kit.office import cells_of, is_rule, save_docx

MAIN = "word/document.xml"
WHOLE = """\
# Memo to <Larch & Co>
## Facts
###### Deep
- one
* two > 1
1. first
2) second
plain \twith a tab, and \u00fc\u4e2d\U0001f600

| a | b | c |
|---|:-:|---|
| 1 |   |
| 2 | x \t y | 3 | 4 |
|
| left over |"""


def by_python_docx(markdown: str) -> bytes:
    """The same document from the library."""
    document, rows = docx.Document(), list[list[str]]()
    for line in [*markdown.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            rows.append(cells_of(line))
            continue
        filled, rows = [row for row in rows if not is_rule(row)], []
        if filled:
            table = document.add_table(rows=0, cols=max(map(len, filled)))
            for row in filled:
                for cell, text in zip(table.add_row().cells, row, strict=False):
                    cell.text = text
        text = line.strip()
        if heading := re.match(r"(#{1,6})\s+(.*)", text):
            document.add_heading(heading[2], level=len(heading[1]))
        elif bullet := re.match(r"[-*]\s+(.*)", text):
            document.add_paragraph(bullet[1], style="List Bullet")
        elif text:
            document.add_paragraph(text)
    packed = io.BytesIO()
    document.save(packed)
    return packed.getvalue()


def meaning(xml: bytes) -> str:
    """The XML without the white space between its elements."""
    return ElementTree.canonicalize(re.sub(rb">\s+<", b"><", xml).decode())


def parts(packed: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as container:
        return {
            name: meaning(content) if name == MAIN else content
            for name in container.namelist()
            if (content := container.read(name))
        }


LINES = st.sampled_from(
    ["# a", "##  b c", "- d", "* e", "3. f", "|g|h", "| i |", "|---|", "", " j ", "k\tl", "&<>\"'"]
)


@given(st.lists(LINES, max_size=12).map("\n".join))
@example(WHOLE)
@settings(max_examples=8, deadline=None)
def test_the_text_is_in_the_same_xml_as_from_the_library(
    tmp_path_factory: pytest.TempPathFactory, markdown: str
) -> None:
    file = tmp_path_factory.mktemp("word") / "new" / "memo.docx"
    save_docx(file, markdown)
    ours, theirs = parts(file.read_bytes()), parts(by_python_docx(markdown))
    assert ours[MAIN] == theirs[MAIN]
    assert set(ours) == set(theirs)


def test_the_library_opens_it_with_its_styles(tmp_path: Path) -> None:
    save_docx(tmp_path / "memo.docx", WHOLE)
    document = docx.Document(str(tmp_path / "memo.docx"))
    styles = [paragraph.style.name for paragraph in document.paragraphs if paragraph.style]
    assert styles[:5] == ["Heading 1", "Heading 2", "Heading 6", "List Bullet", "List Bullet"]
    assert [len(table.columns) for table in document.tables] == [4]


@pytest.mark.parametrize("text", ["a\x00b", "- a\x1fb", "| a\x08 | b |", "# \ufffe", "\ud800"])
def test_what_no_xml_can_hold_is_refused_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):
        save_docx(tmp_path / "memo.docx", text)
    assert not list(tmp_path.iterdir())


def test_neither_python_docx_nor_lxml_is_loaded_for_it(tmp_path: Path) -> None:
    program = (
        "import sys; from harness_kit.office import save_docx; from pathlib import Path;"
        "save_docx(Path(sys.argv[1]), '# a'); print({'docx', 'lxml'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "memo.docx")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_same_text_gives_the_same_file_on_another_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_docx(tmp_path / "today.docx", WHOLE)
    next_week = time.time() + 7 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: next_week)
    save_docx(tmp_path / "next week.docx", WHOLE)
    assert (tmp_path / "next week.docx").read_bytes() == (tmp_path / "today.docx").read_bytes()
