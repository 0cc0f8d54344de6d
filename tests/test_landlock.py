"""Landlock takes from a process all that its rules do not give: each refusal is a real attempt.

Every attack runs twice, restricted and not, so that a test cannot pass because the attack itself
is broken.
"""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness_search.sandbox import inside

SOURCE = Path(inside.__file__).parent / "landlock.py"
SYSTEM = sorted({"/usr", "/lib", "/lib64", "/bin", sys.prefix, sys.base_prefix})
PRELUDE = """
import errno, importlib.util, json, os, signal, socket, subprocess, sys
spec = importlib.util.spec_from_file_location("landlock", SOURCE)
landlock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(landlock)
def attempt(name, action):
    try:
        result = action()
        answers[name] = result if isinstance(result, (str, int)) else "done"
    except OSError as failure:
        answers[name] = errno.errorcode[failure.errno]
answers = {}
"""


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("landlock_inside", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def abi() -> int:
    return int(loaded().abi()) if sys.platform == "linux" else 0


def needs(version: int, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        abi() < version, reason=f"the kernel's Landlock ABI is {abi()}; {what} needs {version}"
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Folders that a restricted process has, beside one that it has not."""

    root: Path

    @property
    def rules(self) -> dict[str, list[Any] | None]:
        return {
            "execute": [path for path in SYSTEM if Path(path).exists()],
            "read": [str(self.root / "documents"), str(self.root / "single")],
            "write": [str(self.root / "workspace")],
            "devices": ["/dev/null"],
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for folder in ("documents", "workspace", "outside"):
        (tmp_path / folder).mkdir()
    (tmp_path / "documents" / "lease").write_text("rent")
    (tmp_path / "outside" / "rubric").write_text("secret")
    (tmp_path / "single").write_text("one file")
    # What somebody else may have left there to be followed.
    (tmp_path / "workspace" / "link").symlink_to(tmp_path / "outside" / "rubric")
    (tmp_path / "workspace" / "folder").symlink_to(tmp_path / "outside")
    return Place(tmp_path)


def answers_of(
    place: Place, code: str, rules: dict[str, list[Any] | None] | None, **names: Any
) -> dict[str, Any]:
    """What became of each attempt in the code; rules None runs it unrestricted."""
    given = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    start = f"landlock.restrict({rules!r})" if rules is not None else ""
    parts = (f"SOURCE = {str(SOURCE)!r}", given, PRELUDE, start, code, "print(json.dumps(answers))")
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", "\n".join(parts)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=place.root / "workspace",
        check=False,
        start_new_session=True,
    )
    assert ended.returncode == 0, ended.stderr
    answers: dict[str, Any] = json.loads(ended.stdout)
    return answers


OUTSIDE_FILES = """
attempt("read", lambda: open("../outside/rubric").read())
attempt("list", lambda: os.listdir("../outside").sort())
attempt("through a symlink", lambda: open("link").read())
attempt("through a folder's symlink", lambda: open("folder/rubric").read())
attempt("through a new symlink", lambda: (os.symlink("../outside/rubric", "new"),
                                           open("new").read())[1])
attempt("through /proc", lambda: open(f"/proc/self/cwd/../outside/rubric").read())
attempt("hardlink", lambda: os.link("../outside/rubric", "hard"))
attempt("rename out", lambda: (open("mine", "w").close(), os.rename("mine", "../outside/mine"))[1])
attempt("write", lambda: open("../outside/rubric", "r+").write("x"))
attempt("truncate", lambda: os.truncate("../outside/rubric", 0))
attempt("make", lambda: open("../outside/made", "w").write("x"))
attempt("mkdir", lambda: os.mkdir("../outside/folder"))
attempt("delete", lambda: os.unlink("../outside/rubric"))
"""


@needs(3, "truncation")
def test_files_outside_are_neither_read_nor_changed_by_any_path(place: Place) -> None:
    refused = answers_of(place, OUTSIDE_FILES, place.rules)
    links = {name: refused.pop(name) for name in ("hardlink", "rename out")}
    assert set(refused.values()) == {"EACCES"}
    assert set(links.values()) <= {"EACCES", "EXDEV"}
    assert (place.root / "outside" / "rubric").read_text() == "secret"
    assert [path.name for path in (place.root / "outside").iterdir()] == ["rubric"]


def test_without_rules_the_same_attempts_succeed(place: Place) -> None:
    attempted = answers_of(place, OUTSIDE_FILES.replace('"new"', '"newer"'), None)
    assert not {"EACCES", "EPERM", "ENOENT"} & set(attempted.values())


INSIDE_FILES = """
def everything():
    os.mkdir("a"); os.mkdir("b")
    open("a/file", "w").write("text")
    os.truncate("a/file", 2)
    os.rename("a/file", "b/file")
    os.link("b/file", "a/file")
    os.symlink("b", "c")
    os.mkfifo("fifo")
    socket.socket(socket.AF_UNIX).bind("socket")
    text = open("c/file").read()
    os.unlink("b/file"); os.rmdir("b")
    return text
attempt("work", everything)
attempt("document", lambda: open("../documents/lease").read())
attempt("single file", lambda: open("../single").read())
attempt("program", lambda: subprocess.run([sys.executable, "-I", "-S", "-c", "pass"]).returncode)
attempt("null", lambda: open("/dev/null", "w").write("x"))
attempt("write a document", lambda: open("../documents/lease", "a"))
attempt("truncate a document", lambda: os.truncate("../documents/lease", 0))
attempt("add a document", lambda: open("../documents/new", "w"))
attempt("write a single file", lambda: open("../single", "a"))
attempt("other device", lambda: open("/dev/zero").close())
"""


@needs(3, "truncation")
def test_what_the_rules_give_can_be_used_and_no_more(place: Place) -> None:
    answers = answers_of(place, INSIDE_FILES, place.rules)
    assert answers == {
        "work": "te",
        "document": "rent",
        "single file": "one file",
        "program": 0,
        "null": 1,
        **dict.fromkeys(["write a document", "truncate a document", "add a document"], "EACCES"),
        **dict.fromkeys(["write a single file", "other device"], "EACCES"),
    }


@needs(1, "Landlock")
def test_a_file_that_may_be_read_is_not_run(place: Place) -> None:
    program = place.root / "documents" / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    code = 'attempt("run", lambda: subprocess.run([os.path.abspath("../documents/program")]))'
    assert answers_of(place, code, place.rules) == {"run": "EACCES"}
    assert answers_of(place, code, None) == {"run": "done"}


@needs(1, "Landlock")
def test_no_device_node_is_made(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes device nodes")
    code = """
attempt("null", lambda: os.mknod("null", 0o020666, os.makedev(1, 3)))
attempt("disk", lambda: os.mknod("disk", 0o060666, os.makedev(7, 0)))
"""
    assert answers_of(place, code, place.rules) == {"null": "EACCES", "disk": "EACCES"}
    assert answers_of(place, code, None) == {"null": "done", "disk": "done"}


@contextlib.contextmanager
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


NETWORK = """
def connected(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        return "connected"
attempt("gateway", lambda: connected(GATEWAY))
attempt("another", lambda: connected(ANOTHER))
attempt("serve", lambda: socket.create_server(("127.0.0.1", 0)).close())
"""


@needs(4, "TCP")
def test_one_port_is_reached_and_no_other_and_nothing_is_served(place: Place) -> None:
    with listener() as gateway, listener() as another:
        ports = {"GATEWAY": gateway, "ANOTHER": another}
        held = answers_of(place, NETWORK, place.rules | {"connect": [gateway]}, **ports)
        shut = answers_of(place, NETWORK, place.rules | {"connect": []}, **ports)
        free = answers_of(place, NETWORK, place.rules | {"connect": None}, **ports)
    assert held == {"gateway": "connected", "another": "EACCES", "serve": "EACCES"}
    assert set(shut.values()) == {"EACCES"}
    assert free == {"gateway": "connected", "another": "connected", "serve": "done"}


@needs(6, "abstract sockets and signals")
def test_abstract_sockets_and_processes_outside_are_out_of_reach(place: Place) -> None:
    name = f"\0landlock-{os.getpid()}"
    code = """
attempt("socket", lambda: socket.socket(socket.AF_UNIX).connect(NAME))
attempt("signal", lambda: os.kill(VICTIM, signal.SIGCONT))
attempt("own child", lambda: (child := subprocess.Popen(["sleep", "60"])).kill() or child.wait())
"""
    with socket.socket(socket.AF_UNIX) as outside, idle_process() as victim:
        outside.bind(name)
        outside.listen()
        names = {"NAME": name, "VICTIM": victim}
        held = answers_of(place, code, place.rules, **names)
        free = answers_of(place, code, None, **names)
    assert held == {"socket": "EPERM", "signal": "EPERM", "own child": -signal.SIGKILL}
    assert free == {"socket": "done", "signal": "done", "own child": -signal.SIGKILL}


WITHOUT_CAPABILITIES = """
import ctypes, struct
assert ctypes.CDLL(None).capset(struct.pack("=Ii", 0x20080522, 0), bytes(24)) == 0
"""


@contextlib.contextmanager
def idle_process() -> Iterator[int]:
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", WITHOUT_CAPABILITIES + "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"SECRET": "key"},
    )
    assert child.stdout is not None
    child.stdout.readline()
    with child:
        yield child.pid
        child.kill()


@needs(1, "Landlock")
def test_the_memory_and_environment_of_a_process_outside_are_unreadable(place: Place) -> None:
    # To root with all its capabilities the kernel shows an environment, Landlock or not.
    code = (
        WITHOUT_CAPABILITIES
        + """
attempt("environment", lambda: b"SECRET" in open(f"/proc/{VICTIM}/environ", "rb").read())
attempt("memory", lambda: open(f"/proc/{VICTIM}/mem", "rb").close())
attempt("root", lambda: os.listdir(f"/proc/{VICTIM}/root") and "listed")
"""
    )
    with idle_process() as victim:
        held = answers_of(place, code, place.rules | {"read": ["/proc"]}, VICTIM=victim)
        free = answers_of(place, code, None, VICTIM=victim)
    assert set(held.values()) == {"EACCES"}
    assert free == {"environment": True, "memory": "done", "root": "listed"}


@needs(1, "Landlock")
def test_children_are_held_as_well(place: Place) -> None:
    code = """
child = "open('../outside/rubric')"
attempt("child", lambda: subprocess.run(
    [sys.executable, "-I", "-S", "-c", child], stderr=subprocess.DEVNULL).returncode)
"""
    assert answers_of(place, code, place.rules) == {"child": 1}
    assert answers_of(place, code, None) == {"child": 0}


@needs(1, "Landlock")
def test_a_missing_path_is_named(place: Place) -> None:
    code = """
try:
    landlock.restrict({"read": ["/no/such/folder"]})
except OSError as failure:
    answers["path"] = failure.filename
"""
    assert answers_of(place, code, None) == {"path": "/no/such/folder"}


@needs(1, "Landlock")
def test_a_path_that_cannot_be_given_is_named(place: Place) -> None:
    code = """
try:
    # The kernel keeps namespaces in a file system of its own.
    landlock.restrict({"read": ["/proc/self/ns/net"]})
except OSError as failure:
    answers["path"] = failure.filename
"""
    assert answers_of(place, code, None) == {"path": "/proc/self/ns/net"}


def test_a_rule_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="conect"):
        loaded().restrict({"conect": [80]})


@pytest.mark.parametrize(("version", "rules"), [(0, {}), (3, {"connect": [80]})])
def test_rules_that_the_kernel_cannot_hold_are_refused(
    version: int, rules: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    landlock = loaded()
    monkeypatch.setattr(landlock, "abi", lambda: version)
    with pytest.raises(OSError, match=f"Landlock ABI {version} cannot hold"):
        landlock.restrict(rules)


@needs(6, "acting as an older one")
@pytest.mark.parametrize("older", [1, 2, 3, 4, 5])
def test_an_older_kernel_is_asked_only_for_what_it_knows(place: Place, older: int) -> None:
    code = """
landlock.abi = lambda: OLDER
seen = []
landlock_call = landlock._call
def spy(library, number, *arguments):
    if number == landlock.CREATE_RULESET:
        seen.append(int.from_bytes(arguments[0][:8], sys.byteorder).bit_length())
        seen.append(int.from_bytes(arguments[0][16:], sys.byteorder))
    return landlock_call(library, number, *arguments)
landlock._call = spy
landlock.restrict(RULES)
answers["rights and scopes"] = seen
attempt("read", lambda: open("../outside/rubric").read())
attempt("document", lambda: open("../documents/lease").read())
"""
    answers = answers_of(place, code, None, OLDER=older, RULES=place.rules)
    rights = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}[older]
    assert answers == {"rights and scopes": [rights, 0], "read": "EACCES", "document": "rent"}


def test_a_kernel_without_landlock_has_abi_0(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("no Linux, so no system call to miss")
    landlock = loaded()
    monkeypatch.setattr(landlock, "CREATE_RULESET", 100_000)
    assert landlock.abi() == 0
