"""Boxes in the file system and network of the machine: cut by Landlock and seccomp, or not at all.

They need no package. What Landlock leaves open is listed in docs/security.md.
"""

import asyncio
import os
import platform
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.sandbox.box import Box, Capabilities, Handle
from harness_search.sandbox.inside import landlock
from harness_search.sandbox.interpreter import (
    Interpreter,
    closed_to_others,
    find_interpreter,
    package_folders,
    stage,
    system_folders,
    without,
)
from harness_search.sandbox.policy import policy_of
from harness_search.sandbox.probe import probed
from harness_search.sandbox.process import ENVIRONMENT, Start, start_process
from harness_search.sandbox.seccomp import program

NETWORK, SIGNALS = 4, 6
"""Landlock ABI from which TCP ports, and signals to other processes, are restricted."""
READABLE = (
    "/etc/alternatives",
    "/etc/gitconfig",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/ssl/openssl.cnf",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
)
DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
"""Not /dev/zero: mapped, it would be memory that no account shows."""


class DirectSandbox:
    """Starts a box as a plain process, with an unprivileged user id when the scaffold is root."""

    isolated = False

    def __init__(self, name: str, secrets: Sequence[Path], *, confined: bool) -> None:
        """`secrets`: folders that are left out should they lie in a folder that is shown."""
        self.name = name
        self._confined = confined
        self._secrets = tuple(path.resolve() for path in secrets)
        self._found: dict[Path, asyncio.Future[_Programs]] = {}

    def probe(self) -> Capabilities:
        if not self._confined:
            return Capabilities(usable=True, reason="")
        needed, found = (NETWORK if os.geteuid() == 0 else SIGNALS), landlock.abi()
        if found < needed:
            what = f"Landlock ABI {found}" if found else "no Landlock"
            reason = f"the kernel has {what}, and {needed} is needed"
            return Capabilities(usable=False, reason=reason, remedy="use Linux 6.12 or later")
        return probed(self, f"Landlock ABI {found}")

    async def start(self, box: Box) -> Handle:
        programs = await self._programs(box.kit.parent)
        interpreter = programs.interpreter
        environment = {**ENVIRONMENT, "HOME": str(box.temporary), "TMPDIR": str(box.temporary)}
        if interpreter.libraries:
            environment["LD_LIBRARY_PATH"] = interpreter.libraries
        address = f"127.0.0.1:{box.door.port}" if box.door else ""
        start = Start(
            [str(interpreter.executable), "-I", "-S", str(box.kit / "inside" / "launcher.py")],
            environment,
            box.folder.source,
            self._policy(box, programs),
            seen=lambda mount: str(mount.source),
            gateway=address,
            base_url=f"http://{address}" if address else "",
        )
        return await start_process(start, box)

    async def _programs(self, folder: Path) -> "_Programs":
        """What boxes run; copied beside the kit, once, where whoever a box becomes could not come
        to it. That takes a second, in which others are not to wait."""
        if folder not in self._found:
            work = asyncio.to_thread(_find_programs, folder, self._secrets)
            self._found[folder] = asyncio.ensure_future(work)
        return await asyncio.shield(self._found[folder])

    def _policy(self, box: Box, programs: "_Programs") -> dict[str, Any]:
        shared_user = box.uid is None
        policy = policy_of(box, sweep="children" if shared_user else "user")
        policy["limits"]["processes"] = None if shared_user else policy["limits"]["processes"]
        if self._confined:
            policy["landlock"] = self._rules(box, programs)
            filtered = program(
                platform.machine(), own_network=False, own_processes=False, own_files=False
            )
            policy["seccomp"] = b64encode(filtered).decode()
        return policy

    def _rules(self, box: Box, programs: "_Programs") -> dict[str, Any]:
        writable = [mount.source for mount in box.mounts if mount.writable]
        readable = [mount.source for mount in box.mounts if not mount.writable]
        tools = [mount.source for mount in box.mounts if mount.executable]
        return {
            "execute": [*programs.shown, *_texts(tools)],
            "list": programs.listed,
            "read": [*_present(READABLE), str(box.kit), *_texts(readable)],
            "write": [*_texts(writable), str(box.temporary)],
            "devices": _present(DEVICES),
            "connect": [box.door.port] if box.door else [],
        }


@dataclass(frozen=True, slots=True)
class _Programs:
    """The interpreter and the system's programs, and no package of Python among them."""

    interpreter: Interpreter
    shown: list[str]
    """Folders to run programs from."""
    listed: list[str]
    """Folders to list, because only parts of them are shown."""


def _find_programs(folder: Path, secrets: Sequence[Path]) -> _Programs:
    interpreter = find_interpreter()
    if os.geteuid() == 0 and closed_to_others(interpreter.executable):
        interpreter = stage(interpreter, folder / "python")
    roots = (*system_folders(), *interpreter.folders)
    hidden = (*package_folders(roots), *secrets)
    parts = [without(root, hidden) for root in roots]
    shown, listed = ([path for part in parts for path in part[n]] for n in (0, 1))
    return _Programs(interpreter, _texts(shown), _texts(listed))


def _texts(paths: Iterable[Path]) -> list[str]:
    return [str(path) for path in paths]


def _present(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if Path(path).exists()]
