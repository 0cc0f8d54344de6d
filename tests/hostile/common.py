"""What all attacks share: their targets, the kernel by number, and the report.

Runs inside the box, with the standard library alone. Each attack has a process of its own, so that
none spoils the next.
"""

import contextlib
import ctypes
import errno
import json
import os
import platform
import re
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

REPORT = "output/report.jsonl"
PATIENCE = 12.0
"""Seconds that one attack may take."""
SECRET = re.compile(rb"hk" + rb"-[0-9a-f]{32}")
"""What every secret of the victims looks like; no attack knows one beforehand."""

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
INTEL = platform.machine() == "x86_64"
NUMBERS = {
    "ptrace": (101, 117),
    "pivot_root": (155, 41),
    "modify_ldt": (154, None),
    "init_module": (175, 105),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "ioprio_set": (251, 30),
    "unshare": (272, 97),
    "move_pages": (279, 239),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "finit_module": (313, 273),
    "sched_setattr": (314, 274),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "openat2": (437, 437),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}
"""Calls of the kernel on x86_64 and aarch64."""


class Targets:
    """Where the victims are; `t.rubric`, `t.scaffold` and so on, as the trusted side says."""

    def __init__(self, said: dict[str, Any], model: Any) -> None:
        self.said, self.model = said, model
        self.guard = os.getppid()
        self.attack = ""
        """The one that runs."""

    def __getattr__(self, name: str) -> Any:
        return self.said[name]

    @property
    def prey(self) -> int:
        """A process of the scaffold's user that this attack alone is after."""
        return int(self.said["prey"][self.attack])

    @property
    def decoy(self) -> Path:
        """A secret file, open to all users of the machine, that this attack alone is after."""
        return Path(self.said["decoys"]) / f"{self.attack}.txt"

    @property
    def mark(self) -> str:
        """The name of processes that this attack leaves."""
        return f"{self.brand}{self.said['attacks_by_number'].index(self.attack)}"

    @property
    def own(self) -> Path:
        """A folder in output/ for this attack."""
        folder = Path("output") / self.attack
        folder.mkdir(exist_ok=True)
        return folder


def call(name: str, *arguments: Any) -> int:
    """One call of the kernel by its name; raises OSError."""
    number = NUMBERS[name][0 if INTEL else 1]
    if number is None:
        raise OSError(errno.ENOSYS, f"{name} is no call of this machine")
    return checked(libc.syscall(ctypes.c_long(number), *map(_wide, arguments)))


def _wide(value: Any) -> Any:
    return ctypes.c_long(value) if isinstance(value, int) else value


def checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def secret_in(data: bytes | str) -> str | None:
    """The evidence of having read a secret, if one is there."""
    found = SECRET.search(data if isinstance(data, bytes) else data.encode(errors="replace"))
    return f"read {found[0][:9].decode()}..." if found else None


def secret_of(path: str | Path) -> str | None:
    return secret_in(content_of(path))


def content_of(path: str | Path, most: int = 4_000_000) -> bytes:
    with Path(path).open("rb") as stream:
        return stream.read(most)


def first_of(*tries: Callable[[], str | None]) -> str | None:
    """The first evidence; raises the last refusal where there is none."""
    refusal: Exception | None = None
    for attempt in tries:
        try:
            evidence = attempt()
        except (OSError, ValueError) as error:
            refusal = error
        else:
            if evidence:
                return evidence
    if refusal:
        raise refusal
    return None


def attacks_of(module: dict[str, Any]) -> dict[str, Callable[[Targets], str | None]]:
    """The public functions of a file but `solve`, by name."""
    return {
        name: value
        for name, value in module.items()
        if callable(value) and getattr(value, "__module__", "") == module["__name__"]
        if not name.startswith("_") and name != "solve" and not isinstance(value, type)
    }


def run(module: dict[str, Any], task: Any, model: Any) -> None:
    """Run the attacks that the instructions name, and write down what each achieved."""
    said = json.loads(task.instructions)
    targets = Targets(said, model)
    attacks = attacks_of(module)
    for name in said["attacks"]:
        targets.attack = name
        began = time.monotonic()
        result = _apart(lambda name=name: attacks[name](targets))  # type: ignore[misc]
        with Path(REPORT).open("a", encoding="utf-8") as report:
            seconds = round(time.monotonic() - began, 2)
            report.write(json.dumps({"attack": name, "seconds": seconds, **result}) + "\n")


def _apart(attack: Callable[[], str | None]) -> dict[str, str]:
    """What an attack achieved, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _attempt(attack, writing)
    os.close(writing)
    try:
        return _heard(reading, child)
    finally:
        os.close(reading)


def _attempt(attack: Callable[[], str | None], writing: int) -> None:
    try:
        evidence = attack()
        result = {"evidence": evidence} if evidence else {"refusal": "nothing came of it"}
    except BaseException as error:  # noqa: BLE001 - whatever stops an attack is told by its name
        result = {"refusal": f"{type(error).__name__}: {error}"[:200]}
        if isinstance(error, OSError) and error.errno:
            result["errno"] = errno.errorcode.get(error.errno, str(error.errno))
        if not isinstance(error, OSError | ImportError):
            traceback.print_exc()
    os.write(writing, json.dumps(result).encode()[:4000])
    os._exit(0)


def _heard(reading: int, child: int) -> dict[str, str]:
    ready, _, _ = select.select([reading], [], [], PATIENCE)
    answer = os.read(reading, 65536) if ready else b""
    if not ready:
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)
    status = 0
    with contextlib.suppress(OSError):
        _, status = os.waitpid(child, 0)
    if answer:
        return dict(json.loads(answer))
    code = os.waitstatus_to_exitcode(status)
    return {"refusal": f"ended by {signal.Signals(-code).name}" if code < 0 else "gave no answer"}


# For attacks that leave something behind, or take all there is.


def lingers(name: str, seconds: int = 30) -> None:
    """Be a process that is found by this name, for a bounded time."""
    libc.prctl(15, name.encode(), 0, 0, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    while True:
        signal.pause()


def daemon(work: Callable[[], None]) -> int:
    """Start a process that does some work and ends; returns its pid."""
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    return child


def hold(what: str, seconds: float = 8.0) -> str:
    """Keep what was taken for as long as a watchdog may need on a busy machine; the evidence if
    nobody minds."""
    time.sleep(seconds)
    return what


def pages(megabytes: int) -> bytearray:
    """Memory that is really there."""
    block = bytearray(megabytes * 1024 * 1024)
    block[::4096] = b"x" * len(block[::4096])
    return block


def wait_all(children: Iterable[int]) -> list[int]:
    """Exit codes of children."""
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
