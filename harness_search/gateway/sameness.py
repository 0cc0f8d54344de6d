"""What counts as the same in two requests of a conversation, though it is sent in another form.

Clients move cache breakpoints on with every call, send a reply back without its empty fields, and
give a text as such in one call and as one block in the next. None of it changes what was said.
"""

import json
from hashlib import blake2b
from typing import Any

HOLD_BLOCKS = frozenset({"content", "system", "tools"})
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def without_breakpoints(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a message or a request as they are, but for `cache_control` on blocks and tools."""
    return {
        key: _blocks(value, plain=False) if key in HOLD_BLOCKS else value
        for key, value in fields.items()
    }


def digest_of_message(message: dict[str, Any]) -> bytes:
    """Equal for messages that count as the same."""
    plain = {key: value for key, value in message.items() if value is not None}
    return _digest({**plain, "content": _blocks(message.get("content"), plain=True)})


def digest_of_value(key: str, value: object) -> bytes:
    """Equal for values of one key of a request that count as the same."""
    return _digest([key, _plain(key, value)])


def digest_of_values(values: dict[str, Any]) -> bytes:
    """Equal for values of several keys that all count as the same."""
    return _digest([{key: _plain(key, value) for key, value in values.items()}])


def digest_of_both(first: bytes, then: bytes) -> bytes:
    """The digest of a sequence, from those of its beginning and of what follows."""
    return blake2b(first + then, digest_size=16, person=b"sequence").digest()


def _digest(value: object) -> bytes:
    return blake2b(_CANONICAL.encode(value).encode(errors="surrogatepass"), digest_size=16).digest()


def _plain(key: str, value: object) -> object:
    return _blocks(value, plain=True) if key in HOLD_BLOCKS else value


def _blocks(blocks: Any, *, plain: bool, in_result: bool = False) -> Any:
    """Blocks or tools without breakpoints; `plain` gives the one form of all that is the same."""
    if plain and isinstance(blocks, str):
        return [{"type": "text", "text": blocks}]
    if not isinstance(blocks, list):
        return blocks
    return [
        _block(block, plain, in_result) if isinstance(block, dict) else block for block in blocks
    ]


def _block(block: dict[str, Any], plain: bool, in_result: bool) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in block.items()
        if key != "cache_control" and not (plain and value is None)
    }
    # A result inside a result is not the API's: to follow it would be to follow a hostile depth.
    if kept.get("type") == "tool_result" and "content" in kept and not in_result:
        kept["content"] = _blocks(kept["content"], plain=plain, in_result=True)
    return kept
