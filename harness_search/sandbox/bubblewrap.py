"""Boxes by bubblewrap: a file system, a network and processes of their own, and Landlock and
seccomp inside."""

import json
import os
import platform
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness_search.sandbox.advice import how_to_get_namespaces, how_to_install
from harness_search.sandbox.box import Box, Capabilities, Handle, Mount, SandboxStartError
from harness_search.sandbox.inside import landlock
from harness_search.sandbox.interpreter import find_interpreter, package_folders, system_folders
from harness_search.sandbox.policy import policy_of
from harness_search.sandbox.probe import probed
from harness_search.sandbox.process import ENVIRONMENT, Start, start_process
from harness_search.sandbox.seccomp import program

COMMAND = "bwrap"
OLD = "bubblewrap 0.8 or later is needed"
KIT, GATEWAY = "/kit", "/gateway"
PORT = 8080
"""Of the loopback port inside that leads to the gateway: the same in every box, so that what a
model is told does not differ from run to run."""
ID_INSIDE = 1000
"""As which a scaffold that is not root appears inside."""
SYSTEM_FILES = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
"""Not /dev/zero: mapped, it would be memory that no account shows."""
NAMESPACES = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
TO_CHANGE_USER = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
"""All that a launcher started by root keeps, until it has become somebody else."""


class BubblewrapSandbox:
    """Starts each box with `bwrap`; its end, or the scaffold's, ends every process in it."""

    name, isolated = "bwrap", True

    def __init__(self, secrets: Sequence[Path] = ()) -> None:
        """`secrets`: folders that are masked should they lie in a folder that is shown."""
        self._secrets = tuple(path.resolve() for path in secrets)

    def probe(self) -> Capabilities:
        if self._command is None:
            return Capabilities(False, "bubblewrap is not installed", how_to_install("bubblewrap"))
        version = subprocess.run(
            [self._command, "--version"], capture_output=True, text=True, check=False
        ).stdout.strip()
        abi = landlock.abi()
        below = f"Landlock ABI {abi}" if abi else "without Landlock, which this kernel lacks"
        found = probed(self, f"{version}, {below}")
        if found.usable or not found.reason.startswith(f"{COMMAND}:"):
            return found
        old = "nknown option" in found.reason
        return replace(found, remedy=OLD if old else how_to_get_namespaces())

    async def start(self, box: Box) -> Handle:
        """Start the launcher in namespaces of its own; raises SandboxStartError."""
        assert self._command is not None
        uid = ID_INSIDE if box.uid is None else box.uid
        with (
            _memory(_accounts(uid)) as accounts,
            _memory(_groups(uid)) as groups,
            _memory() as told,
        ):
            files = {"/etc/passwd": accounts, "/etc/group": groups}
            arguments = b"".join(part.encode() + b"\0" for part in self._arguments(box, files))
            with _memory(arguments) as described:
                passed = ("--args", str(described), "--info-fd", str(told))
                start = Start(
                    [self._command, *passed, *self._launcher],
                    {"PATH": ENVIRONMENT["PATH"]},
                    Path("/"),
                    self._policy(box),
                    seen=lambda mount: mount.target,
                    gateway=_gateway(box),
                    base_url=f"http://127.0.0.1:{PORT}" if box.door else "",
                    descriptors=(described, accounts, groups, told),
                )
                handle = await start_process(start, box)
            try:
                handle.dies_with(json.loads(os.pread(told, 4096, 0))["child-pid"])
            except (OSError, ValueError) as error:
                await handle.kill()
                raise SandboxStartError("the process ended after its handshake") from error
        return handle

    @cached_property
    def _command(self) -> str | None:
        return shutil.which(COMMAND)

    @cached_property
    def _launcher(self) -> list[str]:
        return [str(find_interpreter().executable), "-I", "-S", f"{KIT}/inside/launcher.py"]

    @cached_property
    def _programs(self) -> tuple[Path, ...]:
        """Folders of the machine that are shown."""
        return (*system_folders(), *find_interpreter().folders)

    @cached_property
    def _system(self) -> list[str]:
        """Arguments that show the machine's programs, and no package of Python among them."""
        secrets = [path for path in self._secrets if _lies_in(path, self._programs)]
        parts = [
            *(_shown(folder, folder) for folder in self._programs),
            *(["--symlink", str(path.readlink()), str(path)] for path in _links_of_the_root()),
            *(_masked(path) for path in (*package_folders(self._programs), *secrets)),
            ["--perms", "0755", "--dir", "/etc"],
            *(["--ro-bind-try", path, path] for path in SYSTEM_FILES),
            ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"],
        ]
        return [argument for part in parts for argument in part]

    def _arguments(self, box: Box, files: dict[str, int]) -> list[str]:
        """Of bwrap; passed in memory, since everybody inside can read its command line."""
        environment = {**ENVIRONMENT, "HOME": "/tmp", "TMPDIR": "/tmp"}
        mounts = [Mount(box.kit, KIT), *box.mounts]
        mounts += [Mount(box.door.socket.parent, GATEWAY)] if box.door else []
        size = str(box.limits.temporary_bytes)
        parts = [
            ["--as-pid-1", "--new-session", "--clearenv", *NAMESPACES],
            ["--unshare-cgroup-try", "--hostname", "box", "--cap-drop", "ALL", *_user(box.uid)],
            *(["--setenv", name, value] for name, value in environment.items()),
            self._system,
            *(["--perms", "0644", "--ro-bind-data", str(fd), path] for path, fd in files.items()),
            ["--size", size, "--perms", "1777", "--tmpfs", "/tmp"],
            ["--size", size, "--perms", "1777", "--tmpfs", "/dev/shm"],
            *(_shown(mount.source, mount.target, writable=mount.writable) for mount in mounts),
            ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", box.folder.target],
        ]
        return [argument for part in parts for argument in part]

    def _policy(self, box: Box) -> dict[str, Any]:
        policy = policy_of(box, sweep="namespace")
        filtered = program(platform.machine(), own_network=True, own_processes=True, own_files=True)
        policy["seccomp"] = b64encode(filtered).decode()
        if box.door is not None:
            policy["forward"] = {"port": PORT, "socket": _gateway(box)}
        if abi := landlock.abi():
            policy["landlock"] = self._rules(box)
            if abi < landlock.TCP_ABI:  # the namespace has no other port than that one anyway
                del policy["landlock"]["connect"]
        return policy

    def _rules(self, box: Box) -> dict[str, Any]:
        """Nothing is left to be hidden here; but nothing of it may be changed."""
        writable = [mount.target for mount in box.mounts if mount.writable]
        readable = [mount.target for mount in box.mounts if not mount.writable]
        programs = [mount.target for mount in box.mounts if mount.executable]
        return {
            "execute": [*(str(path) for path in self._programs), *programs],
            "list": ["/"],
            "read": ["/etc", "/proc", KIT, *([GATEWAY] if box.door else []), *readable],
            "write": ["/tmp", "/dev/shm", *writable],
            "devices": list(DEVICES),
            "connect": [PORT] if box.door else [],
        }


