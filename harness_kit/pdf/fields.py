"""What lies on the pages of a PDF file for readers to see: filled fields, typed notes, stamps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from harness_kit.pdf.geometry import IDENTITY, Box, Matrix
from harness_kit.pdf.ink import numbers, opened, resolved
from harness_kit.pdf.layout import Fragment

_SHOWN = frozenset({"/Widget", "/FreeText", "/Stamp"})
_HIDDEN = 0b100010  # flags of an annotation: hidden, no view
_PUSH_BUTTON, _PASSWORD = 1 << 16, 1 << 13  # flags of a field
_MOST = 5_000  # of one page
_DEEPEST = 50  # fields within fields
_LETTERS = 12.0  # points, in a field that does not say


@dataclass(frozen=True, slots=True)
class Note:
    """Something that lies on a page."""

    box: Box
    text: str = ""
    """To be shown in the box; empty where a form shows it."""
    form: Any = None
    matrix: Matrix = IDENTITY
    """Which puts the form into the box."""

    def fragment(self) -> Fragment:
        """The text, where a viewer would set it."""
        box = self.box
        size = min(_LETTERS, (box.top - box.foot) * 0.8)
        one_line = box.top - box.foot < 2 * _LETTERS
        y = (box.top + box.foot) / 2 - size * 0.35 if one_line else box.top - size
        return Fragment(" ".join(self.text.split()), box.left, y, size, bold=False)


def notes(page: Any, regenerated: bool) -> Iterator[Note]:
    """What lies on a page; `regenerated` says that viewers show the values of fields as they are,
    whatever picture of them the file holds.

    Raises ValueError for a page with too many.
    """
    entries = resolved(page.get("/Annots"))
    if not isinstance(entries, list):
        return
    if len(entries) > _MOST:
        raise ValueError(f"a page has more than {_MOST} fields and notes")
    for note in map(opened, entries):
        sides = numbers(map(resolved, resolved(note.get("/Rect")) or ()))
        flags = int(sum(numbers([resolved(note.get("/F"))])))
        if note.get("/Subtype") in _SHOWN and len(sides) == 4 and not flags & _HIDDEN:
            yield from _shown(note, Box(*sides).through(IDENTITY), regenerated)


def placed(fragments: list[Fragment], note: Fragment) -> None:
    """Put the text of a note among those of the page, where a reader comes upon it."""
    same_line = [
        place for place, other in enumerate(fragments)
        if abs(other.y - note.y) <= max(other.size, note.size) / 2
    ]  # fmt: skip
    before = [place for place in same_line if fragments[place].x <= note.x]
    if same_line and not before:
        place, neighbour = same_line[0], fragments[same_line[0]]
        note = replace(note, text=note.text + " ")
    else:
        above = [place for place, other in enumerate(fragments) if other.y > note.y]
        place = before[-1] if before else min(above, key=lambda at: fragments[at].y, default=-1)
        neighbour = fragments[place] if place >= 0 else note
        note = replace(note, text=" " + note.text)
        place += 1
    # What is filled in makes no heading of its line.
    fragments.insert(place, replace(note, size=min(note.size, neighbour.size), bold=False))


def _shown(note: Any, box: Box, regenerated: bool) -> Iterator[Note]:
    kind, flags = _inherited(note, "/FT"), int(sum(numbers([_inherited(note, "/Ff")])))
    normal = resolved(opened(note.get("/AP")).get("/N"))
    if kind == "/Btn" and not flags & _PUSH_BUTTON:
        yield Note(box, "[ ]" if note.get("/AS", "/Off") == "/Off" else "[x]")
    elif hasattr(normal, "get_data") and not (regenerated and kind in {"/Tx", "/Ch"}):
        yield Note(box, form=normal, matrix=_fitting(normal, box))
    elif text := _value(note) if not flags & _PASSWORD else "":
        yield Note(box, text)


def _value(note: Any) -> str:
    if note.get("/Subtype") != "/Widget":
        value = resolved(note.get("/Contents"))
    else:
        value = _inherited(note, "/V")
    values = map(resolved, value) if isinstance(value, list) else [value]
    return ", ".join(text for text in values if isinstance(text, str))


def _inherited(field: Any, key: str) -> Any:
    for _ in range(_DEEPEST):
        if key in field:
            return resolved(field[key])
        field = opened(field.get("/Parent"))
    return None


def _fitting(form: Any, box: Box) -> Matrix:
    """The matrix that puts a form into a box (ISO 32000-1, algorithm 8.1)."""
    bbox = numbers(map(resolved, resolved(form.get("/BBox")) or ()))
    own = numbers(map(resolved, resolved(form.get("/Matrix")) or ()))
    if len(bbox) != 4:
        return (1.0, 0.0, 0.0, 1.0, box.left, box.foot)
    around = Box(*bbox).through(own if len(own) == 6 else IDENTITY)
    if not around.area:
        return (1.0, 0.0, 0.0, 1.0, box.left - around.left, box.foot - around.foot)
    wide = (box.right - box.left) / (around.right - around.left)
    high = (box.top - box.foot) / (around.top - around.foot)
    shift = box.left - around.left * wide, box.foot - around.foot * high
    return (wide, 0.0, 0.0, high, *shift)
