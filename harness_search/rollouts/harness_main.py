"""What a rollout's process runs: the harness file. Copied into the kit; imports nothing of the
scaffold."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


def main(policy: dict[str, Any], begin: Callable[[], None]) -> None:
    """Load the harness and let it solve the task; what fails before `begin` is not its fault."""
    # Otherwise compiled files would appear beside the harness file.
    sys.dont_write_bytecode = True
    task, model = _task_and_model(policy)
    begin()
    _load(Path(policy["harness"])).solve(task, model)


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
        policy["gateway"],
        policy["token"],
        policy["model"],
        policy["sampling"],
        policy["context_tokens"],
        base_url=policy["base_url"],
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
