"""A proposer that tries to read what is held out: every way that it finds leads nowhere.

That the audit names such tries is the claim of `test_audit_session.py`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from proposer_sessions import opened_desk
from ways_to_read import ways_to_read


@pytest.fixture
def desk(open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path) -> Callable[..., Any]:
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("the Landlock tier shows no other files either, but by other errors")
    return partial(opened_desk, workspace, kit, short_folder, tmp_path)


async def test_no_way_of_reading_leads_to_what_is_held_out(
    desk: Callable[..., Any], repository: Path
) -> None:
    async with desk() as opened:
        workspace = opened.services.workspace
        ways = ways_to_read(workspace.layout.root, repository)
        script = 'cd "$PWD"\n' + "\n".join(
            f"echo 'way {number}'; ({way.command}) 2>&1 | head -c 20000"
            for number, way in enumerate(ways)
        )
        visit = await opened.run(script, seconds=60.0)
    assert visit.why == "ended", visit
    assert f"way {len(ways) - 1}" in visit.log
    held_out = [
        *(task.id for task in (*workspace.splits.test, *workspace.splits.dev)),
        *("canary-0", "hidden rubric wording", "meta-harness-2", "reached"),
        workspace.layout.canary_seed.read_text().strip(),
    ]
    said = [line for line in visit.log.splitlines() if not line.startswith(("way ", "grep: "))]
    found = [mark for mark in held_out if any(mark in line for line in said)]
    assert not found, [line for line in said if any(mark in line for mark in found)][:5]
    assert len(ways) >= 25
