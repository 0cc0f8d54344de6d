"""Which file says how failed criteria are classed."""

from pathlib import Path

FILE_NAME = "error_classes.toml"


def error_classes_file(tasks: Path, configured: Path | None = None) -> Path:
    """The configured file; else `error_classes.toml` beside the folder of tasks, where there is
    one; else the one for legal tasks that comes with the project."""
    if configured is not None:
        return configured
    own = tasks.parent / FILE_NAME
    return own if own.is_file() else Path(__file__).with_name(FILE_NAME)
