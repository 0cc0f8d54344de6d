"""The sandbox `landlock` with a prepared parent in place of exec, to be measured and not used."""

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from harness_search.sandbox.box import Box, Handle
from harness_search.sandbox.choice import LANDLOCK
from harness_search.sandbox.direct import DirectSandbox
from harness_search.sandbox.interpreter import Interpreter
from harness_search.sandbox.process import ENVIRONMENT, BoxProcess, Start

PARENT = Path(__file__).with_name("sandbox_parent.py")


@dataclass(frozen=True, slots=True)
class Forked:
    """What a box needs of a process that another one has started, and reaps."""

    pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]

    def wait(self) -> int:
        return 0


class PreparedSandbox(DirectSandbox):
    """Landlock's boxes, each a fork of one process; `close` ends that."""

    def __init__(self) -> None:
        super().__init__(LANDLOCK, (), confined=True)
        self._parent: subprocess.Popen[bytes] | None = None
        self._requests, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    async def start(self, box: Box) -> Handle:
        programs = await self._programs(box.kit.parent)
        interpreter = programs.interpreter
        if self._parent is None:
            self._parent = self._prepare(interpreter, box.kit)
        assert box.door is not None
        address = f"127.0.0.1:{box.door.port}"
        start = Start(
            [],
            {},
            box.folder.source,
            self._policy(box, programs),
            seen=lambda mount: str(mount.source),
            gateway=address,
            base_url=f"http://{address}",
        )
        forked = self._fork(box)
        log = os.open(box.log, os.O_WRONLY)
        handle = BoxProcess(cast("subprocess.Popen[bytes]", forked), start, box.uid, log)
        if os.read(forked.stdout.fileno(), 1) != b"R":
            raise RuntimeError("the prepared parent made no launcher")
        return handle

    def close(self) -> None:
        self._requests.close()
        if self._parent is not None:
            self._parent.wait()

    def _prepare(self, interpreter: Interpreter, kit: Path) -> "subprocess.Popen[bytes]":
        environment = dict(ENVIRONMENT)
        if interpreter.libraries:
            environment["LD_LIBRARY_PATH"] = interpreter.libraries
        command = [interpreter.executable, "-I", "-S", PARENT, kit]
        parent = subprocess.Popen(command, env=environment, stdin=self._theirs)
        self._theirs.close()
        return parent

    def _fork(self, box: Box) -> Forked:
        environment = {"HOME": str(box.temporary), "TMPDIR": str(box.temporary)}
        request = {"folder": str(box.folder.source), "environment": environment}
        (its_in, our_in), (our_out, its_out) = os.pipe(), os.pipe()
        with box.log.open("ab") as log, os.fdopen(its_in), os.fdopen(its_out, "wb"):
            descriptors = [its_in, its_out, log.fileno()]
            socket.send_fds(self._requests, [json.dumps(request).encode()], descriptors)
            pid = int(self._requests.recv(64))
        return Forked(pid, os.fdopen(our_in, "wb"), os.fdopen(our_out, "rb"))
