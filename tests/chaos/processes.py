"""A process of the command line, started as people do it, or split off from one that is loaded."""

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

PROGRAM = "harness_search.commands.entry"
DYING = "chaos.dying"
LOADED = (
    PROGRAM,
    DYING,
    "meta_harness",
    "harness_search.commands.application",
    "harness_search.simulated.server",
    "harness_search.gateway.server",
    "harness_search.proposers.catalogue",
    "harness_search.experiments.confirmation",
    "harness_search.reports.tables",
    "git",
)
"""What a launch imports; where time is short, once for all launches."""


class Process(Protocol):
    """As much of `subprocess.Popen` as is needed."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


def start(
    module: str, arguments: list[str], environment: dict[str, str], said: Path, *, forked: bool
) -> Process:
    """Run a module with arguments, in a session of its own; stderr goes to a file."""
    with said.open("wb") as stderr:
        if forked:
            return _Forked(module, arguments, environment, stderr.fileno())
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )


def preload() -> None:
    """Import what all launches need."""
    for name in LOADED:
        importlib.import_module(name)


class _Forked:
    """A child that goes on from here as if it had just been started."""

    def __init__(
        self, module: str, arguments: list[str], environment: dict[str, str], stderr: int
    ) -> None:
        self._code: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _become(module, arguments, environment, stderr)

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float) -> int:
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.002)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become(module: str, arguments: list[str], environment: dict[str, str], stderr: int) -> None:
    code = 130  # of a signal that comes when the command itself is over
    try:
        code = _run(module, arguments, environment, stderr)
    finally:
        os._exit(code)


def _run(module: str, arguments: list[str], environment: dict[str, str], stderr: int) -> int:
    """The exit code that an interpreter of its own would have ended with."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDWR)
        for old, new in ((nothing, 0), (nothing, 1), (stderr, 2)):
            os.dup2(old, new)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None
        sys.argv = [module, *arguments]
        importlib.import_module(module).main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:  # noqa: BLE001 - as the interpreter would
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stderr.flush()
    return code
