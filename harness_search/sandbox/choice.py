"""Which sandbox harness code is shut in: the strongest that works here, or the one asked for."""

from collections.abc import Sequence
from pathlib import Path

from harness_search.errors import InputError
from harness_search.sandbox.box import Capabilities, Sandbox

BWRAP, LANDLOCK, NONE = "bwrap", "landlock", "none"
SANDBOXES = (BWRAP, LANDLOCK, NONE)
"""The strongest first."""
AUTO = "auto"


def make_sandbox(name: str, secrets: Sequence[Path] = ()) -> Sandbox:
    """A sandbox by its name, unproven; `secrets` are folders that no box may see."""
    if name not in SANDBOXES:
        raise ValueError(f"no sandbox is called {name!r}")
    if name == BWRAP:
        from harness_search.sandbox.bubblewrap import BubblewrapSandbox

        return BubblewrapSandbox(secrets)
    from harness_search.sandbox.direct import DirectSandbox

    return DirectSandbox(name, secrets, confined=name == LANDLOCK)


def strongest() -> str | None:
    """What `auto` takes; None when only `none` is left."""
    return next((name for name in (BWRAP, LANDLOCK) if make_sandbox(name).probe().usable), None)


def choose(wanted: str, *, unsafe: bool, file: Path) -> str:
    """The name of the sandbox to run in, proven by running it.

    Raises InputError when what is wanted does not work here: a weaker one is no substitute.
    """
    if unsafe:
        return NONE
    tried: list[tuple[str, Capabilities]] = []
    for name in (BWRAP, LANDLOCK) if wanted == AUTO else (wanted,):
        found = make_sandbox(name).probe()
        if found.usable:
            return name
        tried.append((name, found))
    problems = "; ".join(f"{name}: {_complaint(found)}" for name, found in tried)
    raise InputError(
        file,
        "sandbox.backend",
        f"{wanted!r}, and no such sandbox works here ({problems})",
        "one that does (see `meta-harness doctor`), or the flag --unsafe-no-sandbox",
    )


def _complaint(found: Capabilities) -> str:
    return f"{found.reason} ({found.remedy})" if found.remedy else found.reason
