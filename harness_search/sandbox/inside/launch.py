"""Inside a sandbox: handshake, then a guard, and beside it the program with its rights cut.

The scaffold starts this with a fixed environment, waits for one byte, and then sends one line of
JSON on stdin: `box`, what is allowed, and `program`, what to run. Neither was in an argument, a
file or the environment. Two processes come of it. The worker gives up its rights and runs the
program. The guard keeps them, ends everything when the worker ends or when stdin does (the
scaffold has died), and says on stdout how the worker ended: that pipe the program never holds.
(A thread could not guard: a program may hold the interpreter's lock for ever.)
"""

import os
import sys

from . import identity
from .guard import guard
from .worker import work

TYPE_CHECKING = False  # the real one costs a tenth of a start


def main() -> None:
    os.closerange(3, 4096)
    os.write(1, b"R")
    line = _line()
    if not line:
        return
    from json import loads  # after the handshake: it overlaps with the scaffold's work

    policy = loads(line)
    box, program = policy["box"], policy["program"]
    if box["uid"] is not None:
        identity.become(box["uid"])
    identity.gain_nothing()
    identity.hide()
    listener = _listener(box["forward"]["port"]) if box["forward"] else None
    worker = os.fork()
    if worker:
        guard(worker, box, listener)
    else:
        work(box, program, listener)


def _line() -> bytes:
    """The policy, of which a part is worth nothing: the scaffold died while it wrote."""
    line = sys.stdin.buffer.readline()
    return line if line.endswith(b"\n") else b""


def _listener(port: int) -> int:
    """A listening loopback socket, made while that is still allowed."""
    import _socket

    made = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    made.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen(64)
    return made.detach()
