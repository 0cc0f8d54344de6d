"""A proposer's session on a small workspace: its view, its box, and a scripted model behind it."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from scripted_api import Answer, ScriptedApi, message, scripted_api
from stages import opened_stage

from harness_search.gateway.server import Gateway
from harness_search.proposers.boxed import Folders, Guest, Inside, Visit, run_boxed
from harness_search.proposers.gateway import open_proposer_gateway
from harness_search.proposers.session import Services, Session
from harness_search.settings import Profile
from harness_search.workspace import Workspace

MODEL = "claude-opus-5-5"
KEY = "sk-real-key-of-the-proposer"
KEY_VARIABLE = "PROPOSER_TEST_KEY"
SOURCE = "def solve(task, model):\n    return None\n"
CANDIDATE = "def solve(task, model):\n    second_look = True\n    return second_look\n"
TASKS = tuple(f"tax/task-{number}" for number in range(5))
CLAIM = {
    "iteration": 1,
    "candidates": [
        {
            "name": "second_look",
            "hypothesis": "a second look finds more",
            "changes": "looks twice",
            "fix_tasks": list(TASKS),
            "regression_tasks": list(TASKS),
        }
    ],
}
SCORE = "passed 3 of 5"


@dataclass
class Desk:
    """Everything that a session is held with."""

    services: Services
    session: Session
    gateway: Gateway
    api: ScriptedApi

    @property
    def folder(self) -> Path:
        return self.session.view.parent

    @property
    def folders(self) -> Folders:
        return Folders(self.session.view, self.session.evidence, self.folder / "state")

    async def run(self, script: str, seconds: float = 30.0, **options: Any) -> Visit:
        """Run a shell script in a box without a model."""

        def program(inside: Inside) -> dict[str, Any]:
            return {"argv": ["/bin/sh", "-c", script], "environment": {}}

        bench = self.services.bench
        return await run_boxed(bench, None, self.folders, Guest(program), seconds, **options)


def make_session(workspace: Workspace, services: Services | None) -> Session:
    """The first iteration's session, with one rollout to look at."""
    folder = workspace.layout.session(1)
    view, evidence = folder / "view", workspace.layout.dev_evidence
    (view / "harnesses").mkdir(parents=True)
    (view / "harnesses" / "baseline.py").write_text(SOURCE, encoding="utf-8")
    (view / "session.md").write_text("# This session\n", encoding="utf-8")
    trial = evidence / "baseline" / "tax" / "task-0" / "trial-1"
    trial.mkdir(parents=True)
    (trial / "score.txt").write_text(f"{SCORE}\n", encoding="utf-8")
    return Session(1, view, evidence, "baseline", (), TASKS, 7, services)


def where_others_may_enter(workspace: Path, folder: Path) -> Path:
    """A copy of a workspace that the users can come to which root's boxes become."""
    folder.chmod(0o711)
    return Path(shutil.copytree(workspace, folder / "workspace", symlinks=True))


@asynccontextmanager
async def opened_desk(
    workspace: Workspace,
    kit: Path,
    short_folder: Path,
    tmp_path: Path,
    answer: Callable[[int, Any], Answer | None] = lambda number, content: (200, message()),
    **proposer: Any,
) -> AsyncIterator[Desk]:
    """Open a desk; `proposer` are settings of `[proposer]`. The real key is in KEY_VARIABLE."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(KEY_VARIABLE, KEY)
        async with (
            scripted_api(lambda number, content: (200, message())) as api,
            opened_stage(workspace, kit, short_folder, tmp_path) as stage,
        ):
            profile = Profile(
                base_url=api.base_url, model=MODEL, key_variable=KEY_VARIABLE, stall_seconds=20
            )
            settings = workspace.settings
            settings = settings.model_copy(
                update={
                    "profiles": {**settings.profiles, "claude": profile},
                    "proposer": settings.proposer.model_copy(update=proposer),
                    "budget": settings.budget.model_copy(update={"allow_unpriced": True}),
                }
            )
            services = Services(replace(workspace, settings=settings), stage.bench)
            async with open_proposer_gateway(services) as gateway:
                api.follow(answer)
                yield Desk(services, make_session(workspace, services), gateway, api)


Step = tuple[str, dict[str, Any]] | None
"""A tool call, or None for the session's last word."""


class Script:
    """A model that makes one tool call after the other; which one is next, its results tell.

    The command line merges replies of one identity, so each has its own.
    """

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self._identities = count(1)

    def __call__(self, number: int, content: Any) -> Answer:
        found = results_in(content)
        return 200, self._reply(self.steps[len(found)] if len(found) < len(self.steps) else None)

    def _reply(self, step: Step) -> dict[str, Any]:
        number = next(self._identities)
        reply = {**message("done"), "id": f"msg_{number}", "model": MODEL}
        if step is not None:
            call = {"type": "tool_use", "id": f"toolu_{number}", "name": step[0], "input": step[1]}
            reply |= {"content": [call], "stop_reason": "tool_use"}
        return reply


def results_in(content: Any) -> list[str]:
    """What the session's tools gave it so far."""
    blocks = [
        block
        for asked in content["messages"]
        if isinstance(asked["content"], list)
        for block in asked["content"]
    ]
    return [str(block.get("content")) for block in blocks if block["type"] == "tool_result"]
