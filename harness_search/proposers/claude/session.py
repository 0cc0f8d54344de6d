"""One Claude session in its box: begun under a known id, or gone on with after an interruption."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness_search.ledger.rows import Role
from harness_search.proposers.books import log_in, transcript_in
from harness_search.proposers.boxed import (
    EVIDENCE,
    WORK,
    Access,
    Folders,
    Guest,
    Inside,
    Visit,
    Why,
    heard_out,
    run_boxed,
)
from harness_search.proposers.claude import worker
from harness_search.proposers.claude.messages import Said, read_messages
from harness_search.proposers.claude.sdk import COMMAND_LINE, SDK, Sdk, find_sdk
from harness_search.proposers.library import library
from harness_search.proposers.session import Session
from harness_search.sandbox.box import Mount

if TYPE_CHECKING:
    from harness_search.gateway.grants import Grant
    from harness_search.gateway.server import Gateway
    from harness_search.rollouts.runner import Bench

RETRIES = 4
"""Of the command line: the gateway tries again by itself, but not once a stream has begun."""
LONGEST_CALL = 3_600_000
"""Milliseconds that the command line waits for an answer: how long is the gateway's affair."""
QUIET: Mapping[str, str] = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    # In the background a command would outlive its turn, and the session wait for it at its end.
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    # Both offer what the contract forbids: a folder outside of the view to write to, and commits.
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS": "1",
    "CLAUDE_CODE_MAX_RETRIES": f"{RETRIES}",
    "API_TIMEOUT_MS": f"{LONGEST_CALL}",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How one attempt at a session is held."""

    session_id: str
    """A UUID, chosen before the start: whatever becomes of the session, it can be gone on with."""
    prompt: str
    contract: str
    """Goes into the system prompt; of a session that is gone on with, the first one stays."""
    max_turns: int
    seconds: float
    """Without those that the provider held it up."""
    hard_seconds: float | None = None
    """With them."""
    attempt: int = 1
    """From 1; names the transcript and the log."""
    resume: bool = False
    effort: str = "high"
    """As in the settings; the command line's own depends on the model."""
    authentication: str = "api_key"
    """As in the profile: with `oauth` the command line knows the limits of a subscription."""
    watch: "Callable[[Grant], Awaitable[str]] | None" = None
    """Waits beside the session; the session is ended for what it returns."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How one attempt at a session ended."""

    session_id: str
    ended: Why
    """`ended`: by itself, however well. `access`: the gateway gives no more replies, as the grant
    says. `stopped`: by the watch of its terms. Else as the box says."""
    reason: str
    """One phrase; empty for a worker that came to its end."""
    grant: "Grant"
    """What the gateway knows: usage, cost, failures and limits are taken from here."""
    said: Said
    """What the session printed about itself, which anybody in it could have printed."""
    transcript: Path
    log: Path


def session_folders(session: Session) -> Folders:
    """What of the workspace a session is shown. Its state is kept beside its view."""
    return Folders(session.view, session.evidence, session.view.parent / "state")


async def hold_session(
    bench: "Bench", gateway: "Gateway", session: Session, terms: Terms
) -> SessionEnd:
    """Hold a session until it ends, or has to; then no process of it is left.

    Raises InputError where the SDK is not installed, SearchStoppedError as `run_boxed` does.
    """
    sdk = await asyncio.to_thread(find_sdk)
    folder = session.view.parent
    transcript, log = transcript_in(folder, terms.attempt), log_in(folder, terms.attempt)
    grant = gateway.grant(transcript, role=Role.PROPOSER)
    try:
        guest = _guest(bench, sdk, terms)
        watch = terms.watch
        visit = await run_boxed(
            bench,
            Access(gateway, grant),
            session_folders(session),
            guest,
            terms.seconds,
            (lambda: watch(grant)) if watch is not None else None,
            hard_seconds=terms.hard_seconds,
        )
        if visit.why != "stopped":  # what the watch gave up on is not heard out
            await heard_out(grant)
    finally:
        gateway.revoke(grant)
    await asyncio.to_thread(log.write_text, visit.log, encoding="utf-8")
    return _session_end(visit, terms, grant, transcript, log)


def _session_end(
    visit: Visit, terms: Terms, grant: "Grant", transcript: Path, log: Path
) -> SessionEnd:
    said = read_messages(visit.log)
    return SessionEnd(terms.session_id, visit.why, visit.reason, grant, said, transcript, log)


def _guest(bench: "Bench", sdk: Sdk, terms: Terms) -> Guest:
    imported, imported_from = library(bench)
    if bench.sandbox.isolated:
        mounts, place, command_line = sdk.mounts(), SDK, f"{SDK}/{COMMAND_LINE}"
    else:
        links = _links(bench.runtime / "sdk", sdk)
        mounts = (*sdk.mounts(), Mount(links, SDK))
        place, command_line = str(links), str(sdk.command_line)

    def program(inside: Inside) -> dict[str, Any]:
        arguments = {
            "sdk": place,
            "command_line": command_line,
            "folder": inside.view,
            "environment": {**_environment(inside, terms), "PYTHONPATH": imported_from},
            "session": terms.session_id,
            "resume": terms.resume,
            "prompt": _prompt(inside, terms),
            "contract": terms.contract,
            "model": inside.model,
            "effort": terms.effort,
            "max_turns": terms.max_turns,
        }
        return {"module": Path(worker.__file__).stem, "arguments": arguments}

    return Guest(program, modules=(Path(worker.__file__),), mounts=(imported, *mounts))


def _prompt(inside: Inside, terms: Terms) -> str:
    """The contract names places of a box with a file system of its own; elsewhere they differ."""
    if inside.view == WORK:
        return terms.prompt
    places = f"{WORK} is {inside.view} here, and {EVIDENCE} is {inside.evidence}"
    return f"{terms.prompt}\n\n({places}.)"


def _environment(inside: Inside, terms: Terms) -> dict[str, str]:
    """Of the command line, beside what every box has. The token opens this gateway alone."""
    oauth = terms.authentication == "oauth"
    return {
        **QUIET,
        "CLAUDE_CONFIG_DIR": f"{inside.state}/config",
        "ANTHROPIC_BASE_URL": inside.base_url,
        "CLAUDE_CODE_OAUTH_TOKEN" if oauth else "ANTHROPIC_API_KEY": inside.token,
    }


def _links(folder: Path, sdk: Sdk) -> Path:
    """The SDK's entries in a folder of their own, which can be listed where theirs may not."""
    if not folder.is_dir():
        building = folder.with_name(".sdk")
        building.mkdir(exist_ok=True)
        building.chmod(0o755)  # whatever this user's umask
        for entry in sdk.entries:
            (building / entry.name).unlink(missing_ok=True)
            (building / entry.name).symlink_to(entry)
        building.rename(folder)
    return folder
