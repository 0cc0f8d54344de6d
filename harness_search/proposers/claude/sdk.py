"""What of this machine's Python packages a Claude session is shown: the SDK, and what it needs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness_search.errors import InputError
from harness_search.sandbox.box import Mount

PACKAGE = "claude-agent-sdk"
OLDEST = "0.2.186"
COMMAND_LINE = "claude_agent_sdk/_bundled/claude"
SDK = "/sdk"
OURS = frozenset({"harness_search", "harness_kit", "meta_harness", "meta_harness.py"})
"""Never to be shown from where they are installed: with the scaffold go the benchmark's generator
and every rubric. What a harness may import, a session is shown as `library` says."""
REQUIREMENT = re.compile(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?")
EXTRA = re.compile(r"""extra\s*==\s*['"]([\w.-]+)['"]""")


@dataclass(frozen=True, slots=True)
class Sdk:
    """The SDK as it is installed."""

    version: str
    entries: tuple[Path, ...]
    """Packages, modules and libraries of it and of all that it needs; nothing else is shown."""
    command_line: Path

    def mounts(self) -> tuple[Mount, ...]:
        """Its entries, in one folder of the box."""
        return tuple(
            Mount(entry, f"{SDK}/{entry.name}", executable=entry in self.command_line.parents)
            for entry in self.entries
        )


def find_sdk() -> Sdk:
    """The installed SDK; raises InputError where it, or its command line, is not installed."""
    expected = f"what a Claude proposer runs on (`pip install 'claude-agent-sdk>={OLDEST}'`)"
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise InputError("Python's packages", PACKAGE, "no such package", expected) from error
    entries = _entries(needed_by(PACKAGE))
    command_line = Path(str(package.locate_file(COMMAND_LINE)))
    if not command_line.is_file():
        found = "a package without the command line, which not every platform's has"
        raise InputError("Python's packages", PACKAGE, found, expected)
    return Sdk(package.version, entries, command_line)


def needed_by(name: str) -> list[metadata.Distribution]:
    """A distribution and all installed ones that it needs, with the extras that it asks for.

    What a requirement's other conditions say is left aside: a package that is needed elsewhere
    only is not installed, or does no harm.
    """
    found: dict[str, metadata.Distribution] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    waiting = [(_normal(name), frozenset[str]())]
    while waiting:
        wanted = waiting.pop()
        if wanted in done:
            continue
        done.add(wanted)
        try:
            package = metadata.distribution(wanted[0])
        except metadata.PackageNotFoundError:
            continue
        found[wanted[0]] = package
        waiting += _requirements(package, wanted[1])
    return list(found.values())


def _requirements(
    package: metadata.Distribution, extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    for line in package.requires or ():
        requirement, _, condition = line.partition(";")
        extra = EXTRA.search(condition)
        parts = REQUIREMENT.match(requirement)
        if parts is None or (extra and _normal(extra[1]) not in extras):
            continue
        asked = filter(None, map(str.strip, (parts[2] or "").split(",")))
        yield _normal(parts[1]), frozenset(map(_normal, asked))


def _entries(packages: list[metadata.Distribution]) -> tuple[Path, ...]:
    """What their files lie in, at the top; raises AssertionError should it be the scaffold."""
    found: set[Path] = set()
    for package in packages:
        tops = {file.parts[0] for file in package.files or () if file.suffix != ".pth"}
        tops -= {"..", "__pycache__", "bin", "/"}
        assert not tops & OURS, f"{package.name} would show the scaffold to a proposer"
        found |= {Path(str(package.locate_file(top))) for top in tops}
    return tuple(sorted(path for path in found if path.exists()))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
