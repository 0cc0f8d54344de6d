"""Real things for the tests: tasks on disk, workspaces, ledgers' rows."""

import gc
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from boxes import Boxed, run_in_box
from hypothesis import HealthCheck, settings
from scripted_proposer import Scripted, delivers_nothing, run
from stages import opened_stage

from harness_kit.office import save_docx
from harness_search.benchmark.initialise import initialise
from harness_search.files import remove_tree
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Usage
from harness_search.rollouts.kit import prepare_kit
from harness_search.sandbox.choice import BWRAP, LANDLOCK, NONE, make_sandbox, strongest
from harness_search.workspace import Workspace, open_workspace

pytest_plugins = ["calibrated", "seven_iterations"]
Open = Callable[..., Workspace]
AREAS = ("real-estate", "tax", "insurance", "litigation-dispute-resolution", "banking-finance")
LEASE = """\
Lease between Larch Holdings Ltd and Quarry Lane Bakery LLC, case {number}

The annual rent is {rent:,} USD, payable quarterly in advance.
The term of the lease commences on {day} March 2026.
Either party may terminate the lease by notice of {months} months.
"""
INSTRUCTIONS = """\
Please abstract the lease of Quarry Lane Bakery, case {number}. Deliver `{deliverable}`.

Address each of the following points under its own heading:
1. Rent: state the annual rent.
2. Commencement: state when the term of the lease commences.
3. Termination: state the notice by which a party may terminate the lease.
4. Deposit: state the security deposit.
"""


def pytest_configure() -> None:
    """Programs that tests start, and the other worker, need not compile our modules again. And no
    property fails because the machine is busy."""
    settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("suite")
    gc.disable()  # until all is collected: what is imported stays
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The hostile suite begins: one worker waits for its report while the others have work."""
    items.sort(key=lambda item: not item.path.name.startswith("test_hostile_"))


def pytest_collection_finish() -> None:
    """Garbage is looked for among what tests make, not again and again in all modules, and when
    there is much of it."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


def deliverable_of(number: int) -> str:
    """Every fourth is a Word document; to write one takes as long as the rest of a rollout."""
    return "abstract.docx" if number % 4 == 2 else "abstract.md"


