"""Take from this process all files, ports and neighbours that it was not given.

It holds for all its children, and for ever. The kernel's number for what it can restrict is its
Landlock ABI; 0 means nothing.
"""

import ctypes
import errno
import os
import stat
import struct

PR_SET_NO_NEW_PRIVS = 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls, by the same numbers on every machine."""
VERSION = 1
PATH_BENEATH, NET_PORT = 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
FROM_THE_START = (1 << 13) - 1
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""All others are rights on a folder."""
GRANTS = {
    "execute": EXECUTE | READ_FILE | READ_DIR,
    "read": READ_FILE | READ_DIR,
    "list": READ_DIR,
    "write": (FROM_THE_START | REFER | TRUNCATE) & ~(MAKE_CHAR | MAKE_BLOCK),
    "devices": READ_FILE | WRITE_FILE,
}
CONNECT = "connect"
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
TCP_ABI, SCOPES_ABI = 4, 6
ABSTRACT_SOCKETS, SIGNALS = 1 << 0, 1 << 1


def abi() -> int:
    """What the kernel can restrict; 0 where it has no Landlock or has it switched off."""
    version = _call(_library(), CREATE_RULESET, None, 0, VERSION)
    return max(version, 0)


def restrict(rules: dict[str, list[str | int] | None]) -> None:
    """Restrict the calling thread, so before there is a second one, to what the rules give.

    "execute": paths to read and run. "read": paths to read. "list": folders to list, without what
    the files below hold. "write": paths below which everything
    may be done but making device nodes. "devices": device nodes to read and write. "connect": TCP
    ports; where it is missing or None, the network is left alone. Signals to processes outside and
    their abstract sockets are refused from ABI 6 on. Raises OSError, which names the path, and
    ValueError for a rule of another name.
    """
    unknown = rules.keys() - GRANTS.keys() - {CONNECT}
    if unknown:
        raise ValueError(f"no such rules: {sorted(unknown)}")
    library = _library()
    version = abi()
    ports = rules.get(CONNECT)
    if version < 1 or (ports is not None and version < TCP_ABI):
        raise OSError(errno.EOPNOTSUPP, f"Landlock ABI {version} cannot hold these rules")
    files = _known_to(version)
    ruleset = _ruleset(library, files, ports is not None, version)
    try:
        for name, rights in GRANTS.items():
            for path in rules.get(name) or ():
                _add_path(library, ruleset, str(path), rights & files)
        for port in ports or ():
            _add_port(library, ruleset, int(port))
        if _prctl(library, PR_SET_NO_NEW_PRIVS, 1) or _call(library, RESTRICT_SELF, ruleset, 0):
            raise _failure("Landlock")
    finally:
        os.close(ruleset)


def _known_to(version: int) -> int:
    """Rights on files that this ABI can withhold."""
    later = ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV))
    return FROM_THE_START | sum(right for since, right in later if version >= since)


def _ruleset(library: ctypes.CDLL, files: int, network: bool, version: int) -> int:
    ports = BIND_TCP | CONNECT_TCP if network else 0
    scopes = ABSTRACT_SOCKETS | SIGNALS if version >= SCOPES_ABI else 0
    # Older kernels know a shorter structure, and accept this one while the rest of it is zero.
    handled = struct.pack("=QQQ", files, ports, scopes)
    ruleset = _call(library, CREATE_RULESET, handled, len(handled), 0)
    if ruleset < 0:
        raise _failure("Landlock")
    return ruleset


def _add_path(library: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        folder = stat.S_ISDIR(os.fstat(place).st_mode)
        rule = struct.pack("=Qi", rights if folder else rights & ON_FILES, place)
        if _call(library, ADD_RULE, ruleset, PATH_BENEATH, rule, 0):
            raise _failure("Landlock", path)
    finally:
        os.close(place)


def _add_port(library: ctypes.CDLL, ruleset: int, port: int) -> None:
    rule = struct.pack("=QQ", CONNECT_TCP, port)
    if _call(library, ADD_RULE, ruleset, NET_PORT, rule, 0):
        raise _failure(f"Landlock, port {port}")


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(library: ctypes.CDLL, number: int, *arguments: int | bytes | None) -> int:
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return int(library.syscall(ctypes.c_long(number), *wide))


def _prctl(library: ctypes.CDLL, option: int, value: int) -> int:
    return int(library.prctl(option, *[ctypes.c_ulong(word) for word in (value, 0, 0, 0)]))


def _failure(what: str, path: str | None = None) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}", path)
