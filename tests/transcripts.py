"""Messages and transcripts as the tests write them, and the one form of all that is the same."""

from contextlib import closing
from pathlib import Path
from typing import Any

from harness_search.gateway.transcript import TranscriptWriter, read_transcript

Message = dict[str, Any]


def user(content: Any) -> Message:
    return {"role": "user", "content": content}


def assistant(content: Any) -> Message:
    return {"role": "assistant", "content": content}


def text_block(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


def reply_of(text: str, *, tokens: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    usage = {"input_tokens": tokens[0], "output_tokens": tokens[1]}
    return {"role": "assistant", "content": [text_block(text)], "usage": usage}


def asked(file: Path) -> list[list[Message]]:
    return [exchange.request["messages"] for exchange in read_transcript(file)]


def record(file: Path, *calls: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Calls that follow each other, numbered from 1, each answered with 200."""
    with closing(TranscriptWriter(file)) as writer:
        for number, (request, reply) in enumerate(calls, start=1):
            writer.request(number, f"digest {number}", request)
            writer.reply(number, 200, reply)


# What counts as the same.


def plain(request: dict[str, Any]) -> dict[str, Any]:
    """A request in the one form of all that counts as the same."""
    blocks = {key: plain_blocks(request[key]) for key in ("system", "tools") if key in request}
    return {**request, **blocks, "messages": [plain_message(each) for each in request["messages"]]}


def plain_message(message: Message) -> Message:
    kept = {key: value for key, value in message.items() if value is not None}
    return {**kept, "content": plain_blocks(message["content"])}


def plain_blocks(content: Any, depth: int = 0) -> Any:
    if isinstance(content, str):
        return [text_block(content)]
    if not isinstance(content, list):
        return content
    return [plain_block(block, depth) if isinstance(block, dict) else block for block in content]


def plain_block(block: dict[str, Any], depth: int) -> dict[str, Any]:
    kept = {key: block[key] for key in block if block[key] is not None and key != "cache_control"}
    if kept.get("type") == "tool_result" and "content" in kept and depth == 0:
        kept["content"] = plain_blocks(kept["content"], 1)
    return kept


def dressed(message: Message, how: frozenset[str]) -> Message:
    """The same message as another client, or a later call, would send it."""
    content = message["content"]
    if "block" in how and isinstance(content, str):
        content = [text_block(content)]
    if isinstance(content, list) and content:
        last = dict(content[-1])
        if "mark" in how:
            last["cache_control"] = {"type": "ephemeral"}
        if "null" in how:
            last["citations"] = None
        content = [*content[:-1], last]
    return {**message, "content": content}
