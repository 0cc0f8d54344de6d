"""`mh-query` where it is meant to run: in a proposer's box, which has the view and the evidence."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from proposer_sessions import opened_desk
from recorded import TASKS, small

from harness_search.proposers.boxed import Folders, Guest, Inside, run_boxed
from harness_search.proposers.feedback import FeedbackPolicy

SCRIPT = f"""\
./mh-query frontier --json > frontier.json &&
./mh-query criteria {TASKS[0]} --json > criteria.json &&
./mh-query grep . --json > grep.json &&
find dev -type f -exec cat {{}} + > all
"""


@pytest.fixture(params=[0o022, 0o077], ids=["usual umask", "umask of a private machine"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Root's boxes run as other users, whom a private file shuts out."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("policy", FeedbackPolicy)
async def test_a_session_can_ask_in_its_box(
    policy: FeedbackPolicy, open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path
) -> None:
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("no box has a fixed place for its view without bubblewrap")
    async with opened_desk(workspace, kit, short_folder, tmp_path) as opened:
        search = small(tmp_path / "recorded")
        session = search.show(policy, evidence_at="dev")
        folders = Folders(session.view, session.evidence, tmp_path / "state")

        def program(inside: Inside) -> dict[str, Any]:
            return {"argv": ["/bin/sh", "-c", SCRIPT], "environment": {}}

        visit = await run_boxed(opened.services.bench, None, folders, Guest(program), 60.0)
        assert visit.reason == "", visit
        assert json.loads((session.view / "frontier.json").read_text())["incumbent"] == "lander"
        assert len(json.loads((session.view / "criteria.json").read_text())["trials"]) == 2
        assert json.loads((session.view / "grep.json").read_text())["hits"]
