"""Inside a proposer's box: holds one Claude session, and prints every message as a line of JSON.

Runs on the standard library and the SDK alone; the launcher hands it its arguments and ends it
with the scaffold. Any process of the session can print the same lines: they are hints to nobody
but people, and to whoever may be wrong without harm.
"""

import asyncio
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from typing import Any

TOOLS = ("Read", "Write", "Edit", "Glob", "Grep", "Bash")
LARGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes of one line between the SDK and its command line; by default a large file would end it."""
LONGEST_TEXT = 2_000
"""Characters of a text that are printed: the gateway's transcript has all of it."""
MOST_COMPLAINTS = 20
"""Last lines of the command line's stderr that are printed with an error."""
END = "End"
"""Name of the last line, which has no message."""


def main(arguments: dict[str, Any], begin: Callable[[], None]) -> None:
    """Hold the session. `arguments`: as `claude.session` makes them."""
    begin()
    sys.path.append(arguments["sdk"])
    # What the session tries out is run by the interpreter that runs harnesses.
    os.environ["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"  # noqa: PTH120
    asyncio.run(_hold(arguments))
    sys.stdout.flush()
    os._exit(0)  # the guard ends what the session has left running


async def _hold(arguments: dict[str, Any]) -> None:
    from claude_agent_sdk import ClaudeSDKError, query

    complaints: list[str] = []
    options = _options(arguments, complaints)
    try:
        async for message in query(prompt=arguments["prompt"], options=options):
            _print(type(message).__name__, message)
    except (ClaudeSDKError, OSError) as error:
        _print(END, {"error": _described(error), "complaints": complaints[-MOST_COMPLAINTS:]})
    else:
        _print(END, {"error": None, "complaints": []})


def _options(arguments: dict[str, Any], complaints: list[str]) -> Any:
    from claude_agent_sdk import ClaudeAgentOptions

    session = arguments["session"]
    return ClaudeAgentOptions(
        tools=list(TOOLS),
        # The box is what holds the session; as root the command line would refuse this mode.
        permission_mode="bypassPermissions",
        # With the default it would run hooks and servers that are named in the folder it works in.
        setting_sources=[],
        strict_mcp_config=True,
        system_prompt={
            "type": "preset",
            "preset": "claude_code",
            "append": arguments["contract"],
            "exclude_dynamic_sections": True,
        },
        verbatim_prompts=True,
        session_id=None if arguments["resume"] else session,
        resume=session if arguments["resume"] else None,
        model=arguments["model"],
        effort=arguments["effort"],
        max_turns=arguments["max_turns"],
        cwd=arguments["folder"],
        cli_path=arguments["command_line"],
        env=arguments["environment"],
        max_buffer_size=LARGEST_MESSAGE,
        stderr=complaints.append,
    )


def _described(error: Exception) -> dict[str, Any]:
    """What an exception says; an error of the session itself carries more than its words."""
    facts = {name: getattr(error, name, None) for name in ("exit_code", "terminal_reason")}
    facts["status"] = getattr(error, "api_error_status", None)
    return {"kind": type(error).__name__, "text": str(error), **facts}


def _print(kind: str, message: object) -> None:
    fields = dataclasses.asdict(message) if dataclasses.is_dataclass(message) else message  # type: ignore[arg-type]
    line = json.dumps({"message": kind, "fields": _shortened(fields)}, default=repr)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value
