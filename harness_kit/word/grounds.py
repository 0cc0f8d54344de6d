"""Colours of text and of what it stands on, as the properties of a Word document give them."""

import re
from dataclasses import dataclass
from typing import Any

from harness_kit.colours import BLACK, WHITE, Colour, from_hex, mixed
from harness_kit.word.names import WORD, is_on

_IN_THEME = {
    "background1": "lt1", "light1": "lt1", "text1": "dk1", "dark1": "dk1", "background2": "lt2",
    "light2": "lt2", "text2": "dk2", "dark2": "dk2", "hyperlink": "hlink",
    "followedHyperlink": "folHlink",
}  # fmt: skip
_HIGHLIGHTS = {
    "black": "000000", "blue": "0000FF", "cyan": "00FFFF", "darkBlue": "000080",
    "darkCyan": "008080", "darkGray": "808080", "darkGreen": "008000", "darkMagenta": "800080",
    "darkRed": "800000", "darkYellow": "808000", "green": "00FF00", "lightGray": "C0C0C0",
    "magenta": "FF00FF", "red": "FF0000", "white": "FFFFFF", "yellow": "FFFF00",
}  # fmt: skip
_CONDITIONS = {"firstRow": 0x20, "lastRow": 0x40, "firstColumn": 0x80, "lastColumn": 0x100}
"""Of the format of a table style, by the bit of `w:tblLook` that asks for it."""
_BANDS = {"noHBand": (0x200, "Horz"), "noVBand": (0x400, "Vert")}
_HEX = re.compile("[0-9A-Fa-f]{1,8}")
_AUTOMATIC = frozenset({"auto", ""})


@dataclass(frozen=True, slots=True)
class Palette:
    """Reads colours; `theme` are those that a document names."""

    theme: dict[str, Colour]

    def colour(self, mark: Any, name: str = "val", theme: str = "themeColor") -> Colour | None:
        """A colour of a property, None for an automatic one: it always differs from its ground."""
        named = mark.get(f"{WORD}{theme}", "")
        base = self.theme.get(_IN_THEME.get(named, named))
        if base is None:
            return from_hex(mark.get(f"{WORD}{name}", ""))
        kind = theme.removesuffix("Color")
        tint, shade = (mark.get(f"{WORD}{kind}{way}", "FF") for way in ("Tint", "Shade"))
        return mixed(mixed(base, WHITE, _share(tint)), BLACK, _share(shade))

    def ground(self, mark: Any) -> Colour | None:
        """The colour that a shading or highlight lays behind text; None when unknown, as stripes
        are."""
        if mark.tag == f"{WORD}highlight":
            return from_hex(_HIGHLIGHTS.get(mark.get(f"{WORD}val", ""), ""))
        pattern = mark.get(f"{WORD}val", "clear")
        percent = pattern.removeprefix("pct")
        shares = {"clear": 0.0, "solid": 1.0}
        share = float(percent) / 100 if percent.isdecimal() else shares.get(pattern)
        if share is None:
            return None
        behind = self.colour(mark, "fill", "themeFill") or _automatic(mark, "fill", WHITE)
        before = self.colour(mark, "color") or _automatic(mark, "color", BLACK)
        if behind is None or (share and before is None):
            return None
        return mixed(before or BLACK, behind, min(share, 1.0))


def _automatic(mark: Any, name: str, usual: Colour) -> Colour | None:
    """The usual colour where none is given; None for one that cannot be read."""
    return usual if mark.get(f"{WORD}{name}", "") in _AUTOMATIC else None


def _share(text: str) -> float:
    return int(text, 16) / 255 if len(text) == 2 and _HEX.fullmatch(text) else 1.0


def is_ground(mark: Any | None) -> bool:
    """Whether a shading or highlight covers what is behind it."""
    if mark is None:
        return False
    value = str(mark.get(f"{WORD}val", "clear"))
    if mark.tag == f"{WORD}highlight":
        return value != "none"
    fill = mark.get(f"{WORD}fill", "auto")
    filled = fill not in _AUTOMATIC or f"{WORD}themeFill" in mark.attrib
    return value != "nil" and (value != "clear" or filled)


def table_property(table: Any, name: str) -> Any | None:
    """A property of a table; they stand before its rows, of which there may be very many."""
    for child in () if table is None else table:
        if child.tag == f"{WORD}tblPr":
            return child.find(f"{WORD}{name}")
        if child.tag == f"{WORD}tr":
            break
    return None


def conditions(cell: Any, row: Any, table: Any) -> list[str]:
    """The kinds of conditional format of a table's style that a cell takes, nearest first."""
    look = table_property(table, "tblLook")
    ends = {
        "firstRow": (row, True), "lastRow": (row, False),
        "firstColumn": (cell, True), "lastColumn": (cell, False),
    }  # fmt: skip
    kinds = [
        name.replace("Column", "Col")
        for name, (element, before) in ends.items()
        if _asks(look, name, _CONDITIONS[name], otherwise=True) and _is_end(element, before)
    ]
    for name, (bit, way) in _BANDS.items():
        if not _asks(look, name, bit, otherwise=False):
            kinds += [f"band1{way}", f"band2{way}"]
    return kinds


def _is_end(element: Any, before: bool) -> bool:
    return next(element.itersiblings(element.tag, preceding=before), None) is None


def _asks(look: Any | None, name: str, bit: int, *, otherwise: bool) -> bool:
    if look is None:
        return otherwise
    said = look.get(f"{WORD}{name}")
    if said is not None:
        return said in {"1", "true", "on"}
    value = look.get(f"{WORD}val", "")
    return bool(int(value, 16) & bit) if _HEX.fullmatch(value) else otherwise


def page_ground(document: Any, settings: Any | None, palette: Palette) -> Colour | None:
    """The colour of the pages; None where a picture or pattern covers them."""
    background = document.find(f"{WORD}background")
    shown = None if settings is None else settings.find(f"{WORD}displayBackgroundShape")
    if background is None or not is_on(shown):
        return WHITE
    if len(background):
        return None
    return palette.colour(background, "color") or _automatic(background, "color", WHITE)
