"""The system calls that no sandboxed process may make, as a program for the kernel's filter.

It is a list of what is refused, for a sandbox that has other walls: it closes what namespaces,
Landlock and a file system of its own leave open. The number of a call is loaded once; each rule
either returns a verdict or hands the number on to the next rule. Every argument judged here is
an int, or flags below bit 32: its lower half is all that the kernel reads.
"""

import errno
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness_search.sandbox.system_calls import AARCH64, HIGHEST, X86_64

Code = tuple[tuple[int, int, int, int], ...]
"""Instructions of the filter: operation, skip if true, skip if false, operand."""

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
REFUSE = 0x00050000
"""Or-ed with the error that the caller sees; with 0 the caller is told that it went well."""
X32 = 0x40000000
"""Set in the numbers of x86_64's second, 32-bit set of calls, which no rule here names."""

FREQUENT = (
    *("read", "write", "close", "lseek", "fstat", "stat", "lstat", "newfstatat", "openat"),
    *("getdents64", "pread64", "pwrite64", "readv", "writev", "brk", "munmap", "mprotect"),
    *("madvise", "futex", "rt_sigaction", "rt_sigprocmask", "poll", "ppoll", "select", "pselect6"),
    *("epoll_wait", "epoll_pwait", "epoll_ctl", "recvfrom", "accept4", "clock_gettime"),
    *("clock_nanosleep", "getpid", "gettid", "wait4"),
)
NAMESPACES = ("unshare", "setns")
"""A namespace of one's own brings capabilities, and with them most of the kernel's weak spots."""
MOUNTS = (
    *("mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "listmount", "statmount"),
    *("quotactl", "quotactl_fd", "swapon", "swapoff"),
)
"""What a process sees is decided once, from outside."""
FILE_HANDLES = ("name_to_handle_at", "open_by_handle_at", "fanotify_init", "lookup_dcookie")
"""Ways to a file that pass by its path, and so by every rule about paths."""
KERNEL_SURFACE = (
    *("bpf", "perf_event_open", "userfaultfd", "kexec_load", "kexec_file_load", "init_module"),
    *("finit_module", "delete_module", "create_module", "get_kernel_syms", "query_module"),
    *("nfsservctl", "uselib", "sysfs", "ustat", "_sysctl", "keyctl", "add_key", "request_key"),
    *("iopl", "ioperm", "modify_ldt", "vhangup", "io_setup"),
)
"""No document needs them, and many a hole in the kernel did."""
RINGS = ("io_uring_setup", "io_uring_enter", "io_uring_register")
"""Calls made through a ring never pass this filter."""
OTHER_MEMORY = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise"),
    *("pidfd_getfd", "kcmp"),
)
"""Hands in another process."""
MACHINE = (
    *("acct", "reboot", "syslog", "sethostname", "setdomainname", "settimeofday"),
    *("clock_settime", "clock_adjtime", "adjtimex"),
)
"""State of the whole machine."""
HIDDEN_MEMORY = ("memfd_create", "memfd_secret", "vmsplice")
"""Memory that stays full when nobody maps it: no watchdog sees whose it is."""
SYSTEM_V = (
    *("shmget", "shmat", "shmctl", "shmdt", "msgget", "msgsnd", "msgrcv", "msgctl"),
    *("semget", "semop", "semtimedop", "semctl", "mq_open", "mq_unlink", "mq_timedsend"),
    *("mq_timedreceive", "mq_notify", "mq_getsetattr"),
)
"""Shared by all processes of a user, and left behind by all of them."""
DENIED = (
    *(*NAMESPACES, *MOUNTS, *FILE_HANDLES, *KERNEL_SURFACE, *RINGS, *OTHER_MEMORY, *MACHINE),
    *(*HIDDEN_MEMORY, *SYSTEM_V),
)
"""Refused to every sandboxed process."""
SERVING = ("listen", "bind")
ELSEWHERE = ("process_mrelease", "migrate_pages", "move_pages")
"""Calls that are only worth making on another process."""
ONLY_ONESELF = (
    *("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam"),
    "sched_setattr",
)
"""Their first argument is a process, 0 for the caller. Landlock holds a signal back, but a limit
of 0 seconds of processor time kills as well."""
METADATA = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr"),
    *("setxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
    "file_setattr",
)
"""Landlock knows no rule for them: a process could lock or date files that it may not even read."""

