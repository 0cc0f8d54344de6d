"""What of a harness ran in its rollouts is recorded, and the harness is the same for it."""

import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from mmap import mmap
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
from boxes import Boxed
from hypothesis import given
from hypothesis import strategies as st
from stages import WRITES

from harness_search.ledger.rows import Outcome
from harness_search.rollouts import harness_main
from harness_search.rollouts.traces import (
    LINES_RUN,
    MOST_LINES,
    as_ranges,
    keep_record,
    lines_run,
    make_record,
    of_ranges,
)

RUNS = "# runs"
SOURCE = f'''\
"""Statements of every kind; those that run say so."""
from __future__ import annotations
import asyncio

LIMIT = 3


class Loop:
    """A class."""

    size = LIMIT

    def run(self, number):
        """A docstring."""
        total = 0  {RUNS}
        while total < number:  {RUNS}
            total += (  {RUNS}
                1
            )
        else:
            total = 9  {RUNS}
        for _ in ():  {RUNS}
            total = 1
        try:  {RUNS}
            return self.fails(total)  {RUNS}
        except KeyError:
            pass
        except ValueError:
            with open("/dev/null") as stream:  {RUNS}
                stream.read()  {RUNS}
        finally:
            total = 2  {RUNS}
        match total:  {RUNS}
            case 1:
                pass
            case _:
                return total  {RUNS}

    def fails(self, total):
        if total == 1:  {RUNS}
            return None
        elif total == 9:  {RUNS}
            raise ValueError(total)  {RUNS}
        return total


async def waits():
    global LIMIT  {RUNS}
    LIMIT = await asyncio.sleep(0, 4)  {RUNS}

    def never():
        return 1

    class Inner:  {RUNS}
        size = 1

        def never(self):
            return 2

    return [item for item in range(3)]  {RUNS}


def deep(number=0):
    return deep(number + 1)  {RUNS}


def solve(task, model):
    asyncio.run(waits())  {RUNS}
    return Loop().run(2)  {RUNS}
'''


def expected_lines(source: str) -> set[int]:
    marked = {number for number, line in enumerate(source.splitlines(), 1) if RUNS in line}
    nested = {number for number, line in enumerate(source.splitlines(), 1) if line == DEFINED}
    return marked | nested


DEFINED = "    def never():"


def loaded(source: str, file: Path) -> tuple[ModuleType, mmap]:
    """The source as a rollout loads it, and its record."""
    file.write_text(source, encoding="utf-8")
    record = mmap(-1, len(source.splitlines()) + 2)
    try:
        return harness_main._load(str(file), record), record
    finally:
        sys.modules.pop("harness", None)


def recorded(record: mmap) -> set[int]:
    return {line for line in range(1, len(record)) if record[line]}


def plain(source: str, file: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "harness"}
    exec(compile(source, str(file), "exec", dont_inherit=True), names)
    return names


# What is recorded.


def test_every_statement_that_runs_in_a_function_is_recorded_and_no_other(tmp_path: Path) -> None:
    module, record = loaded(SOURCE, tmp_path / "harness.py")
    assert recorded(record) == set()
    assert module.solve(None, None) == 2
    with pytest.raises(RecursionError):
        module.deep()
    assert recorded(record) == expected_lines(SOURCE)


def test_the_harness_cannot_tell_by_its_names_texts_tracebacks_or_depth(tmp_path: Path) -> None:
    file = tmp_path / "harness.py"
    module, _ = loaded(SOURCE, file)
    names = plain(SOURCE, file)
    own = {"__builtins__", "__annotations__"}
    assert {*vars(module)} - {*names} - own <= {
        *("__doc__", "__file__", "__loader__", "__name__", "__package__", "__spec__"),
    }
    assert module.Loop.run.__doc__ == names["Loop"].run.__doc__ == "A docstring."
    assert module.__doc__ == names["__doc__"]
    assert inspect.getsource(module.deep) in SOURCE
    for call in ("fails", "deep"):
        told = []
        for loop, deep in ((module.Loop, module.deep), (names["Loop"], names["deep"])):
            try:
                loop().fails(9) if call == "fails" else deep()
            except (ValueError, RecursionError) as error:
                frames = traceback.extract_tb(error.__traceback__)
                told.append([(item.name, item.lineno, item.line) for item in frames[1:]])
        assert told[0] == told[1]


def test_a_harness_that_traces_itself_sees_the_lines_that_it_would_see(tmp_path: Path) -> None:
    file = tmp_path / "harness.py"
    module, _ = loaded(SOURCE, file)
    seen = [lines_traced(loop.run, file) for loop in (module.Loop(), plain(SOURCE, file)["Loop"]())]
    assert seen[0] == seen[1] != []


