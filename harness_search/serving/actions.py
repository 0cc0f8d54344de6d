"""What a page may ask of the launch at work, by its control socket as the commands do."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from harness_search.layout import Layout
from harness_search.service import directing
from harness_search.service.asking import AskError, NobodyThereError


class RefusedError(Exception):
    """It was not done; the sentence says why."""


def _pause(layout: Layout) -> str:
    return directing.pause(layout).sentence


def _resume(layout: Layout) -> str:
    return directing.resume(layout).sentence


def _stop(layout: Layout, *, now: bool) -> str:
    return directing.stop(layout, now=now).sentence


ACTIONS: Mapping[str, Callable[[Layout], str]] = MappingProxyType(
    {
        "pause": _pause,
        "resume": _resume,
        "stop": partial(_stop, now=False),
        "stop now": partial(_stop, now=True),
    }
)


def carry_out(layout: Layout, ask: str) -> str:
    """What came of it, in one sentence; raises RefusedError."""
    if ask not in ACTIONS:
        raise RefusedError(f"What may be asked is: {', '.join(ACTIONS)}.")
    try:
        return ACTIONS[ask](layout)
    except NobodyThereError as error:
        raise RefusedError("Nothing runs here: `meta-harness start` begins or goes on.") from error
    except AskError as error:
        said = str(error).replace(f"{layout.root}/", "")
        raise RefusedError(f"{said[:1].upper()}{said[1:]}.") from error
