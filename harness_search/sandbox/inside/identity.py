"""Become somebody without privileges, and never anybody else again."""

import ctypes
import errno
import os
import signal
import struct

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_CAPBSET_DROP = 4, 23, 24
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION = 0x20080522
"""Of the kernel's structure with 64 capabilities in each set."""
MOST_CAPABILITIES = 64
SETS = 24
"""Bytes of the effective, permitted and inheritable sets. The ambient set is always a part of the
last two: it is empty when they are."""


def become(uid: int) -> None:
    """Take this number as user and group, without other groups and without any capability.

    Needs root, or the capabilities to change user and group. Raises PermissionError where anything
    of the old identity is left, ValueError for root's own number.
    """
    if uid <= 0:
        raise ValueError(f"{uid} is no unprivileged user")
    library = _library()
    bounded = _empty_bounding_set(library)
    if os.getgroups():
        os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # The kernel empties them only for a process that was root.
    _demand_success(library.capset(_header(), bytes(SETS)))
    _prctl(library, PR_SET_NO_NEW_PRIVS, 1)
    _check(library, uid, bounded)


def gain_nothing() -> None:
    """Give up, for all descendants too, what set-user-id programs could bring."""
    _prctl(_library(), PR_SET_NO_NEW_PRIVS, 1)


def hide() -> None:
    """Keep other processes of this user out of this one's memory and /proc folder."""
    _prctl(_library(), PR_SET_DUMPABLE, 0)


def show() -> None:
    """Let other processes of this user look into this one again."""
    _prctl(_library(), PR_SET_DUMPABLE, 1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_library(), PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends."""
    _prctl(_library(), PR_SET_PDEATHSIG, signal.SIGKILL)


def _empty_bounding_set(library: ctypes.CDLL) -> bool:
    """Whether the process was allowed to. If not, no_new_privs is what keeps them from it."""
    try:
        for capability in range(MOST_CAPABILITIES):
            _prctl(library, PR_CAPBSET_DROP, capability)
    except OSError as failure:
        if failure.errno == errno.EPERM:
            return False
        if failure.errno != errno.EINVAL:
            raise
    return True


def _check(library: ctypes.CDLL, uid: int, bounded: bool) -> None:
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (uid, uid, uid):
        raise PermissionError(f"the process did not become user and group {uid} for good")
    if os.getgroups():
        raise PermissionError("the process kept groups of its former user")
    held = ctypes.create_string_buffer(SETS)
    _demand_success(library.capget(_header(), held))
    if any(held.raw) or (bounded and _is_bounding_set_left(library)):
        raise PermissionError("the process kept capabilities of its former user")


def _is_bounding_set_left(library: ctypes.CDLL) -> bool:
    return any(
        library.prctl(PR_CAPBSET_READ, *_words(capability)) == 1
        for capability in range(MOST_CAPABILITIES)
    )


def _header() -> bytes:
    return struct.pack("=Ii", CAPABILITY_VERSION, 0)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(library: ctypes.CDLL, option: int, value: int) -> None:
    _demand_success(library.prctl(option, *_words(value)))


def _words(value: int) -> list[ctypes.c_ulong]:
    return [ctypes.c_ulong(word) for word in (value, 0, 0, 0)]


def _demand_success(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
