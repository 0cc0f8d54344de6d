"""Which text of a Word document its readers see, as far as formatting says so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from harness_kit.colours import Colour, are_alike, theme_colours
from harness_kit.word.grounds import Palette, conditions, is_ground, page_ground, table_property
from harness_kit.word.names import WORD, is_on, value_of

_DEEPEST = 20  # styles, each based on the next
_SMALLEST = 3.0  # points; nobody reads text of this size
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(pt|mm|cm|in|pc|pi|)")
_POINTS = {"": 0.5, "pt": 1.0, "mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pc": 12.0, "pi": 12.0}
_RUN = f"{WORD}rPr/{WORD}"
_TEXT_SHADE, _SHADE, _CELL_SHADE = f"{_RUN}shd", f"{WORD}pPr/{WORD}shd", f"{WORD}tcPr/{WORD}shd"
_TABLE_SHADE = f"{WORD}tblPr/{WORD}shd"
_LOOKS = ("vanish", "sz", "color")
_CELL, _BOX = f"{WORD}tc", f"{WORD}txbxContent"


@dataclass(frozen=True, slots=True)
class Styles:
    """The styles of a document, by their identifiers."""

    found: dict[str, Any]
    usual: dict[str, str]
    """The style of each kind for what names none."""
    defaults: Any | None
    """What holds of runs where no style says otherwise."""
    palette: Palette
    page: Colour | None
    """What text stands on where nothing covers the page; None when unknown."""
    known: dict[tuple[str, str], Any | None] = field(default_factory=dict)
    """Properties by style and path, each looked up once."""
    outside: dict[str, dict[str, "_Styled"]] = field(default_factory=dict)
    """What styles say of runs outside of tables, by the styles of paragraph and run."""

    @classmethod
    def of(cls, styles: Any | None, document: Any, settings: Any | None, theme: Any | None) -> Self:
        """The styles of a document from its parts, which are None where it has none."""
        listed = [] if styles is None else list(styles.iterchildren(f"{WORD}style"))
        palette = Palette(theme_colours(theme))
        return cls(
            found={style.get(f"{WORD}styleId", ""): style for style in listed},
            usual={
                style.get(f"{WORD}type", ""): style.get(f"{WORD}styleId", "")
                for style in listed
                if style.get(f"{WORD}default") in {"1", "true", "on"}
            },
            defaults=None if styles is None else styles.find(f"{WORD}docDefaults/{WORD}rPrDefault"),
            palette=palette,
            page=page_ground(document, settings, palette),
        )

    def name_of(self, paragraph: Any) -> str:
        """The name of a paragraph's style in small letters, empty when it has none."""
        style = value_of(paragraph, f"{WORD}pPr/{WORD}pStyle")
        return (value_of(self.found.get(style), f"{WORD}name") or style).lower()

    def look_of(self, paragraph: Any) -> "Look":
        """How text in a paragraph looks."""
        style = value_of(paragraph, f"{WORD}pPr/{WORD}pStyle") or self.usual.get("paragraph", "")
        holders = tuple(_Cell.of(self, one) for one in paragraph.iterancestors(_CELL, _BOX))
        styled = {} if holders else self.outside.setdefault(style, {})
        return Look(self, paragraph, style, holders, styled)

    def property_of(self, style: str, path: str) -> Any | None:
        """A property of a style or of what it is based on."""
        key = style, path
        if key not in self.known:
            self.known[key] = _inherited(self.found, style, path)
        return self.known[key]


@dataclass(frozen=True, slots=True)
class _Cell:
    """What surrounds a paragraph: the cell of a table, or a text box, whose ground is unknown."""

    styles: Styles
    element: Any
    is_box: bool
    row: Any = None
    table: Any = None
    style: str = ""

    @classmethod
    def of(cls, styles: Styles, element: Any) -> Self:
        if element.tag == _BOX:
            return cls(styles, element, is_box=True)
        row = next(element.iterancestors(f"{WORD}tr"), None)
        table = next(element.iterancestors(f"{WORD}tbl"), None)
        named = table_property(table, "tblStyle")
        style = "" if named is None else named.get(f"{WORD}val", "")
        style = style or styles.usual.get("table", "")
        return cls(styles, element, False, row, table, style)

    def by_style(self, path: str) -> Iterator[Any | None]:
        """A property in the table's style, in the conditional formats that the cell takes first."""
        if self.row is None or self.table is None:
            return
        if self.styles.property_of(self.style, f"{WORD}tblStylePr/{path}") is not None:
            for kind in conditions(self.element, self.row, self.table):
                place = f"{WORD}tblStylePr[@{WORD}type='{kind}']/{path}"
                yield self.styles.property_of(self.style, place)
        yield self.styles.property_of(self.style, path)

    def grounds(self) -> Iterator[Any | None]:
        """What may cover the page behind the cell, nearest first."""
        yield self.element.find(_CELL_SHADE)
        if self.row is not None and self.table is not None:
            yield self.row.find(f"{WORD}tblPrEx/{WORD}shd")
            yield from self.by_style(_CELL_SHADE)
            yield table_property(self.table, "shd")
            yield self.styles.property_of(self.style, _TABLE_SHADE)