CLONE_NEW_ANYTHING = 0x7E020000
CLONE_FILES, CLONE_THREAD = 0x400, 0x10000
CLONE_PARENT = 0x8000
"""Makes siblings, which take turns so that none is ever seen as somebody's child."""
PR_SET_DUMPABLE = 4
"""Hides what a process has open from a watchdog of the same user."""
MAP_SHARED, MAP_SHARED_VALIDATE, MAP_TYPE, MAP_ANONYMOUS = 0x01, 0x03, 0x0F, 0x20
TERMINAL_REQUESTS = (0x5412, 0x541C, 0x5423)
"""TIOCSTI and TIOCLINUX type into somebody's terminal, TIOCSETD loads a driver for it."""
ROOM_REQUESTS = (0x40305828, 0x4030582A, 0x40305839, 0x40305829, 0x4030582B)
"""FS_IOC_RESVSP and its kin: room on the disk past the limit on a file's size."""
FILE_REQUESTS = (0x40086602, 0x40087602, 0x401C5820, 0x40806685)
"""FS_IOC_SETFLAGS, SETVERSION, FSSETXATTR and ENABLE_VERITY: attributes, by a file open to read."""
F_SETLEASE = 1024
"""Makes whoever opens the file wait, for most of a minute."""
CURRENT_PERSONALITY = (0, 0xFFFFFFFF)
AF_UNIX, AF_INET = 1, 2
SOCK_STREAM, SOCK_SEQPACKET, SOCK_TYPE = 1, 5, 0x0F
IPPROTO_IP, IPPROTO_TCP = 0, 6
MSG_FASTOPEN = 0x20000000
FAST_OPENINGS = (23, 30, 31)
"""TCP_FASTOPEN and TCP_FASTOPEN_CONNECT, and TCP_ULP, which puts another protocol on top."""
PRIO_PROCESS, IOPRIO_WHO_PROCESS = 0, 1


class UnsupportedMachineError(Exception):
    """No system call numbers are known for this kind of processor."""


@dataclass(frozen=True, slots=True)
class _Machine:
    numbers: Mapping[str, int]
    architecture: int
    """As the kernel's audit names it."""


_MACHINES = {
    "x86_64": _Machine(X86_64, 0xC000003E),
    "aarch64": _Machine(AARCH64, 0xC00000B7),
}


def program(machine: str, *, own_network: bool, own_processes: bool, own_files: bool) -> bytes:
    """The filter for a `platform.machine()`, ready for the kernel.

    The flags say what the sandbox has to itself: a network, a process table, a file system. What
    it shares with others is held here. Raises UnsupportedMachineError.
    """
    known = _MACHINES.get(machine)
    if known is None:
        raise UnsupportedMachineError(f"no system call filter for {machine!r} processors")
    numbers = known.numbers
    code = (
        *_right_kind_of_call(known),
        *_rule(numbers, FREQUENT, _verdict(ALLOW)),
        *_always(numbers),
        *_sockets(numbers, own_network),
        *(() if own_network else _rule(numbers, SERVING, _error(errno.EACCES))),
        *(() if own_processes else _other_processes(numbers)),
        *(() if own_files else _other_files(numbers)),
        *_requests(numbers, own_files),
        *_verdict(ALLOW),
    )
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _right_kind_of_call(machine: _Machine) -> Code:
    x32 = _at_least(X32, _verdict(KILL_PROCESS)) if machine.numbers is X86_64 else ()
    return (
        _load(4),
        (_JUMP_IF_EQUAL, 1, 0, machine.architecture),
        *_verdict(KILL_PROCESS),
        _load(0),
        *x32,
        *_at_least(HIGHEST + 1, _error(errno.ENOSYS)),
    )


def _always(numbers: Mapping[str, int]) -> Code:
    refused = _error(errno.EPERM)
    allowed = _verdict(ALLOW)
    # Its flags lie in memory, where no filter reads them; the C library falls back to clone.
    clone3 = _error(errno.ENOSYS)
    # A thread with open files of its own would have to be looked into on its own.
    alone = _if_one_of(0, (CLONE_THREAD,), refused, allowed, mask=CLONE_THREAD | CLONE_FILES)
    clone = _if_any_bit(0, CLONE_NEW_ANYTHING | CLONE_PARENT, refused, alone)
    # Shared memory without a file stays full after it is given back, as a memfd does.
    shared = _if_one_of(3, (MAP_SHARED, MAP_SHARED_VALIDATE), refused, allowed, mask=MAP_TYPE)
    return (
        *_rule(numbers, ("mmap",), _if_any_bit(3, MAP_ANONYMOUS, shared, allowed)),
        *_rule(numbers, ("clone3",), clone3),
        *_rule(numbers, ("clone",), clone),
        *_rule(numbers, DENIED, refused),
        # Any other mode takes room on the disk that the limit on a file's size does not see.
        *_rule(numbers, ("fallocate",), _if_one_of(1, (0,), allowed, _error(errno.EOPNOTSUPP))),
        *_rule(numbers, ("prctl",), _if_one_of(0, (PR_SET_DUMPABLE,), refused, allowed)),
        *_rule(numbers, ("personality",), _if_one_of(0, CURRENT_PERSONALITY, allowed, refused)),
    )