def write_task(tasks: Path, number: int) -> Path:
    """One small task with real documents; the facts differ from task to task."""
    rent, day, months = 100_000 + 1_000 * number, 1 + number % 28, 3 + number % 9
    folder = tasks / AREAS[number % len(AREAS)] / f"abstract-lease-number-{number}"
    (folder / "documents").mkdir(parents=True)
    text = LEASE.format(rent=rent, day=day, months=months, number=number)
    deliverable = deliverable_of(number)
    (folder / "documents" / "lease.txt").write_text(text, encoding="utf-8")
    (folder / "documents" / "draft.txt").write_text(
        "DRAFT - superseded\n\nThe annual rent is 77,000 USD.\n", encoding="utf-8"
    )
    save_docx(
        folder / "documents" / "side letter.docx",
        f"# Side letter\n\nThe security deposit is {rent // 4:,} USD.",
    )
    checks: list[dict[str, Any]] = [
        {"kind": "number", "value": rent, "tolerance": 1},
        {"kind": "date", "date": f"2026-03-{day:02d}"},
        {"kind": "number", "value": months, "tolerance": 0, "near": ["terminate"]},
        {"kind": "number", "value": rent // 4, "tolerance": 1},
    ]
    criteria = [
        {
            "id": f"C-{index:03d}",
            "title": f"Secret criterion title {number}-{index}",
            "match_criteria": f"PASS if the hidden rubric wording {number}-{index} holds.",
            "check": check,
        }
        for index, check in enumerate(checks, start=1)
    ]
    content = {
        "title": f"Lease abstract {number}",
        "instructions": INSTRUCTIONS.format(number=number, deliverable=deliverable),
        "deliverables": {deliverable: deliverable},
        "criteria": criteria,
        "metadata": {"canary": f"canary-{number:04d}-7f3a9e"},
    }
    (folder / "task.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def new_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with six dev and two test tasks, to be copied."""
    root = tmp_path_factory.mktemp("new") / "workspace"
    for number in range(8):
        write_task(root / "tasks", number)
    initialise(root, root / "tasks", dev=6, test=2, seed=0)
    return root


@pytest.fixture
def workspace_folder(new_workspace: Path, kit: Path, tmp_path: Path) -> Path:
    """A workspace with six dev and two test tasks, and nothing in `runs` but the kit.

    To make a kit takes longer than six rollouts: all share one.
    """
    return copy_workspace(new_workspace, tmp_path / "workspace", kit)


def copy_workspace(workspace: Path, target: Path, kit: Path) -> Path:
    """A new workspace with a kit that is there already."""
    shutil.copytree(workspace, target)
    share_kit(target, kit)
    return target


def share_kit(workspace: Path, kit: Path) -> None:
    (workspace / "runs").mkdir()
    (workspace / "runs" / "kit").symlink_to(kit.parent)


def keep_dev_tasks(workspace: Path, count: int) -> None:
    """Leave a new workspace no more than its first dev tasks."""
    file = workspace / "dev_split.txt"
    file.write_text("\n".join(file.read_text().split()[:count]) + "\n")


def is_untouched(runs: Path) -> bool:
    """Whether no command has written anything into a new workspace's `runs`."""
    return [path.name for path in runs.iterdir()] == ["kit"]


@pytest.fixture(scope="session")
def sandbox() -> str:
    """The strongest sandbox that works here."""
    return strongest() or NONE


@pytest.fixture
def open_tiny(workspace_folder: Path, sandbox: str) -> Open:
    """Open the small workspace with flags."""
    return opener(workspace_folder, sandbox)


@pytest.fixture(scope="session")
def measured_workspace(
    new_workspace: Path, kit: Path, sandbox: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small workspace after one trial of its baseline, to be copied."""
    root = tmp_path_factory.mktemp("measured") / "workspace"
    copy_workspace(new_workspace, root, kit)
    run(opener(root, sandbox)(iterations=0, trials=1), Scripted())
    return root


@pytest.fixture(scope="session")
def orphaned_workspace(
    measured_workspace: Path, sandbox: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small workspace after a first candidate, which delivers nothing; to be copied."""
    root = tmp_path_factory.mktemp("orphaned") / "workspace"
    shutil.copytree(measured_workspace, root, symlinks=True)
    run(opener(root, sandbox)(iterations=1, trials=1), Scripted(delivers_nothing))
    return root


@pytest.fixture
def open_measured(measured_workspace: Path, sandbox: str, tmp_path: Path) -> Open:
    """Open, with flags, a small workspace whose baseline has had its one trial."""
    root = shutil.copytree(measured_workspace, tmp_path / "measured", symlinks=True)
    return opener(Path(root), sandbox)


@pytest.fixture
def open_orphaned(orphaned_workspace: Path, sandbox: str, tmp_path: Path) -> Open:
    """Open, with flags, a small workspace whose first candidate was orphaned."""
    root = shutil.copytree(orphaned_workspace, tmp_path / "orphaned", symlinks=True)
    return opener(Path(root), sandbox)


def opener(root: Path, sandbox: str) -> Open:
    def opened(**flags: object) -> Workspace:
        return replace(open_workspace(root, flags), sandbox=sandbox)

    return opened


@pytest.fixture(scope="session")
def kit() -> Iterator[Path]:
    """The kit, copied once for all tests of a worker to where every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="mh-kit-"))
    folder.chmod(0o755)
    yield prepare_kit(folder)
    remove_tree(folder)


@pytest.fixture(params=[BWRAP, LANDLOCK])
def each_sandbox(request: pytest.FixtureRequest) -> str:
    """Each sandbox that works here; one that does not is skipped, and says why."""
    found = make_sandbox(request.param).probe()
    if not found.usable:
        pytest.skip(f"{request.param}: {found.reason}")
    return str(request.param)


@pytest.fixture
def run_source(kit: Path, short_folder: Path, each_sandbox: str) -> Callable[..., Any]:
    """Run a harness's source in each sandbox."""

    async def run(source: str, **options: Any) -> Boxed:
        return await run_in_box(each_sandbox, short_folder, source, kit, **options)

    return run


@pytest.fixture
def repository() -> Path:
    """The root of this repository."""
    return Path(__file__).resolve().parent.parent


def rollout_row(
    harness: str = "h",
    task: str = "a/t",
    trial: int = 1,
    passed: int = 1,
    total: int = 2,
    tokens: int = 0,
    outcome: Outcome = Outcome.SCORED,
    attempt: int = 1,
) -> RolloutRow:
    """A raw row; only what a test is about needs saying."""
    return RolloutRow(
        key=RolloutKey(harness, task, f"digest of {task}", trial, "simulated"),
        attempt=attempt,
        outcome=outcome,
        reason="",
        passed=passed,
        total=total,
        usage=Usage(input=tokens),
        cost_usd=0.0,
        calls=1,
        seconds=1.0,
        judge_version="deterministic-1",
        output_digest="",
    )


@pytest.fixture
def short_folder() -> Any:
    """A folder with a short path, for unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="mh-"))
    yield folder
    remove_tree(folder)


@pytest.fixture
def stage(open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """Opens a bench on a scripted model, with six rollouts to run."""
    return partial(opened_stage, open_tiny(trials=1), kit, short_folder, tmp_path)
