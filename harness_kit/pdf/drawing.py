"""Which text on the page of a PDF file shows, and the lines drawn there.

pypdf goes through the content of a page and gives all of its text. Told of each operation before
pypdf carries it out, this module takes away the text that nobody sees.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness_kit.pdf.effort import Effort
from harness_kit.pdf.geometry import IDENTITY, Box, Matrix, bounds, is_level, moved, product
from harness_kit.pdf.ink import Ink, State, coloured, numbers, opened, resolved
from harness_kit.pdf.layout import Rule
from harness_kit.pdf.paths import FILLED, STROKED, Path

_SMALLEST = 1.5  # points: smaller letters are dust on the page
_PALE = 0.93
_WIDE_LINE = 4.0  # points: a line that text could be set on
_NARROWEST, _WIDEST = 0.1, 0.6  # times the size: a letter, on average, per byte
_UNIT_SQUARE = Box(0.0, 0.0, 1.0, 1.0)
_INVISIBLE = 3
_SHOWING = frozenset({b"Tj", b"TJ", b"'", b'"'})
_PLACING = frozenset({b"BT", b"Td", b"TD", b"Tm", b"T*"})
_SETTING = {
    b"Tr": "mode", b"Tz": "stretch", b"Tc": "spacing", b"Tw": "word_spacing", b"TL": "leading",
    b"Ts": "rise", b"w": "line_width",
}  # fmt: skip
_COLOURING = frozenset({b"g", b"rg", b"k", b"cs", b"sc", b"scn"})


@dataclass(frozen=True, slots=True)
class _Level:
    """A page, or a form on it: a piece of content with resources and coordinates of its own."""

    resources: Any
    base: Matrix
    saved: list[State]


@dataclass(frozen=True, slots=True)
class _Run:
    """A string that is shown, and between which places at least and at most it may stand."""

    matrix: Matrix
    begin: tuple[float, float]
    end: tuple[float, float]


class Drawing:
    """Follows the content of one page."""

    def __init__(self, page: Any, effort: Effort, unseen_on: Sequence[Box] | None = None) -> None:
        """Text without ink is kept on the pictures given; without any given, until `settled`."""
        self._effort, self.unseen_on = effort, unseen_on
        self.box = page_box(page)
        self._unit = (numbers([resolved(page.get("/UserUnit", 1))]) or [1.0])[0]
        self.rules: list[Rule] = []
        self._state = State(self.box)
        resources = opened(page.get_inherited("/Resources", {}))
        self._levels = [_Level(resources, IDENTITY, [])]
        self._left: list[tuple[int, State]] = []
        self._entering: tuple[_Level, State] | None = None
        self._path, self._clips = Path(), False
        self._areas: list[tuple[Box, float]] = []
        self._pen = (0.0, 0.0)
        self._letters = 0
        self._unseen: list[tuple[int, _Run, float]] = []
        self._pictures: list[Box] = []

    def settled(self) -> bool:
        """Settle which text without ink is kept; whether none was kept so far that is not to be.

        The letters of a scanned page lie on the picture of it, and outnumber those with ink.
        """
        on_pictures = [
            letters for letters, run, height in self._unseen
            if self._is_on(self._pictures, run, height)
        ]  # fmt: skip
        is_scan = sum(on_pictures) > self._letters
        self.unseen_on = tuple(self._pictures) if is_scan else ()
        return len(on_pictures) == len(self._unseen) if is_scan else not self._unseen

    def whole(self, cm: Matrix) -> Matrix:
        """The matrix from where pypdf is at to the page: it knows nothing outside of a form."""
        return product(cm, self._levels[-1].base)

    def before(self, operator: bytes, operands: list[Any], cm: Matrix, tm: Matrix) -> None:
        """Take in an operation, and empty the strings that it would show to nobody."""
        if self._entering is not None:
            level, self._state = self._entering
            self._levels.append(level)
            self._entering = None
        matrix = self.whole(cm)
        if operator in _SHOWING:
            self._show(operator, operands, product(tm, matrix))
        elif operator in _PLACING:
            self._pen = (0.0, 0.0)
        if operator == b"Do":
            self._show_object(operands, matrix)
        elif operator == b"INLINE IMAGE":
            self._show_picture(matrix)
        elif operator in {b"q", b"Q"}:
            self._save_or_restore(operator)
        else:
            self._draw(operator, numbers(operands), matrix)
            self._set(operator, operands)

    def after(self, operator: bytes) -> None:
        """Take in that an operation is over: of a form, with all that it holds."""
        if operator == b"Do" and self._left:
            self.end_form()

    def begin_form(self, form: Any, matrix: Matrix) -> None:
        """What comes next is in a form; it is left by `end_form`."""
        self._left.append((len(self._levels), self._state))
        own = numbers(resolved(form.get("/Matrix")) or ())
        base = product(own if len(own) == 6 else IDENTITY, matrix)
        bbox, clip = numbers(resolved(form.get("/BBox")) or ()), self._state.clip
        is_box = self._state.clip_is_box
        if len(bbox) == 4:
            clip, is_box = clip.common(Box(*bbox).through(base)), is_box and is_level(base)
        level = _Level(opened(form.get("/Resources")), base, [])
        self._entering = level, replace(self._state, clip=clip, clip_is_box=is_box)

    def end_form(self) -> None:
        """Go back to where the form is shown."""
        depth, self._state = self._left.pop()
        del self._levels[depth:]
        self._entering = None

    def _save_or_restore(self, operator: bytes) -> None:
        saved = self._levels[-1].saved
        if operator == b"q":
            saved.append(self._state)
        elif saved:
            self._state = saved.pop()

    def _resource(self, kind: str, name: Any) -> Any:
        return opened(opened(self._levels[-1].resources.get(kind)).get(name))

    def _set(self, operator: bytes, operands: list[Any]) -> None:
        state, values = self._state, numbers(operands)
        if operator in _SETTING and values:
            change: dict[str, Any] = {_SETTING[operator]: values[0]}
            self._state = replace(state, **change)
        elif operator == b"TD" and len(values) == 2:
            self._state = replace(state, leading=-values[1])
        elif operator == b'"' and len(values) >= 2:
            self._state = replace(state, word_spacing=values[0], spacing=values[1])
        elif operator == b"Tf" and values:
            em = _em(self._resource("/Font", operands[0]))
            self._state = replace(state, size=values[-1], em=em)
        elif operator == b"gs" and operands:
            self._set_opacity(self._resource("/ExtGState", operands[0]))
        elif operator.lower() in _COLOURING:
            spaces = opened(self._levels[-1].resources.get("/ColorSpace"))
            name = "fill" if operator.islower() else "stroke"
            ink = coloured(getattr(state, name), operator.lower(), operands, spaces)
            self._change_ink(name, ink)

    def _set_opacity(self, settings: Any) -> None:
        for key, name in (("/ca", "fill"), ("/CA", "stroke")):
            for opacity in numbers([resolved(settings.get(key))]):
                ink = replace(getattr(self._state, name), opacity=opacity)
                self._change_ink(name, ink)

    def _change_ink(self, name: str, ink: Ink) -> None:
        filled = name == "fill"
        state = self._state
        self._state = replace(state, fill=ink) if filled else replace(state, stroke=ink)

    def _draw(self, operator: bytes, values: Sequence[float], matrix: Matrix) -> None:
        self._path.extend(operator, values, matrix)
        if operator == b"sh":
            self._areas.append((self._state.clip, 0.0))
        if operator in {b"W", b"W*"}:
            self._clips = True
        if operator not in STROKED | FILLED | {b"n"}:
            return
        if operator != b"n":
            self.rules += self._path.rules(operator)
        if operator in FILLED:
            self._fill()
        if operator in STROKED:
            self._stroke(matrix)
        if self._clips and self._path.shapes:
            self._clip(self._path.shapes)
        self._path, self._clips = Path(), False

    def _clip(self, shapes: Sequence[tuple[Box, bool]]) -> None:
        boxes = [box for box, _ in shapes]
        corners = [(box.left, box.foot) for box in boxes] + [(box.right, box.top) for box in boxes]
        is_box = self._state.clip_is_box and len(shapes) == 1 and shapes[0][1]
        clip = self._state.clip.common(bounds(corners))
        self._state = replace(self._state, clip=clip, clip_is_box=is_box)

    def _fill(self) -> None:
        ink, clip = self._state.fill, self._state.clip
        for box, is_box in self._path.shapes:
            # Of another shape the box says too much, and what is hardly there leaves the ground.
            covers = is_box and self._state.clip_is_box and ink.opacity >= _PALE
            if ink.faintness < _PALE or covers:
                self._areas.append((box.common(clip), ink.faintness))

    def _stroke(self, matrix: Matrix) -> None:
        wide = self._state.line_width * math.sqrt(abs(_determinant(matrix)))
        if wide < _WIDE_LINE or self._state.stroke.faintness >= _PALE:
            return
        for x, y, other_x, other_y in self._path.lines:
            left, right = sorted((x, other_x))
            foot, top = sorted((y, other_y))
            box = Box(left - wide / 2, foot - wide / 2, right + wide / 2, top + wide / 2)
            self._areas.append((box.common(self._state.clip), self._state.stroke.faintness))

    def _show_object(self, operands: list[Any], matrix: Matrix) -> None:
        found = self._resource("/XObject", operands[0]) if operands else {}
        if found.get("/Subtype") == "/Image":
            self._show_picture(matrix)
            found = {}
        self.begin_form(found, matrix)

    def _show_picture(self, matrix: Matrix) -> None:
        """A picture may be dark: white text on it may be there to be read."""
        box = _UNIT_SQUARE.through(matrix).common(self._state.clip)
        self._pictures.append(box)
        self._areas.append((box, 0.0))

    def _show(self, operator: bytes, operands: list[Any], matrix: Matrix) -> None:
        if not operands:
            return
        if operator in {b"'", b'"'}:
            self._pen = (0.0, 0.0)
            matrix = product((1.0, 0.0, 0.0, 1.0, 0.0, -self._state.leading), matrix)
        pieces = operands[0] if operator == b"TJ" else operands
        if not isinstance(pieces, list):
            return
        first = 0 if operator == b"TJ" else len(pieces) - 1
        for place in range(first, len(pieces)):
            piece = pieces[place]
            if isinstance(piece, str | bytes):
                if not self._is_seen(piece, self._run(piece, matrix)):
                    pieces[place] = b""
            elif operator == b"TJ":
                self._advance(*(-number / 1000 * self._state.size for number in numbers([piece])))

    def _advance(self, least: float = 0.0, most: float | None = None) -> None:
        stretch = self._state.stretch / 100
        most = least if most is None else most
        self._pen = (self._pen[0] + least * stretch, self._pen[1] + most * stretch)

    def _run(self, piece: str | bytes, matrix: Matrix) -> _Run:
        """Where a string stands, without the blanks at its ends: nobody sees those."""
        text = piece if isinstance(piece, str) else piece.decode("latin-1")
        letters = text.strip(" ") or text
        before, _, after = text.partition(letters)
        self._pass(before)
        begin = self._pen
        self._pass(letters)
        end = self._pen
        self._pass(after)
        return _Run(matrix, begin, end)

    def _pass(self, text: str) -> None:
        state = self._state
        gaps = len(text) * state.spacing + text.count(" ") * state.word_spacing
        size = len(text) * state.size * state.em
        self._advance(size * _NARROWEST + gaps, size * _WIDEST + gaps)

    def _is_seen(self, piece: str | bytes, run: _Run) -> bool:
        state, size = self._state, self._state.size * self._state.em
        across = math.hypot(run.matrix[0], run.matrix[1])
        up = abs(_determinant(run.matrix)) / across if across else 0.0
        letters = abs(size) * min(up, across * abs(state.stretch) / 100) * self._unit
        if not letters >= _SMALLEST or not state.clip.meets(_around(run, state.rise, size)):
            return False
        if state.mode == _INVISIBLE:
            return self._is_kept_unseen(len(piece), run, state.rise + size * 0.3)
        self._letters += len(piece)
        faint = min((ink.faintness for ink in state.inks()), default=0.0)
        return faint < _PALE or self._is_on_dark(run, size)

    def _is_kept_unseen(self, letters: int, run: _Run, height: float) -> bool:
        if self.unseen_on is not None:
            return self._is_on(self.unseen_on, run, height)
        self._unseen.append((letters, run, height))
        return True

    def _is_on(self, pictures: Sequence[Box], run: _Run, height: float) -> bool:
        """Whether a text begins and goes on on pictures: scans are often cut into strips."""
        self._effort.check()
        places = [moved(run.matrix, x, height) for x in (run.begin[0], run.end[0])]
        return all(any(picture.holds(x, y) for picture in pictures) for x, y in places)

    def _is_on_dark(self, run: _Run, size: float) -> bool:
        """Whether something that is not white lies behind a text."""
        self._effort.check()
        height = self._state.rise + size * 0.3
        if run.begin[0] == run.begin[1]:
            places = (run.begin[0] + size * _NARROWEST, max(run.end[0], run.begin[0]))
            return all(self._ground(*moved(run.matrix, x, height)) < _PALE for x in places)
        box = _around(run, self._state.rise, size)
        return any(area.meets(box) for area, paleness in self._areas if paleness < _PALE)

    def _ground(self, x: float, y: float) -> float:
        """How pale the page is at a place."""
        return next((pale for area, pale in reversed(self._areas) if area.holds(x, y)), 1.0)


def page_box(page: Any) -> Box:
    """What a viewer shows of a page; a page without a size is shown as one of letter paper."""
    shown = Box(0.0, 0.0, 612.0, 792.0)
    for number, name in enumerate(("/MediaBox", "/CropBox")):
        sides = numbers(map(resolved, resolved(page.get_inherited(name, None)) or ()))
        if len(sides) == 4:
            box = Box(*sides).through(IDENTITY)
            common = shown.common(box) if number else box
            shown = common if common.area else shown
    return shown


def _em(font: Any) -> float:
    matrix = numbers(resolved(font.get("/FontMatrix")) or ())
    is_drawn = font.get("/Subtype") == "/Type3" and len(matrix) == 6
    return 1000 * math.sqrt(abs(_determinant(matrix))) if is_drawn else 1.0


def _determinant(matrix: Matrix) -> float:
    return matrix[0] * matrix[3] - matrix[1] * matrix[2]


def _around(run: _Run, rise: float, size: float) -> Box:
    text = Box(min(run.begin), rise - size / 4, max(run.end), rise + size * 0.75)
    return text.through(run.matrix)
