"""A process becomes somebody without privileges for good, or says that it did not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness_search.sandbox import inside

SOURCE = Path(inside.__file__).parent / "identity.py"
UID = 23456
PRELUDE = f"""
import ctypes, errno, importlib.util, json, os, struct, sys
spec = importlib.util.spec_from_file_location("identity", {str(SOURCE)!r})
identity = importlib.util.module_from_spec(spec)
spec.loader.exec_module(identity)
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        action()
        return "done"
    except OSError as failure:
        return errno.errorcode[failure.errno]
def status():
    lines = open("/proc/self/status").read().splitlines()
    return dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
"""

as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can become somebody else"
)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="made for Linux")


def printed(code: str) -> Any:
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", PRELUDE + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@as_root
def test_user_group_and_capabilities_are_gone_for_good() -> None:
    found = printed(f"""
os.setgroups([0, 4, 27])
identity.become({UID})
now = status()
names = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
print(json.dumps([now[name].split() for name in names]))
""")
    nobody = [[str(UID)] * 4, [str(UID)] * 4, []]
    assert found == [*nobody, *[["0" * 16]] * 5, ["1"]]


@as_root
def test_nothing_brings_the_old_identity_back(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    secret.chmod(0o600)
    found = printed(f"""
identity.become({UID})
print(json.dumps([
    attempt(lambda: os.setuid(0)), attempt(lambda: os.setresuid(-1, -1, 0)),
    attempt(lambda: os.setgid(0)), attempt(lambda: os.setgroups([0])),
    attempt(lambda: open({str(secret)!r})), attempt(lambda: os.chroot("/")),
    attempt(lambda: identity._prctl(libc, identity.PR_CAPBSET_DROP, 0)),
]))
""")
    assert found == [*["EPERM"] * 4, "EACCES", "EPERM", "EPERM"]


@as_root
def test_capabilities_kept_over_the_change_of_user_are_dropped_too() -> None:
    found = printed(f"""
KEEP_CAPS, AMBIENT, RAISE = 8, 47, 2
header, every = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *[1 << 7] * 3, 0, 0, 0)
assert libc.prctl(KEEP_CAPS, 1, 0, 0, 0) == 0
held = status()["CapPrm"]
words = int(held, 16) & 0xffffffff
assert libc.capset(header, struct.pack("=6I", words, words, words, 0, 0, 0)) == 0
assert libc.prctl(AMBIENT, RAISE, 7, 0, 0) == 0
before = status()["CapAmb"]
identity.become({UID})
now = status()
print(json.dumps([before, *(now[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))]))
""")
    assert found == [f"{1 << 7:016x}", *["0" * 16] * 4]


@as_root
def test_a_user_with_only_the_capabilities_to_change_becomes_another() -> None:
    found = printed(f"""
KEEP_CAPS, SETGID, SETUID = 8, 6, 7
assert libc.prctl(KEEP_CAPS, 1, 0, 0, 0) == 0
os.setgroups([])
os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
few = 1 << SETGID | 1 << SETUID
header = struct.pack("=Ii", 0x20080522, 0)
assert libc.capset(header, struct.pack("=6I", few, few, 0, 0, 0, 0)) == 0
identity.become({UID})
now = status()
print(json.dumps([now["Uid"].split(), now["CapPrm"], now["CapEff"], now["NoNewPrivs"]]))
""")
    assert found == [[str(UID)] * 4, "0" * 16, "0" * 16, "1"]


@as_root
@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ("os.setresuid = lambda *ids: os.setuid", "did not become"),
        ("os.setresgid = lambda *ids: None", "did not become"),
        ("os.setgroups([4]); os.setgroups = lambda groups: None", "kept groups"),
        ("identity._empty_bounding_set = lambda library: True", "kept capabilities"),
    ],
)
def test_a_change_that_did_not_happen_is_noticed(broken: str, what: str) -> None:
    found = printed(f"""
{broken}
try:
    identity.become({UID})
except PermissionError as failure:
    print(json.dumps(str(failure)))
""")
    assert what in found


@pytest.mark.parametrize("uid", [0, -1])
@on_linux
def test_root_is_nobody_to_become(uid: int) -> None:
    found = printed(f"""
try:
    identity.become({uid})
except ValueError as failure:
    print(json.dumps(str(failure)))
""")
    assert "no unprivileged user" in found


@on_linux
def test_somebody_without_privileges_cannot_become_another() -> None:
    first = f"identity.become({UID})" if os.geteuid() == 0 else ""
    found = printed(f"""
{first}
print(json.dumps(attempt(lambda: identity.become({UID + 1}))))
""")
    assert found == "EPERM"


@on_linux
def test_a_process_hides_from_its_own_user_and_shows_itself_again() -> None:
    first = f"identity.become({UID})" if os.geteuid() == 0 else ""
    found = printed(f"""
{first}
owner, fds = [], f"/proc/{{os.getpid()}}/fd"
def look():
    # Another process of the same user.
    child = os.fork()
    if child == 0:
        try:
            os.listdir(fds)
        except OSError:
            os._exit(1)
        os._exit(0)
    owner.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
identity.show(); look()
identity.hide(); look()
identity.show(); look()
print(json.dumps(owner))
""")
    assert found == [0, 1, 0]
