"""Which sandboxes work here, and which one a run takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness_search.doctor.report import Finding, failed, warned
from harness_search.sandbox.box import Capabilities
from harness_search.sandbox.choice import AUTO, BWRAP, NONE, SANDBOXES, make_sandbox
from harness_search.sandbox.inside import landlock


@dataclass(frozen=True, slots=True)
class Confinement:
    """What was found of the means to shut code in."""

    sandboxes: Mapping[str, Capabilities]
    """What their probes said, the strongest first; without `none`."""
    landlock: int
    """ABI; 0 for none."""
    seccomp: bool

    @property
    def auto(self) -> str | None:
        """The sandbox that `auto` takes; None when none works."""
        return next((name for name, found in self.sandboxes.items() if found.usable), None)


def look_at_sandboxes() -> Confinement:
    """Probe each by running it."""
    return Confinement(
        sandboxes={name: make_sandbox(name).probe() for name in SANDBOXES if name != NONE},
        landlock=landlock.abi(),
        seccomp=Path("/proc/sys/kernel/seccomp/actions_avail").exists(),
    )


def findings_of_sandboxes(found: Confinement, backend: str, begun_in: str = "") -> list[Finding]:
    """A row for each, for what is taken, and for what they are made of.

    `backend` is what the settings ask for, `begun_in` the sandbox of the search so far, if any.
    """
    return [
        *(_sandbox(name, capabilities) for name, capabilities in found.sandboxes.items()),
        *_choice(found, backend, begun_in),
        *_kernel(found),
    ]


def _sandbox(name: str, found: Capabilities) -> Finding:
    if found.usable:
        return Finding(f"sandbox {name}", f"works ({found.reason})" if found.reason else "works")
    return warned(f"sandbox {name}", found.reason, found.remedy)


def _choice(found: Confinement, backend: str, begun_in: str) -> list[Finding]:
    """What is taken; a search goes on in the sandbox that it was begun in."""
    known = backend == AUTO and begun_in in found.sandboxes
    asked = begun_in if known else backend
    wanted = list(found.sandboxes) if asked == AUTO else [asked]
    taken = next((name for name in wanted if found.sandboxes[name].usable), None)
    name = "search goes on in" if known else "a run takes"
    if taken is None:
        value = f"{' and '.join(wanted)} {'do' if len(wanted) > 1 else 'does'} not work"
        return [failed(name, value, _ways(found, wanted))]
    return [Finding(name, taken), *_change(begun_in, taken)]


def _change(begun_in: str, taken: str) -> list[Finding]:
    if not begun_in or taken == begun_in:
        return []
    same = "--unsafe-no-sandbox" if begun_in == NONE else f"sandbox.backend set to {begun_in}"
    fix = f"go on with {same}, or set the search aside with --fresh"
    return [failed("search begun in", f"{begun_in}, which is not {taken}", fix)]


def _ways(found: Confinement, wanted: list[str]) -> str:
    """Every way out, where none of those wanted works."""
    weaker = [f"set sandbox.backend to {found.auto}"] if found.auto else []
    remedies = [found.sandboxes[name].remedy for name in wanted if found.sandboxes[name].remedy]
    return "; or ".join([*remedies, *weaker, "run with --unsafe-no-sandbox"])


def _kernel(found: Confinement) -> list[Finding]:
    return [
        Finding("landlock", f"ABI {found.landlock}")
        if found.landlock
        else warned("landlock", "the kernel has none, or has it switched off"),
        Finding("seccomp", "works")
        if found.seccomp
        else warned("seccomp", "the kernel has no system call filters"),
        Finding("namespaces", "allowed")
        if found.sandboxes[BWRAP].usable
        else warned("namespaces", "not shown to be allowed", "see sandbox bwrap"),
    ]
