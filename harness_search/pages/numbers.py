"""Numbers as pages show them, always with their intervals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from harness_search.amounts import UNKNOWN
from harness_search.analysis.failures import Change
from harness_search.plots.values import Measured, signed

SCALE_WIDTH, SCALE_EDGE = 300.0, 12.0


def measured(value: Measured | None, digits: int = 1) -> Markup:
    """'71.2 (68.0 to 74.4)', the interval in small print."""
    if value is None:
        return Markup('<span class="unknown">not measured</span>')
    return _with_interval(f"{value.value:.{digits}f}", value, digits)


def difference(value: Measured | None, digits: int = 1) -> Markup:
    """'+2.4 (+0.1 to +4.7)': points, with signs."""
    if value is None:
        return Markup('<span class="unknown">not compared</span>')
    return _with_interval(signed(value.value, digits), value, digits, with_sign=True)


def points(value: float | None, digits: int = 1) -> str:
    """'+2.4': a difference alone."""
    return UNKNOWN if value is None else signed(value, digits)


def rate(value: float | None) -> str:
    """'71.2 %', of a value in per cent."""
    return UNKNOWN if value is None else f"{value:.1f} %"


def changed(change: Change | None, digits: int = 1) -> Markup:
    """The difference of a change with its interval."""
    if change is None:
        return Markup("{}").format(UNKNOWN)
    return difference(Measured(change.difference, *(change.interval or (None, None))), digits)


def stacked(value: Measured | None, digits: int = 1) -> Markup:
    """As `difference`, with the interval beneath it: for narrow cells."""
    if value is None:
        return Markup(f'<span class="unknown">{UNKNOWN}</span>')
    if value.low is None or value.high is None:
        return Markup('{}<br><span class="interval">no interval</span>').format(
            signed(value.value, digits)
        )
    ends = (signed(end, digits) for end in (value.value, value.low, value.high))
    return Markup('{}<br><span class="interval">{} to {}</span>').format(*ends)


def chance(probability: float | None) -> str:
    """'0.93', and never a certainty."""
    if probability is None:
        return UNKNOWN
    if probability > 0.995:
        return "> 0.99"
    return "< 0.01" if probability < 0.005 else f"{probability:.2f}"


@dataclass(frozen=True, slots=True)
class Scale:
    """A difference on a line that has nought on it; places from 0 to SCALE_WIDTH."""

    zero: float
    low: float
    high: float
    value: float
    label: str


def scale(shown: Measured, among: Iterable[Measured] = ()) -> Scale:
    """Where its value and its interval lie on a line that has room for the others as well."""
    ends = [end for one in (shown, *among) for end in (one.value, *(one.interval or ()))]
    low, high = shown.interval or (shown.value, shown.value)
    start, end = min(0.0, *ends), max(0.0, *ends)
    each = (SCALE_WIDTH - 2 * SCALE_EDGE) / max(end - start, 1e-9)
    zero, left, right, middle = (
        round(SCALE_EDGE + (x - start) * each, 1) for x in (0.0, low, high, shown.value)
    )
    said = f"{signed(shown.value)} points, from {signed(low)} to {signed(high)}"
    return Scale(zero, left, right, middle, said)


def percent(share: float | None, digits: int = 0) -> str:
    """A share from 0 to 1 as '97 %'."""
    return UNKNOWN if share is None else f"{100 * share:.{digits}f} %"


def whole(number: int | None) -> str:
    """'1,234'."""
    return UNKNOWN if number is None else f"{number:,}"


def counts(numbers: Mapping[str, int]) -> str:
    """'3 of none, 2 of bwrap': how many there are of each."""
    return ", ".join(f"{number:,} {name}" for name, number in numbers.items())


def _with_interval(text: str, value: Measured, digits: int, *, with_sign: bool = False) -> Markup:
    if value.low is None or value.high is None:
        return Markup('{} <span class="interval">(no interval)</span>').format(text)
    ends = [
        signed(end, digits) if with_sign else f"{end:.{digits}f}" for end in (value.low, value.high)
    ]
    return Markup('{} <span class="interval">({} to {})</span>').format(text, *ends)
