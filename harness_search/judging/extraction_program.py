"""What the extraction worker's process runs: one document after the other, each within limits.

Started by its path. Imports nothing of the scaffold but `harness_kit`, whose folder is the first
argument; the others are the file descriptor of the connection, seconds of the processor and on the
clock for one document, bytes of memory for one, and bytes that may be held after one.
"""

import hashlib
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from socket import socket

FRAME = 8
"""Bytes that say how long a message is."""
DIGEST = 64
"""Bytes of an answer, after two letters, that hold the digest of what was read, or blanks."""
READY = b"ready"
TEXT, REASON, ERROR = b"T", b"R", b"E"
STAYS, LEAVES = b"+", b"-"
OUT_OF_MEMORY = 77
"""The exit status of a worker for which a document was too large."""


def main(arguments: Sequence[str]) -> None:
    """Answer requests until the scaffold closes the connection or is no more."""
    sys.path.insert(0, arguments[0])
    descriptor, processor, clock, memory, kept = map(int, arguments[1:])
    import harness_kit.extraction  # noqa: F401

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it reads files and writes none
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with socket(fileno=descriptor) as connection:
        _send(connection, READY)
        leaves = False
        while not leaves and (request := _received(connection)):
            _limit(processor, clock)
            try:
                answer = _answer(Path(json.loads(request)))
            except MemoryError:
                os._exit(OUT_OF_MEMORY)  # what is left may be too little for the next document
            signal.alarm(0)
            leaves = _held_bytes() > kept  # of a large document, not all memory comes back
            _send(connection, (LEAVES if leaves else STAYS) + answer)


def _limit(processor: int, clock: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + processor
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    signal.alarm(clock)  # also when the scaffold is no longer there to watch


def _held_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _answer(path: Path) -> bytes:
    """A letter, the digest of the file's bytes where they were read, and the text or why not."""
    from harness_kit.extraction import UnreadableDocumentError, extract_from, read_bounded

    digest = b" " * DIGEST
    try:
        data = read_bounded(path)
        digest = hashlib.sha256(data).hexdigest().encode()
        return TEXT + digest + extract_from(path, data).encode()
    except UnreadableDocumentError as error:
        return REASON + digest + error.reason.encode(errors="replace")
    except OSError as error:
        return ERROR + digest + str(error.errno or 0).encode()


def _send(connection: socket, message: bytes) -> None:
    connection.sendall(len(message).to_bytes(FRAME, "big") + message)


def _received(connection: socket) -> bytes:
    """One message; nothing at the end."""
    return _exactly(connection, int.from_bytes(_exactly(connection, FRAME), "big"))


def _exactly(connection: socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
