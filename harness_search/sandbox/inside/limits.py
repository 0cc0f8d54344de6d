"""Limits that the kernel keeps, and how a program that failed of one is told from others."""

import errno
import resource
from typing import Any

MEMORY, OPEN_FILES, FILE_SIZE, PROCESSES, SPACE = 121, 122, 123, 124, 125
"""Exit codes of a worker whose program did not survive a refusal of the kernel. A program that
exits with one of its own accord accuses nobody but itself."""
_CODES = {
    errno.ENOMEM: MEMORY,
    errno.EMFILE: OPEN_FILES,
    errno.EFBIG: FILE_SIZE,
    errno.EAGAIN: PROCESSES,
    errno.ENOSPC: SPACE,
    errno.EDQUOT: SPACE,
}


def impose(limits: dict[str, Any]) -> None:
    """Set the limits of this process, and of all that it starts. `processes` may be None: where
    other processes of the same user would count."""
    cpu = int(limits["cpu_seconds"]) + 1
    _set(resource.RLIMIT_CPU, cpu, cpu + 1)
    _set(resource.RLIMIT_DATA, limits["memory_bytes"])
    _set(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _set(resource.RLIMIT_NOFILE, limits["open_files"])
    _set(resource.RLIMIT_CORE, 0)
    if limits["processes"] is not None:
        _set(resource.RLIMIT_NPROC, limits["processes"])


def _set(kind: int, soft: int, hard: int | None = None) -> None:
    resource.setrlimit(kind, (soft, soft if hard is None else hard))


def exit_code(error: BaseException) -> int:
    """The exit code for an exception that a limit caused; 0 for any other."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return PROCESSES
    return _CODES.get(error.errno or 0, 0) if isinstance(error, OSError) else 0
