"""What a rollout's process runs: the harness file. Copied into the kit; imports nothing of the
scaffold."""

import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

TYPE_CHECKING = False  # the real one costs a tenth of a rollout's start
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def main(policy: "dict[str, Any]", begin: "Callable[[], None]") -> None:
    """Load the harness and let it solve the task; what fails before `begin` is not its fault."""
    # Otherwise compiled files would appear beside the harness file.
    sys.dont_write_bytecode = True
    task, model = _task_and_model(policy)
    begin()
    _load(policy["harness"]).solve(task, model)


def _task_and_model(policy: "dict[str, Any]") -> "tuple[Any, Any]":
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


def _load(file: str) -> "ModuleType":
    loader = SourceFileLoader("harness", file)
    module = type(sys)("harness")
    module.__file__, module.__loader__ = file, loader
    sys.modules["harness"] = module
    loader.exec_module(module)
    return module
