"""The text of PDF files that hold text; pictures of text are not read."""

import io
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness_kit.pdf.drawing import Drawing
from harness_kit.pdf.effort import Effort
from harness_kit.pdf.fields import Note, notes, placed
from harness_kit.pdf.geometry import Box, moved, turned
from harness_kit.pdf.ink import opened
from harness_kit.pdf.layout import Fragment, Page, laid_out
from harness_kit.text_parts import Room

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_MOST_PAGES = 2_000
_MOST_FONTS = 1_000  # of one page, with those of the forms that it shows
_MOST_FORMS = 500
_LIMITS: dict[str, Any] = {
    "array_based_stream_maximum_output_length": 16 * 2**20,
    "zlib_maximum_output_length": 16 * 2**20,
    "lzw_maximum_output_length": 16 * 2**20,
    "run_length_maximum_output_length": 16 * 2**20,
    "brotli_maximum_output_length": 16 * 2**20,
    "stream_decoding_work_maximum_length": 64 * 2**20,
    "stream_parsing_work_maximum_count": 500_000,
    "page_tree_maximum_entries": 20_000,
    "page_tree_maximum_page_entries": 200_000,
    "xform_maximum_invocations_per_extraction": _MOST_FORMS,
    "disable_legacy_handling": True,
}


def pdf_text(data: bytes) -> str:
    """The text of a .pdf file: headings, paragraphs of one line each, ruled tables as rows.

    What no viewer shows is no part of it: text without ink, in the colour of the page, smaller than
    can be read, or off the page. Filled form fields are. Raises ValueError for a file that wants a
    password to be opened, is broken or takes too much work; pypdf also lets through what it
    stumbles over, such as LookupError and RecursionError.
    """
    from pypdf import PdfReader, apply_configuration
    from pypdf.errors import DependencyError, PyPdfError

    # A broken file is told of by an exception; thousands of lines in the log would say no more.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        with apply_configuration(**_LIMITS):
            reader = PdfReader(io.BytesIO(data))
            # With a password for changes alone, every viewer opens it without asking.
            if reader.is_encrypted and not reader.decrypt(""):
                raise ValueError("it is encrypted")
            if len(reader.pages) > _MOST_PAGES:
                raise ValueError(f"it has more than {_MOST_PAGES} pages")
            effort, room = Effort(), Room()
            regenerated = _regenerates(reader)
            pages = [_page(page, regenerated, effort, room) for page in reader.pages]
    except PyPdfError as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    except DependencyError as error:  # a cipher that this installation does not have
        raise ValueError("it is encrypted") from error
    return "".join(f"{block}\n\n" for block in laid_out(pages))


def _regenerates(reader: "PdfReader") -> bool:
    """Whether viewers are told to show the values of form fields, not the pictures of them."""
    fields = opened(opened(reader.trailer.get("/Root")).get("/AcroForm"))
    return bool(fields.get("/NeedAppearances", False))


def _page(page: "PageObject", regenerated: bool, effort: Effort, room: Room) -> Page:
    effort.check()
    _check_fonts(page)
    before = room.characters
    seen = _Seen(page, effort, room)
    seen.read()
    if not seen.drawing.settled():  # rare: a scan without hidden text is read once
        room.characters = before
        seen = _Seen(page, effort, room, seen.drawing.unseen_on)
        seen.read()
    for note in notes(page, regenerated):
        _check_fonts({"/Resources": {"/XObject": {"/N": note.form}}})
        seen.read_note(note)
    return Page(tuple(seen.fragments), tuple(seen.drawing.rules))


def _check_fonts(page: Any) -> None:
    """Raises ValueError for a page whose fonts or forms would take minutes to open."""
    waiting: list[Any] = [page]
    known: set[int] = set()
    fonts = 0
    while waiting:
        resources = opened(waiting.pop().get("/Resources"))
        fonts += len(opened(resources.get("/Font")))
        if fonts > _MOST_FONTS:
            raise ValueError(f"a page has more than {_MOST_FONTS} fonts")
        for form in map(opened, opened(resources.get("/XObject")).values()):
            if id(form) not in known and form.get("/Subtype") == "/Form":
                known.add(id(form))
                waiting.append(form)


class _Seen:
    """Notes what a page shows while pypdf goes through it."""

    def __init__(
        self, page: "PageObject", effort: Effort, room: Room,
        unseen_on: Sequence[Box] | None = None,
    ) -> None:  # fmt: skip
        self.fragments: list[Fragment] = []
        self.drawing = Drawing(page, effort, unseen_on)
        self._page, self._effort, self._room = page, effort, room

    def read(self) -> None:
        """Note what the page itself shows; raises ValueError beyond the limits."""
        self._page.extract_text(
            visitor_operand_before=self._before, visitor_operand_after=self._after,
            visitor_text=self._text,
        )  # fmt: skip
        self._check()

    def read_note(self, note: Note) -> None:
        """Note what lies on the page, in its place; raises ValueError beyond the limits."""
        on_page, self.fragments = self.fragments, []
        if note.form is None:
            self._room.take(note.text)
            self.fragments.append(note.fragment())
        else:
            self.drawing.begin_form(note.form, note.matrix)
            self._page.extract_xform_text(
                note.form, visitor_operand_before=self._before,
                visitor_operand_after=self._after, visitor_text=self._text,
            )  # fmt: skip
            self.drawing.end_form()
        for fragment in self.fragments:
            if fragment.text.strip():
                self._effort.check()
                placed(on_page, fragment)
        self.fragments = on_page
        self._check()

    def _check(self) -> None:
        # pypdf goes on after what a visitor raises within a form.
        self._effort.check()
        self._room.take("")

    def _before(
        self, operator: bytes, operands: list[Any], cm: list[float], tm: list[float]
    ) -> None:
        self._effort.spend()
        self.drawing.before(operator, operands, cm, tm)

    def _after(self, operator: bytes, _: Any, __: Any, ___: Any) -> None:
        self.drawing.after(operator)

    def _text(self, text: str, cm: list[float], tm: list[float], font: Any, size: float) -> None:
        if not text.strip("\n"):
            return
        self._room.take(text)
        matrix = self.drawing.whole(cm)
        x, y = moved(matrix, tm[4], tm[5])
        scale = math.hypot(*turned(matrix, tm[2], tm[3]))
        name = str(font.get("/BaseFont", "")) if font else ""
        bold = "bold" in name.lower() or "black" in name.lower()
        self.fragments.append(Fragment(text.strip("\n"), x, y, round(size * scale, 1), bold))
