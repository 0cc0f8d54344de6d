"""Limits that the kernel keeps, and how a program that failed of one is told from others."""

import errno
import os
import resource

TYPE_CHECKING = False  # the real one costs a tenth of a start
if TYPE_CHECKING:
    from typing import Any

MEMORY, OPEN_FILES, FILE_SIZE, PROCESSES, SPACE = 121, 122, 123, 124, 125
"""Exit codes of a worker whose program did not survive a refusal of the kernel. A program that
exits with one of its own accord accuses nobody but itself."""
MOST_ADDRESSES = 8 * 1024**3
"""Bytes that may be mapped and not used: some programs map that much, and page tables of much more
would be memory that no account shows."""
_CODES = {
    errno.ENOMEM: MEMORY,
    errno.EMFILE: OPEN_FILES,
    errno.EFBIG: FILE_SIZE,
    errno.ENOSPC: SPACE,
    errno.EDQUOT: SPACE,
}


def impose(limits: "dict[str, Any]") -> None:
    """Set the limits of this process, and of all that it starts. `processes` may be None: where
    other processes of the same user would count."""
    cpu = int(limits["cpu_seconds"]) + 1
    _set(resource.RLIMIT_CPU, cpu, cpu + 1)
    _set(resource.RLIMIT_DATA, limits["memory_bytes"])
    _set(resource.RLIMIT_AS, limits["memory_bytes"] + MOST_ADDRESSES)
    _set(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _set(resource.RLIMIT_NOFILE, limits["open_files"])
    _set(resource.RLIMIT_CORE, 0)
    if limits["processes"] is not None:
        _set(resource.RLIMIT_NPROC, limits["processes"])


def _set(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or leave a lower one that the machine has set already."""
    _, most = resource.getrlimit(kind)
    wanted = (soft, soft if hard is None else hard)
    if most != resource.RLIM_INFINITY:
        wanted = (min(wanted[0], most), min(wanted[1], most))
    resource.setrlimit(kind, wanted)


def exit_code(error: BaseException) -> int:
    """The exit code for an exception that a limit caused; 0 for any other."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, (BlockingIOError, RuntimeError)) and not _can_fork():
        return PROCESSES
    return _CODES.get(error.errno or 0, 0) if isinstance(error, OSError) else 0


def _can_fork() -> bool:
    """Whether there may be one more process: many things else are refused by the same errors."""
    try:
        child = os.fork()
    except BlockingIOError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True
