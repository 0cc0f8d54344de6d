"""Where a sandbox does not work, a person is told the command or the switch that helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.sandbox.advice import NamespaceSwitches, install_command, namespace_advice


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n', "apt-get install bubblewrap"),
        ("ID=ubuntu\nID_LIKE=debian", "apt-get install bubblewrap"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"', "apt-get install bubblewrap"),
        ("ID=fedora", "dnf install bubblewrap"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf install bubblewrap"),
        ("ID=alpine", "apk add bubblewrap"),
        ("ID=arch", "pacman -S bubblewrap"),
        ("ID=manjaro\nID_LIKE=arch", "pacman -S bubblewrap"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"', "zypper install bubblewrap"),
        ("# ID=debian\nID=nixos", "install the package bubblewrap with your package manager"),
        ("ID='debian", "install the package bubblewrap with your package manager"),
        ("", "install the package bubblewrap with your package manager"),
    ],
)
def test_the_distribution_decides_the_command(release: str, expected: str) -> None:
    assert install_command("bubblewrap", release, root=True) == expected
    prefix = "" if expected.startswith("install") else "sudo "
    assert install_command("bubblewrap", release, root=False) == prefix + expected


@given(st.text())
def test_any_text_may_stand_in_the_release_file(release: str) -> None:
    assert "bubblewrap" in install_command("bubblewrap", release, root=False)


@pytest.mark.parametrize(
    ("switches", "root", "named"),
    [
        (NamespaceSwitches("1", None, "15000"), False, "apparmor_restrict_unprivileged_userns=0"),
        (NamespaceSwitches("1", "0", "15000"), False, "unprivileged_userns_clone=1"),
        (NamespaceSwitches(None, None, "0"), False, "user.max_user_namespaces=15000"),
        (NamespaceSwitches("0", "1", "15000"), False, "seccomp=unconfined"),
        (NamespaceSwitches(None, None, None), False, "seccomp=unconfined"),
        (NamespaceSwitches("1", "0", "0"), True, "CAP_SYS_ADMIN"),
    ],
)
def test_the_switch_that_denies_namespaces_is_named(
    switches: NamespaceSwitches, root: bool, named: str
) -> None:
    assert named in namespace_advice(switches, root=root)
