"""Usage by the API's rules of prompt caching.

A breakpoint writes the prompt up to it; a later request reads the longest prefix that was written
no more than 20 blocks before one of its own breakpoints. Blocks count in the order tools, system,
messages.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness_search.simulated.prompts import PromptBlock, prompt_blocks

SHORT, LONG = "5m", "1h"
LIFETIMES = {LONG: 3600.0, SHORT: 300.0}  # seconds since an entry was last written or read
MOST_BREAKPOINTS = 4
LOOKBACK = 20  # blocks, the breakpoint's own among them
MINIMUM_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Write:
    """What one breakpoint adds to the cache."""

    prefix: bytes
    ttl: str
    tokens: int
    """Beyond what was read or written for the breakpoints before it."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """What one request finds in the cache, and would put into it."""

    total: int
    """Tokens of the whole prompt."""
    read: int
    used: tuple[tuple[bytes, str], ...]
    """Entries that were read, with their lifetimes: reading makes them live on."""
    writes: tuple[Write, ...]

    def usage(self, output_tokens: int) -> dict[str, Any]:
        """The reply's `usage`; prompt tokens of the three kinds always sum to the prompt."""
        written = {ttl: self._written(ttl) for ttl in LIFETIMES}
        return {
            "input_tokens": self.total - self.read - sum(written.values()),
            "cache_creation_input_tokens": sum(written.values()),
            "cache_read_input_tokens": self.read,
            "output_tokens": output_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written[SHORT],
                "ephemeral_1h_input_tokens": written[LONG],
            },
        }

    def _written(self, ttl: str) -> int:
        return sum(write.tokens for write in self.writes if write.ttl == ttl)


