"""The view that the program lies in, and the evidence that its session may see."""

import json
import os
import re
from pathlib import Path
from typing import Any

from .answers import BadInputError, Document


class View:
    """The view that this file lies in, and the evidence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.session = self.data("session")
        self.evidence = _first_folder(folder / str(self.session["evidence"]), folder / "dev")
        self.results = self.data("results")

    def data(self, name: str) -> Any:
        """A document of the folder `query`; raises BadInputError when it cannot be read."""
        file = self.folder / "query" / f"{name}.json"
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInputError(f"query/{name}.json cannot be read ({error})") from error

    @property
    def is_full(self) -> bool:
        """Whether the evidence is shown as it is, and not redacted."""
        return bool(self.session["feedback"] == "full")

    @property
    def tasks(self) -> list[str]:
        """Ids of the dev tasks."""
        return list(self.session["dev_tasks"])

    def harness(self, name: str) -> str:
        """The name of a harness that was tried."""
        if name not in self.results:
            raise BadInputError(f"no harness {name!r} was tried; `mh-query frontier` lists them")
        return name

    def task(self, name: str) -> str:
        """The id of a dev task, given whole or by its last part."""
        found = [task for task in self.tasks if name in {task, task.rpartition("/")[2]}]
        if len(found) != 1:
            raise BadInputError(
                f"{name!r} is not the id of one dev task; `mh-query top 99` lists them"
            )
        return found[0]

    def rollouts(self, harness: str, task: str) -> list[tuple[str, Document]]:
        """Folder names and summaries of the finished rollouts, by trial."""
        folder = self.evidence / harness / task
        found = []
        for name in attempts(folder):
            try:
                summary = json.loads((folder / name / "rollout.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if summary.get("outcome") != "infra_failed":
                found.append((name, summary))
        return found


def _first_folder(named: Path, mounted: Path) -> Path:
    """Where the scaffold has it, else where a box of its own file system shows it."""
    return named if named.is_dir() else mounted


def listed(folder: Path) -> list[str]:
    """The names in a folder, sorted; none of one that is not there."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def attempts(folder: Path) -> list[str]:
    """The folders of a task's attempts, by trial and attempt."""
    names = [name for name in listed(folder) if re.fullmatch(r"trial-\d+(\.attempt-\d+)?", name)]
    return sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def not_passed(summary: Document) -> list[Document]:
    """Reasons with their counts: redacted evidence has them so, else each verdict has one."""
    if "not_passed" in summary:
        return list(summary["not_passed"])
    return [
        {"verdict": item["verdict"], "reason": item["reason"], "count": 1}
        for item in summary.get("verdicts", [])
        if item["verdict"] != "pass"
    ]
