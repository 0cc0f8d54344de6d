"""Whether a sandbox works on this machine, found out by running a box that does nothing."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from harness_search.sandbox import inside
from harness_search.sandbox.box import (
    MEGABYTE,
    Box,
    Capabilities,
    Limits,
    Mount,
    Sandbox,
    SandboxStartError,
)
from harness_search.sandbox.identities import Identities, NoIdentityError
from harness_search.sandbox.seccomp import UnsupportedMachineError

SMALL = Limits(
    cpu_seconds=30,
    memory_bytes=256 * MEGABYTE,
    processes=16,
    open_files=64,
    file_bytes=MEGABYTE,
    workspace_bytes=MEGABYTE,
    temporary_bytes=MEGABYTE,
)


def probed(sandbox: Sandbox, works: str) -> Capabilities:
    """What came of it: `works` as the reason of a sandbox that does, else what went wrong."""
    with tempfile.TemporaryDirectory(prefix="meta-harness-probe-", dir="/tmp") as folder:
        identities = Identities()
        try:
            problem = asyncio.run(_run(sandbox, Path(folder), identities.lease()))
        except (SandboxStartError, NoIdentityError, UnsupportedMachineError) as error:
            problem = str(error)
        finally:
            identities.close()
    return Capabilities(usable=not problem, reason=problem or works)


async def _run(sandbox: Sandbox, folder: Path, uid: int | None) -> str:
    """Why a program that does nothing did not get through; empty when it did."""
    box = _empty_box(folder, uid)
    handle = await sandbox.start(box)
    try:
        await handle.give({"argv": ["/bin/sh", "-c", ":"], "environment": {}})
        await handle.wait()
    finally:
        ending = await handle.kill()
    if ending.began and ending.exit_code == 0:
        return ""
    said = box.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return said[-1] if said else f"a program in it ended with {ending.exit_code}"


def _empty_box(folder: Path, uid: int | None) -> Box:
    """A box whose kit holds the launcher and nothing else."""
    shutil.copytree(Path(inside.__file__).parent, folder / "kit" / "inside")
    work, temporary = folder / "work", folder / "tmp"
    for made in (work, temporary):
        made.mkdir()
        if uid is not None:
            os.chown(made, uid, uid)
    for path in (folder, work, *(folder / "kit").rglob("*")):
        path.chmod(0o755)
    (folder / "kit").chmod(0o755)
    mount = Mount(work, "/work", writable=True)
    return Box(folder / "kit", (mount,), mount, temporary, SMALL, folder / "log", uid=uid)
