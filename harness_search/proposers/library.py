"""What a harness may import, shown to a session so that it can try a harness out."""

from typing import TYPE_CHECKING

from harness_search.sandbox.box import Mount

if TYPE_CHECKING:
    from harness_search.rollouts.runner import Bench

LIBRARY = "/library"


def library(bench: "Bench") -> tuple[Mount, str]:
    """The kit of the rollouts, as it is shown; and the folder that it is imported from in a box."""
    mount = Mount(bench.kit.resolve(), LIBRARY)
    return mount, LIBRARY if bench.sandbox.isolated else str(mount.source)
