"""What a process that nobody trusts is shown and allowed: one description for every sandbox."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder that is shown."""

    source: Path
    target: str
    """Where it is seen, in a sandbox with a file system of its own; elsewhere at its source."""
    writable: bool = False
    executable: bool = False
    """Whether it holds programs; what is writable always may."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What all processes of a box together may use, where not said otherwise."""

    cpu_seconds: float
    memory_bytes: int
    processes: int
    """Processes and threads at once."""
    open_files: int
    """Of one process."""
    file_bytes: int
    """Of one file."""
    workspace_bytes: int
    """In writable mounts."""
    temporary_bytes: int
    """In /tmp and in /dev/shm, each."""


@dataclass(frozen=True, slots=True)
class Door:
    """The one way out: the gateway."""

    socket: Path
    """Unix socket in a folder of its own, which is what is shown."""
    port: int
    """The gateway's loopback port, for a sandbox without a network of its own."""


@dataclass(frozen=True, slots=True)
class Box:
    """Everything about one sandboxed process but the program that it runs."""

    kit: Path
    """What it may import; holds the launcher."""
    mounts: tuple[Mount, ...]
    folder: Mount
    """The current folder; one of the mounts."""
    temporary: Path
    """Private empty folder that serves as /tmp where the sandbox has no file system of its own."""
    limits: Limits
    log: Path
    """What its processes print."""
    door: Door | None = None
    uid: int | None = None
    """Unprivileged user and group id to become; None to stay who the scaffold is."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a probe found out, by running it."""

    usable: bool
    reason: str
    """Why not, in one sentence; or what the sandbox does without on this machine."""
    remedy: str = ""
    """What a person can do about it, for example a command that installs something."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a sandboxed process ended."""

    exit_code: int
    """Negative: the signal that ended it."""
    began: bool
    """Whether the launcher came as far as the program; before that, nothing is its fault."""


class Handle(Protocol):
    """A started process that waits for its program."""

    @property
    def pid(self) -> int:
        """The process whose end ends all others of the box."""

    @property
    def ours(self) -> tuple[int, ...]:
        """Those of its processes that are not the program's."""

    @property
    def gateway(self) -> str:
        """Address of the gateway as its client takes it: a socket's path, or host and port."""

    @property
    def base_url(self) -> str:
        """The same as a URL, for agents that ask for one."""

    def seen(self, mount: Mount) -> str:
        """The path at which the process sees a mount."""

    async def give(self, program: dict[str, Any]) -> None:
        """Say what to run; never in an argument, a file or the environment."""

    async def wait(self) -> None:
        """Until the process has ended by itself."""

    async def kill(self) -> Ending:
        """End every process of the box, and reap it."""


class Sandbox(Protocol):
    """A way to run a box."""

    @property
    def name(self) -> str:
        """As configured, shown and recorded with every row."""

    @property
    def isolated(self) -> bool:
        """Whether a box has a file system and a network of its own."""

    def probe(self) -> Capabilities:
        """Whether it works here, found out by running it."""

    async def start(self, box: Box) -> Handle:
        """Start the launcher and wait for its handshake; raises SandboxStartError."""


class SandboxStartError(Exception):
    """The process ended before it could be given its program; never its own fault."""
