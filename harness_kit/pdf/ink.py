"""What text on the page of a PDF file is set in: size, colour, and where it may show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness_kit.pdf.geometry import Box

_TINTS = frozenset({"/Separation", "/DeviceN"})  # of printing inks: 0 is none
_KNOWN = frozenset({
    "/DeviceGray", "/CalGray", "/DeviceRGB", "/CalRGB", "/DeviceCMYK", "/ICCBased", "/G", "/RGB",
    "/CMYK",
})  # fmt: skip
_DIRECT = {b"g": "/DeviceGray", b"rg": "/DeviceRGB", b"k": "/DeviceCMYK"}


@dataclass(frozen=True, slots=True)
class Ink:
    """A colour. One that cannot be told counts as dark: what is set in it is shown."""

    space: str = "/DeviceGray"
    paleness: float = 0.0
    """Of its darkest part, red, green or blue: 1 is white."""
    opacity: float = 1.0

    @property
    def faintness(self) -> float:
        """How pale it is on white paper."""
        return 1.0 - self.opacity * (1.0 - self.paleness)


@dataclass(frozen=True, slots=True)
class State:
    """What holds at a place in the content of a page."""

    clip: Box
    """Where on the page something may show."""
    clip_is_box: bool = True
    """Or another shape, and `clip` the box around it."""
    mode: float = 0
    """How letters are drawn: filled, stroked, both, or (3) not at all."""
    size: float = 12.0
    em: float = 1.0
    """What a size of 1 makes of letters; only fonts whose letters are drawings differ."""
    stretch: float = 100.0
    """Percent."""
    spacing: float = 0.0
    word_spacing: float = 0.0
    leading: float = 0.0
    rise: float = 0.0
    line_width: float = 1.0
    fill: Ink = Ink()
    stroke: Ink = Ink()

    def inks(self) -> tuple[Ink, ...]:
        """What letters are drawn with."""
        return ((self.fill,), (self.stroke,), (self.fill, self.stroke), ())[int(self.mode) % 4]


def coloured(ink: Ink, operator: bytes, operands: Sequence[Any], spaces: Any) -> Ink:
    """The ink after an operation on it (in small letters, also for lines).

    `spaces` are the colour spaces of the page.
    """
    if operator == b"cs":
        return replace(ink, space=_family(operands, spaces), paleness=0.0)
    space = _DIRECT.get(operator, ink.space)
    return replace(ink, space=space, paleness=_paleness(space, numbers(operands)))


def numbers(operands: Iterable[Any]) -> list[float]:
    """Those operands that are numbers."""
    return [float(operand) for operand in operands if isinstance(operand, int | float)]


def resolved(entry: Any) -> Any:
    """What an entry of a dictionary refers to."""
    return entry.get_object() if hasattr(entry, "get_object") else entry


def opened(entry: Any) -> Any:
    """What an entry of a dictionary refers to; an empty dictionary when that is none itself."""
    found = resolved(entry)
    return found if isinstance(found, dict) else {}


def _family(operands: Sequence[Any], spaces: Any) -> str:
    name = operands[0] if operands else ""
    space = resolved(spaces.get(name, name)) if isinstance(name, str) else ""
    return str(resolved(space[0])) if isinstance(space, list) and space else str(space)


def _paleness(space: str, parts: Sequence[float]) -> float:
    if space in _TINTS and parts:
        return 1.0 - max(parts)
    if space not in _KNOWN or len(parts) not in {1, 3, 4}:
        return 0.0
    if len(parts) == 4:
        return max(1.0 - max(parts[:3]) - parts[3], 0.0)
    return min(parts)
