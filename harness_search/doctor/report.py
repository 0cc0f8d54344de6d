"""What the doctor found, line by line."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness_search.errors import InputError

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report."""

    name: str
    value: str
    state: State = "ok"
    """`warn`: a run can start, and may be the poorer for it; `fail`: none can."""
    fix: str = ""

    def lines(self, width: int) -> list[str]:
        """For a terminal, with so many columns for the name: the row, and under it what to do."""
        shown = self.state.upper() if self.state == "fail" else self.state
        line = f"{shown:<5}{self.name:<{width}} {self.value}"
        return [line, f"{'':<{width + 6}}fix: {self.fix}"] if self.fix else [line]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found, and what follows from it."""

    findings: tuple[Finding, ...]

    @property
    def refusal(self) -> str:
        """Why no run can start, in one sentence; empty when one can."""
        failed = [found for found in self.findings if found.state == "fail"]
        return "; ".join(f"{found.name}: {found.value}" for found in failed)

    def to_json(self) -> dict[str, Any]:
        """The document of `doctor --json`."""
        return {
            "ready": not self.refusal,
            "refusal": self.refusal or None,
            "findings": [asdict(found) for found in self.findings],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        width = max(len(found.name) for found in self.findings)
        return [line for found in self.findings for line in found.lines(width)]


def failed(name: str, value: str, fix: str = "") -> Finding:
    """A row that no run can start with."""
    return Finding(name, value, "fail", fix)


def warned(name: str, value: str, fix: str = "") -> Finding:
    """A row that a run can start in spite of."""
    return Finding(name, value, "warn", fix)


def found_in(error: InputError) -> str:
    """What bad input is, without what was expected instead."""
    return f"{_place(error)}: found {error.found}"


def fix_of(error: InputError) -> str:
    """What to do about bad input."""
    if error.file == "environment":
        return f"export {error.field}=..."
    return f"correct {error.field or error.file}; it should be {error.expected}"


def _place(error: InputError) -> str:
    return f"{error.file}: {error.field}" if error.field else error.file
