"""Candidates made of the baseline and mechanisms, run on real files with a scripted model."""

import copy
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import docx
import pytest

from harness_kit import Reply, Task
from harness_search.proposers.catalogue import default_catalogue
from harness_search.proposers.catalogue.edits import Source

BASELINE = Path(__file__).parents[1] / "harnesses" / "baseline.py"
CATALOGUE = {mechanism.name: mechanism for mechanism in default_catalogue()}
DONE = [{"type": "text", "text": "Done."}]


class ScriptedModel:
    """Answers with prepared contents, one a call, and then says that it is done."""

    def __init__(self, *contents: list[dict[str, Any]], context_tokens: int | None = None) -> None:
        self.context_tokens = context_tokens
        self.requests: list[dict[str, Any]] = []
        self._contents = [*contents]

    def complete(self, **request: Any) -> Reply:
        self.requests.append(copy.deepcopy(request))
        content = self._contents.pop(0) if self._contents else copy.deepcopy(DONE)
        return Reply(content, "end_turn", {})


def write(path: str, content: str, tool: str = "write") -> list[dict[str, Any]]:
    return call(tool, {"file_path": path, "content": content})


def says(text: str) -> list[dict[str, Any]]:
    """A reply in words, without any tool call."""
    return [{"type": "text", "text": text}]


def call(tool: str, arguments: object) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": f"call_{next(IDS)}", "name": tool, "input": arguments}]


IDS = itertools.count()


def stacked(names: Sequence[str]) -> str:
    source = Source(BASELINE.read_text(encoding="utf-8"))
    for name in names:
        source = CATALOGUE[name].add_to(source)
    return source.text


def load(names: Sequence[str], folder: Path) -> ModuleType:
    """The baseline with the mechanisms, written to a file and run from there."""
    file = folder / "candidate.py"
    file.write_text(stacked(names), encoding="utf-8")
    module = ModuleType("candidate")
    # An import could take the bytecode of an earlier candidate of the same second and size.
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), vars(module))
    return module


Run = Callable[..., list[dict[str, Any]]]


def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a candidate in a workspace as a rollout has it; returns the requests it sent."""
    workspace = tmp_path / "work"
    for name in ("documents", "output"):
        (workspace / name).mkdir(parents=True)
    monkeypatch.chdir(workspace)

    def run_candidate(
        names: Sequence[str],
        *contents: list[dict[str, Any]],
        deliverables: tuple[str, ...] = (),
        instructions: str = "Write it.",
        context_tokens: int | None = None,
    ) -> list[dict[str, Any]]:
        task = Task(instructions, Path("documents"), Path(), Path("output"), deliverables)
        model = ScriptedModel(*contents, context_tokens=context_tokens)
        load(names, tmp_path).solve(task, model)
        return model.requests

    return run_candidate


def asked(requests: list[dict[str, Any]]) -> list[str]:
    """The user messages in words that followed the assignment, in order."""
    texts = [
        message["content"] if isinstance(message["content"], str) else message["content"][0]
        for message in requests[-1]["messages"][1:]
        if message["role"] == "user"
    ]
    spoken = [text.get("text") if isinstance(text, dict) else text for text in texts]
    return [text for text in spoken if text is not None]


def results(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tool results that the model saw, in order."""
    return [
        block
        for message in requests[-1]["messages"]
        if message["role"] == "user" and isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]


def paragraphs(file: str) -> list[str]:
    return [paragraph.text for paragraph in docx.Document(file).paragraphs]


def outputs() -> dict[str, str]:
    files = sorted(path for path in Path("output").rglob("*") if path.is_file())
    return {path.relative_to("output").as_posix(): path.read_text() for path in files}
