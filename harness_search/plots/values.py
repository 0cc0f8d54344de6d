"""What the plots are made of: finite numbers with their 95 % intervals."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LARGEST = 1e15
"""No count of tokens and no bill comes near; beyond it axes lose their numbers."""


def checked(value: float, what: str = "value") -> float:
    """The value itself; raises ValueError unless it is finite and at most LARGEST in size."""
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise ValueError(f"{what}: found {value}, expected a finite number up to {LARGEST:.0e}")
    return value


def checked_all(values: Iterable[float | None], what: str = "value") -> None:
    """Raises ValueError for a number that no axis can show; None stands for a missing one."""
    for value in values:
        if value is not None:
            checked(value, what)


class IntervalKind(StrEnum):
    """What an interval is of; stands behind '95 % interval' in sentences."""

    TRIAL_NOISE = "of trial noise on these tasks"
    """How much would move if the very same tasks were run again. Decisions are about this."""
    OTHER_TASKS = "for other tasks of the kind"
    """Clustered by task: what to expect elsewhere, because the choice of tasks is luck as well."""

    @property
    def sentence(self) -> str:
        """For a table that has such intervals."""
        return f"Intervals are 95 % intervals {self.value}."


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with the ends of its 95 % interval; both ends are None where that is unknown.

    Raises ValueError for numbers that are not finite and for half an interval or one upside down.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        checked_all((self.value, self.low, self.high))
        if (self.low is None) != (self.high is None):
            raise ValueError("interval: found one end, expected both or none")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"interval: found {self.low} to {self.high}, expected low to high")

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def counted(number: int, one: str, many: str = "") -> str:
    """'1 task', '3 tasks'."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def without_interval(measured: Iterable[Measured | None]) -> int:
    """How many of these have a value but no interval."""
    return sum(one is not None and one.interval is None for one in measured)


def interval_note(measured: Iterable[Measured | None], kind: IntervalKind) -> str:
    """One sentence on what the lines are and how many are missing; empty without any value."""
    values = [one for one in measured if one is not None]
    missing = without_interval(values)
    if not values:
        return ""
    if missing == len(values):
        return "No interval is known."
    if missing:
        return f"Lines are 95 % intervals {kind}; {missing:,} of {len(values):,} values have none."
    return f"Lines are 95 % intervals {kind}."


def signed(value: float, digits: int = 1) -> str:
    """'+1.2', with a true minus sign, and no sign before a nought."""
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if not float(text) else text.replace("-", "\N{MINUS SIGN}")


def measured_text(measured: Measured | None, digits: int = 1) -> str:
    """'71.2 (68.0 to 74.4)', or what is missing."""
    if measured is None:
        return "not measured"
    value = f"{measured.value:.{digits}f}"
    if measured.low is None or measured.high is None:
        return f"{value} (no interval)"
    return f"{value} ({measured.low:.{digits}f} to {measured.high:.{digits}f})"
