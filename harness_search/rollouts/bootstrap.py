"""The first code inside a rollout's process. Copied into the kit; imports nothing of the scaffold.

The scaffold starts it with a fixed environment, waits for one byte, and then sends the policy as
one line of JSON on stdin. It becomes two processes: a worker that runs the harness, and a guard
that ends the whole process group when the worker ends, or when stdin does: the scaffold has died.
(A thread could not guard: a harness may hold the interpreter's lock for ever.)
"""

import importlib.util
import json
import os
import resource
import select
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

OPEN_FILES = 256
"""Of one process: enough for documents, too few to take every connection of the gateway."""


def main() -> None:
    os.write(1, b"R")
    line = sys.stdin.readline()
    if not line:
        return
    worker = os.fork()
    if worker:
        guard(worker)
    else:
        work(json.loads(line))


def guard(worker: int) -> None:
    """Wait for the worker or for the scaffold's death, and end as the worker did."""
    ended = os.pidfd_open(worker)
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(0, select.POLLIN)
    ready = [descriptor for descriptor, _ in waiting.poll()]
    if ended not in ready:
        os.killpg(0, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def work(policy: dict[str, Any]) -> None:
    """Run the harness. One more byte says that it begins: what fails before is not its fault."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _limit(policy["limits"])
    sys.path.append(policy["kit"])
    # Otherwise compiled files would appear beside the harness file.
    sys.dont_write_bytecode = True
    task, model = _task_and_model(policy)
    os.write(1, b"S")
    os.dup2(2, 1)  # what a harness prints belongs into its log
    _load(Path(policy["harness"])).solve(task, model)


def _limit(limits: dict[str, int]) -> None:
    size = limits["file_bytes"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


def _task_and_model(policy: dict[str, Any]) -> tuple[Any, Any]:
    from harness_kit import Model, Task

    task = Task(
        instructions=policy["instructions"],
        documents=Path("documents"),
        workspace=Path(),
        output=Path("output"),
        deliverables=tuple(policy["deliverables"]),
    )
    model = Model(
        policy["socket"],
        policy["token"],
        policy["model"],
        policy["sampling"],
        policy["context_tokens"],
    )
    return task, model


def _load(file: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location("harness", file)
    if specification is None or specification.loader is None:
        raise ImportError(f"{file} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(specification)
    sys.modules["harness"] = module
    specification.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
