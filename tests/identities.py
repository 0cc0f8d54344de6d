"""Who the hostile suite runs as: whoever started it and, started by root, an unprivileged user too.

The interpreter, the environment and the repository may lie under folders that only root may enter.
In a mount namespace of its own they are shown at the same paths, with open folders above them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ROOT, USER = "root", "user"
UNPRIVILEGED = 65534
NAMESPACE = ("unshare", "--mount", "--propagation", "private")
ASIDE = Path("/mnt")
"""Where folders lie while what is above them is covered; every system has it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom a command can run as."""

    name: str
    missing: str = ""
    """What the machine lacks for it, in one sentence."""

    def command(self, arguments: Sequence[str], *, reachable: bool = False) -> list[str]:
        """The command that runs these arguments as this identity.

        `reachable`: with everything that Python reads where other users come to it. Root's boxes
        without a file system of their own need not copy an interpreter then, each for itself.
        """
        if os.geteuid() != 0 or (self.name == ROOT and (not reachable or _missing())):
            return list(arguments)
        folders = json.dumps([*map(str, needed_folders())])
        return [*NAMESPACE, sys.executable, "-B", __file__, self.name, folders, *arguments]


def identities() -> tuple[Identity, ...]:
    """All that this process can run a command as; for root, what stands against it as well."""
    if os.geteuid() != 0:
        return (Identity(USER),)
    return (Identity(ROOT), Identity(USER, _missing()))


@cache
def _missing() -> str:
    for program in ("unshare", "setpriv"):
        if shutil.which(program) is None:
            return f"{program} (util-linux) is not installed"
    done = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, check=False)
    return (
        f"root may make no mount namespace here: {done.stderr.strip()}" if done.returncode else ""
    )


def needed_folders() -> list[Path]:
    """What a Python of ours reads, without folders that lie in another one of these."""
    folders = {Path(path).resolve() for path in (sys.base_prefix, sys.prefix, REPOSITORY)}
    folders |= {Path(path) for path in (sys.prefix, REPOSITORY)}
    return sorted(path for path in folders if not any(other in path.parents for other in folders))


def closed_above(folders: Iterable[Path]) -> list[Path]:
    """The topmost folders on the way to these that others may not enter."""
    found: set[Path] = set()
    for folder in folders:
        for parent in reversed(folder.parents):
            if not parent.stat().st_mode & 0o001:
                found.add(parent)
                break
    return sorted(found)


def open_the_way(folders: Sequence[Path]) -> None:
    """Cover what is closed, and show the folders in it at their paths again."""
    covered = closed_above(folders)
    hidden = [folder for folder in folders if any(top in folder.parents for top in covered)]
    if not hidden:
        return
    _run("mount", "-t", "tmpfs", "-o", "mode=0755,size=1m", "none", ASIDE)
    aside = [(ASIDE / str(number), folder) for number, folder in enumerate(hidden)]
    for place, folder in aside:
        place.mkdir()
        _run("mount", "--bind", folder, place)
    for top in covered:
        _run("mount", "-t", "tmpfs", "-o", "mode=0755,size=1m", "none", top)
    for place, folder in aside:
        folder.mkdir(parents=True)
        _run("mount", "--move", place, folder)
    _run("umount", ASIDE)


def _run(*command: object) -> None:
    subprocess.run([*map(str, command)], check=True)


def main() -> None:
    """Inside the mount namespace, still as root: open the way, and become who is wanted."""
    name, folders, *command = sys.argv[1:]
    mine, its = (Path(f"/proc/{pid}/ns/mnt").readlink() for pid in (os.getpid(), os.getppid()))
    if mine == its:
        raise SystemExit("this hides folders: it needs a mount namespace of its own")
    os.umask(0o022)
    open_the_way([Path(path) for path in json.loads(folders)])
    if name == USER:
        ids = [f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]
        command = ["setpriv", *ids, *command]
        os.environ["HOME"] = "/nonexistent"
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
