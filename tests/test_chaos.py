"""The short version of the chaos suite (`make chaos` runs the long one)."""

import json
import os
import subprocess
import sys
from pathlib import Path

from chaos.dying import POINTS, find

KILLS = 20
SECONDS = 900.0


def test_searches_that_are_killed_at_random_end_as_if_nothing_had_happened(
    kit: Path, repository: Path
) -> None:
    """Also under a storm of signals, beside a second scaffold, on a full disk, without a socket."""
    few = ("--kills", str(KILLS), "--searches", "2", "--seeds", "1", "--others", "2")
    done = subprocess.run(
        [sys.executable, "-m", "chaos.driver", *few, "--forked", "--kit", str(kit), "--json"],
        env={**os.environ, "PYTHONPATH": f"{repository / 'tests'}{os.pathsep}{repository}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["broken"] == []
    assert found["kills"] >= KILLS
    assert {"storm", "second scaffold", "socket removed"} <= {*found["met"]}
    assert ("disk full" in found["met"]) == found["small_disk"]
    assert done.returncode == 0


def test_every_point_that_a_launch_may_be_killed_at_is_there() -> None:
    for place in filter(None, POINTS.values()):
        owner, name = find(place)
        assert callable(getattr(owner, name)), place
