"""Whether text in HTML shows: as its element, and those around it, say.

Style sheets are not read. Where there is one, or an element is named for one, what stands behind a
text is unknown, and so pale text counts as seen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

_SMALLEST = 2.0  # CSS pixels, of which four make three points
_PALE = 237  # of 255, as in PDF files
_UNITS = {"px": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0, "%": 0.16, "": 1.0}
_LENGTH = re.compile(r"(?<![\w.])(\d*\.?\d+)(px|pt|em|rem|%|)(?![\w.])")
_HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b")
_PARTS = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+))?")
_PALE_NAMES = frozenset({
    "azure", "floralwhite", "ghostwhite", "ivory", "mintcream", "snow", "white", "whitesmoke",
})  # fmt: skip
_AS_BEFORE = frozenset({"", "none", "inherit", "initial", "transparent", "unset"})
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks within an element."""

    gone: bool = False
    """Nothing within can show again."""
    invisible: bool = False
    tiny: bool = False
    pale: bool = False
    on_pale: bool = True
    styled: bool = False
    """A style sheet may say what stands behind the text."""

    @property
    def shows(self) -> bool:
        """Whether a reader sees the text."""
        is_unseen = self.pale and self.on_pale and not self.styled
        return not (self.gone or self.invisible or self.tiny or is_unseen)


def looks_within(outer: Look, tag: object, attributes: Mapping[str, str]) -> Look:
    """The look within an element, given the one around it."""
    style = _declarations(attributes.get("style", ""))
    look = replace(
        outer,
        gone=outer.gone or tag in _UNSEEN or "hidden" in attributes or _takes_away(style),
        tiny=_is_tiny(style, outer.tiny),
        styled=outer.styled or "class" in attributes or "id" in attributes,
    )
    if visibility := style.get("visibility"):
        look = replace(look, invisible=visibility in {"hidden", "collapse"})
    if colour := style.get("color", attributes.get("color", "").strip().lower()):
        look = replace(look, pale=_is_pale(colour, look.pale))
    for ground in (
        attributes.get("bgcolor"),
        style.get("background"),
        style.get("background-color"),
        style.get("background-image"),
    ):
        name = (ground or "").strip().lower()
        if name not in _AS_BEFORE:
            pictured = "url(" in name or "gradient" in name
            look = replace(look, on_pale=not pictured and _is_pale(name.split()[0], False))
    if attributes.get("background"):
        look = replace(look, on_pale=False)
    return look


def _declarations(style: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in style.lower().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}


def _takes_away(style: Mapping[str, str]) -> bool:
    closed = any(_is_nothing(style.get(side, "")) for side in ("height", "max-height", "max-width"))
    return (
        style.get("display") == "none"
        or _is_nothing(style.get("opacity", ""))
        or (closed and style.get("overflow") == "hidden")
    )


def _is_nothing(value: str) -> bool:
    found = _LENGTH.match(value)
    return found is not None and not float(found[1])


def _is_tiny(style: Mapping[str, str], outer: bool) -> bool:
    """By the last size that is said, also in `font: 0/0 Arial`; the weight there is no size."""
    tiny = outer
    for name in ("font", "font-size"):
        sizes = [
            float(number) * _UNITS[unit]
            for number, unit in _LENGTH.findall(style.get(name, ""))
            if unit or not float(number)
        ]
        if sizes:
            tiny = sizes[0] < _SMALLEST
        elif style.get(name, "inherit") != "inherit":
            tiny = False
    return tiny


def _is_pale(colour: str, otherwise: bool) -> bool:
    """Whether a colour is near white, or none at all."""
    if colour in {"inherit", "currentcolor"}:
        return otherwise
    if colour in _PALE_NAMES or colour == "transparent":
        return True
    if parts := _PARTS.match(colour):
        return min(map(int, parts.groups()[:3])) >= _PALE or parts[4] in {"0", "0.0", ".0"}
    digits = _HEX.fullmatch(colour)
    if digits is None:
        return False
    doubled = digits[1] if len(digits[1]) > 4 else "".join(2 * digit for digit in digits[1])
    red, green, blue, *opacity = bytes.fromhex(doubled)
    return min(red, green, blue) >= _PALE or opacity == [0]