def lines_traced(function: Callable[[int], object], file: Path) -> list[int]:
    seen = list[int]()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and frame.f_code.co_filename == str(file):
            seen.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(2)
    finally:
        sys.settrace(before)
    return seen


@pytest.mark.parametrize(
    "source", ["def solve(:", "return 1", "x = " + "+".join("1" * 3000), "def f():\n\0"]
)
def test_what_cannot_be_marked_is_loaded_as_it_is(source: str, tmp_path: Path) -> None:
    outcomes = []
    for load in (loaded, plain):
        try:
            load(source, tmp_path / "harness.py")
            outcomes.append("loaded")
        except (SyntaxError, ValueError, RecursionError) as error:
            outcomes.append(f"{type(error)} {error}")
    assert outcomes[0] == outcomes[1]


# In a sandbox.

KILLED = """\
import os, signal, threading

def in_a_thread():
    return 1

def in_a_fork():
    return 2

def never():
    return 3

def solve(task, model):
    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    if os.fork() == 0:
        in_a_fork()
        os._exit(0)
    os.wait()
    (task.output / "memo.docx").write_text(str(sorted(os.listdir("."))))
    os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_the_record_outlives_a_kill_and_is_seen_in_no_folder_of_the_harness(
    run_source: Callable[..., Any], tmp_path: Path
) -> None:
    done: Boxed = await run_source(KILLED)
    assert done.ending.exit_code == -9
    keep_record(done.view.parent / "record", tmp_path)
    lines = lines_run(tmp_path)
    assert lines == {4, 7, *range(13, 16), *range(16, 22)}, done.log
    assert [path.name for path in done.output.iterdir()] == ["memo.docx"]
    seen = (done.output / "memo.docx").read_text()
    assert seen == "['.document_text', 'documents', 'output']"


async def test_it_is_filed_beside_the_deliverables_of_each_rollout(stage: Any) -> None:
    source = WRITES + (
        "def solve(task, model):\n"
        "    write(task)\n"
        "    if 'number 77' in task.instructions:\n"
        "        write(task)\n"
    )
    async with stage() as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.SCORED}
    for row in rows:
        assert json.loads(it.evidence(row, LINES_RUN).read_text()) == {"lines": "3-5, 7-8"}
        summary = json.loads(it.evidence(row, "rollout.json").read_text())
        assert summary["output"] == summary["deliverables"]


# Reading what nobody trusts.


@given(st.sets(st.integers(1, MOST_LINES)))
def test_lines_are_the_same_after_they_were_written_as_ranges(lines: set[int]) -> None:
    assert of_ranges(as_ranges(lines)) == lines


def test_ranges_are_short() -> None:
    assert as_ranges([9, 3, 4, 5, 7, 7, 8]) == "3-5, 7-9"
    assert as_ranges([]) == ""


@given(st.text() | st.from_regex(r"[0-9, -]+"))
def test_no_text_makes_more_lines_than_a_harness_may_have(text: str) -> None:
    assert all(0 <= line <= MOST_LINES for line in of_ranges(text))


def test_a_record_is_as_long_as_its_harness(tmp_path: Path) -> None:
    (tmp_path / "harness.py").write_bytes(b"a\r\nb\nc" + b"\n" * 9)
    make_record(tmp_path / "record", tmp_path / "harness.py")
    assert 12 <= (tmp_path / "record").stat().st_size < 20
    (tmp_path / "harness.py").write_bytes(b"\n" * 2 * MOST_LINES)
    make_record(tmp_path / "record", tmp_path / "harness.py")
    assert (tmp_path / "record").stat().st_size == MOST_LINES + 1


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing", "empty", "unmarked"])
def test_what_is_no_record_is_left_alone(kind: str, tmp_path: Path) -> None:
    record, target = tmp_path / "record", tmp_path / "evidence"
    target.mkdir()
    (tmp_path / "secret").write_bytes(b"\1\1\1")
    make = {
        "link": lambda: record.symlink_to(tmp_path / "secret"),
        "pipe": lambda: os.mkfifo(record),
        "folder": record.mkdir,
        "nothing": lambda: None,
        "empty": lambda: record.write_bytes(b""),
        "unmarked": lambda: record.write_bytes(bytes(9)),
    }
    make[kind]()
    keep_record(record, target)
    assert list(target.iterdir()) == []
    assert lines_run(target) is None


def test_a_forged_record_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "record").write_bytes(b"\xff" * 3 * MOST_LINES)
    keep_record(tmp_path / "record", tmp_path)
    assert lines_run(tmp_path) == {*range(1, MOST_LINES + 1)}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"lines": 3}', '{"lines": null}'])
def test_a_broken_file_is_no_record(content: str, tmp_path: Path) -> None:
    (tmp_path / LINES_RUN).write_text(content)
    assert lines_run(tmp_path) is None
