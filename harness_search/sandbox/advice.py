"""What a person can do where a sandbox does not work: install a package, or allow namespaces."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

_INSTALLERS = {
    "debian": "apt-get install",
    "ubuntu": "apt-get install",
    "fedora": "dnf install",
    "rhel": "dnf install",
    "centos": "dnf install",
    "alpine": "apk add",
    "arch": "pacman -S",
    "suse": "zypper install",
    "opensuse": "zypper install",
}
_CONTAINER = "--security-opt apparmor=unconfined --security-opt systempaths=unconfined"
"""A container's /proc is masked in parts, and the kernel then refuses to mount another one."""


@dataclass(frozen=True, slots=True)
class NamespaceSwitches:
    """Switches of the kernel for namespaces of unprivileged users; None: it has no such switch."""

    apparmor: str | None
    """kernel.apparmor_restrict_unprivileged_userns, of Ubuntu; `1` restricts them."""
    clone: str | None
    """kernel.unprivileged_userns_clone, of Debian and Arch; `0` forbids them."""
    most: str | None
    """user.max_user_namespaces; `0` forbids them."""


def how_to_install(package: str) -> str:
    """The command that installs a package on this machine."""
    release = _text(Path("/etc/os-release")) or ""
    return install_command(package, release, root=os.geteuid() == 0)


def how_to_get_namespaces() -> str:
    """One sentence on what keeps this machine from making namespaces, and how to allow them."""
    system = Path("/proc/sys")
    switches = NamespaceSwitches(
        _text(system / "kernel" / "apparmor_restrict_unprivileged_userns"),
        _text(system / "kernel" / "unprivileged_userns_clone"),
        _text(system / "user" / "max_user_namespaces"),
    )
    return namespace_advice(switches, root=os.geteuid() == 0)


def install_command(package: str, os_release: str, *, root: bool) -> str:
    """The command of the distribution that the text of /etc/os-release names."""
    values = _assignments(os_release)
    names = [values.get("ID", ""), *values.get("ID_LIKE", "").split()]
    for name in names:
        if installer := _INSTALLERS.get(name.lower()):
            return f"{'' if root else 'sudo '}{installer} {package}"
    return f"install the package {package} with your package manager"


def namespace_advice(switches: NamespaceSwitches, *, root: bool) -> str:
    """One sentence for the case that bubblewrap is there and may not make namespaces."""
    if root:  # has no use for namespaces of users
        return (
            "root lacks CAP_SYS_ADMIN, as in a container: start the container with "
            f"`--cap-add SYS_ADMIN {_CONTAINER}`"
        )
    if switches.most == "0":
        return "allow user namespaces: `sudo sysctl -w user.max_user_namespaces=15000`"
    if switches.clone == "0":
        return "allow user namespaces: `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
    if switches.apparmor == "1":
        return (
            "give bwrap an AppArmor profile with `userns,`, or allow them to every program: "
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    return (
        "in a container, docker's seccomp profile forbids namespaces: start the container with "
        f"`--security-opt seccomp=unconfined {_CONTAINER}`"
    )


def _assignments(text: str) -> dict[str, str]:
    """Names and values of a file of shell assignments; lines that are none are left out."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals:
            found[name] = _unquoted(value)
    return found


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:  # a quotation without an end
        return ""


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # not of this kernel or distribution, or not to be read
        return None
