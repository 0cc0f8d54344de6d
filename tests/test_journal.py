"""The journal of events loses nothing silently, and never ends a search."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import rollout_row
from hypothesis import given
from hypothesis import strategies as st
from journals import follow, read_events, tail
from rich.console import Console

from harness_search.ledger.rows import Outcome
from harness_search.reports.progress import Reporter, Tally
from harness_search.search import set_aside
from harness_search.service import events
from harness_search.service.events import EVENTS, Decided, Dropped, Event, Paused, Repaired, Resumed
from harness_search.service.journal import LONGEST_TEXT, Journal, encoded
from harness_search.workspace import Workspace

TEXT = st.text(st.characters(), max_size=30)
ANY_EVENT = st.one_of(
    st.builds(
        kind,
        **{
            field: TEXT if kind.__annotations__[field] is str else st.just(2.5)
            for field in kind.__annotations__
            if kind.__annotations__[field] in {str, float}
        },
    )
    for kind in EVENTS
)


def told(file: Path) -> list[Event | None]:
    return [entry.event for entry in read_events(file)]


def decided(number: int) -> Decided:
    return Decided(number, f"candidate_{number}", "orphan", "it gained nothing")


def write(file: Path, *happened: Event) -> None:
    with Journal(file) as journal:
        for event in happened:
            journal.write(event)


# What is written can be read.


def test_every_kind_of_event_of_this_version_is_known_to_readers() -> None:
    own = {
        value
        for value in vars(events).values()
        if isinstance(value, type) and issubclass(value, Event) and value is not Event
    }
    assert set(EVENTS) == own
    assert len({event.kind for event in EVENTS}) == len(EVENTS)


@given(st.lists(ANY_EVENT, max_size=6), st.data())
def test_a_stream_cut_anywhere_keeps_its_whole_events_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, happened: list[Event], data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("cut") / "events.jsonl"
    lines = [encoded(1.5 + number, event) for number, event in enumerate(happened)]
    cut = b"".join(lines)[: data.draw(st.integers(0, sum(map(len, lines))))]
    file.write_bytes(cut)
    whole = cut.count(b"\n")
    torn = cut[sum(map(len, lines[:whole])) :]
    write(file, Paused())
    repaired = [Repaired(len(torn), kept=True)] if torn else []
    assert told(file) == [*happened[:whole], *repaired, Paused()]
    aside = file.with_name("events.jsonl.torn")
    assert (aside.read_bytes() if aside.exists() else b"") == (torn + b"\n" if torn else b"")


@pytest.mark.parametrize("end", [b"\0" * 5000, b"\0" * 5000 + b"\n", b"no event\n", b"[1]\n\n"])
def test_what_a_power_loss_leaves_at_the_end_is_put_aside(tmp_path: Path, end: bytes) -> None:
    file = tmp_path / "events.jsonl"
    write(file, Paused())
    with file.open("ab") as stream:
        stream.write(end)
    write(file, Resumed())
    assert told(file) == [Paused(), Repaired(len(end), kept=True), Resumed()]
    assert b"\0" not in (tmp_path / "events.jsonl.torn").read_bytes()


def test_a_sigkill_leaves_whole_lines_but_perhaps_the_last(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    program = f"""
from pathlib import Path
from harness_search.service.events import Decided
from harness_search.service.journal import Journal
journal = Journal(Path({str(file)!r}))
for number in range(10**9):
    journal.write(Decided(number, "h", "orphan", "x" * (number % 1500)))
    if number == 2000:
        print(flush=True)
"""
    writer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    with writer, writer.stdout as stream:
        stream.readline()
        os.kill(writer.pid, signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    lines = file.read_bytes().split(b"\n")
    numbers = [json.loads(line)["iteration"] for line in lines[:-1]]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 2000
    write(file, Paused())
    assert told(file)[-1] == Paused()


def test_a_rollout_takes_few_bytes_and_no_text_takes_many(tmp_path: Path) -> None:
    task = "litigation-dispute-resolution/abstract-lease-number-12"
    assert len(encoded(1_760_000_000.123, events.RolloutEnded(task, 3, "scored", 31, 44))) < 170
    file = tmp_path / "events.jsonl"
    write(file, events.Finished("x" * 5_000_000))
    assert told(file) == [events.Finished("x" * LONGEST_TEXT + "...")]


# Nothing here stops a search.


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """No file grows beyond so many bytes: a write ends in the middle of a line."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_drops_whole_events_and_says_how_many_once_there_is_space(
    tmp_path: Path,
) -> None:
    file = tmp_path / "events.jsonl"
    with Journal(file) as journal:
        journal.write(decided(1))
        with full_at(file.stat().st_size + 50):
            journal.write(decided(2))
            journal.write(decided(3))
            assert told(file) == [decided(1)]
            assert file.read_bytes().endswith(b"\n")
        journal.write(decided(4))
    found = told(file)
    assert isinstance(found[1], Dropped)
    assert (found[0], found[1].count, found[2:]) == (decided(1), 2, [decided(4)])


def test_a_disk_without_a_byte_left_is_nobodys_error() -> None:
    with Journal(Path("/dev/full")) as journal:
        journal.write(Paused())


def test_what_cannot_be_put_aside_is_cut_off_and_said_to_be_gone(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"half a li")
    (tmp_path / "events.jsonl.torn").mkdir()
    write(file)
    assert told(file) == [Repaired(9, kept=False)]


# Readers.


