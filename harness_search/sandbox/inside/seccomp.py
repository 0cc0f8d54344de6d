"""Put a system call filter on this process. It holds for all its children, and for ever."""

import ctypes
import os

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
MODE_FILTER = 2
INSTRUCTION = 8
"""Bytes."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def install(program: bytes) -> None:
    """Filter the calling thread, so before there is a second one; raises OSError."""
    code = ctypes.create_string_buffer(program, len(program))
    filled = _Program(len(program) // INSTRUCTION, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    # Without it the kernel takes a filter from root only.
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, MODE_FILTER, ctypes.addressof(filled), 0, 0
    ):
        number = ctypes.get_errno()
        raise OSError(number, f"the system call filter: {os.strerror(number)}")
