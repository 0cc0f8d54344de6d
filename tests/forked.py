"""A command line that goes on from the tests' own process: what it imports was imported once.

It has a process, signals, a folder, an environment and output of its own, as if somebody had
started it; only the second of processor time in which it would load the program is not spent.
"""

import gc
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

LOADED = (
    "meta_harness",
    "harness_search.simulated.server",
    "harness_search.gateway.server",
    "harness_search.proposers.catalogue",
)
"""What `run` loads on first use."""


class Forked:
    """As much of `subprocess.Popen` as tests need, for `meta-harness` with these arguments."""

    def __init__(
        self, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        for name in LOADED:
            importlib.import_module(name)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.close(reading)
            _become(arguments, folder, environment or os.environ, writing, self._errors.fileno())
        os.close(writing)
        self.stdout = os.fdopen(reading, encoding="utf-8")

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self) -> tuple[str, str]:
        """Wait for its end; what it has printed since, and all of its stderr."""
        with self.stdout, self._errors:
            said = self.stdout.read()
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self._errors.seek(0)
            return said, self._errors.read().decode()


def run_forked(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    process = Forked(*arguments, folder=folder, environment=environment)
    said, errors = process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(arguments, process.returncode, said, errors)


def _become(
    arguments: tuple[str, ...],
    folder: Path,
    environment: Mapping[str, str],
    stdout: int,
    stderr: int,
) -> NoReturn:
    code = 1
    try:
        gc.freeze()  # nothing of the tests is to be ended here
        for number, handler in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
        ):
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        warnings.simplefilter("ignore")
        nothing = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((nothing, 0), (stdout, 1), (stderr, 2)):
            os.dup2(old, new)
        os.close(stdout)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
        wanted = dict(environment)
        os.environ.clear()
        os.environ.update(wanted)
        os.chdir(folder)
        tempfile.tempdir = None
        sys.argv = ["meta-harness", *arguments]
        importlib.import_module("harness_search.commands.application").new_application()()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
