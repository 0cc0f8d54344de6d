"""What the launcher is told about a box, whichever sandbox it is in."""

from typing import Any

from harness_search.sandbox.box import Box


def policy_of(box: Box, sweep: str) -> dict[str, Any]:
    """Without any confinement yet: `landlock`, `seccomp` and `forward` are the sandbox's to add.

    `sweep` says how the guard finds what is left of a box: by `namespace`, `user` or `children`.
    """
    limits = box.limits
    return {
        "uid": box.uid,
        "sweep": sweep,
        "limits": {
            "cpu_seconds": limits.cpu_seconds,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "open_files": limits.open_files,
            "processes": limits.processes + PROCESSES_OF_OURS,
        },
        "landlock": None,
        "seccomp": "",
        "forward": None,
    }


PROCESSES_OF_OURS = 80
"""Guard and forwarder, and a few more than the watchdog allows: it is the one that says why."""
