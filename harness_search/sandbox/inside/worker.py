"""The worker: gives up its rights, in an order in which each step is still allowed, and runs."""

import os
import sys
from binascii import a2b_base64

from . import identity, landlock, limits, seccomp

TYPE_CHECKING = False  # the real one costs a tenth of a start
if TYPE_CHECKING:
    from typing import Any


def work(box: "dict[str, Any]", program: "dict[str, Any]", listener: int | None) -> None:
    """Run the program. One more byte says that it begins: what fails before is not its fault."""
    if listener is not None:
        os.close(listener)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.setpgid(0, 0)
    limits.impose(box["limits"])
    identity.show()
    if box["landlock"] is not None:
        landlock.restrict(box["landlock"])
    if box["seccomp"]:
        seccomp.install(a2b_base64(box["seccomp"]))
    if "argv" in program:
        os.environ.update(program["environment"])
        begin()
        os.execv(program["argv"][0], program["argv"])
    try:
        getattr(__import__(program["module"]), "main")(program["arguments"], begin)  # noqa: B009
    except BaseException as error:
        code = limits.exit_code(error)
        if code:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)
        raise


def begin() -> None:
    """Tell the scaffold that the program begins; what it prints belongs into its log."""
    os.write(1, b"S")
    os.dup2(2, 1)
