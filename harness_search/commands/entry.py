"""The `meta-harness` command."""

import errno
import gc
import os
import sys
from typing import NoReturn

YOUNG_OBJECTS = 50_000
"""Made before Python looks which are garbage: all that a command imports stays."""


def main() -> None:
    """Without arguments the home screen, which needs no library at all; else the command line."""
    gc.set_threshold(YOUNG_OBJECTS)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for them takes long
    try:
        try:
            _begin()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT} or error.filename is not None:
            raise
        _give_up(error)


def _begin() -> None:
    if not sys.argv[1:]:
        from harness_search.commands.home import show_home

        show_home()
        return
    from harness_search.commands.application import new_application

    new_application()()


def _give_up(error: OSError) -> NoReturn:
    """Say in a sentence that what was printed cannot be kept; Python would flush once more at its
    end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"meta-harness: what is printed cannot be written: {error.strerror}", file=sys.stderr)
    raise SystemExit(2) from None


if __name__ == "__main__":
    main()
