"""After a crash a transcript reads back up to its last whole line, and tells what was paid."""

import resource
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcripts import asked, assistant, record, reply_of, text_block, user

from harness_search.errors import InputError
from harness_search.gateway.transcript import (
    Paid,
    TranscriptWriter,
    conversation,
    paid_so_far,
    read_transcript,
)
from harness_search.ledger.rows import Usage

# Crashes and full disks.


def test_a_request_is_on_disk_before_its_answer(tmp_path: Path) -> None:
    """A real kill: what was in flight, and what it may have cost, is known afterwards."""
    file = tmp_path / "transcript.jsonl"
    script = f"""
import signal
from pathlib import Path
from harness_search.gateway.transcript import TranscriptWriter
writer = TranscriptWriter(Path({str(file)!r}))
writer.request(1, "d", {{"messages": []}}, reserved_usd=0.25, reserved_tokens=900)
print("sent", flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"sent\n"
        child.send_signal(signal.SIGKILL)
    assert paid_so_far(file) == Paid(Usage(input=900), 0.25)


@given(cut=st.integers(1, 2_000))
@settings(max_examples=60, deadline=None)
def test_a_file_cut_off_anywhere_reads_back_up_to_there(tmp_path_factory: Any, cut: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    whole, torn = folder / "whole.jsonl", folder / "torn.jsonl"
    messages = [user("ä"), assistant([text_block("to ä")]), user("b")]
    record(whole, *(({"messages": messages[:end]}, reply_of("x")) for end in (1, 2, 3)))
    torn.write_bytes(whole.read_bytes()[:-cut])
    expected = list(read_transcript(whole))
    found = list(read_transcript(torn))
    assert found == expected[: len(found)]
    assert paid_so_far(torn) == Paid(Usage(), 0.0)
    with closing(TranscriptWriter(torn)) as writer:
        writer.request(9, "", {"messages": messages})
        writer.reply(9, 200, reply_of("y"))
    assert [exchange.call for exchange in read_transcript(torn)] == [*range(1, len(found) + 1), 9]
    assert conversation(torn) == [*messages, assistant([text_block("y")])]


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "", {"messages": [user("a")]})
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        try:
            with pytest.raises(OSError, match="No space left"):
                writer.request(2, "", {"messages": [user("b" * 5_000)]})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        writer.request(3, "", {"messages": [user("b" * 5_000)]})
        for call in (1, 3):
            writer.reply(call, 200, reply_of("c"))
    assert asked(file) == [[user("a")], [user("b" * 5_000)]]


def test_a_damaged_file_is_bad_input_and_named(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    file.write_bytes(b'{"call": 1, "failure": "x"}\n\xff\n{"call": 2, "failure": "x"}\n')
    with pytest.raises(InputError, match=r"transcript\.jsonl: line 2"):
        list(read_transcript(file))


# Money.


def test_what_was_paid_is_what_was_newly_answered_and_what_is_in_flight(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        for call in range(1, 7):
            writer.request(call, "", {"messages": []}, reserved_usd=8.0, reserved_tokens=1_000)
        usage = {
            "input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 4,
        }  # fmt: skip
        writer.reply(1, 200, {"content": [], "usage": usage}, cost_usd=0.5)
        writer.reply(2, 200, reply_of("", tokens=(10, 20)), cost_usd=0.25)
        writer.reply(3, 200, reply_of("", tokens=(50, 50)), cost_usd=0.25, replayed=True)
        writer.reply(4, 400, {"type": "error"})
        writer.failure(5, "status 529")
        assert paid_so_far(file) == Paid(Usage(11 + 1_000, 22, 3, 4), 8.75)


def test_what_came_of_a_broken_stream_was_paid(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "", {"messages": []}, reserved_usd=8.0, reserved_tokens=1_000)
        partial = reply_of("half a", tokens=(7, 3))
        writer.failure(1, "stream without its end", partial=partial, cost_usd=0.5)
    assert paid_so_far(file) == Paid(Usage(7, 3), 0.5)
    assert list(read_transcript(file)) == []


def test_nothing_was_paid_before_the_first_call(tmp_path: Path) -> None:
    assert paid_so_far(tmp_path / "transcript.jsonl") == Paid(Usage(), 0.0)
