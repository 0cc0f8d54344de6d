"""Sums of money and counts of tokens, as terminals and pages show them."""

from math import floor, log10

UNKNOWN = "\N{EN DASH}"
"""Stands for a number that is not known."""
THOUSANDS = ("", " k", " M", " G", " T")


def dollars(usd: float | None) -> str:
    """'$1,234', '$12.30', '$0.0041': three digits that say something."""
    if usd is None:
        return UNKNOWN
    if not usd or abs(usd) >= 0.095:
        return f"${usd:,.0f}" if abs(usd) >= 1000 else f"${usd:,.2f}"
    return f"${usd:.{min(1 - floor(log10(abs(usd))), 9)}f}"


def compact(number: float | None) -> str:
    """'950', '12.3 k', '4.56 M': three digits, for counts of tokens."""
    if number is None:
        return UNKNOWN
    value, power = float(number), 0
    while abs(value) >= 999.5 and power < len(THOUSANDS) - 1:
        value, power = value / 1000, power + 1
    digits = 0 if not power or abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:,.{digits}f}{THOUSANDS[power]}"
