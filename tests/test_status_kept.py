"""What `status` keeps of launches that are over, and says of what is not decided yet."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

from launched import leave
from test_command_line import meta_harness
from test_status import GONE, ME, left, only_its_noise_is_known, searched, write_rows

from harness_search.reports.money import read_live
from harness_search.service.events import Finished, Launched
from harness_search.service.journal import Journal


def status_of_command(workspace: Path) -> dict[str, object]:
    found = json.loads(meta_harness("status", "--json", folder=workspace).stdout)
    assert isinstance(found, dict)
    return found


def test_a_target_that_a_flag_gave_is_kept_by_what_goes_on(workspace_folder: Path) -> None:
    left(state={"target": 2, "iteration": 0}, exit_code=143)(workspace_folder)
    found = status_of_command(workspace_folder)
    assert (found["target"], found["state"]) == (2, "stopped")
    again = "`meta-harness start --iterations 2`"
    assert found["next"] == f"Go on with {again}; all that had finished is kept."
    leave(workspace_folder, **GONE)
    (workspace_folder / "runs" / "paused").touch()
    assert "`meta-harness start --iterations 2 --now`" in str(
        status_of_command(workspace_folder)["next"]
    )
    left("finished", {"target": 0}, exit_code=0)(workspace_folder)
    found = status_of_command(workspace_folder)
    assert (found["target"], found["state"]) == (0, "finished")
    assert "or go on to iteration" in str(found["next"])


def test_an_account_file_s_process_counts_only_without_a_heartbeat_and_while_it_runs(
    workspace_folder: Path,
) -> None:
    searched(workspace_folder)
    account = workspace_folder / "runs" / "account.json"
    account.write_text(json.dumps({"pid": ME}))
    assert status_of_command(workspace_folder)["state"] == "running"
    for parts, state in ((GONE, "dead"), ({"exit_code": 143}, "stopped")):
        leave(workspace_folder, **parts)
        assert status_of_command(workspace_folder)["state"] == state
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        account.write_text(json.dumps({"pid": process.pid}))
        assert read_live(account) is None


def test_a_finished_search_stays_so_whatever_is_measured_after_it(workspace_folder: Path) -> None:
    searched(workspace_folder)
    with Journal(workspace_folder / "runs" / "events.jsonl") as journal:
        journal.write(Launched("a", 1, "run"))
        journal.write(Finished("no candidate is left"))
        journal.write(Launched("b", 2, "evaluate"))
    journaled = (workspace_folder / "runs" / "events.jsonl").read_text()
    leave(workspace_folder, command="evaluate", phase="", exit_code=0)
    (workspace_folder / "loop_state.json").write_text("{")
    found = status_of_command(workspace_folder)
    assert (found["state"], found["finished_because"]) == ("finished", "no candidate is left")
    aged = re.sub(r'"at": ?[0-9.]+', f'"at": {time.time() - 7_200}', journaled)
    (workspace_folder / "runs" / "events.jsonl").write_text(aged)
    text = meta_harness("status", folder=workspace_folder).stdout
    assert "finished 2 h ago: no candidate is left" in text
    with Journal(workspace_folder / "runs" / "events.jsonl") as journal:
        journal.write(Launched("c", 3, "run"))
    leave(workspace_folder, exit_code=143)
    found = status_of_command(workspace_folder)
    assert (found["state"], found["finished_because"]) == ("stopped", None)


def test_a_baseline_that_is_still_measured_says_how_much_of_it_its_score_is(
    workspace_folder: Path,
) -> None:
    only_its_noise_is_known(workspace_folder)
    tasks = (workspace_folder / "dev_split.txt").read_text().split()[:2]
    write_rows(workspace_folder, tasks, trials=1)
    found = status_of_command(workspace_folder)
    assert found["coverage"] == {"rollouts": 2, "planned": found["rollouts_planned"]}
    text = " ".join(meta_harness("status", folder=workspace_folder).stdout.split())
    assert f"baseline, so far, 2 of {found['rollouts_planned']} rollouts" in text
    searched(workspace_folder)
    assert status_of_command(workspace_folder)["coverage"] is None


def test_an_iteration_that_is_proposed_is_shown_by_its_own_number(workspace_folder: Path) -> None:
    left("propose", {"iteration": 1})(workspace_folder)
    assert status_of_command(workspace_folder)["iteration"] == 1
    left("evaluate", {"iteration": 1})(workspace_folder)
    assert status_of_command(workspace_folder)["iteration"] == 0
