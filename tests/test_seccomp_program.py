"""The filter's program, run on a small copy of the kernel's machine: all of it, for each kind of
processor."""

import errno
import functools
import re
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.sandbox import seccomp
from harness_search.sandbox.seccomp import UnsupportedMachineError, program
from harness_search.sandbox.system_calls import AARCH64, HIGHEST, X86_64

X86_64_HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
AARCH64_HEADER = Path("/usr/include/asm-generic/unistd.h")
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
TABLES: dict[str, Mapping[str, int]] = {"x86_64": X86_64, "aarch64": AARCH64}
ALLOW, KILL = 0x7FFF0000, 0x80000000
BARE = {"own_network": False, "own_processes": False, "own_files": False}
ROOMY = {"own_network": True, "own_processes": True, "own_files": True}
INT = 0xFFFFFFFF
NAMESPACES = {
    "mount": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
"""Flags of clone, by the namespace that they bring."""


@functools.cache
def decoded(machine: str, **own: bool) -> tuple[tuple[int, int, int, int], ...]:
    return tuple(struct.iter_unpack("<HBBI", program(machine, **own)))


def verdict(machine: str, own: dict[str, bool], call: int, *arguments: int, arch: int = 0) -> int:
    """What the kernel's machine makes of a call: the few operations that the filter uses."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", call, arch or ARCHITECTURES[machine], 0, *padded)
    code, place, value = decoded(machine, **own), 0, 0
    while True:
        operation, if_true, if_false, operand = code[place]
        place += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, operand)
            case 0x54:
                value &= operand
            case 0x15:
                place += if_true if value == operand else if_false
            case 0x35:
                place += if_true if value >= operand else if_false
            case 0x45:
                place += if_true if value & operand else if_false
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")


def refusal(number: int) -> int:
    return 0x50000 | number


def policy(name: str, own: dict[str, bool], a: list[int]) -> int:  # noqa: PLR0911, PLR0912
    """The same policy once more, in plain words. Arguments are ints, as the kernel reads them."""
    yes, no = ALLOW, refusal(errno.EPERM)
    alien = refusal(errno.EAFNOSUPPORT)
    match name:
        case "clone3":
            return refusal(errno.ENOSYS)
        case "clone":
            alone = a[0] & 0x10000 and not a[0] & 0x400
            return no if a[0] & 0x7E028000 or alone else yes
        case "fallocate":
            return yes if a[1] == 0 else refusal(errno.EOPNOTSUPP)
        case "prctl":
            return no if a[0] == 4 else yes
        case "mmap":
            return no if a[3] & 0x20 and a[3] & 15 in {1, 3} else yes
        case "personality":
            return yes if a[0] in {0, INT} else no
        case "ioctl":
            on_files = {0x40086602, 0x40087602, 0x401C5820, 0x40806685}
            room = {0x40305828, 0x4030582A, 0x40305839, 0x40305829, 0x4030582B}
            bad = {0x5412, 0x541C, 0x5423} | room | (set() if own["own_files"] else on_files)
            return no if a[1] in bad else yes
        case "fcntl":
            return no if a[1] == 1024 else yes
        case "socket":
            unix = own["own_network"] and a[0] == socket.AF_UNIX
            tcp = a[0] == socket.AF_INET and a[1] & 15 == socket.SOCK_STREAM and a[2] in {0, 6}
            return yes if unix or tcp else alien
        case "socketpair":
            bound = own["own_network"] or a[1] & 15 in {1, 5}
            return yes if a[0] == socket.AF_UNIX and bound else alien
        case "sendto" | "sendmmsg":
            return refusal(errno.EOPNOTSUPP) if a[3] & 0x20000000 else yes
        case "sendmsg":
            return refusal(errno.EOPNOTSUPP) if a[2] & 0x20000000 else yes
        case "setsockopt":
            return refusal(errno.EOPNOTSUPP) if a[1] == 6 and a[2] in {23, 30, 31} else yes
        case "listen" | "bind":
            return yes if own["own_network"] else refusal(errno.EACCES)
        case "setpriority":
            return yes if own["own_processes"] or (a[0], a[1]) == (0, 0) else no
        case "ioprio_set":
            return yes if own["own_processes"] or (a[0], a[1]) == (1, 0) else no
        case "inotify_add_watch":
            return yes if own["own_files"] else refusal(errno.EACCES)
    if name in seccomp.ONLY_ONESELF:
        return yes if own["own_processes"] or a[0] == 0 else no
    if name in seccomp.ELSEWHERE:
        return yes if own["own_processes"] else no
    if name in seccomp.METADATA:
        return yes if own["own_files"] else refusal(0)
    return no if name in seccomp.DENIED else yes


telling = st.sampled_from(
    [
        *(0, 1, 2, 3, 5, 6, 7, 10, 16, 17, 22, 23, 30, 31, 0x21, 0x22, 0x23, 38, 262, 1024, INT),
        *(0x5412, 0x541C, 0x5423, 0x5401, 0x40086602, 0x40087602, 0x401C5820, 0x40806685),
        *(0x20000000, 0x10000000, 0x00020000, 0x80802, 0x1200011, 0x3D0F00, 0x7E020000),
    ]
)
arguments = st.lists(telling | st.integers(0, INT), min_size=6, max_size=6)
upper_halves = st.lists(st.just(0) | st.integers(0, INT), min_size=6, max_size=6)
owns = st.fixed_dictionaries({name: st.booleans() for name in BARE})


@pytest.mark.parametrize("machine", TABLES)
@settings(deadline=None)
@given(data=st.data(), own=owns, low=arguments, high=upper_halves)
def test_the_program_says_what_the_policy_says(
    machine: str, data: st.DataObject, own: dict[str, bool], low: list[int], high: list[int]
) -> None:
    names = {number: name for name, number in TABLES[machine].items()}
    call = data.draw(st.sampled_from(sorted(names)) | st.integers(0, HIGHEST))
    whole = [upper << 32 | lower for lower, upper in zip(low, high, strict=True)]
    expected = policy(names.get(call, "another"), own, low)
    assert verdict(machine, own, call, *whole) == expected


@pytest.mark.parametrize("machine", TABLES)
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_no_new_process_brings_a_namespace(machine: str, namespace: str) -> None:
    flag = NAMESPACES[namespace]
    clone = TABLES[machine]["clone"]
    assert verdict(machine, ROOMY, clone, flag | 17) == refusal(errno.EPERM)
    assert verdict(machine, ROOMY, clone, 0x3D0F00) == ALLOW  # a thread


@pytest.mark.parametrize("machine", TABLES)
@settings(deadline=None)
@given(own=owns, call=st.integers(HIGHEST + 1, 0x3FFFFFFF))
def test_a_call_that_nobody_judged_does_not_exist(
    machine: str, own: dict[str, bool], call: int
) -> None:
    assert verdict(machine, own, call) == refusal(errno.ENOSYS)


@settings(deadline=None)
@given(call=st.integers(0x40000000, INT))
def test_the_second_set_of_calls_of_x86_64_kills(call: int) -> None:
    assert verdict("x86_64", ROOMY, call) == KILL


@pytest.mark.parametrize("machine", TABLES)
@pytest.mark.parametrize("arch", [0x40000003, 0x40000028, 0xC000003E, 0xC00000B7, 0xC00000F3])
def test_a_call_of_another_machine_kills(machine: str, arch: int) -> None:
    own_one = arch == ARCHITECTURES[machine]
    number = TABLES[machine]["read"]
    assert verdict(machine, BARE, number, arch=arch) == (ALLOW if own_one else KILL)


@pytest.mark.parametrize("machine", TABLES)
@pytest.mark.parametrize("own", [BARE, ROOMY])
def test_every_path_through_the_program_ends_in_it(machine: str, own: dict[str, bool]) -> None:
    code = decoded(machine, **own)
    for place, (operation, if_true, if_false, _) in enumerate(code):
        if operation & 7 == 5:
            assert place + 1 + max(if_true, if_false) < len(code)
    assert code[-1][0] == 6


def test_an_unknown_machine_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedMachineError, match="riscv64"):
        program("riscv64", **BARE)


def test_every_name_in_the_policy_is_a_system_call() -> None:
    named = {
        *(*seccomp.FREQUENT, *seccomp.DENIED, *seccomp.SERVING, *seccomp.ELSEWHERE),
        *(*seccomp.ONLY_ONESELF, *seccomp.METADATA),
    }
    assert named <= X86_64.keys()
    assert AARCH64.keys() <= X86_64.keys()
    assert not set(seccomp.FREQUENT) & (named - set(seccomp.FREQUENT))


def test_the_numbers_of_x86_64_are_those_of_the_header() -> None:
    check_numbers(X86_64, X86_64_HEADER, left_out_is_unknown=False)


def test_the_numbers_of_aarch64_are_those_of_the_header() -> None:
    check_numbers(AARCH64, AARCH64_HEADER, left_out_is_unknown=True)


def check_numbers(table: Mapping[str, int], header: Path, *, left_out_is_unknown: bool) -> None:
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.MULTILINE)
    known = {name: int(number) for name, number in found if name != "syscalls"}
    known["newfstatat"] = known.get("newfstatat", known.get("fstatat", -1))
    newest = max(known.values())
    for name, number in table.items():
        # An older header ends before the newest calls.
        assert known.get(name) == number or (name not in known and number > newest), name
    if left_out_is_unknown:
        assert not (X86_64.keys() - table.keys()) & known.keys()
