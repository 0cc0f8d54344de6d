"""Where a search stands: the state of every workspace, and the one thing to do next."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import keep_dev_tasks, rollout_row
from launched import leave
from test_command_line import COMMAND, meta_harness

from harness_search.files import digest_bytes
from harness_search.gateway.budget import Amount, Budget, Shortage
from harness_search.ledger.replicates import NOISE_IS_KNOWN
from harness_search.ledger.rows import DecisionKind, IterationRow, Role
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.service.events import Finished, Launched, NeedsPerson
from harness_search.service.journal import Journal
from harness_search.settings import BudgetSettings

ME = os.getpid()
LATER = (datetime.now(UTC) + timedelta(hours=30)).isoformat(timespec="seconds")
CLOCK = datetime.fromisoformat(LATER).astimezone().strftime("%d %b %H:%M")
GONE = {"pid_started": 1}
CLAIM = Claim(
    iteration=1,
    candidates=(
        CandidateClaim(name="iteration_001", hypothesis="h", changes="c", fix_tasks=("a",)),
    ),
).to_json()
Made = Callable[[Path], None]


def searched(workspace: Path, phase: str = "evaluate", **state: object) -> None:
    """A search that has decided its baseline, in some phase of its loop."""
    digest = digest_bytes([(workspace / "harnesses" / "baseline.py").read_bytes()])
    with closing(Ledger(workspace / "runs" / "ledger.sqlite3")) as ledger:
        decided = DecisionKind.BASELINE
        ledger.put_iteration(IterationRow(0, digest, "baseline", "", "", "", "", decided, ""))
    (workspace / "loop_state.json").write_text(json.dumps({"phase": phase, **state}))


def left(phase: str = "evaluate", state: dict[str, object] | None = None, **parts: object) -> Made:
    """A search whose last launch left such a heartbeat."""

    def make(workspace: Path) -> None:
        searched(workspace, phase, **(state or {}))
        leave(workspace, **parts)

    return make


def paused_and_cut_off(workspace: Path) -> None:
    left(**GONE)(workspace)
    (workspace / "runs" / "paused").touch()


def set_iterations(workspace: Path, last: int) -> None:
    file = workspace / "meta_harness.toml"
    file.write_text(re.sub(r"(?m)^iterations = \d+", f"iterations = {last}", file.read_text()))


def finished(workspace: Path) -> None:
    left("finished", exit_code=0)(workspace)
    set_iterations(workspace, 0)


def finished_with_a_promotion(workspace: Path) -> None:
    left("finished", {"iteration": 1}, exit_code=0)(workspace)
    with closing(Ledger(workspace / "runs" / "ledger.sqlite3")) as ledger:
        kind = DecisionKind.PROMOTED
        row = IterationRow(1, "digest", "better", "baseline", "baseline", "m", "{}", kind, "")
        ledger.put_iteration(row)
    set_iterations(workspace, 1)


def finished_and_opened(workspace: Path) -> None:
    finished(workspace)
    (workspace / "runs" / "test_openings.jsonl").write_text("{}\n")


def finished_but_more_is_wanted(workspace: Path) -> None:
    left("finished", exit_code=0)(workspace)
    set_iterations(workspace, 9)


def only_its_noise_is_known(workspace: Path) -> None:
    searched(workspace)
    (workspace / "loop_state.json").unlink()
    with closing(Ledger(workspace / "runs" / "ledger.sqlite3")) as ledger:
        (row,) = ledger.iterations()
        ledger.put_iteration(IterationRow(0, row.harness, "baseline", "", "", "", "", None, ""))
    leave(workspace, command="noise", phase="", exit_code=0)


def of_a_real_model(workspace: Path) -> None:
    file = workspace / "meta_harness.toml"
    profile = "\n[profiles.odd]\nbase_url = 'http://localhost:1'\nmodel = 'odd-1'\n"
    text = file.read_text().replace('profile = "simulated"', 'profile = "odd"', 1)
    file.write_text(text + profile)


def of_a_real_model_with_its_noise(workspace: Path) -> None:
    of_a_real_model(workspace)
    with closing(Ledger(workspace / "runs" / "ledger.sqlite3")) as ledger:
        ledger.set_identity({NOISE_IS_KNOWN: "2 x 3 trials"})


def shortage() -> str:
    """What a run ends with whose budget is spent, in the budget's own words."""
    budget = Budget(BudgetSettings(usd=1.0))
    found = budget.reserve(Amount(2.0, 5), Role.ROLLOUT)
    assert isinstance(found, Shortage)
    return found.reason