class PromptCache:
    """The prompt cache of one account, for any number of models.

    A prefix can be read once the response to the request that wrote it has begun. So there are two
    steps: `look_up` when a request comes in, `commit` when its response begins.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        minimum_tokens: int = MINIMUM_TOKENS,
    ) -> None:
        self._clock = clock
        self._minimum_tokens = minimum_tokens
        self._expiries: dict[str, dict[bytes, float]] = {ttl: {} for ttl in LIFETIMES}
        """By lifetime, the time at which each prefix expires; the first to expire comes first."""

    def __len__(self) -> int:
        """Prefixes that are held."""
        return sum(map(len, self._expiries.values()))

    def usage(self, request: dict[str, Any], output_tokens: int) -> dict[str, Any]:
        """Usage of a request that is answered at once; raises ValueError as `look_up` does."""
        found = self.look_up(request)
        self.commit(found)
        return found.usage(output_tokens)

    def look_up(self, request: dict[str, Any]) -> LookUp:
        """What a request would read and write now; raises ValueError on unsound breakpoints."""
        blocks = prompt_blocks(request)
        problem = _problem_of(blocks, request)
        if problem:
            raise ValueError(problem)
        prefixes, totals = _prefixes(str(request.get("model")), blocks)
        breakpoints = {
            place: ttl
            for place, ttl in _breakpoints(blocks, request).items()
            if totals[place] >= self._minimum_tokens
        }
        hits = [hit for place in breakpoints if (hit := self._hit(prefixes, place)) is not None]
        end = max((place for place, _ in hits), default=-1)
        return LookUp(
            total=totals[-1] if totals else 0,
            read=totals[end] if hits else 0,
            used=tuple((prefixes[place], ttl) for place, ttl in hits),
            writes=_writes(breakpoints, end, prefixes, totals),
        )

    def commit(self, found: LookUp) -> None:
        """The response begins: what it wrote can be read, and what it read lives on."""
        for prefix, ttl in found.used:
            self._store(prefix, ttl)
        for write in found.writes:
            self._store(write.prefix, write.ttl)
        self._forget_expired()

    def _hit(self, prefixes: Sequence[bytes], place: int) -> tuple[int, str] | None:
        """The nearest written prefix that a breakpoint finds, with its lifetime."""
        now = self._clock()
        for earlier in range(place, max(-1, place - LOOKBACK), -1):
            for ttl, expiries in self._expiries.items():
                if expiries.get(prefixes[earlier], now) > now:
                    return earlier, ttl
        return None

    def _store(self, prefix: bytes, ttl: str) -> None:
        self._expiries[ttl].pop(prefix, None)
        self._expiries[ttl][prefix] = self._clock() + LIFETIMES[ttl]

    def _forget_expired(self) -> None:
        now = self._clock()
        for expiries in self._expiries.values():
            while expiries and next(iter(expiries.values())) <= now:
                del expiries[next(iter(expiries))]


def caching_problem_of(request: dict[str, Any]) -> str:
    """What is wrong with a sound request's breakpoints, in the API's manner; empty if nothing."""
    return _problem_of(prompt_blocks(request), request)


def _problem_of(blocks: Sequence[PromptBlock], request: dict[str, Any]) -> str:
    automatic = request.get("cache_control")
    marks = [block.mark for block in blocks if block.mark is not None]
    if not all(map(_is_sound, [*marks, automatic] if automatic is not None else marks)):
        return "cache_control: type must be ephemeral, and ttl 5m or 1h"
    if any(block.mark is not None and not block.cacheable for block in blocks):
        return "cache_control: cannot be set on thinking blocks or empty text blocks"
    if automatic is not None and _automatic_clashes(blocks, automatic):
        return "cache_control: the last block has a breakpoint with another ttl"
    breakpoints = _breakpoints(blocks, request)
    if len(breakpoints) > MOST_BREAKPOINTS:
        return (
            f"A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(breakpoints)}."
        )
    ttls = list(breakpoints.values())
    if ttls != sorted(ttls, key=lambda ttl: ttl == SHORT):
        return "cache_control: a block with ttl 1h must not come after a block with ttl 5m"
    return ""


def _is_sound(mark: Any) -> bool:
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral":
        return False
    ttl = mark.get("ttl", SHORT)
    return isinstance(ttl, str) and ttl in LIFETIMES


def _automatic_clashes(blocks: Sequence[PromptBlock], automatic: Any) -> bool:
    place = _last_cacheable(blocks)
    explicit = blocks[place].mark if place is not None else None
    return explicit is not None and _ttl(explicit) != _ttl(automatic)


def _breakpoints(blocks: Sequence[PromptBlock], request: dict[str, Any]) -> dict[int, str]:
    """The lifetime asked for at each marked block, by place in the prompt and in its order."""
    found = {
        place: _ttl(block.mark) for place, block in enumerate(blocks) if block.mark is not None
    }
    last = _last_cacheable(blocks)
    if request.get("cache_control") is not None and last is not None:
        found[last] = _ttl(request["cache_control"])
    return dict(sorted(found.items()))


def _ttl(mark: Any) -> str:
    return str(mark.get("ttl", SHORT))


def _last_cacheable(blocks: Sequence[PromptBlock]) -> int | None:
    places = range(len(blocks) - 1, -1, -1)
    return next((place for place in places if blocks[place].cacheable), None)


def _prefixes(model: str, blocks: Sequence[PromptBlock]) -> tuple[list[bytes], list[int]]:
    """Digest and tokens of the prompt up to and with each block; a cache serves one model."""
    digest, total = hashlib.sha256(hashlib.sha256(model.encode()).digest()), 0
    prefixes, totals = [], []
    for block in blocks:
        digest.update(hashlib.sha256(block.identity.encode()).digest())
        total += block.tokens
        prefixes.append(digest.digest())
        totals.append(total)
    return prefixes, totals


def _writes(
    breakpoints: dict[int, str], end: int, prefixes: Sequence[bytes], totals: Sequence[int]
) -> tuple[Write, ...]:
    """One write for every breakpoint beyond the block at `end`, where reading ended."""
    writes = []
    for place, ttl in breakpoints.items():
        if place > end:
            before = totals[end] if end >= 0 else 0
            writes.append(Write(prefixes[place], ttl, totals[place] - before))
            end = place
    return tuple(writes)
