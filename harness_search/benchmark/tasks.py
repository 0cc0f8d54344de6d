"""Reads task folders in the format of Harvey LAB: one `task.json` and a folder of documents."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from harness_search.errors import InputError, invalid
from harness_search.files import digest_bytes


class Criterion(BaseModel):
    """One line of a task's rubric; passed or failed on its own."""

    model_config = ConfigDict(extra="allow", defer_build=True, frozen=True)

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    match_criteria: str = Field(min_length=1)
    deliverables: tuple[str, ...] = ()
    check: dict[str, Any] | None = None


class TaskFile(BaseModel):
    """The content of `task.json`; every unknown key is kept."""

    model_config = ConfigDict(extra="allow", defer_build=True, frozen=True)

    title: str = Field(min_length=1)
    instructions: str = Field(min_length=1)
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    deliverables: tuple[str, ...] = ()
    docs_dir: str = "documents"
    work_type: str | None = None
    tags: tuple[str, ...] = ()

    @field_validator("deliverables", mode="before")
    @classmethod
    def _names_of_a_dict(cls, value: object) -> object:
        """LAB writes `{"memo.docx": "memo.docx"}` (name to canonical file name), or a list."""
        return tuple(value.values()) if isinstance(value, dict) else value


@dataclass(frozen=True)
class Task:
    """One task: what the harness gets (instructions, documents) and what it never sees (rubric)."""

    id: str
    folder: Path
    content: TaskFile

    @property
    def practice_area(self) -> str:
        """First segment of the id."""
        return self.id.split("/", 1)[0]

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return self.content.criteria

    @property
    def documents_folder(self) -> Path:
        return (self.folder / self.content.docs_dir).resolve()

    def documents(self) -> list[Path]:
        """Every document file, sorted by its relative path."""
        folder = self.documents_folder
        return sorted(
            (path for path in folder.rglob("*") if path.is_file()),
            key=lambda path: path.relative_to(folder).as_posix(),
        )

    def digest(self) -> str:
        """SHA-256 over `task.json` and every document's relative path and bytes."""
        folder = self.documents_folder
        parts = [(self.folder / "task.json").read_bytes()]
        for path in self.documents():
            parts += [path.relative_to(folder).as_posix().encode(), path.read_bytes()]
        return digest_bytes(parts)


def discover(tasks: Path) -> dict[str, Task]:
    """Every task below `tasks`, by id, at any depth.

    Raises InputError for a missing folder, an empty one or a malformed task.
    """
    if not tasks.is_dir():
        raise InputError(tasks, "", "no such folder", "a folder of tasks")
    files = sorted(
        (file for file in tasks.rglob("task.json") if file.is_file()),
        key=lambda file: file.parent.as_posix(),
    )
    if not files:
        raise InputError(tasks, "", "no task.json at any depth", "at least one task")
    found = [read_task(file, tasks) for file in files]
    return {task.id: task for task in found}


def read_named(tasks: Path, ids: Iterable[str], *, with_documents: bool = True) -> dict[str, Task]:
    """Those of the named tasks that exist; a benchmark of thousands is not read for a few.

    Whoever looks at no document leaves `with_documents` off: their folders are not checked then.
    """
    if not tasks.is_dir():
        raise InputError(tasks, "", "no such folder", "a folder of tasks")
    found: dict[str, Task] = {}
    for task_id in ids:
        file = tasks / task_id / "task.json"
        if ".." not in file.relative_to(tasks).parts and file.is_file():
            found[task_id] = read_task(file, tasks, with_documents=with_documents)
    return found


def read_task(file: Path, tasks: Path, *, with_documents: bool = True) -> Task:
    """Read and validate one `task.json`; raises InputError naming the file and the field."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(file, "", f"invalid JSON ({error})", "a JSON object") from error
    if not isinstance(raw, dict):
        raise InputError(file, "", type(raw).__name__, "a JSON object")
    if file.parent == tasks:
        expected = "tasks/<area>/.../task.json"
        raise InputError(file, "", "a task at the top of the benchmark", expected)
    content = _validated(file, raw)
    _check_criteria(file, content)
    _check_deliverables(file, content)
    task = Task(
        PurePosixPath(file.parent.relative_to(tasks).as_posix()).as_posix(), file.parent, content
    )
    if with_documents:
        _check_documents_folder(file, task)
    return task


def _check_documents_folder(file: Path, task: Task) -> None:
    found = repr(task.content.docs_dir)
    if PurePosixPath(task.content.docs_dir).is_absolute():
        raise InputError(file, "docs_dir", found, "a folder relative to the task's")
    if not task.documents_folder.is_dir():
        raise InputError(file, "docs_dir", found, "an existing folder")
    if file.resolve().is_relative_to(task.documents_folder):
        # The documents are what a harness reads; the rubric must not lie among them.
        raise InputError(file, "docs_dir", found, "a folder that does not hold task.json itself")
    for path in task.documents():
        real = path.resolve()
        if path.name == "task.json" or not real.is_relative_to(task.documents_folder):
            name = repr(path.relative_to(task.documents_folder).as_posix())
            raise InputError(file, "docs_dir", name, "no task.json and no link out of the folder")


def _validated(file: Path, raw: dict[str, Any]) -> TaskFile:
    try:
        return TaskFile.model_validate(raw)
    except ValidationError as error:
        raise invalid(file, error) from error


def _check_criteria(file: Path, content: TaskFile) -> None:
    seen: set[str] = set()
    for index, criterion in enumerate(content.criteria):
        if criterion.id in seen:
            raise InputError(
                file, f"criteria.{index}.id", repr(criterion.id), "an id used only once in the task"
            )
        seen.add(criterion.id)
        if "weight" in (criterion.model_extra or {}):
            raise InputError(
                file, f"criteria.{index}.weight", "a weight", "criteria that all count the same"
            )


def _check_deliverables(file: Path, content: TaskFile) -> None:
    named = {"deliverables": content.deliverables}
    for index, criterion in enumerate(content.criteria):
        named[f"criteria.{index}.deliverables"] = criterion.deliverables
    for field, names in named.items():
        for name in names:
            if PurePosixPath(name).name != name or name in {"", ".."} or "\0" in name:
                raise InputError(file, field, repr(name), "plain file names without folders")
        if len(set(names)) < len(names):
            raise InputError(file, field, repr(list(names)), "each name once")
