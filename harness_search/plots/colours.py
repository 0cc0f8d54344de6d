"""A map of differences to colours that does not rely on red and green."""

WORSE, NONE, BETTER = (0xD5, 0x5E, 0x00), (0xF0, 0xF0, 0xF0), (0x00, 0x72, 0xB2)
STEPS = 16
"""Shades on each side: few enough that cells of a shade can share one path."""


def step_of(share: float) -> str:
    """Colour of a difference from -1 (worst) over 0 to 1 (best); beyond that it stays."""
    step = round(max(-1.0, min(1.0, share)) * STEPS)
    end = BETTER if step > 0 else WORSE
    weight = abs(step) / STEPS
    mixed = (round(a + (b - a) * weight) for a, b in zip(NONE, end, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def readable_on(colour: str) -> str:
    """Near-black or white, whichever stands out more (WCAG 2.2, relative luminance).

    The same on light and dark pages, as the cell beneath is.
    """
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#111111" if (luminance + 0.05) ** 2 > 1.05 * 0.056 else "#ffffff"
