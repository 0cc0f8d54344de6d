"""A search in the background: `start`, `pause`, `resume`, `stop`."""

import json as json_format
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.service import directing
from harness_search.service.asking import AskError
from harness_search.service.detached import NotStartedError, run_here
from harness_search.service.detached import start as start_detached
from harness_search.service.directing import Directed

PAUSED = "meta-harness: paused: `meta-harness resume` lets it begin"


def start(
    context: typer.Context,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds in which it has to answer.")
    ] = 120.0,
    workspace: options.Workspace = Path(),
) -> None:
    """Run the search in the background, or go on with it.

    Takes every option of `run` (see `meta-harness run --help`): what is given here is handed on as
    it is. Prints one line of JSON, with process, run and control socket, once the search answers
    on that socket; what it prints goes to runs/service.log. It outlives the terminal.
    """
    layout = Layout(workspace.resolve())
    with _sentences():
        if not layout.settings.is_file():
            expected = "a workspace (make one with `meta-harness init`)"
            raise InputError(layout.settings, "", "no such file", expected)
        if "--print-config" in context.args:
            raise SystemExit(run_here(layout, context.args))
        started = start_detached(layout, context.args, timeout)
        print(json_format.dumps(started.to_json()), flush=True)
        if started.paused:
            print(PAUSED, file=sys.stderr)


def pause(workspace: options.Workspace = Path(), json: options.Json = False) -> None:
    """Begin nothing new; what is in flight goes on. A search stays paused until `resume`, also
    when it is stopped and started again."""
    with _sentences():
        _say(directing.pause(Layout(workspace.resolve())), json_wanted=json)


def resume(workspace: options.Workspace = Path(), json: options.Json = False) -> None:
    """Go on after a pause, and end a wait for a provider's limit to pass."""
    with _sentences():
        _say(directing.resume(Layout(workspace.resolve())), json_wanted=json)


def stop(
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for rollouts in flight; they are run again.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Until its process has ended.")] = True,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """End the search once its rollouts in flight are done; the same command goes on from there."""
    layout = Layout(workspace.resolve())
    with _sentences():
        stopping = directing.stop(layout, now=now)
        if not json:
            print(stopping.sentence, flush=True)
        waits = wait and not stopping.killed
        last = directing.await_end(layout, stopping.beat) if waits else None
        if json:
            ended = last is not None or stopping.killed
            code = last.exit_code if last else None
            print(json_format.dumps({**stopping.to_json(), "ended": ended, "exit_code": code}))
        elif waits:
            print("Stopped: the same command goes on from here.")


def _say(done: Directed, *, json_wanted: bool) -> None:
    print(json_format.dumps(done.document) if json_wanted else done.sentence)


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn what could not be done into its sentence on stderr and its exit code."""
    with ending_cleanly():
        try:
            yield
        except AskError as error:
            print(f"meta-harness: {error}", file=sys.stderr)
            raise SystemExit(error.exit_code) from error
        except NotStartedError as error:
            print(error, file=sys.stderr)
            raise SystemExit(error.exit_code) from error
