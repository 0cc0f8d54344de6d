"""Which text in the cells of a workbook can be seen, as far as fonts and fills say so."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

from harness_kit.colours import (
    BLACK,
    WHITE,
    Colour,
    are_alike,
    from_hex,
    mixed,
    theme_colours,
)
from harness_kit.packages import Package, local_name
from harness_kit.workbook.places import Area, area_of

_SMALLEST = 3.0  # points; nobody reads text of this size
_THEME = (
    "lt1", "dk1", "lt2", "dk2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6",
    "hlink", "folHlink",
)  # fmt: skip
_INDEXED = {0: BLACK, 1: WHITE, 8: BLACK, 9: WHITE, 64: BLACK, 65: WHITE}
_SCALES = frozenset({"colorScale", "dataBar"})


@dataclass(frozen=True, slots=True)
class Ink:
    """How a text is written."""

    colour: Colour | None = None
    """None for an automatic one."""
    size: float | None = None
    """Points."""

    def is_tiny(self) -> bool:
        """Whether it is too small to be read."""
        return self.size is not None and self.size <= _SMALLEST

    def is_lost_on(self, ground: Colour | None) -> bool:
        """Whether it has the colour of its ground; of an unknown ground (None) nobody knows."""
        return self.colour is not None and ground is not None and are_alike(self.colour, ground)


Text = str | tuple[tuple[str, Ink | None], ...]
"""A text, or pieces of one, each with its ink or, for None, that of its cell."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Inks and grounds by the number of a cell's style."""

    inks: tuple[Ink, ...]
    grounds: tuple[Colour | None, ...]
    filling: frozenset[int]
    """Conditional formats that lay a colour behind their cells."""
    theme: dict[str, Colour]

    @classmethod
    def of(cls, styles: Any | None, theme: Any | None) -> Self:
        """The looks of a workbook from its parts, which are None where it has none."""
        colours = theme_colours(theme)
        if styles is None:
            return cls((), (), frozenset(), colours)
        listed = styles.iterfind("{*}fonts/{*}font")
        fonts = {str(n): _ink(font, colours) for n, font in enumerate(listed)}
        listed = styles.iterfind("{*}fills/{*}fill")
        fills = {str(n): _ground(fill, colours) for n, fill in enumerate(listed)}
        cells = list(styles.iterfind("{*}cellXfs/{*}xf"))
        formats = styles.iterfind("{*}dxfs/{*}dxf")
        return cls(
            tuple(fonts.get(cell.get("fontId", "0"), Ink()) for cell in cells),
            tuple(fills.get(cell.get("fillId", "0"), WHITE) for cell in cells),
            frozenset(n for n, one in enumerate(formats) if one.find("{*}fill") is not None),
            colours,
        )

    def hiding(self) -> frozenset[int]:
        """The styles of cells whose own text cannot be seen on their own ground."""
        pairs = enumerate(zip(self.inks, self.grounds, strict=False))
        return frozenset(n for n, (ink, on) in pairs if ink.is_tiny() or ink.is_lost_on(on))

    def ink_of(self, style: int) -> Ink:
        """How the text of a cell is written."""
        return self.inks[style] if style < len(self.inks) else Ink()

    def ground_of(self, style: int) -> Colour | None:
        """What the text of a cell stands on, None when unknown."""
        return self.grounds[style] if style < len(self.grounds) else WHITE

    def text_of(self, item: Any) -> Text:
        """A text with or without formatted runs; how it is pronounced is no part of it."""
        plain = [(piece.text or "", None) for piece in item.iterfind("{*}t")]
        runs = [
            (piece.text or "", self._run_ink(run))
            for run in item.iterfind("{*}r")
            for piece in run.iterfind("{*}t")
        ]
        if all(ink in {None, Ink()} for _, ink in runs):
            return "".join(text for text, _ in [*plain, *runs])
        return (*plain, *runs)

    def _run_ink(self, run: Any) -> Ink | None:
        properties = run.find("{*}rPr")
        return None if properties is None else _ink(properties, self.theme)


def seen(text: Text, ink: Ink, ground: Colour | None) -> str:
    """What of a text can be seen in a cell with this ink and ground."""
    pieces: Iterable[tuple[str, Ink | None]] = ((text, None),) if isinstance(text, str) else text
    shown = (
        words
        for words, own in pieces
        if not (own or ink).is_tiny() and not (own or ink).is_lost_on(ground)
    )
    return "".join(shown)


def whole(text: Text) -> str:
    """All of a text."""
    return text if isinstance(text, str) else "".join(words for words, _ in text)


def painted_areas(package: Package, sheet: str, looks: Looks) -> list[Area]:
    """Where conditional formats or the style of a table may lay a colour behind cells."""
    areas: list[Area] = []
    # Rows too, though they say nothing here: what is walked over is what is let go of.
    for element in package.walked(sheet, "row", "conditionalFormatting"):
        if local_name(element) == "conditionalFormatting" and _paints(element, looks):
            areas += map(_area, element.get("sqref", "").split())
    for part in package.related(sheet, "table").values():
        areas += _table_areas(package.parsed(part))
    return areas


def _paints(format_: Any, looks: Looks) -> bool:
    return any(
        rule.get("type") in _SCALES or int(rule.get("dxfId", -1)) in looks.filling
        for rule in format_.iterchildren("{*}cfRule")
    )


def _table_areas(table: Any) -> Iterator[Area]:
    """The rows of a table that its style colours: those of dark styles all."""
    style = table.find("{*}tableStyleInfo")
    name = "" if style is None else style.get("name", "")
    area = _area(table.get("ref", ""))
    if name.startswith("TableStyleDark"):
        yield area
    elif name:
        if table.get("headerRowCount") != "0":
            yield replace(area, bottom=area.top)
        if table.get("totalsRowCount", "0") != "0":
            yield replace(area, top=area.bottom)


def _area(reference: str) -> Area:
    try:
        return area_of(reference)
    except ValueError:  # whole columns or rows: it may be anywhere
        return Area(1, 1, sys.maxsize, sys.maxsize)


def _ink(font: Any, theme: dict[str, Colour]) -> Ink:
    colour, size = font.find("{*}color"), font.find("{*}sz")
    return Ink(
        None if colour is None else _colour(colour, theme),
        None if size is None else float(size.get("val", 11)),
    )


def _ground(fill: Any, theme: dict[str, Colour]) -> Colour | None:
    """What a fill lays behind text; None for patterns and gradients."""
    pattern = fill.find("{*}patternFill")
    if pattern is None:
        return WHITE if not len(fill) else None
    kind = pattern.get("patternType", "none")
    colour = pattern.find("{*}fgColor")
    if kind == "solid":
        return None if colour is None else _colour(colour, theme)
    return WHITE if kind == "none" else None


def _colour(mark: Any, theme: dict[str, Colour]) -> Colour | None:
    if mark.get("theme") is not None:
        base = theme.get(dict(enumerate(_THEME)).get(int(mark.get("theme")), ""))
    elif mark.get("indexed") is not None:
        base = _INDEXED.get(int(mark.get("indexed")))
    else:
        base = from_hex(mark.get("rgb", ""))
    tint = max(-1.0, min(float(mark.get("tint", 0)), 1.0))
    if base is None or not tint:
        return base
    return mixed(WHITE, base, tint) if tint > 0 else mixed(BLACK, base, -tint)
