"""Real things for the tests: tasks on disk, workspaces, ledgers' rows."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from boxes import Boxed, run_in_box
from stages import opened_stage

from harness_kit.office import save_docx
from harness_search.benchmark.initialise import initialise
from harness_search.files import remove_tree
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Usage
from harness_search.rollouts.kit import prepare_kit
from harness_search.sandbox.choice import BWRAP, LANDLOCK, NONE, make_sandbox, strongest
from harness_search.workspace import Workspace, open_workspace

AREAS = ("real-estate", "tax", "insurance", "litigation-dispute-resolution", "banking-finance")
LEASE = """\
Lease between Larch Holdings Ltd and Quarry Lane Bakery LLC, case {number}

The annual rent is {rent:,} USD, payable quarterly in advance.
The term of the lease commences on {day} March 2026.
Either party may terminate the lease by notice of {months} months.
"""
INSTRUCTIONS = """\
Please abstract the lease of Quarry Lane Bakery, case {number}. Deliver `abstract.docx`.

Address each of the following points under its own heading:
1. Rent: state the annual rent.
2. Commencement: state when the term of the lease commences.
3. Termination: state the notice by which a party may terminate the lease.
4. Deposit: state the security deposit.
"""


def write_task(tasks: Path, number: int) -> Path:
    """One small task with real documents; the facts differ from task to task."""
    rent, day, months = 100_000 + 1_000 * number, 1 + number % 28, 3 + number % 9
    folder = tasks / AREAS[number % len(AREAS)] / f"abstract-lease-number-{number}"
    (folder / "documents").mkdir(parents=True)
    text = LEASE.format(rent=rent, day=day, months=months, number=number)
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
        "instructions": INSTRUCTIONS.format(number=number),
        "deliverables": {"abstract.docx": "abstract.docx"},
        "criteria": criteria,
        "metadata": {"canary": f"canary-{number:04d}-7f3a9e"},
    }
    (folder / "task.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture
def workspace_folder(tmp_path: Path) -> Path:
    """A workspace with six dev and two test tasks."""
    root = tmp_path / "workspace"
    for number in range(8):
        write_task(root / "tasks", number)
    initialise(root, root / "tasks", dev=6, test=2, seed=0)
    return root


@pytest.fixture(scope="session")
def sandbox() -> str:
    """The strongest sandbox that works here."""
    return strongest() or NONE


@pytest.fixture
def open_tiny(workspace_folder: Path, sandbox: str) -> Callable[..., Workspace]:
    """Open the small workspace with flags."""

    def opened(**flags: object) -> Workspace:
        return replace(open_workspace(workspace_folder, flags), sandbox=sandbox)

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
def stage(
    open_tiny: Callable[..., Workspace], kit: Path, short_folder: Path, tmp_path: Path
) -> Callable[..., Any]:
    """Opens a bench on a scripted model, with six rollouts to run."""
    return partial(opened_stage, open_tiny(trials=1), kit, short_folder, tmp_path)
