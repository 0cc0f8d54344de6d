"""Documents that people are left beside an iteration, read back; what they have edited may be
damaged."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, Strict, ValidationError

from harness_search.audit.report import AuditReport
from harness_search.errors import InputError
from harness_search.files import is_regular
from harness_search.layout import Layout

LARGEST_DOCUMENT = 16_000_000  # bytes
Document = Mapping[str, Any]


class _Rollouts(BaseModel):
    model_config = ConfigDict(defer_build=True, strict=True)

    candidate: int = Field(ge=0)
    incumbent: int = Field(ge=0)


class _Gain(BaseModel):
    model_config = ConfigDict(defer_build=True, strict=True)

    difference: FiniteFloat
    interval: Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)] | None
    chance: FiniteFloat | None
    shrunken: FiniteFloat | None


class _Named(BaseModel):
    """A task as documents had it once."""

    model_config = ConfigDict(defer_build=True, strict=True)

    task: str
    difference: FiniteFloat
    error: FiniteFloat | None
    candidate: FiniteFloat
    incumbent: FiniteFloat
    trials: Annotated[list[int], Field(min_length=2, max_length=2)]


_Task = Annotated[
    tuple[str, FiniteFloat, FiniteFloat | None, FiniteFloat, FiniteFloat, int, int],
    Strict(strict=False),  # JSON has lists, no tuples; what is in them stays strict
]


class _Decision(BaseModel):
    """What every report needs of a decision; see `reports/decisions.py`."""

    model_config = ConfigDict(defer_build=True, strict=True)

    iteration: int
    stage: str
    reason: str
    notes: list[str]
    remarks: list[str]
    rollouts: _Rollouts
    gain: _Gain | None
    tasks: list[_Task | _Named]


class KeptDocuments:
    """The decisions and audits of a search, and which of their files are no such thing."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._damaged: list[str] = []

    @property
    def damaged(self) -> tuple[str, ...]:
        """Paths below the workspace."""
        return tuple(self._damaged)

    def decisions(self, iterations: Iterable[int]) -> dict[int, Document]:
        """By iteration; of those that have one."""
        return self._read(iterations, self._layout.decision, _check_decision)

    def audits(self, iterations: Iterable[int]) -> dict[int, Document]:
        """By iteration; of those that have one."""
        return self._read(iterations, self._layout.audit, _check_audit)

    def _read(
        self,
        iterations: Iterable[int],
        file_of: Callable[[int], Path],
        check: Callable[[Document], None],
    ) -> dict[int, Document]:
        found = {}
        for number in iterations:
            file = file_of(number)
            try:
                document = _document(file)
                check(document)
                _check_iteration(number, document)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                self._damaged.append(file.relative_to(self._layout.root).as_posix())
            else:
                found[number] = document
        return found


def kept_decision(layout: Layout, iteration: int) -> Document:
    """The decision of one iteration; raises InputError, with what is wrong, for a damaged one."""
    file = layout.decision(iteration)
    try:
        document = _document(file)
        _check_decision(document)
        _check_iteration(iteration, document)
    except (OSError, ValueError, RecursionError) as error:
        expected = f"the decision of iteration {iteration}, as the gate left it"
        raise InputError(file, "", _fault(error), expected) from error
    return document


def _fault(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"a file that cannot be read ({(error.strerror or str(error)).lower()})"
    if isinstance(error, RecursionError):
        return "JSON that is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "text that is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"damaged JSON (line {error.lineno}, column {error.colno})"
    return str(error)


def _document(file: Path) -> Document:
    if file.lstat().st_size > LARGEST_DOCUMENT or not is_regular(file):
        raise ValueError("no regular file, or far too large a one")
    text = file.read_text(encoding="utf-8")
    found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _finite(text: str) -> float:
    """JSON has neither NaN nor infinity, whatever Python reads and writes."""
    if not math.isfinite(value := float(text)):
        raise ValueError(f"the number {text}")
    return value


def _check_iteration(iteration: int, document: Document) -> None:
    """Raises ValueError for a document of another iteration; an audit may name none."""
    if (found := document.get("iteration", iteration)) != iteration:
        raise ValueError(f"a document of iteration {found!r}")


def _check_decision(document: Document) -> None:
    """Raises ValueError for anything but a decision."""
    try:
        _Decision.model_validate(document)
    except ValidationError as error:
        raise ValueError(f"no decision ({error.error_count()} faults)") from error


def _check_audit(document: Document) -> None:
    AuditReport.of_json(document)