def test_events_of_a_newer_version_break_no_reader(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(
        '{"at":1,"event":"teleported","to":{"x":[1]}}\n'
        '{"at":2,"event":"finished","reason":"done","mood":"good"}\n'
        '{"at":3,"event":"finished"}\n'
        '{"at":4,"event":"finished","reason":7}\n'
        '{"at":1e300,"event":"paused"}\n{"event":"paused"}\n{"at":null,"event":"paused"}\n'
        "[[[[\n" + "[" * 100_000 + "\nnonsense\n\n"
        '{"at":5,"event":"paused"}\n{"at":6,"event":"pau'
    )
    found = read_events(file)
    known = [None, events.Finished("done"), None, None, Paused()]
    assert [entry.event for entry in found] == known
    assert found[0].document["to"] == {"x": [1]}
    assert found[1].document["mood"] == "good"


def test_without_a_file_nothing_has_happened(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert read_events(file) == tail(file, "paused", 200) == []


def test_the_last_events_are_found_without_reading_a_long_stream(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with file.open("wb") as stream:
        stream.truncate(100_000_000)
    with file.open("ab") as stream:
        stream.write(b"\n" + b"".join(encoded(n, decided(n)) for n in range(2000)))
        stream.write(encoded(3000, Paused()) + b"torn")
    before = bytes_read()
    found = tail(file, "decided", 100_000)
    assert bytes_read() - before < 1_000_000
    numbers = [entry.document["iteration"] for entry in found]
    assert numbers == list(range(numbers[0], 2000))
    assert 500 < len(numbers) < 1500
    assert [entry.event for entry in tail(file, "paused", 200)] == [Paused()]


def bytes_read() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(lines[0].removeprefix("rchar: "))


def followed(file: Path, *steps: Callable[[], None]) -> list[Event | None]:
    """What a follower sees while the steps are taken, one whenever it waits."""
    left = list(steps)

    def wait() -> bool:
        if left:
            left.pop(0)()
        return bool(left)

    return [entry.event for entry in follow(file, wait)]


def test_a_follower_sees_every_event_once_whatever_becomes_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    half, other = encoded(1, decided(2)), encoded(1, decided(99))

    def append(data: bytes) -> None:
        with file.open("ab") as stream:
            stream.write(data)

    def begin_afresh() -> None:
        append(encoded(1, decided(4)))
        file.rename(tmp_path / "set aside")
        write(file, decided(5))

    seen = followed(
        file,
        lambda: write(file, decided(1)),
        lambda: append(half[:20]),
        lambda: append(half[20:]),
        lambda: append(other[:-1]),
        lambda: write(file, decided(3)),  # which repairs it first
        begin_afresh,
        lambda: append(b"\0\0\n"),
        lambda: write(file, decided(6)),
        lambda: file.write_bytes(b""),
        lambda: write(file, decided(7)),
    )
    repairs = [event for event in seen if isinstance(event, Repaired)]
    assert [repair.bytes for repair in repairs] == [len(other) - 1, 3]
    assert [event for event in seen if event not in repairs] == [decided(n) for n in range(1, 8)]


# What a launch tells.


def test_a_launch_leaves_its_whole_story_which_goes_aside_with_its_search(
    open_measured: Callable[..., Workspace],
) -> None:
    layout = open_measured().layout
    story = [entry.kind for entry in read_events(layout.events) if entry.kind != "rollout"]
    assert story[0] == "launched"
    assert story[-2:] == ["finished", "ended"]
    assert story.index("evaluation") < story.index("evaluated")
    rollouts = [entry for entry in read_events(layout.events) if entry.kind == "rollout"]
    assert len(rollouts) == 6
    set_aside(layout)
    assert not layout.events.exists()
    (moved,) = layout.archive.glob("search-1/events.jsonl")
    assert read_events(moved)[0].kind == "launched"


def heard(tally: Tally, *outcomes: Outcome) -> list[Event]:
    found: list[Event] = []
    reporter = Reporter(None)
    with reporter.heard_by(found.append), reporter.watch(tally) as watch:
        for outcome in outcomes:
            watch(replace(rollout_row(passed=3, total=4), outcome=outcome))
    return found


OUTCOMES = (Outcome.SCORED, Outcome.INFRA_FAILED, Outcome.HARNESS_FAILED)


def test_an_evaluation_tells_of_each_rollout() -> None:
    began, first, lost, failed, ended = heard(Tally("baseline", 3, done=1), *OUTCOMES)
    assert began == events.EvaluationBegan("baseline", 3, 1)
    assert first == events.RolloutEnded("a/t", 1, "scored", 3, 4)
    assert isinstance(lost, events.RolloutEnded)
    assert lost.lost
    assert isinstance(failed, events.RolloutEnded)
    assert not failed.lost
    assert ended == events.EvaluationEnded("baseline", 3, 3, 1, 6, 8)
    assert ended.sentence == ("baseline: 3/3 rollouts, pooled so far 75.0, 1 lost and run again")


def test_where_the_score_is_secret_no_event_holds_a_figure_of_it() -> None:
    told = heard(Tally("test", 2, secret=True), *OUTCOMES)
    for event in told:
        document = event.to_json()
        assert document.get("passed") is document.get("total") is None
        assert document.get("outcome") in {None, "finished", "infra_failed"}
        assert "pooled" not in event.sentence


class Closed(io.StringIO):
    """A terminal that has been closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_console_that_cannot_be_written_to_stops_no_evaluation(terminal: bool) -> None:
    told: list[Event] = []
    reporter = Reporter(Console(file=Closed(), force_terminal=terminal))
    with reporter.heard_by(told.append):
        with reporter.watch(Tally("h", 2)):
            reporter.tell(Paused())
        reporter.tell(Resumed())
    assert told[1:] == [Paused(), Resumed()]