def _user(uid: int | None) -> list[str]:
    """Who is who inside. Root needs no user namespace, and in one it would stay root."""
    if uid is None:
        return ["--unshare-user", "--uid", str(ID_INSIDE), "--gid", str(ID_INSIDE)]
    return [argument for name in TO_CHANGE_USER for argument in ("--cap-add", name)]


def _gateway(box: Box) -> str:
    return f"{GATEWAY}/{box.door.socket.name}" if box.door else ""


def _shown(source: Path, target: Path | str, *, writable: bool = False) -> list[str]:
    """A mount, with parents that everybody may enter: bwrap's own are for root alone."""
    parents = [str(path) for path in reversed(Path(target).parents) if path != Path("/")]
    made = [part for path in parents for part in ("--perms", "0755", "--dir", path)]
    return [*made, "--bind" if writable else "--ro-bind", str(source), str(target)]


def _masked(path: Path) -> list[str]:
    return ["--size", "4096", "--perms", "0755", "--tmpfs", str(path), "--remount-ro", str(path)]


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(folder in path.parents for folder in folders)


def _links_of_the_root() -> Iterator[Path]:
    """`/bin`, `/lib` and so on, where they are links into `/usr`."""
    names = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
    return (path for name in names if (path := Path("/") / name).is_symlink())


def _accounts(uid: int) -> bytes:
    return f"agent:x:{uid}:{uid}::/tmp:/bin/sh\n".encode()


def _groups(gid: int) -> bytes:
    return f"agent:x:{gid}:\n".encode()


@contextmanager
def _memory(content: bytes = b"") -> Iterator[int]:
    """A descriptor to read the content from, or to write to: never a pipe, whose writer dies when
    its reader does, and would leave a half-made box behind."""
    descriptor = os.memfd_create("box")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