def _sockets(numbers: Mapping[str, int], own_network: bool) -> Code:
    allowed = _verdict(ALLOW)
    unknown = _error(errno.EAFNOSUPPORT)
    late = _error(errno.EOPNOTSUPP)
    # Landlock's rules about ports hold TCP only: not UDP, not MPTCP, not data sent before a
    # connection is made.
    tcp = _if_one_of(2, (IPPROTO_IP, IPPROTO_TCP), allowed, unknown)
    stream = _if_one_of(1, (SOCK_STREAM,), tcp, unknown, mask=SOCK_TYPE)
    inet = _if_one_of(0, (AF_INET,), stream, unknown)
    # A connected pair of datagram sockets can still send to any path.
    bound = _if_one_of(1, (SOCK_STREAM, SOCK_SEQPACKET), allowed, unknown, mask=SOCK_TYPE)
    pair = _if_one_of(0, (AF_UNIX,), allowed if own_network else bound, unknown)
    early = _if_one_of(2, FAST_OPENINGS, late, allowed)
    some = _if_one_of(0, (AF_UNIX,), allowed, inet) if own_network else inet
    return (
        *_rule(numbers, ("socket",), some),
        *_rule(numbers, ("socketpair",), pair),
        *_rule(numbers, ("sendto", "sendmmsg"), _if_any_bit(3, MSG_FASTOPEN, late, allowed)),
        *_rule(numbers, ("sendmsg",), _if_any_bit(2, MSG_FASTOPEN, late, allowed)),
        *_rule(numbers, ("setsockopt",), _if_one_of(1, (IPPROTO_TCP,), early, allowed)),
    )


def _other_processes(numbers: Mapping[str, int]) -> Code:
    refused = _error(errno.EPERM)
    oneself = _if_one_of(0, (0,), _verdict(ALLOW), refused)
    itself = _if_one_of(1, (0,), _verdict(ALLOW), refused)
    return (
        *_rule(numbers, ELSEWHERE, refused),
        *_rule(numbers, ONLY_ONESELF, oneself),
        # "Oneself" as a group or as a user means others too.
        *_rule(numbers, ("setpriority",), _if_one_of(0, (PRIO_PROCESS,), itself, refused)),
        *_rule(numbers, ("ioprio_set",), _if_one_of(0, (IOPRIO_WHO_PROCESS,), itself, refused)),
    )


def _other_files(numbers: Mapping[str, int]) -> Code:
    # Told that it went well, because shutil.copy and archives set modes and times of their own
    # new files and would fail; nothing is done, because the filter cannot see whose file it is.
    return (
        *_rule(numbers, METADATA, _error(0)),
        # Tells the names of files in folders that may not be read.
        *_rule(numbers, ("inotify_add_watch",), _error(errno.EACCES)),
    )


def _requests(numbers: Mapping[str, int], own_files: bool) -> Code:
    refused, allowed = _error(errno.EPERM), _verdict(ALLOW)
    requests = TERMINAL_REQUESTS + ROOM_REQUESTS + (() if own_files else FILE_REQUESTS)
    return (
        *_rule(numbers, ("fcntl",), _if_one_of(1, (F_SETLEASE,), refused, allowed)),
        *_rule(numbers, ("ioctl",), _if_one_of(1, requests, refused, allowed)),
    )


_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_ANY_BIT = 0x15, 0x35, 0x45


def _rule(numbers: Mapping[str, int], names: Iterable[str], body: Code) -> Code:
    """Run the body, which ends in a verdict whatever it meets, for these calls only."""
    known = [numbers[name] for name in names if name in numbers]
    return (*_branch(known, len(body)), *body) if known else ()


def _branch(values: Iterable[int], otherwise: int) -> Code:
    """Go on behind this when the loaded value is one of these, or skip so many instructions."""
    *first, last = values
    return (
        *((_JUMP_IF_EQUAL, len(first) - place, 0, value) for place, value in enumerate(first)),
        (_JUMP_IF_EQUAL, 0, otherwise, last),
    )


def _if_one_of(
    argument: int, values: tuple[int, ...], then: Code, otherwise: Code, mask: int | None = None
) -> Code:
    masked = () if mask is None else ((_AND, 0, 0, mask),)
    return (_load_argument(argument), *masked, *_branch(values, len(then)), *then, *otherwise)


def _if_any_bit(argument: int, bits: int, then: Code, otherwise: Code) -> Code:
    jump = (_JUMP_IF_ANY_BIT, 0, len(then), bits)
    return (_load_argument(argument), jump, *then, *otherwise)


def _at_least(value: int, then: Code) -> Code:
    return ((_JUMP_IF_AT_LEAST, 0, len(then), value), *then)


def _load_argument(index: int) -> tuple[int, int, int, int]:
    return _load(16 + 8 * index)


def _load(offset: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, offset)


def _verdict(value: int) -> Code:
    return ((_RETURN, 0, 0, value),)


def _error(number: int) -> Code:
    return _verdict(REFUSE | number)
