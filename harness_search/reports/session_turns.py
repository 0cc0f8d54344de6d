"""How many turns a proposer session took, by what it printed itself."""

import os
from pathlib import Path

from harness_search.files import is_regular

TAIL = 256_000
"""Bytes at the end of a log that are looked at: the result comes last."""


def turns_of(log: Path) -> int | None:
    """None where the log has no result. Any process in a session's box can print one: it is a hint
    for people."""
    if not is_regular(log):
        return None
    from harness_search.proposers.claude.messages import read_messages

    try:
        with log.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
            text = stream.read(TAIL).decode(errors="replace")
    except OSError:
        return None
    return read_messages(text).turns or None
