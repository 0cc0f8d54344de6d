"""A prepared parent, to be measured: it has the interpreter and all that a launcher needs loaded,
and makes each box by a fork, which then does what every launcher does.

Run by the interpreter of boxes with the kit's folder as the only argument; stdin is a socket. A
message there holds a folder and an environment, and carries what becomes stdin, stdout and stderr;
the answer is the number of the new process.
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    sys.path.append(sys.argv[1])
    from harness_kit import Model, Task  # noqa: F401

    for name in ("binascii", "resource", "harness_main", "inside.guard"):
        __import__(name)
    launch = __import__("inside.launch").launch
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    requests = socket.socket(fileno=0)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 65536, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            become(json.loads(message), descriptors)
            launch.main()
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        requests.send(b"%d" % pid)


def become(request: dict[str, object], descriptors: list[int]) -> None:
    """Turn a fork into what the process of a launcher is at its start."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.chdir(request["folder"])
    os.environ.update(request["environment"])


if __name__ == "__main__":
    main()
