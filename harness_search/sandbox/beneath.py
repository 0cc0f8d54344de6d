"""Open what lies beneath a folder, and nothing else, in folders that somebody else may change."""

import errno
import os
import stat
from pathlib import Path

OPENAT2 = 437
"""The system call, by the same number on every machine."""
NO_CROSSING, NO_MAGIC_LINKS, NO_SYMLINKS, BENEATH = 0x01, 0x02, 0x04, 0x08
ALWAYS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
NOT_OFFERED = (errno.ENOSYS, errno.EPERM)
"""A kernel before 5.6, or the filter of a container that does not know the call."""


def open_beneath(folder_descriptor: int, name: str, flags: int) -> int:
    """Open an existing file or folder and return its descriptor; never waits for a pipe's writer.

    `name` is one name, or several with slashes between them, all beneath the open folder;
    `flags` are those of os.open, without O_CREAT and O_PATH. Raises OSError as the kernel does:
    ELOOP for a symbolic link anywhere on the way, EXDEV for a mount point and for names that could
    lead out of the folder.
    """
    _require_plain(name)
    try:
        return _openat2(folder_descriptor, os.fsencode(name), flags | ALWAYS)
    except OSError as error:
        if error.errno not in NOT_OFFERED:
            raise
        return _step_by_step(folder_descriptor, name.split("/"), flags | ALWAYS)


def _require_plain(name: str) -> None:
    if not name:
        raise _failure(errno.ENOENT, name)
    if "\0" in name:
        raise _failure(errno.EINVAL, name)  # the kernel would see a shorter name
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise _failure(errno.EXDEV, name)


def _openat2(folder: int, name: bytes, flags: int) -> int:
    import ctypes  # most commands never come here

    rules = NO_CROSSING | NO_MAGIC_LINKS | NO_SYMLINKS | BENEATH
    how = (ctypes.c_uint64 * 3)(flags, 0, rules)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.syscall.argtypes = [
        *(ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
    ]
    while True:
        descriptor = libc.syscall(OPENAT2, folder, name, how, ctypes.sizeof(how))
        if descriptor >= 0:
            return int(descriptor)
        if ctypes.get_errno() != errno.EINTR:
            raise _failure(ctypes.get_errno(), os.fsdecode(name))


def _step_by_step(folder: int, parts: list[str], flags: int) -> int:
    """The same without the system call: one name at a time, each in the open folder above it."""
    *above, last = parts
    passed: list[int] = []
    try:
        for part in above:
            deeper = _step(passed[-1] if passed else folder, part, os.O_PATH | os.O_DIRECTORY)
            passed.append(deeper)
        return _step(passed[-1] if passed else folder, last, flags)
    finally:
        for descriptor in passed:
            os.close(descriptor)


def _step(folder: int, name: str, flags: int) -> int:
    try:
        descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except NotADirectoryError:
        # openat2 tells a link, even one to a folder, from what is no folder at all.
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            raise _failure(errno.ELOOP, name) from None
        raise
    try:
        if _mount_of(descriptor) != _mount_of(folder):
            raise _failure(errno.EXDEV, name)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _mount_of(descriptor: int) -> int:
    """The kernel's number of the mount that an open file lies in."""
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        if key == "mnt_id":
            return int(value)
    raise _failure(errno.ENOTSUP, "mnt_id")


def _failure(number: int, name: str) -> OSError:
    return OSError(number, os.strerror(number), name)
