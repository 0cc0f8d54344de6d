"""What a harness is told about its task: never an id, never a rubric."""

TYPE_CHECKING = False  # the real one costs a tenth of a rollout's start
if TYPE_CHECKING:
    from pathlib import Path


class Task:
    """One task as the harness sees it.

    Every path is relative to the current folder, which is the workspace: what a model is shown
    is the same wherever a rollout runs.
    """

    def __init__(
        self,
        instructions: str,
        documents: "Path",
        workspace: "Path",
        output: "Path",
        deliverables: tuple[str, ...],
    ) -> None:
        self.instructions = instructions
        self.documents = documents
        """Read-only folder of input documents."""
        self.workspace = workspace
        """Folder for scratch work; not graded."""
        self.output = output
        """Folder for deliverables; only files at its top level are graded."""
        self.deliverables = deliverables
        """Requested file names; empty when the task lists none."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"Task({fields})"
