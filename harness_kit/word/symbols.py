"""Symbols and check boxes of Word documents as characters."""

from typing import Any

from harness_kit.word.names import WORD, is_on

_PRIVATE = range(0xF000, 0xF100)  # where Word keeps the signs of fonts such as Wingdings
_WINGDINGS = {
    0x6C: "●", 0x6E: "■", 0x6F: "□", 0x71: "❑", 0x72: "❒", 0x78: "☒", 0xA7: "▪", 0xA8: "☐",
    0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒",
    0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {
    0x2A: "☐", 0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐",
}  # fmt: skip
_SYMBOL = {
    start + place: letter
    for start, letters in (
        (0x20, " !∀#∃%&∋()∗+,−./0123456789:;<=>?"),  # noqa: RUF001
        (0x40, "≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"),
        (0x61, "αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"),  # noqa: RUF001
        (0xA1, "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…"),  # noqa: RUF001
        (0xC0, "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓"),  # noqa: RUF001
    )
    for place, letter in enumerate(letters)
}
"""Source: Unicode's mapping of Adobe's Symbol encoding."""
_FONTS = {"wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "symbol": _SYMBOL}


def symbol(mark: Any) -> str:
    """The character of a `w:sym`; empty for an ornament that has none here."""
    code = int(mark.get(f"{WORD}char") or "0", 16)
    font = _FONTS.get(mark.get(f"{WORD}font", "").lower())
    if font is not None:
        return font.get(code % 0x100, "")
    return "" if code in _PRIVATE or not 0x20 <= code < 0xD800 else chr(code)


def form_box(mark: Any) -> str:
    """A check box of an old form, which has no text of its own."""
    checked = mark.find(f"{WORD}checked")
    return _box(is_on(checked if checked is not None else mark.find(f"{WORD}default")))


def control_box(control: Any) -> str:
    """The box of a content control, empty when it is no check box."""
    box = control.find(f"{WORD}sdtPr/{{*}}checkbox")
    if box is None:
        return ""
    values = [value for mark in box.iterfind("{*}checked") for value in mark.values()]
    return _box(values[:1] in (["1"], ["true"], ["on"]))


def _box(checked: bool) -> str:
    return "[x]" if checked else "[ ]"
