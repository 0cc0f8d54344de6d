"""What a harness is told about its task: never an id, never a rubric."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Task(NamedTuple):
    """One task as the harness sees it.

    Every path is relative to the current folder, which is the workspace: what a model is shown
    is the same wherever a rollout runs.
    """

    instructions: str
    documents: "Path"
    """Read-only folder of input documents."""
    workspace: "Path"
    """Folder for scratch work; not graded."""
    output: "Path"
    """Folder for deliverables; only files at its top level are graded."""
    deliverables: tuple[str, ...]
    """Requested file names; empty when the task lists none."""
