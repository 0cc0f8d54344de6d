"""The sign of life of a launch, as whoever looks from outside reads it."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from harness_search.sandbox.processes import boot_id, read_process

HUNG_SECONDS = 60.0
"""From this age on, a process that is there does not do its work any more."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by each clock that may be asked."""

    boot: str
    uptime: float
    """Seconds since that boot, sleep of the machine included. Nobody can set this clock."""
    wall: float
    """Unix time in seconds. It jumps when somebody sets the clock."""

    @classmethod
    def now(cls) -> "Moment":
        return cls(boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


def pid_namespace() -> int:
    """What tells the process ids that are seen here from those of another container."""
    return Path("/proc/self/ns/pid").stat().st_ino


def identity_of(folder: Path) -> str:
    """What tells a folder from its copies, and stays when it is moved; empty for none."""
    try:
        found = folder.stat()
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a launch last said of itself."""

    pid: int
    pid_started: int
    """Clock ticks since boot."""
    boot: str
    pid_namespace: int
    folder: str
    """Identity of the folder that it is kept in."""
    run: str
    """Of this launch alone."""
    command: str
    """`run`, `noise`, `ab`, ..."""
    launched_at: str
    """ISO 8601, UTC."""
    written_at: str
    """ISO 8601, UTC."""
    uptime: float
    """When it was written, in seconds since boot."""
    phase: str
    """What the loop does; empty before its first step, and in commands without phases."""
    iteration: int
    label: str
    """Of the evaluation under way; empty between evaluations."""
    done: int
    planned: int
    passed: int | None
    """Criteria passed in this launch's part of the evaluation; None where none is known yet, or
    the score is secret."""
    total: int | None
    paused: bool
    stopping: bool
    waiting_until: str
    """ISO 8601; empty unless the launch sleeps until a provider's limit has passed."""
    socket: str
    """Where it is asked; empty while nobody listens."""
    last_error: str
    exit_code: int | None
    """None until the launch has ended."""

    @property
    def ended(self) -> bool:
        """Whether the launch said itself that it is over."""
        return self.exit_code is not None

    @property
    def here(self) -> bool:
        """Whether its process ids are those that are seen here."""
        return self.boot == boot_id() and self.pid_namespace == pid_namespace()

    @property
    def alive(self) -> bool:
        """Whether its process exists, one that only nobody has waited for not being one. In
        another container of this machine it does as long as it gives signs of life."""
        if self.here:
            process = read_process(self.pid)
            return (
                process is not None and process.started == self.pid_started and not process.zombie
            )
        is_seen = self.boot == boot_id() and not self.ended
        return is_seen and self.age_seconds <= HUNG_SECONDS

    @property
    def age_seconds(self) -> float:
        """Time since the last sign of life. Within one boot no jump of the clock changes it."""
        return self.age_at(Moment.now())

    def age_at(self, moment: Moment) -> float:
        """Its age in seconds at a moment."""
        if self.boot == moment.boot:
            return max(0.0, moment.uptime - self.uptime)
        return max(0.0, moment.wall - datetime.fromisoformat(self.written_at).timestamp())

    @property
    def hung(self) -> bool:
        """Whether its process exists and gives no sign of life."""
        return self.alive and not self.ended and self.age_seconds > HUNG_SECONDS

    def may_be_of(self, folder: Path) -> bool:
        """Whether it may be asked and ended on behalf of a folder: not where it came there with a
        copy, and its process may be at work in the original. After a boot device numbers may
        differ, and nobody is at work."""
        is_over = self.ended or self.boot != boot_id()
        return is_over or self.folder == identity_of(folder)

    def to_json(self) -> dict[str, Any]:
        """As it is on disk."""
        return {**asdict(self), "state": "ended" if self.ended else "running"}


def read_heartbeat(file: Path) -> Heartbeat | None:
    """What the last launch of a workspace said last; None when there is nothing readable, or it is
    that of the workspace of which this one is a copy."""
    beat = _read(file)
    return beat if beat is not None and beat.may_be_of(file.parent) else None


def came_with_copy(file: Path) -> bool:
    """Whether a heartbeat, and what lies beside it, is of a launch in the original of which this
    workspace is a copy."""
    beat = _read(file)
    return beat is not None and not beat.may_be_of(file.parent)


def _read(file: Path) -> Heartbeat | None:
    try:
        found = json.loads(file.read_bytes())
        return heartbeat_of(found) if isinstance(found, dict) else None
    except (OSError, ValueError, RecursionError):
        return None


def heartbeat_of(found: Mapping[str, Any]) -> Heartbeat | None:
    """The heartbeat in a document; None when a part is missing or is not what it should be."""
    parts: dict[str, Any] = {field.name: found.get(field.name) for field in fields(Heartbeat)}
    kinds = {field.name: cast("type", field.type) for field in fields(Heartbeat)}
    if not all(isinstance(parts[name], kind) for name, kind in kinds.items()):
        return None
    return Heartbeat(**parts) if _has_time_zone(parts["written_at"]) else None


def _has_time_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def write_heartbeat(file: Path, heartbeat: Heartbeat) -> None:
    """Replace the file, so that a reader finds the old content or the new; not durably: after a
    power loss nobody is alive. A disk that does not take it, a full one, ends no search."""
    temporary = file.with_name(f".{file.name}")
    try:
        temporary.write_text(json.dumps(heartbeat.to_json(), indent=1) + "\n", encoding="utf-8")
        temporary.replace(file)
    except OSError:
        return


def in_words(moment: str) -> str:
    """A moment in ISO 8601 as local time for people: `2026-11-22 01:40`."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def iso_now() -> str:
    """The present moment in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