STATES: list[tuple[str, Made, str, str]] = [
    ("new", lambda _: None, "not started", "Begin with `meta-harness start`."),
    (
        "real, new",
        of_a_real_model,
        "not started",
        "Measure the noise with `meta-harness noise`, then begin with `meta-harness start`.",
    ),
    (
        "real, noise known",
        of_a_real_model_with_its_noise,
        "not started",
        "Begin with `meta-harness start`.",
    ),
    ("noise done", only_its_noise_is_known, "not started", "Begin with `meta-harness start`."),
    ("running", left(), "running", f"Nothing for now: process {ME} is at work."),
    ("paused", left(paused=True), "paused", "Go on with `meta-harness resume`."),
    (
        "waiting",
        left(waiting_until=LATER),
        "waiting",
        f"Nothing: it goes on by itself at {CLOCK}, or now with `meta-harness resume`.",
    ),
    (
        "stopping",
        left(stopping=True),
        "stopping",
        "Nothing: it ends by itself, or at once with `meta-harness stop --now`.",
    ),
    (
        "hung",
        left(uptime=time.clock_gettime(time.CLOCK_BOOTTIME) - 600),
        "hung",
        "End it with `meta-harness stop --now`, then `meta-harness start` goes on.",
    ),
    (
        "dead",
        left(**GONE),
        "dead",
        "Go on with `meta-harness start`; all that had finished is kept.",
    ),
    (
        "dead by a reboot",
        left(boot="another", pid=1),
        "dead",
        "Go on with `meta-harness start`; all that had finished is kept.",
    ),
    (
        "dead noise",
        left(command="noise", **GONE),
        "dead",
        "Go on with `meta-harness noise`; all that had finished is kept.",
    ),
    (
        "dead in a pause",
        paused_and_cut_off,
        "dead",
        "Go on with `meta-harness start --now`; without --now it stays paused until "
        "`meta-harness resume`.",
    ),
    (
        "dead in a sleep",
        left(state={"next_wake_up": LATER}, **GONE),
        "dead",
        f"Go on with `meta-harness start`: it waits until {CLOCK}, and with --now it does not.",
    ),
    (
        "dead in a sleep that is over",
        left(state={"next_wake_up": "2026-01-01T00:00:00+00:00"}, **GONE),
        "dead",
        "Go on with `meta-harness start`; all that had finished is kept.",
    ),
    (
        "stopped",
        left(exit_code=143),
        "stopped",
        "Go on with `meta-harness start`; all that had finished is kept.",
    ),
    (
        "needs a login",
        left(exit_code=3, last_error="its login has expired: log in again"),
        "needs a person",
        "Do what the last error says, then `meta-harness start` goes on.",
    ),
    (
        "budget spent",
        left(exit_code=3, last_error=shortage()),
        "needs a person",
        "Allow more with `meta-harness start --budget-usd ...` if it is worth that.",
    ),
    (
        "bad input",
        left(exit_code=2),
        "needs a person",
        "Correct what `meta-harness start` says is wrong, and run it again.",
    ),
    (
        "bug",
        left(exit_code=1, last_error="KeyError at search.py:7"),
        "failed",
        "Report the last error, which is a bug; `meta-harness start` goes on from where it ended.",
    ),
    (
        "finished",
        finished_with_a_promotion,
        "finished",
        "Look at `meta-harness frontier`, then open the test split with `meta-harness test`.",
    ),
    (
        "finished, nothing promoted",
        finished,
        "finished",
        "Look at `meta-harness frontier`: nothing was promoted, nor is to be tested.",
    ),
    (
        "finished, test split opened",
        finished_and_opened,
        "finished",
        "Look at `meta-harness frontier`; the test split has been opened.",
    ),
    (
        "finished, more wanted",
        finished_but_more_is_wanted,
        "finished",
        "Look at `meta-harness frontier`: nothing was promoted, nor is to be tested, or "
        "go on to iteration 9 with `meta-harness start`.",
    ),
]


@pytest.mark.parametrize(
    ("made", "state", "then"), [row[1:] for row in STATES], ids=[r[0] for r in STATES]
)
def test_every_state_has_its_word_and_what_to_do_next(
    workspace_folder: Path, made: Made, state: str, then: str
) -> None:
    made(workspace_folder)
    found = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert (found["state"], found["next"]) == (state, then)
    text = meta_harness("status", folder=workspace_folder).stdout
    assert " ".join(text.split()).endswith(then)
    assert max(map(len, text.splitlines())) <= 100


def test_the_interval_of_the_incumbent_says_what_it_is_of(workspace_folder: Path) -> None:
    searched(workspace_folder)
    tasks = (workspace_folder / "dev_split.txt").read_text().split()[:6]
    write_rows(workspace_folder, tasks, trials=1)
    found = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert found["pooled_interval"]["trial_noise"] is None
    low, high = found["pooled_interval"]["tasks"]
    assert low < found["pooled"] < high
    assert "choice of tasks)" in meta_harness("status", folder=workspace_folder).stdout
    write_rows(workspace_folder, tasks, trials=3, begun=1)
    found = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    low, high = found["pooled_interval"]["trial_noise"]
    assert low < found["pooled"] < high
    assert "trial noise)" in meta_harness("status", folder=workspace_folder).stdout


