"""Colours of Office files, as far as they decide whether a text can be seen."""

import re
from typing import Any

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

_NEAR = 16  # of 255; less than that no reader tells apart
_HEX = re.compile(r"(?:[0-9a-f]{2})?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", re.IGNORECASE)


def from_hex(text: str) -> Colour | None:
    """A colour from RRGGBB or AARRGGBB, which Office shows as solid; None for anything else."""
    match = _HEX.fullmatch(text)
    return None if match is None else (int(match[1], 16), int(match[2], 16), int(match[3], 16))


def are_alike(one: Colour, other: Colour) -> bool:
    """Whether text of one colour cannot be seen on the other."""
    return all(abs(first - second) < _NEAR for first, second in zip(one, other, strict=True))


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """This share of one colour, the rest of the other."""
    red, green, blue = (
        round(first * share + second * (1 - share))
        for first, second in zip(one, other, strict=True)
    )
    return red, green, blue


def theme_colours(theme: Any | None) -> dict[str, Colour]:
    """The colours of a theme part by their names in it (`lt1`, `dk1`, `accent1`)."""
    found = {"lt1": WHITE, "dk1": BLACK}
    for named in () if theme is None else theme.iterfind("{*}themeElements/{*}clrScheme/*"):
        for shown in named.iterchildren("*"):
            colour = from_hex(shown.get("lastClr") or shown.get("val") or "")
            if colour is not None:
                found[named.tag.rpartition("}")[2]] = colour
    return found