@dataclass(frozen=True, slots=True)
class _Styled:
    """What styles say of a run."""

    vanishes: bool
    size: Any | None
    colour: Any | None


@dataclass(frozen=True, slots=True)
class Look:
    """How text in one paragraph looks."""

    styles: Styles
    paragraph: Any
    style: str
    holders: tuple[_Cell, ...]
    """Cells and text boxes around the paragraph, the inmost first."""
    styled: dict[str, "_Styled"]
    """By the style of a run."""

    def hides(self, run: Any) -> bool:
        """Whether a run cannot be seen: text that no reader sees must convince no judge."""
        own = run.find(f"{WORD}rPr")
        style = value_of(own, f"{WORD}rStyle")
        if style not in self.styled:
            self.styled[style] = self._by_styles(style)
        styled = self.styled[style]
        mark, size, colour = (
            (None, None, None) if own is None else (own.find(f"{WORD}{name}") for name in _LOOKS)
        )
        hidden = styled.vanishes if mark is None else is_on(mark)
        if hidden or _is_tiny(styled.size if size is None else size):
            return True
        colour = styled.colour if colour is None else colour
        return colour is not None and self._is_on_its_own(colour, run, style)

    def _by_styles(self, own: str) -> "_Styled":
        found = {name: list(self._inherited(own, f"{_RUN}{name}")) for name in _LOOKS}
        nearest = {name: next(iter(marks), None) for name, marks in found.items()}
        return _Styled(any(map(is_on, found["vanish"])), nearest["sz"], nearest["color"])

    def _inherited(self, own: str, path: str) -> Iterator[Any]:
        """A property of runs in the styles that count here, nearest first."""
        found = [self.styles.property_of(style, path) for style in (own, self.style)]
        if self.holders:
            found += self.holders[0].by_style(path)
        defaults = self.styles.defaults
        found.append(None if defaults is None else defaults.find(path))
        return (mark for mark in found if mark is not None)

    def _is_on_its_own(self, mark: Any, run: Any, style: str) -> bool:
        """Whether a run in a colour stands on the same one."""
        colour = self.styles.palette.colour(mark)
        ground = None if colour is None else self._ground(run, style)
        return colour is not None and ground is not None and are_alike(colour, ground)

    def _ground(self, run: Any, own: str) -> Colour | None:
        """The colour that a run in a style of its own stands on, None when unknown."""
        marks = [
            run.find(f"{_RUN}highlight"), run.find(_TEXT_SHADE),
            self.styles.property_of(own, _TEXT_SHADE),
            self.styles.property_of(self.style, _TEXT_SHADE),
            self.paragraph.find(_SHADE), self.styles.property_of(self.style, _SHADE),
        ]  # fmt: skip
        for holder in self.holders:
            if holder.is_box:
                break
            marks += holder.grounds()
        covering = next(filter(is_ground, marks), None)
        if covering is not None:
            return self.styles.palette.ground(covering)
        return None if any(holder.is_box for holder in self.holders) else self.styles.page


def _is_tiny(mark: Any | None) -> bool:
    size = None if mark is None else _SIZE.fullmatch(mark.get(f"{WORD}val", ""))
    return size is not None and float(size[1]) * _POINTS[size[2]] <= _SMALLEST


def _inherited(styles: dict[str, Any], name: str, path: str) -> Any | None:
    """A property of a style, or of the nearest style below it that has one."""
    for _ in range(_DEEPEST):
        style = styles.get(name)
        if style is None:
            return None
        found = style.find(path)
        if found is not None:
            return found
        name = value_of(style, f"{WORD}basedOn")
    return None
