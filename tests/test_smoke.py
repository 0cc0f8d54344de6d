"""A candidate that cannot run is found out on the simulated model, before any money is spent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stages import ASKS_ONCE, WRITES

from harness_search.errors import InputError
from harness_search.files import digest_bytes
from harness_search.ledger.rows import Purpose
from harness_search.rollouts.jobs import Harness
from harness_search.rollouts.smoke import last_line, smoke, spread

SOUND = WRITES + ASKS_ONCE


@pytest.fixture
def smoked(stage: Any, tmp_path: Path) -> Callable[..., Any]:
    """Smokes a source on a stage with a scripted provider of its own; the answer and the stage."""

    async def smoke_source(source: str, **limits: float) -> tuple[str, Any]:
        file = tmp_path / "tried.py"
        file.write_text(source)
        async with stage(**limits) as it:
            harness = Harness("tried", file, digest_bytes([source.encode()]))
            return await smoke(it.bench, it.workspace, harness), it

    return smoke_source


async def test_a_candidate_that_runs_passes_without_a_call_to_the_searchs_model(
    smoked: Any,
) -> None:
    answer, it = await smoked(SOUND)
    assert answer == ""
    assert it.api.received == []
    evidence = it.workspace.layout.evidence_of(Purpose.SMOKE)
    assert len([*evidence.glob("tried/*/*/trial-1/transcript.jsonl")]) == 2


async def test_nothing_of_it_counts(smoked: Any) -> None:
    _, it = await smoked(SOUND)
    layout = it.workspace.layout
    assert not layout.ledger_of(Purpose.SMOKE).exists()
    assert not (it.bench.runtime / "smoke").exists()
    assert not [*layout.dev_evidence.glob("tried/*")]


async def test_the_baseline_passes(smoked: Any, repository: Path) -> None:
    answer, _ = await smoked((repository / "harnesses" / "baseline.py").read_text())
    assert answer == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import harness_kit.nowhere\n" + SOUND, "ModuleNotFoundError"),
        ("from harness_kit import nothing_like_it\n" + SOUND, "ImportError"),
        ("def solve(task, model):\n    raise OSError('/home/someone/x.txt')\n", "OSError: x.txt"),
        ("import os\ndef solve(task, model):\n    os.abort()\n", "signal 6"),
    ],
)
async def test_one_that_always_crashes_is_refused_with_its_last_line(
    smoked: Any, source: str, words: str
) -> None:
    answer, _ = await smoked(source)
    assert answer.startswith("it crashed in all of 2 trial runs: ended ")
    assert words in answer
    assert "/" not in answer


async def test_one_that_crashes_on_some_tasks_is_measured(smoked: Any) -> None:
    source = (
        "def solve(task, model):\n"
        "    if 'case 0.' in task.instructions:\n        raise ValueError\n"
    )
    answer, _ = await smoked(source)
    assert answer == ""


async def test_a_limit_that_is_passed_is_no_refusal(smoked: Any) -> None:
    slow = "import time\ndef solve(task, model):\n    time.sleep(60)\n"
    assert (await smoked(slow, seconds=0.5))[0] == ""


async def test_a_file_that_changed_meanwhile_is_not_run(stage: Any, tmp_path: Path) -> None:
    file = tmp_path / "tried.py"
    file.write_text(SOUND)
    async with stage() as it:
        with pytest.raises(InputError, match="a changed file"):
            await smoke(it.bench, it.workspace, Harness("tried", file, "another digest"))


async def test_the_search_goes_on_with_its_own_gateway_afterwards(
    stage: Any, tmp_path: Path
) -> None:
    file = tmp_path / "tried.py"
    file.write_text(SOUND)
    async with stage() as it:
        harness = Harness("tried", file, digest_bytes([SOUND.encode()]))
        answers = [await smoke(it.bench, it.workspace, harness) for _ in range(2)]
        rows = await it.run(SOUND)
    assert (answers, len(rows)) == (["", ""], 6)


def test_tasks_are_spread_over_the_list() -> None:
    numbers: Any = [*range(24)]
    assert spread(numbers, 2) == [0, 12]
    assert spread(numbers[:1], 2) == [0]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", ""),
        (b"first\nValueError: no\n\n", "ValueError: no"),
        (b"KeyError: \x1b[31m\xff", "KeyError:  [31m\ufffd"),
        (b"x" * 50_000, "x" * 300),
        (b"FileNotFoundError: '/var/lib/mh/slot-1/a.txt'", "FileNotFoundError: 'a.txt'"),
        (b"ZeroDivisionError: 1/2 and/or", "ZeroDivisionError: 1/2 and/or"),
    ],
)
def test_the_last_line_of_a_log_is_short_printable_and_without_paths(
    tmp_path: Path, content: bytes, line: str
) -> None:
    (tmp_path / "harness.log").write_bytes(content)
    assert last_line(tmp_path / "harness.log") == line


def test_a_log_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (tmp_path / "harness.log").symlink_to(tmp_path / "secret")
    assert last_line(tmp_path / "harness.log") == ""
