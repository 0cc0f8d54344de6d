"""The first code inside a rollout's process. Copied into the kit; imports nothing of the scaffold.

The scaffold starts it with a fixed environment, waits for one byte, and then sends the policy as
one line of JSON on stdin. When the scaffold dies, stdin ends, and so does the process group.
"""

import importlib.util
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any


def main() -> None:
    os.write(1, b"R")
    line = sys.stdin.readline()
    if not line:
        return
    policy = json.loads(line)
    _end_with_the_scaffold()
    _send_prints_to_the_log()
    _limit(policy["limits"])
    sys.path.append(policy["kit"])
    # Otherwise compiled files would appear beside the harness file.
    sys.dont_write_bytecode = True
    _solve(policy)


def _end_with_the_scaffold() -> None:
    """Kill the whole process group once stdin ends; nothing inherits that stdin."""
    watched = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def watch() -> None:
        os.read(watched, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _send_prints_to_the_log() -> None:
    os.dup2(2, 1)


def _limit(limits: dict[str, int]) -> None:
    size = limits["file_bytes"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _solve(policy: dict[str, Any]) -> None:
    from harness_kit import Model, Task

    harness = _load(Path(policy["harness"]))
    task = Task(
        instructions=policy["instructions"],
        documents=Path("documents"),
        workspace=Path(),
        output=Path("output"),
        deliverables=tuple(policy["deliverables"]),
    )
    model = Model(policy["socket"], policy["token"], policy["model"])
    harness.solve(task, model)


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
