"""Python and the installed packages, held against the lowest versions that we ask for."""

import platform
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from harness_search.doctor.report import Finding, failed, warned

US = "meta-harness"
OLDEST_PYTHON = "3.11"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that has to be here."""

    name: str
    lowest: str
    """Version; empty for any."""


def findings_of_packages() -> list[Finding]:
    """A row for Python and one for all packages."""
    try:
        needed = _requirements(requires(US) or ())
        oldest = metadata(US)["Requires-Python"].removeprefix(">=")
    except PackageNotFoundError:
        how = "pip install --editable . in the folder of the repository"
        unknown = warned("packages", "meta-harness is not installed: versions are unknown", how)
        return [python_row(platform.python_version(), OLDEST_PYTHON), unknown]
    return [python_row(platform.python_version(), oldest), packages_row(needed, installed_version)]


def python_row(found: str, oldest: str) -> Finding:
    """Whether this Python is new enough."""
    if is_older(found, oldest):
        fix = f"install Python {oldest} or newer, and meta-harness in it"
        return failed("python", f"{found} is older than {oldest}", fix)
    return Finding("python", f"{found} at {sys.executable}")


def packages_row(
    needed: Iterable[Requirement], found_version: Callable[[str], str | None]
) -> Finding:
    """Whether every package is here and new enough."""
    problems, wanted, count = [], [], 0
    for item in needed:
        count += 1
        found = found_version(item.name)
        if found is None:
            problems.append(f"{item.name} is not installed")
        elif item.lowest and is_older(found, item.lowest):
            problems.append(f"{item.name} {found} is older than {item.lowest}")
        else:
            continue
        wanted.append(f"'{item.name}>={item.lowest}'" if item.lowest else item.name)
    if problems:
        fix = f"{sys.executable} -m pip install {' '.join(wanted)}"
        return failed("packages", ", ".join(problems), fix)
    return Finding("packages", f"all {count}, as new as needed")


def installed_version(name: str) -> str | None:
    """None when a package is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def is_older(found: str, lowest: str) -> bool:
    """Whether a version comes before another, by the numbers that they begin with."""
    one, other = _numbers(found), _numbers(lowest)
    length = max(len(one), len(other))
    return one + [0] * (length - len(one)) < other + [0] * (length - len(other))


def _numbers(text: str) -> list[int]:
    release = re.match(r"\d+(?:\.\d+)*", text)
    return [int(part) for part in release[0].split(".")] if release else [0]


def _requirements(lines: Iterable[str]) -> list[Requirement]:
    """Those that a run needs; extras are for the development."""
    found = []
    for line in lines:
        parts = re.match(r"([\w.-]+)[^;>]*(?:>=\s*([\w.]+))?", line)
        if parts and "extra ==" not in line:
            found.append(Requirement(parts[1], parts[2] or ""))
    return found
