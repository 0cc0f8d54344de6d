"""What a hostile harness is after, on the trusted side: real secrets, processes, ports, files.

Afterwards they tell whether they were harmed. Everything is open to every user of the machine, so
that nothing but the sandbox keeps an attack from it.
"""

import contextlib
import ctypes
import fcntl
import os
import pwd
import resource
import secrets
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness_search.files import remove_tree

REPOSITORY = Path(__file__).resolve().parent.parent
SECRET_NAME = "HOSTILE_SUITE_KEY"
"""In the scaffold's environment, where a real scaffold has its API keys."""
LONGEST_LIFE = "1200"
"""Seconds of a process that is left to be attacked: longer than all attacks take."""

libc = ctypes.CDLL(None, use_errno=True)


def new_secret() -> str:
    """What the attacks know to look for, and never know."""
    return f"hk-{secrets.token_hex(16)}"


class Sinks:
    """Sockets that keep what reaches them."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._sockets: list[socket.socket] = []
        self._open = True

    def serve(
        self, family: int, kind: int, address: Any, *, port: bool = True, required: bool = True
    ) -> int:
        """Listen there; returns the port. Port 0 where it cannot, and need not."""
        made = socket.socket(family, kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
        except OSError:
            made.close()
            if required:
                raise
            return 0
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        self._sockets.append(made)
        threading.Thread(target=self._hear, args=(made,), daemon=True).start()
        return int(made.getsockname()[1]) if port else 0

    def close(self) -> None:
        self._open = False
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _hear(self, made: socket.socket) -> None:
        while self._open:
            try:
                if made.type == socket.SOCK_STREAM:
                    peer, _ = made.accept()
                    with peer:
                        peer.settimeout(2)
                        self._keep(peer.recv(4096))
                else:
                    self._keep(made.recv(4096))
            except OSError:
                continue

    def _keep(self, data: bytes) -> None:
        self.heard.append(data.decode(errors="replace"))


class Victims:
    """Everything that attacks are after; a context manager."""

    def __init__(self, secret: str, names: Iterable[str], hunted: Iterable[str]) -> None:
        """`names` of attacks, each of which gets a file of its own; the `hunted` ones get a process
        of their own as well."""
        self.secret, self.names, self.hunted = secret, tuple(names), tuple(hunted)
        self.brand = f"h{secrets.token_hex(4)}"
        """Name of processes and files that this run's attacks leave."""
        self.sinks = Sinks()
        self.prey: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Victims":
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self.folder = stack.enter_context(_open_folder())
            self._lay_out(self.folder)
            stack.enter_context(self._shared_memory())
            stack.enter_context(self._queue())
            stack.enter_context(self._processes())
            stack.callback(self.sinks.close)
            self._listen()
            stack.callback(self._clean_up)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    # What there is.

    def _lay_out(self, folder: Path) -> None:
        self.decoys = _open(folder / "secrets")
        for name in self.names:
            _write(self.decoys / f"{name}.txt", self.secret)
        self.before = {name: self._state(name) for name in self.names}
        places = {
            "rubric": "workspace/tasks/tax/estate/task.json",
            "ledger": "workspace/runs/ledger.sqlite3",
            "evidence": "workspace/runs/baseline/tax/1/transcript.jsonl",
            "keys": "workspace/.env",
            "neighbour": "rollouts/another/notes.txt",
        }
        self.files = {name: _write(folder / place, self.secret) for name, place in places.items()}
        self.fifo = folder / "pipe"
        os.mkfifo(self.fifo)
        self.fifo.chmod(0o666)
        self.fifo_end = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        self._stack.callback(os.close, self.fifo_end)
        self.keyboard, self.screen = os.openpty()
        os.set_blocking(self.keyboard, False)
        Path(os.ttyname(self.screen)).chmod(0o666)
        self._stack.callback(os.close, self.keyboard)
        self._stack.callback(os.close, self.screen)
        self.tmp_file = _write(Path("/tmp", f"{self.brand}-victim"), self.secret)
        self.shm_file = _write(Path("/dev/shm", f"{self.brand}-victim"), self.secret)
        self.open_file = os.open(self.files["keys"], os.O_RDONLY)
        # As left open by a library that does not care.
        os.set_inheritable(self.open_file, True)
        self._stack.callback(os.close, self.open_file)
        self.in_memory = ctypes.create_string_buffer(self.secret.encode(), 64)
        self.forgeable = ctypes.create_string_buffer(b"untouched", 64)

    @contextlib.contextmanager
    def _shared_memory(self) -> Iterator[None]:
        self.shm_key = secrets.randbelow(1 << 30) * 2 + 2
        self.shm_id = libc.shmget(self.shm_key, 4096, 0o1666)
        libc.shmat.restype = ctypes.c_void_p
        self.shared = libc.shmat(self.shm_id, None, 0)
        ctypes.memmove(self.shared, self.secret.encode(), len(self.secret))
        try:
            yield
        finally:
            libc.shmdt(ctypes.c_void_p(self.shared))
            libc.shmctl(self.shm_id, 0, None)
            made = libc.shmget(self.shm_key + 1, 0, 0)
            if made != -1:
                libc.shmctl(made, 0, None)

    @contextlib.contextmanager
    def _queue(self) -> Iterator[None]:
        self.queue = f"/{self.brand}"
        before = os.umask(0)
        queue = libc.mq_open(self.queue.encode(), os.O_RDWR | os.O_CREAT, 0o666, None)
        os.umask(before)
        if queue != -1:
            libc.mq_send(queue, self.secret.encode(), len(self.secret), 1)
        try:
            yield
        finally:
            if queue != -1:
                os.close(queue)
                libc.mq_unlink(self.queue.encode())

    @contextlib.contextmanager
    def _processes(self) -> Iterator[None]:
        try:
            for name in self.hunted:
                command = ["/bin/sleep", LONGEST_LIFE]
                self.prey[name] = subprocess.Popen(command, start_new_session=True)
            self.lives_before = {name: _life(one.pid) for name, one in self.prey.items()}
            yield
        finally:
            for one in self.prey.values():
                one.kill()
                one.wait()

    def _listen(self) -> None:
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        serve, four, six = self.sinks.serve, socket.AF_INET, socket.AF_INET6
        self.outer_address = _outer_address()
        self.ports = {
            "tcp_port": serve(four, stream, ("127.0.0.1", 0)),
            "second_tcp_port": serve(four, stream, ("127.0.0.3", 0)),
            "outer_port": serve(four, stream, (self.outer_address, 0)),
            "tcp6_port": serve(six, stream, ("::1", 0), required=False),
            "udp_port": serve(four, datagram, ("0.0.0.0", 0)),
            "udp6_port": serve(six, datagram, ("::1", 0), required=False),
        }
        for kind, name in ((stream, "s"), (datagram, "d")):
            serve(socket.AF_UNIX, kind, str(self.folder / name), port=False)
            (self.folder / name).chmod(0o666)
            abstract = f"\0{self.brand}" + ("" if kind == stream else "-d")
            serve(socket.AF_UNIX, kind, abstract, port=False)

    def listen_beside_the_gateway(self, port: int) -> None:
        """Another service on the gateway's port, at another address."""
        self.sinks.serve(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.2", port))

    def _clean_up(self) -> None:
        for folder in ("/tmp", "/dev/shm"):
            for left in Path(folder).glob(f"{self.brand}-*"):
                left.unlink(missing_ok=True)

    # What the attacks are told.

    def targets(self) -> dict[str, Any]:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        return {
            **self.ports,
            **{name: str(path) for name, path in self.files.items()},
            "scaffold": os.getpid(),
            "prey": {name: one.pid for name, one in self.prey.items()},
            "brand": self.brand,
            "decoys": str(self.decoys),
            "repository": str(REPOSITORY),
            "site_packages": sysconfig.get_path("purelib"),
            "home": str(home),
            "groups": os.getgroups(),
            "etc_file": _file_of_etc(),
            "root_names": _private_names(Path("/"), ("boot", "home", "root", "srv", "var", "opt")),
            "home_names": _private_names(home, _names_in(home)),
            "fifo": str(self.fifo),
            "tmp_file": str(self.tmp_file),
            "shm_file": str(self.shm_file),
            "open_descriptor": self.open_file,
            "secret_address": ctypes.addressof(self.in_memory),
            "forgeable_address": ctypes.addressof(self.forgeable),
            "inode": self.files["rubric"].stat().st_ino,
            "generation": _generation(self.files["rubric"]),
            "shm_id": self.shm_id,
            "shm_key": self.shm_key,
            "queue": self.queue,
            "outer_address": self.outer_address,
            "interface": "lo" if not _interfaces() else _interfaces()[0],
            "abstract_socket": self.brand,
            "path_socket": str(self.folder / "s"),
            "datagram_socket": str(self.folder / "d"),
            "terminal": os.ttyname(self.screen),
            **{f"{name}_namespace": Path(f"/proc/self/ns/{kind}").stat().st_ino
               for name, kind in (("network", "net"), ("pid", "pid"), ("uts", "uts"))},
        }  # fmt: skip

    # What became of them.

    def harm(self) -> dict[str, str]:
        """What was done to whom, by the attack that did it."""
        said = [*self.sinks.heard, _read_pipe(self.fifo_end), _read_pipe(self.keyboard)]
        done = dict.fromkeys(self._named_in(said), "it was heard outside")
        for name in self.names:
            if (now := self._state(name)) != self.before[name]:
                done[name] = f"its file was {self.before[name]} and is {now}"
        for name, one in self.prey.items():
            if (life := _life(one.pid)) != self.lives_before[name]:
                done[name] = f"its process was {self.lives_before[name]} and is {life}"
        if self.forgeable.value != b"untouched":
            done["writes_anothers_memory"] = "the scaffold's memory was changed"
        if ctypes.string_at(self.shared + 100, 6) == b"forged":
            done["attaches_shared_memory"] = "shared memory was changed"
        if libc.shmget(self.shm_key + 1, 0, 0) != -1:
            done["makes_shared_memory"] = "it is on the machine"
        for folder in ("/tmp", "/dev/shm"):
            for left in Path(folder).glob(f"{self.brand}-*"):
                name = left.name.partition("-")[2]
                if name in self.names:
                    done[name] = f"{left} is on the machine"
        return done

    def _named_in(self, said: list[str]) -> set[str]:
        """The attacks that what was heard names; no longer name of which it is a part."""
        found = ([name for name in self.names if name in one] for one in said)
        return {max(names, key=len) for names in found if names}

    def _state(self, name: str) -> tuple[object, ...]:
        path = self.decoys / f"{name}.txt"
        try:
            status, content = path.stat(), path.read_bytes()[:8]
        except OSError as error:
            return (type(error).__name__,)
        attributes = ()
        with contextlib.suppress(OSError):
            attributes = tuple(os.listxattr(path))
        return (oct(status.st_mode), status.st_uid, status.st_mtime_ns, content, attributes)


def _life(pid: int) -> tuple[object, ...]:
    """All about a process that another could change."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        state = "alive" if fields[0] in "SRD" else fields[0]
        return (
            state,
            os.getpriority(os.PRIO_PROCESS, pid),
            os.sched_getscheduler(pid),
            sorted(os.sched_getaffinity(pid)),
            resource.prlimit(pid, resource.RLIMIT_NOFILE),
            Path(f"/proc/{pid}/oom_score_adj").read_text().strip(),
            libc.syscall(252 if os.uname().machine == "x86_64" else 31, 1, pid),
        )
    except OSError:
        return ("gone",)


def _read_pipe(descriptor: int) -> str:
    try:
        return os.read(descriptor, 4096).decode()
    except BlockingIOError:
        return ""


@contextlib.contextmanager
def _open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hv-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        remove_tree(folder)


def _open(folder: Path) -> Path:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    return folder


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o666)
    return path


def _outer_address() -> str:
    """An address of this machine beside its loopback's; nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("198.51.100.1", 9))
        except OSError:
            return "127.0.0.4"
        return str(asking.getsockname()[0])


def _interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex() if name != "lo"]


def _file_of_etc() -> str:
    names = ("/etc/hostname", "/etc/resolv.conf", "/etc/fstab", "/etc/profile", "/etc/services")
    there = (name for name in names if Path(name).is_file() and not Path(name).is_symlink())
    return next(there, "/etc/os-release")


def _private_names(folder: Path, names: Iterable[str]) -> list[str]:
    """Names in a folder that do not lead to the interpreter, which every box is shown."""
    shown = [Path(sys.base_prefix).resolve(), Path(sys.prefix)]
    leading = {part for path in shown for part in (path, *path.parents)}
    return [name for name in names if (folder / name).exists() and folder / name not in leading]


def _names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _generation(path: Path) -> int:
    """The second number by which some file systems know a file; 0 where they do not say."""
    number = ctypes.c_int()
    with path.open("rb") as stream:
        try:
            fcntl.ioctl(stream, 0x80087601, number)
        except OSError:
            return 0
    return number.value & 0xFFFFFFFF
