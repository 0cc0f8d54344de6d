"""`meta-harness serve`: the pages of a search, live, in a browser."""

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly

PORT = 8123
ENDED = 128
"""A process that a signal ended says so by this and the signal's number."""


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = PORT,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="META_HARNESS_SERVE_TOKEN",
            show_envvar=True,
            help="What a visitor has to know. Elsewhere than on this machine one is made if none "
            "is given. On the command line other users of this machine can read it.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="Read the token from a file, which others may not read or write."),
    ] = None,
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Make a token on this machine too.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer no pause, resume and stop.")
    ] = False,
    workspace: options.Workspace = Path(),
) -> None:
    """Show the search live in a browser, with its report, candidates and rollouts.

    It reads what is on disk, holds up no search, and may come and go while one is at work. Prints
    its address once it listens; Ctrl-C ends it. Where other people have accounts on this machine,
    use --with-token. What it sends is not encrypted: from another machine reach it through a
    tunnel, such as `ssh -L 8123:127.0.0.1:8123`.
    """
    with ending_cleanly():
        import asyncio

        from harness_search.serving.access import access_of, given_token
        from harness_search.serving.application import serve as answer

        given = given_token(token, token_file)
        access = access_of(host, given, read_only=read_only, with_token=with_token)
        made = access.token if given is None else ""

        def announce(address: str) -> None:
            print(f"{address}?token={made}" if made else address, flush=True)

        number = asyncio.run(answer(workspace, access, host, port, announce))
    _leave(ENDED + number)


def _leave(code: int) -> None:
    """End, with what threads are still at: a page that nobody waits for."""
    sys.stdout.flush()
    if any(thread.daemon for thread in threading.enumerate()):
        os._exit(code)
    raise SystemExit(code)
