"""Commands of a person's own that events start: a message to a phone, a ticket, a copy."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from harness_search.reports.progress import Reporter
from harness_search.service import hook_guard
from harness_search.service.events import (
    Decided,
    Event,
    Failed,
    Finished,
    HookFailed,
    NeedsPerson,
)
from harness_search.workspace import Workspace

SECONDS = 30.0
"""What a command has; then it is killed, with its whole process group."""
MOST_BYTES = 16_384
"""What is kept of what one run prints."""
ENVIRONMENT = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "TERM"),
    *("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"),
)
"""What a command inherits: enough to notify a desktop, and no key."""
EVENT_VARIABLE = "META_HARNESS_EVENT"


def hook_of(event: Event) -> str:
    """The setting whose command an event starts; empty for none."""
    match event:
        case Decided(decision="promoted"):
            return "on_promoted"
        case NeedsPerson() | Failed():  # a bug needs somebody, too
            return "on_needs_person"
        case Finished():
            return "on_finished"
        case _:
            return ""


class Hooks:
    """Starts the commands of a workspace as a listener, beside the loop and never in its way."""

    def __init__(
        self, workspace: Workspace, tell: Callable[[Event], None], seconds: float = SECONDS
    ) -> None:
        settings = workspace.settings
        service, profiles = settings.service, settings.profiles.values()
        self._commands: Mapping[str, tuple[str, ...]] = {
            "on_promoted": service.on_promoted,
            "on_needs_person": service.on_needs_person,
            "on_finished": service.on_finished,
        }
        self._secret = {profile.key_variable for profile in profiles}
        self._layout, self._tell, self._seconds = workspace.layout, tell, seconds
        self._running: set[asyncio.Task[None]] = set()

    def hear(self, event: Event) -> None:
        """Start the command of an event, if it has one."""
        hook = hook_of(event)
        if self._commands.get(hook):
            task = asyncio.create_task(self._run(hook, event))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def ended(self) -> None:
        """Wait for the commands under way, which is as long as one may take at most. Cancelled, it
        ends them."""
        await asyncio.gather(*self._running)

    async def _run(self, hook: str, event: Event) -> None:
        if problem := await self._guarded(hook, event):
            self._tell(HookFailed(hook, problem))

    async def _guarded(self, hook: str, event: Event) -> str:
        """What went wrong with a command; empty when nothing did."""
        request = {
            "hook": hook,
            "words": self._commands[hook],
            "event": json.dumps(event.to_json()) + "\n",
            "seconds": self._seconds,
            "most_bytes": MOST_BYTES,
            "log": str(self._layout.hooks_log.absolute()),
        }
        pipe = asyncio.subprocess.PIPE
        try:
            guard = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", hook_guard.__file__),
                stdin=pipe,
                stdout=pipe,
                env=self._environment(event),
                cwd=self._layout.root,
                start_new_session=True,  # Ctrl-C is the scaffold's alone
            )
        except OSError as error:
            return f"it cannot be started ({error.strerror})"
        assert guard.stdin is not None
        assert guard.stdout is not None
        try:
            guard.stdin.write(json.dumps(request).encode() + b"\n")
            return (await guard.stdout.read()).decode(errors="replace").strip()
        finally:
            guard.stdin.close()  # which ends what has not ended
            await asyncio.shield(guard.wait())

    def _environment(self, event: Event) -> dict[str, str]:
        inherited = {
            name: os.environ[name]
            for name in ENVIRONMENT
            if name in os.environ and name not in self._secret
        }
        return {**inherited, EVENT_VARIABLE: event.kind}


@asynccontextmanager
async def hooked(workspace: Workspace, reporter: Reporter) -> AsyncIterator[None]:
    """Let a reporter's events start the workspace's commands; the last ones are waited for."""
    hooks = Hooks(workspace, reporter.tell)
    with reporter.heard_by(hooks.hear):
        try:
            yield
        finally:
            await hooks.ended()