def write_rows(workspace: Path, tasks: list[str], trials: int, begun: int = 0) -> None:
    """Rollouts of the baseline that pass one to four criteria of four."""
    digest = digest_bytes([(workspace / "harnesses" / "baseline.py").read_bytes()])
    with closing(Ledger(workspace / "runs" / "ledger.sqlite3")) as ledger:
        for trial in range(begun + 1, trials + 1):
            for number, task in enumerate(tasks):
                row = rollout_row(digest, task, trial, 1 + (number + trial) % 4, total=4)
                rollout, _ = ledger.begin(row.key, 1, 1)
                ledger.finish(rollout, row, [])


def test_a_stage_under_way_shows_its_rollouts_and_its_score_beside_the_incumbent(
    workspace_folder: Path,
) -> None:
    searched(workspace_folder)
    tasks = (workspace_folder / "dev_split.txt").read_text().split()[:6]
    write_rows(workspace_folder, tasks, trials=1)
    with closing(Ledger(workspace_folder / "runs" / "ledger.sqlite3")) as ledger:
        open_row = IterationRow(
            1, "c", "iteration_001", "baseline", "baseline", "m", CLAIM, None, ""
        )
        ledger.put_iteration(open_row)
        row = rollout_row("c", tasks[2], 1, 3, total=4)
        rollout, _ = ledger.begin(row.key, 1, 1)
        ledger.finish(rollout, row, [])
    leave(workspace_folder, label="iteration_001 (fix slice)", done=1, planned=10)
    text = meta_harness("status", folder=workspace_folder).stdout
    assert "1 of 10 of this stage: iteration_001 (fix slice)" in text
    assert "pooled 75.0 from 1 rollouts of 1 tasks; there the incumbent has 100.0" in text
    found = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert found["stage"] == {"label": "iteration_001 (fix slice)", "done": 1, "planned": 10}
    assert found["running_score"]["incumbent"] == 100.0


def test_an_opening_of_the_test_split_shows_no_score(workspace_folder: Path) -> None:
    searched(workspace_folder)
    leave(workspace_folder, command="test", phase="", label="baseline", done=1, planned=6)
    found = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert (found["running_score"], found["heartbeat"]["passed"]) == (None, None)


def test_the_last_error_is_the_last_launch_s_own_and_does_no_harm(workspace_folder: Path) -> None:
    searched(workspace_folder)
    with Journal(workspace_folder / "runs" / "events.jsonl") as journal:
        journal.write(Launched("a", 1, "run"))
        journal.write(NeedsPerson("an older trouble"))
        journal.write(Launched("b", 2, "run"))
        journal.write(NeedsPerson("log in again\x1b[2J\u202e now"))
    text = meta_harness("status", folder=workspace_folder).stdout
    assert "last error log in again [2J  now" in text
    assert "older" not in text
    with Journal(workspace_folder / "runs" / "events.jsonl") as journal:
        journal.write(Launched("c", 3, "run"))
    assert "last error" not in meta_harness("status", folder=workspace_folder).stdout


def test_a_finished_search_says_why(workspace_folder: Path) -> None:
    finished(workspace_folder)
    with Journal(workspace_folder / "runs" / "events.jsonl") as journal:
        journal.write(Finished("iteration 0 was the last one"))
    text = meta_harness("status", folder=workspace_folder).stdout
    assert re.search(r"finished \d+ s ago: iteration 0 was the last one", text)


def test_status_answers_where_what_launches_left_is_torn(workspace_folder: Path) -> None:
    searched(workspace_folder)
    for name in ("runs/heartbeat.json", "loop_state.json", "runs/events.jsonl"):
        for content in (b"", b"{", b"[]", b'{"phase": 3}', b"\xff\x00" * 50, b"[" * 20_000):
            (workspace_folder / name).write_bytes(content)
            done = meta_harness("status", "--json", folder=workspace_folder)
            assert json.loads(done.stdout)["state"] == "stopped"


def test_a_killed_search_is_dead_and_says_how_to_go_on(workspace_folder: Path) -> None:
    keep_dev_tasks(workspace_folder, 4)
    command = [*COMMAND, "run", "--iterations", "0", "-k", "1", "-n", "1"]
    process = subprocess.Popen(
        command, cwd=workspace_folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    while "1/4 rollouts" not in process.stdout.readline():
        assert process.poll() is None
    seen = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert (seen["state"], seen["pid"], seen["phase"]) == ("running", process.pid, "evaluate")
    assert seen["running_score"]["harness"] == "baseline"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    found = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert (found["state"], found["pid"]) == ("dead", None)
    assert found["rollouts_done"] >= 1
    assert f"process {process.pid} (run) gave its last sign of life" in " ".join(
        meta_harness("status", folder=workspace_folder).stdout.split()
    )


def test_status_leaves_slow_libraries_and_the_loop_alone(workspace_folder: Path) -> None:
    searched(workspace_folder)
    leave(workspace_folder)
    code = (
        "import sys; sys.argv[1:] = ['status']\n"
        "from harness_search.commands.entry import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=workspace_folder,
    )
    loaded = set(done.stdout.partition("LOADED")[2].split())
    slow = {"aiohttp", "anthropic", "numpy", "git", "matplotlib", "rich", "asyncio"}
    assert not loaded & (slow | {"meta_harness", "harness_search.search"})
