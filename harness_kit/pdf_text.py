"""The text of PDF files that hold text; pictures of text are not read."""

import io
import logging
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness_kit.pdf_layout import Fragment, Page, Rule, laid_out
from harness_kit.text_parts import Room

if TYPE_CHECKING:
    from pypdf import PageObject

_MOST_PAGES = 2_000
_MOST_OPERATIONS = 1_000_000  # drawn lines count: a map has hundreds of thousands
_MOST_SECONDS = 30.0  # of the processor; pypdf's work on a hostile file follows no size alone
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
_STROKED = frozenset({b"S", b"s", b"B", b"B*", b"b", b"b*"})
_FILLED = frozenset({b"f", b"F", b"f*"})
_THIN = 2.0  # points: a filled rectangle of less is a line


def pdf_text(data: bytes) -> str:
    """The text of a .pdf file: headings, paragraphs of one line each, ruled tables as rows.

    Raises ValueError for a file that is encrypted, broken or takes too much work; pypdf also lets
    through what it stumbles over, such as LookupError and RecursionError.
    """
    from pypdf import PdfReader, apply_configuration
    from pypdf.errors import PyPdfError

    # A broken file is told of by an exception; thousands of lines in the log would say no more.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        with apply_configuration(**_LIMITS):
            reader = PdfReader(io.BytesIO(data))
            if reader.is_encrypted:
                raise ValueError("it is encrypted")
            if len(reader.pages) > _MOST_PAGES:
                raise ValueError(f"it has more than {_MOST_PAGES} pages")
            effort, room = _Effort(), Room()
            pages = [_page(page, effort, room) for page in reader.pages]
    except PyPdfError as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return "".join(f"{block}\n\n" for block in laid_out(pages))


class _Effort:
    """Ends the reading of a file that takes more work than any honest one."""

    def __init__(self) -> None:
        self.operations = 0
        self.until = time.thread_time() + _MOST_SECONDS

    def spend(self, operations: int = 1) -> None:
        """Raises ValueError when the work goes beyond the limits."""
        self.operations += operations
        if self.operations > _MOST_OPERATIONS:
            raise ValueError(f"it takes more than {_MOST_OPERATIONS} operations to draw")
        if self.operations % 256 == 0 or operations > 1:
            self.check_time()

    def check_time(self) -> None:
        """Raises ValueError when too much time has gone."""
        if time.thread_time() > self.until:
            raise ValueError(f"it takes more than {_MOST_SECONDS:.0f} seconds to read")


def _page(page: "PageObject", effort: _Effort, room: Room) -> Page:
    effort.check_time()
    _check_fonts(page)
    seen = _Seen(effort, room)
    page.extract_text(visitor_operand_before=seen.operation, visitor_text=seen.text)
    effort.check_time()
    if seen.failure is not None:  # pypdf goes on after what a visitor raises within a form
        raise seen.failure
    return Page(tuple(seen.fragments), tuple(seen.rules))


def _check_fonts(page: "PageObject") -> None:
    """Raises ValueError for a page whose fonts or forms would take minutes to open."""
    waiting: list[Any] = [page]
    known: set[int] = set()
    fonts = 0
    while waiting:
        resources = _opened(waiting.pop().get("/Resources"))
        fonts += len(_opened(resources.get("/Font")))
        if fonts > _MOST_FONTS:
            raise ValueError(f"a page has more than {_MOST_FONTS} fonts")
        for form in map(_opened, _opened(resources.get("/XObject")).values()):
            if id(form) not in known and form.get("/Subtype") == "/Form":
                known.add(id(form))
                waiting.append(form)


def _opened(entry: Any) -> Any:
    """What an entry of a dictionary refers to; an empty dictionary when that is none itself."""
    found = entry.get_object() if hasattr(entry, "get_object") else entry
    return found if isinstance(found, dict) else {}


class _Seen:
    """Notes what a page shows while pypdf goes through it."""

    def __init__(self, effort: _Effort, room: Room) -> None:
        self.effort, self.room = effort, room
        self.fragments: list[Fragment] = []
        self.rules: list[Rule] = []
        self.failure: ValueError | None = None
        self._path: list[tuple[float, float, float, float]] = []
        self._point = (0.0, 0.0)

    def text(self, text: str, cm: list[float], tm: list[float], font: Any, size: float) -> None:
        if not text.strip("\n"):
            return
        self._guarded_take(text)
        x, y = _moved(cm, tm[4], tm[5])
        scale = math.hypot(*_turned(cm, tm[2], tm[3]))
        name = str(font.get("/BaseFont", "")) if font else ""
        bold = "bold" in name.lower() or "black" in name.lower()
        self.fragments.append(Fragment(text.strip("\n"), x, y, round(size * scale, 1), bold))

    def operation(self, operator: bytes, operands: list[Any], cm: list[float], _: Any) -> None:
        try:
            self.effort.spend()
        except ValueError as error:
            self.failure = error
            raise
        if operator in {b"m", b"l"} and len(operands) == 2:
            point = _moved(cm, float(operands[0]), float(operands[1]))
            if operator == b"l":
                self._path.append((*self._point, *point))
            self._point = point
        elif operator == b"re" and len(operands) == 4:
            x, y, width, height = map(float, operands)
            self._path.append((*_moved(cm, x, y), *_moved(cm, x + width, y + height)))
        elif operator in _STROKED or operator in _FILLED:
            for corners in self._path:
                self.rules += _rules(corners, stroked=operator in _STROKED)
            self._path = []
        elif operator == b"n":
            self._path = []

    def _guarded_take(self, text: str) -> None:
        try:
            self.room.take(text)
        except ValueError as error:
            self.failure = error
            raise


def _rules(corners: tuple[float, float, float, float], stroked: bool) -> Iterator[Rule]:
    """The upright and level lines of a line or a rectangle, given by two opposite corners."""
    left, right = sorted((corners[0], corners[2]))
    foot, top = sorted((corners[1], corners[3]))
    width, height = right - left, top - foot
    if width <= _THIN < height:
        yield Rule(left, foot, height, upright=True)
    elif height <= _THIN < width:
        yield Rule(left, foot, width, upright=False)
    elif stroked and width > _THIN:
        yield from (Rule(x, foot, height, upright=True) for x in (left, right))
        yield from (Rule(left, y, width, upright=False) for y in (foot, top))


def _moved(matrix: list[float], x: float, y: float) -> tuple[float, float]:
    across, up = _turned(matrix, x, y)
    return across + matrix[4], up + matrix[5]


def _turned(matrix: list[float], x: float, y: float) -> tuple[float, float]:
    return matrix[0] * x + matrix[2] * y, matrix[1] * x + matrix[3] * y
