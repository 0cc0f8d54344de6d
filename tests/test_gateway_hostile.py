"""Hostile clients that hold a token: nobody else is disturbed.

Whatever a harness sends, it gets an error in the API's shape or a closed connection; its rollout
never counts as lost, the run goes on, and a well-behaved client beside it is answered.
"""

import asyncio
import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from doors import HELLO, MODEL, Door, budget_of, sound
from hypothesis import given
from hypothesis import strategies as st
from scripted_api import HANGS, Answer, failure, message
from sieges import answer_to, asked_of, connect, head, is_answered, is_refusal, siege, whole

from harness_kit.model import Model, ModelError
from harness_search.gateway.budget import Amount
from harness_search.gateway.concurrency import AdaptiveLimit
from harness_search.gateway.grants import Grant
from harness_search.gateway.requests import problem_of
from harness_search.gateway.rights import breach_of
from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import Garbage, Status

LIMITS = "harness_search.gateway"
ASKED = len(sound())


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for the rest of a body that was refused."""
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_TO_LINGER", 0.1)


# What is no HTTP, or says one thing to one reader and another thing to the next.

CHUNKED = "Transfer-Encoding: chunked"
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade")
IN_CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (ASKED, sound())
MALFORMED: dict[str, Callable[[Grant], bytes]] = {
    "words": lambda grant: b"hello\r\n\r\n",
    "bytes": lambda grant: bytes(range(256)) * 100,
    "another protocol": lambda grant: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version": lambda grant: whole(grant, start="POST /v1/messages HTTP/9.9"),
    "a method": lambda grant: whole(grant, start="HACK /v1/messages HTTP/1.1"),
    "bare line feeds": lambda grant: whole(grant).replace(b"\r\n", b"\n"),
    "no host": lambda grant: whole(grant).replace(b"Host: x\r\n", b""),
    "two hosts": lambda grant: whole(grant, "Host: y"),
    "no colon": lambda grant: whole(grant, "nonsense"),
    "a zero byte": lambda grant: whole(grant, "x: a\0b"),
    "a folded header": lambda grant: whole(grant, "x: a", "  b"),
    "a bare return": lambda grant: whole(grant, "anthropic-beta: a\rx-evil: b"),
    "many headers": lambda grant: whole(grant, *(f"x-{n}: y" for n in range(10_000))),
    "a long header": lambda grant: whole(grant, "x: " + "a" * 1_000_000),
    "a long path": lambda grant: whole(grant, start=f"POST /{'a' * 1_000_000} HTTP/1.1"),
    "a negative length": lambda grant: head(grant, "Content-Length: -5") + sound(),
    "a huge length": lambda grant: head(grant, f"Content-Length: {'9' * 40}") + sound(),
    "a length in words": lambda grant: head(grant, "Content-Length: many") + sound(),
    "a length too large": lambda grant: head(grant, length=40 * 1024 * 1024),
    "a list of lengths": lambda grant: head(grant, f"Content-Length: {ASKED}, {ASKED}") + sound(),
    "two lengths": lambda grant: whole(grant, "Content-Length: 5"),
    "one length twice": lambda grant: whole(grant, f"Content-Length: {ASKED}"),
    "length and chunks": lambda grant: whole(grant, CHUNKED, body=IN_CHUNKS),
    "no length": lambda grant: head(grant, "Connection: close") + sound(),
    "another coding": lambda grant: head(grant, "Transfer-Encoding: xchunked") + IN_CHUNKS,
    "two codings": lambda grant: head(grant, CHUNKED, "Transfer-Encoding: identity") + IN_CHUNKS,
    "a chunk's size in words": lambda grant: head(grant, CHUNKED) + b"zz\r\n",
    "a chunk's negative size": lambda grant: head(grant, CHUNKED) + b"-1\r\n",
    "a chunk's huge size": lambda grant: head(grant, CHUNKED) + b"f" * 40 + b"\r\n",
    "a chunk without end": lambda grant: head(grant, CHUNKED) + b"5\r\nhelloXX",
    "many trailers": lambda grant: head(grant, CHUNKED) + b"0\r\n" + b"a: b\r\n" * 10_000,
    "a compressed body": lambda grant: whole(
        grant, "Content-Encoding: gzip", body=gzip.compress(sound())
    ),
    "a bomb": lambda grant: whole(
        grant, "Content-Encoding: gzip", body=gzip.compress(b" " * 50_000_000)
    ),
    "no compressed body": lambda grant: whole(grant, "Content-Encoding: deflate"),
    "more than was announced": lambda grant: head(grant, "Connection: close", length=5) + sound(),
    "a tunnel": lambda grant: head(grant, start="CONNECT evil:443 HTTP/1.0"),
    "an asterisk": lambda grant: whole(grant, start="OPTIONS * HTTP/1.1"),
    "another path": lambda grant: whole(grant, start="POST //v1/messages HTTP/1.1"),
    "another host's path": lambda grant: whole(grant, start="POST //evil/v1/messages HTTP/1.1"),
    "a way round": lambda grant: whole(grant, start="POST /v1/x/%2e%2e/messages HTTP/1.1"),
    "half a percent": lambda grant: whole(grant, start="POST /v1/messages%ff%zz HTTP/1.1"),
    "a longer path": lambda grant: whole(grant, start="POST /v1/messages/ HTTP/1.1"),
    "a token elsewhere": lambda grant: whole(
        grant,
        f"x-token: {grant.token}",
        start=f"POST /v1/messages?x-api-key={grant.token} HTTP/1.1",
    ).replace(b"x-api-key: ", b"x-other-key: "),
    "a token as a password": lambda grant: whole(
        grant, f"Authorization: Basic {grant.token}"
    ).replace(b"x-api-key: ", b"x-other-key: "),
    "a token of bytes": lambda grant: whole(grant).replace(grant.token.encode(), b"\xff\xfe"),
    "a version of bytes": lambda grant: whole(grant, "anthropic-version: \xff\xfe"),
    "a version of signs": lambda grant: whole(grant, "anthropic-version: 1/../2"),
    "a feature of bytes": lambda grant: whole(grant, "anthropic-beta: \xff\xfe"),
    "a feature of signs": lambda grant: whole(grant, "anthropic-beta: a b"),
    "a dearer feature": lambda grant: whole(grant, "anthropic-beta: a, context-1m-2025-08-07"),
}


async def test_what_is_no_sound_http_is_refused_and_reaches_nobody(short_folder: Path) -> None:
    async with siege(short_folder) as door:
        for name, attack in MALFORMED.items():
            answer = await answer_to(door, attack(door.grant))
            assert is_refusal(answer), (name, answer)
            assert asked_of(door) == [], name
            await is_answered(door)


ODD: dict[str, Callable[[Grant], bytes]] = {
    "1.0": lambda grant: whole(grant, start="POST /v1/messages HTTP/1.0"),
    "chunks": lambda grant: head(grant, CHUNKED, "Connection: close") + IN_CHUNKS,
    "absolute": lambda grant: whole(grant, start="POST http://evil/v1/messages HTTP/1.1"),
    "percent": lambda grant: whole(grant, start="POST /v1/%6Dessages HTTP/1.1"),
    "query": lambda grant: whole(
        grant, start="POST /v1/messages?beta=true%0d%0ax:y&a=%00#z HTTP/1.1"
    ),
    "asks first": lambda grant: whole(grant, "Expect: 100-continue"),
    "expects wonders": lambda grant: whole(grant, "Expect: wonders"),
    "upgrade": lambda grant: whole(grant, *UPGRADE),
    "headers": lambda grant: whole(
        grant,
        *("Cookie: a=b", "X-Simulated-Noise: mine", "X-Forwarded-For: evil", "Forwarded: for=x"),
        *("Authorization: Bearer other", "Content-Type: text/html", "Accept-Encoding: gzip"),
    ),
}


PLAIN_HEADERS = {
    *("host", "content-type", "content-length", "accept", "accept-encoding", "user-agent"),
    *("anthropic-version", "x-api-key"),
}


async def test_of_an_odd_request_the_provider_sees_a_plain_one(short_folder: Path) -> None:
    async with siege(short_folder) as door:
        for name, request in ODD.items():
            answer = await answer_to(door, request(door.grant))
            asked = asked_of(door)[-1]
            assert b" 200 OK\r\n" in answer, name
            assert (asked.path, asked.body) == ("/v1/messages", sound()), name
            assert {header.lower() for header in asked.headers} == PLAIN_HEADERS, name
            assert asked.headers["content-type"] == "application/json", name
        assert len(asked_of(door)) == len(ODD)


async def test_a_request_hidden_in_anothers_body_is_never_sent(short_folder: Path) -> None:
    hidden = b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    async with siege(short_folder) as door:
        for body in (sound() + hidden, hidden, sound(system=hidden.decode())):
            await answer_to(door, whole(door.grant, body=body))
        (asked,) = asked_of(door)
    assert asked.path == "/v1/messages"


async def test_requests_sent_without_waiting_are_answered_one_by_one(short_folder: Path) -> None:
    async with siege(short_folder) as door:
        several = (head(door.grant, length=ASKED) + sound()) * 300
        answer = await answer_to(door, several + whole(door.grant))
    assert answer.count(b"HTTP/1.1 200 OK") == 301


async def test_ten_thousand_requests_end_at_the_senders_own_limit(short_folder: Path) -> None:
    async with siege(short_folder, most_requests=50) as door:
        small = head(door.grant, length=2) + b"{}"
        answer = await answer_to(door, small * 9_999 + whole(door.grant))
        assert asked_of(door) == []
        assert door.grant.requests == 10_000
    assert answer.count(b"HTTP/1.1 400") == 10_000
    assert "50 requests" in door.grant.limit_reached


# What is JSON, and no request; or one that no token grants.

DEEP = "[" * 200 + "]" * 200
DEEPER = "[" * 5_000 + "]" * 5_000


def raw(field: str, value: str) -> bytes:
    """A sound request with one more field, in so many words."""
    return sound()[:-1] + f', "{field}": {value}}}'.encode()


def said(*content: object, role: str = "user") -> bytes:
    return sound(messages=[*HELLO, {"role": role, "content": list(content)}])


def source(**fields: object) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", **fields}}


def nested(levels: int) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(levels):
        block = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    return block


def nested_documents(levels: int) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(levels):
        block = {"type": "document", "source": {"type": "content", "content": [block]}}
    return block


def nested_results(levels: int) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(levels):
        block = {"type": "search_result", "source": "x", "title": "x", "content": [block]}
    return block


REFUSED: dict[str, bytes] = {
    "no number": raw("temperature", "NaN"),
    "no bounds": raw("temperature", "-Infinity"),
    "bounds passed": raw("temperature", "1e999"),
    "many digits": raw("top_k", "9" * 5_000),
    "names twice": raw("metadata", '{"user_id": "a", "user_id": "b"}'),
    "one name in two spellings": raw("mod\\u0065l", '"dearer"'),
    "deep": raw("metadata", DEEP),
    "deeper": raw("metadata", DEEPER),
    "a deep schema": raw("tools", f'[{{"name": "x", "input_schema": {DEEPER}}}]'),
    "half a name": raw("\\ud800", "1"),
    "a long name": raw("x" * 1_000_000, "1"),
    "a tier of lists": sound(service_tier=["auto"]),
    "tokens as truth": sound(max_tokens=True),
    "a model of lists": sound(model=[MODEL]),
    "a model in capitals": sound(model=MODEL.upper()),
    "a model with a suffix": sound(model=f"{MODEL}:online"),
    "a model with a space": sound(model=f"{MODEL} "),
    "a role of lists": sound(messages=[{"role": ["user"], "content": "x"}]),
    "a field of a message": sound(messages=[{**HELLO[0], "file": "x"}]),
    "content of objects": sound(messages=[{"role": "user", "content": {"type": "text"}}]),
    "an identity of numbers": said({"type": "tool_use", "id": 5, "name": "x", "input": {}}),
    "blocks within blocks": said(nested(50)),
    "documents within documents": said(nested_documents(30)),
    "results within results": said(nested_results(40)),
    "an address in a source": said(source(url="http://x")),
    "an address as the source": said({"type": "image", "source": "http://x"}),
    "an address beside it": said({"type": "image", "image_url": {"url": "http://x"}}),
    "a file": said({"type": "document", "file_id": "file_1"}),
    "a kind of lists": said({"type": "image", "source": {"type": ["base64"]}}),
    "content of a text": said({"type": "text", "text": "x", "content": {"type": "image"}}),
    "words among blocks": sound(system=["http://x"]),
    "a search": sound(tools=[{"type": "web_search_20260318", "name": "custom"}]),
    "a search later on": said(
        {
            "type": "tool_addition",
            "tool": {"type": "tool_definition", "definition": {"type": "web"}},
        },
        role="system",
    ),
    "servers later on": said(
        {"type": "tool_addition", "tool": {"type": "mcp_toolset_reference", "server_name": "x"}},
        role="system",
    ),
    "a summary that is not counted": sound(
        context_management={"edits": [{"type": "compact_20260112"}]}
    ),
    "edits of words": sound(context_management={"edits": "compact"}),
    "a tool of words": sound(tools=["web_search"]),
    "another's thread": sound(thread={"type": "continue", "id": "x"}),
    "a fallback": sound(fallbacks="default"),
    "another bill": sound(billing_policy={"x": 1}),
}


async def test_what_no_token_grants_is_refused_in_a_few_words(short_folder: Path) -> None:
    async with siege(short_folder) as door:
        for name, body in REFUSED.items():
            answer = await answer_to(door, whole(door.grant, body=body))
            assert is_refusal(answer), (name, answer)
            assert b"HTTP/1.1 4" in answer, name
            assert len(answer) < 1_000, name
            assert asked_of(door) == [], name


@pytest.mark.parametrize(
    "body",
    [
        sound(context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}),
        said({"type": "text", "text": "Today is Friday."}, role="system"),
        said(
            {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "x"}},
            role="system",
        ),
        said(nested(3)),
        sound().replace(b"hello", b"\\ud800 half a character"),
        raw("metadata", '{"user_id": "' + "é" * 100_000 + '"}'),
    ],
)
async def test_what_only_shapes_the_reply_goes_through_byte_by_byte(
    short_folder: Path, body: bytes
) -> None:
    async with siege(short_folder) as door:
        assert b"200 OK" in await answer_to(door, whole(door.grant, body=body))
        assert [one.body for one in asked_of(door)] == [body]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "content", "source", "tool", "edits", "role", "text", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ANY_FIELD = st.sampled_from(
    ["messages", "system", "tools", "context_management", "service_tier", "max_tokens", "stream"]
)


@given(st.dictionaries(ANY_FIELD, JSON, max_size=3) | JSON)
def test_any_json_is_judged_without_an_error(content: object) -> None:
    request = {**json.loads(sound()), **content} if isinstance(content, dict) else content
    if not problem_of(request):
        assert isinstance(breach_of(request), str)


@given(st.lists(JSON, max_size=3))
def test_any_content_is_judged_without_an_error(content: list[Any]) -> None:
    request = json.loads(said(*content).replace(b"NaN", b"0").replace(b"Infinity", b"0"))
    if not problem_of(request):
        assert isinstance(breach_of(request), str)


# Bodies that are too large, that never end, and that never come.


async def test_a_client_that_sends_40_megabytes_first_is_told_that_they_are_too_many(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_TO_LINGER", 10.0)
    async with siege(short_folder) as door:
        model = Model(str(door.gateway.socket), door.grant.token, MODEL)
        with pytest.raises(ModelError) as told:
            await asyncio.to_thread(
                model.complete,
                system="x" * 40 * 1024 * 1024,
                messages=HELLO,
                tools=[],
                max_tokens=5,
            )
        assert (told.value.status, told.value.kind) == (413, "request_too_large")
        assert asked_of(door) == []


async def test_chunks_without_end_are_too_large_at_some_point(short_folder: Path) -> None:
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    async with siege(short_folder) as door:
        _, writer = await connect(door)
        writer.write(head(door.grant, CHUNKED))
        with pytest.raises(ConnectionError):
            for _ in range(10_000):
                writer.write(chunk)
                await writer.drain()
        writer.close()
        assert asked_of(door) == []


@pytest.mark.parametrize("length", [ASKED + 1, 32 * 1024 * 1024, None])
async def test_a_body_that_never_ends_is_given_up_and_keeps_no_rollout_alive(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch, length: int | None
) -> None:
    monkeypatch.setattr(f"{LIMITS}.server.SECONDS_TO_SEND", 0.2)
    lines = ["Connection: close"] if length else ["Connection: close", CHUNKED]
    async with siege(short_folder) as door:
        answering = asyncio.create_task(
            answer_to(door, head(door.grant, *lines, length=length) + b"5\r\n{")
        )
        await begun(door)
        assert door.grant.in_flight == set()
        await door.grant.settled()
        answer = await answering
    assert b"408 Request Timeout" in answer
    assert is_refusal(answer)


async def begun(door: Door) -> None:
    """Wait until a request of the attacker's is being answered."""
    while not door.grant.answering:
        await asyncio.sleep(0.001)


async def test_a_head_that_never_ends_is_given_up(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_IDLE", 0.2)
    async with siege(short_folder) as door:
        for start in (b"", b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx: "):
            assert await answer_to(door, start) == b""


async def test_whoever_holds_every_connection_makes_room_for_others(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.MOST_CONNECTIONS", 20)

    def answer(number: int, content: Any) -> Answer:
        return (HANGS, None) if content["max_tokens"] == 7 else (200, message())

    async with siege(short_folder, answer, limit=AdaptiveLimit(start=500)) as door:
        hanging = head(door.grant, length=ASKED) + sound(max_tokens=7)
        for data in (b"", b"POST", hanging):
            writers = [(await connect(door))[1] for _ in range(100)]
            for writer in writers:
                writer.write(data)
            await is_answered(door)
            for writer in writers:
                writer.close()
        door.gateway.revoke(door.grant)


async def test_a_call_in_flight_makes_no_room_for_a_flood(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.MOST_CONNECTIONS", 20)
    flooded = asyncio.Event()
    async with siege(short_folder) as door:
        send = door.account.upstream.send

        async def slowly(request: Any) -> Any:
            await flooded.wait()
            return await send(request)

        door.account.upstream.send = slowly  # type: ignore[method-assign]
        call = asyncio.create_task(is_answered(door))
        while not door.account.state()["in_flight"]:
            await asyncio.sleep(0.001)
        writers = [(await connect(door))[1] for _ in range(100)]
        flooded.set()
        await call
        for writer in writers:
            writer.close()


GATEWAY_WITH_FEW_FILES = """
import asyncio, json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 256))
sys.path.insert(0, sys.argv[1])
from doors import opened_door, sound

async def main():
    async with opened_door(Path(sys.argv[2])) as door:
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            status, _, _ = await door.send("POST", "/v1/messages", sound())
            print(status, door.grant.failure, door.account.stopped, flush=True)

asyncio.run(main())
"""


def test_nobody_takes_the_files_that_others_are_answered_with(short_folder: Path) -> None:
    """Else the provider would look unreachable, and a bad rollout be run again."""
    command = [sys.executable, "-c", GATEWAY_WITH_FEW_FILES, str(Path(__file__).parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    root = str(Path(__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(
        [*command, str(short_folder)], text=True, env=environment, **pipes
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline() == "ready\n"
            held = []
            for _ in range(600):
                held.append(socket.socket(socket.AF_UNIX))
                held[-1].connect(str(short_folder / "gateway.sock"))
            for _ in range(3):
                process.stdin.write("ask\n")
                process.stdin.flush()
                assert process.stdout.readline().split() == ["200"]
            for connection in held:
                connection.close()
            process.stdin.close()
            assert process.stderr.read() == ""
        finally:
            process.kill()


# Clients that leave, or stay and do not read.

STAGES: dict[str, Callable[[Grant], bytes]] = {
    "before the head": lambda grant: b"POST /v1",
    "before the body": lambda grant: head(grant, length=ASKED),
    "within the body": lambda grant: head(grant, length=ASKED) + sound()[:20],
    "within a chunk": lambda grant: head(grant, CHUNKED) + b"10\r\nhello",
    "as the provider thinks": lambda grant: head(grant, length=ASKED) + sound(),
    "in mid-stream": lambda grant: whole(grant, body=sound(stream=True)),
}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_client_that_leaves_is_nobodys_failure(
    short_folder: Path, stage: str, half: bool
) -> None:
    thinking, left = asyncio.Event(), asyncio.Event()

    def answer(number: int, content: Any) -> Answer:
        thinking.set()
        return 200, message("word " * 2_000)

    async with siege(short_folder, answer) as door:
        send = door.account.upstream.send

        async def sent(request: Any) -> Any:
            found = await send(request)
            if b"neighbour" not in request.body:
                await left.wait()
            return found

        door.account.upstream.send = sent  # type: ignore[method-assign]
        reader, writer = await connect(door)
        data = STAGES[stage](door.grant)
        writer.write(data)
        await writer.drain()
        if stage in ("as the provider thinks", "in mid-stream"):
            await thinking.wait()
        if stage == "in mid-stream":
            left.set()
            await reader.readuntil(b"event:")
        if half:
            writer.write_eof()
        else:
            writer.transport.abort()
        left.set()
        await is_answered(door)
        await door.grant.settled()
        writer.close()
        paid = stage in ("as the provider thinks", "in mid-stream")
    assert door.grant.usage == (Usage(3, 2) if paid else Usage())


async def test_a_client_that_does_not_read_holds_no_place_that_others_wait_for(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return 200, message("word " * 100_000 if content.get("stream") else "done")

    async with siege(short_folder, answer, limit=AdaptiveLimit(start=1, most=1)) as door:
        _, writer = await connect(door, limit=1024)
        writer.write(whole(door.grant, body=sound(stream=True)))
        while not door.grant.calls:
            await asyncio.sleep(0.001)
        await is_answered(door)
        assert door.grant.in_flight  # it has not read yet
        writer.transport.abort()
    assert door.grant.usage == Usage(3, 2)


async def test_a_rollout_that_ends_in_mid_stream_leaves_nothing_behind(short_folder: Path) -> None:
    async with siege(short_folder, lambda number, content: (200, message("word " * 500))) as door:
        stream = door.account.upstream.send
        waiting = asyncio.Event()

        async def sent(request: Any) -> Any:
            found = await stream(request)
            if b"neighbour" not in request.body:
                pieces = found.chunks()

                async def chunks() -> AsyncIterator[bytes]:
                    yield await anext(pieces)
                    waiting.set()
                    await asyncio.Event().wait()

                found.chunks = chunks
            return found

        door.account.upstream.send = sent  # type: ignore[method-assign]
        _, writer = await connect(door)
        writer.write(whole(door.grant, body=sound(stream=True)))
        await waiting.wait()
        door.gateway.revoke(door.grant)
        await door.grant.settled()
        writer.close()


async def test_a_flood_does_not_make_a_refusal_look_like_an_outage(short_folder: Path) -> None:
    own = 0

    def answer(number: int, content: Any) -> Answer:
        nonlocal own
        if content["messages"] == HELLO:
            return 400, failure("invalid_request_error")
        own += content["max_tokens"] == 1
        return Status(429) if own <= 6 and content["max_tokens"] == 1 else (200, message())

    async with siege(short_folder, answer) as door:
        assert (await door.ask())[0] == 400
    assert own == 7


async def test_large_bodies_leave_time_for_everybody_else(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.server.LARGE_REQUEST", 10_000)
    monkeypatch.setattr(f"{LIMITS}.server.LARGE_BYTES_A_SECOND", 1)
    large = sound(metadata={"user_id": "x" * 10_000})
    async with siege(short_folder) as door:
        assert (await door.post(large))[0] == 200
        _, writer = await connect(door)
        writer.write(whole(door.grant, body=large))
        while not door.grant.in_flight:
            await asyncio.sleep(0.001)
        await is_answered(door)
        assert len(asked_of(door)) == 1  # the second large one has not had its turn
        door.gateway.revoke(door.grant)
        writer.close()


# Spending what is others', and filling what is everybody's.


async def test_a_request_that_is_refused_late_keeps_nothing_reserved(short_folder: Path) -> None:
    async with siege(short_folder, budget=budget_of(tokens=1_000_000)) as door:
        for line in ("anthropic-beta: \xff", "anthropic-version: \x01", "Content-Encoding: br"):
            await answer_to(door, whole(door.grant, line))
        await door.send("POST", "/v1/messages", sound(stream=True, max_tokens=0))
        assert door.account.budget.reserved == Amount()


async def test_no_request_is_so_dear_that_it_ends_the_run(short_folder: Path) -> None:
    async with siege(short_folder, budget=budget_of(tokens=1_500_000)) as door:
        status, _ = await door.ask(max_tokens=10_000_000)
        assert (status, door.account.stopped) == (200, "")


async def test_a_transcript_grows_to_its_limit_and_no_further(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.server.LARGEST_TRANSCRIPT", 100_000)
    async with siege(short_folder) as door:
        new = [[{"role": "user", "content": str(number) * 40_000}] for number in range(5)]
        statuses = [(await door.ask(messages=messages))[0] for messages in new]
        assert door.transcript.stat().st_size < 200_000
    assert statuses == [200, 200, 200, 400, 400]
    assert "transcript" in door.grant.limit_reached


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("levels", [150, 900])
async def test_a_model_that_was_made_to_nest_its_call_deeply_has_not_failed(
    short_folder: Path, levels: int, streaming: bool
) -> None:
    wanted: Any = "x"
    for _ in range(levels):
        wanted = [wanted]
    reply = message()
    reply["content"] = [{"type": "tool_use", "id": "t", "name": "x", "input": {"deep": wanted}}]
    asked = {"stream": True} if streaming else {}

    def answer(number: int, content: Any) -> Answer:
        if content["messages"] == HELLO and not streaming:
            return Garbage(json.dumps(reply), "application/json")
        return 200, (reply if content["messages"] == HELLO else message())

    async with siege(short_folder, answer, patience=0.1) as door:
        status, _, _ = await door.send("POST", "/v1/messages", sound(**asked))
        assert (status, len(asked_of(door))) == (200, 1)
    assert door.grant.usage == Usage(3, 2)


MEGABYTE = 1024 * 1024
MOST_MEMORY = 900 * MEGABYTE
"""384 MB of bodies, at most 360 MB to read one of them, 60 MB of program, and some air."""
GATEWAY_OF_200 = """
import asyncio, json, sys
from pathlib import Path
from harness_search.gateway import server
from harness_search.gateway.account import Account, Terms
from harness_search.gateway.upstream import Upstream
server.LARGE_BYTES_A_SECOND = 1e12

async def main():
    folder = Path(sys.argv[2])
    account = Account(Upstream(sys.argv[1], "key"), Terms("scripted-1"))
    gateway = server.Gateway(account, folder / "s")
    await gateway.start()
    tokens = [gateway.grant(folder / f"{number}.jsonl").token for number in range(200)]
    print(json.dumps(tokens), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_two_hundred_clients_with_32_megabytes_each_need_less_than_900(
    short_folder: Path,
) -> None:
    size = 32 * MEGABYTE - 200
    body = sound(messages=[{"role": "user", "content": "a" * size}])
    arrived, enough, held = 0, asyncio.Event(), []

    async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        held.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(32):
            await reader.readexactly(size // 32)
        arrived += 1
        if arrived == 11:  # the twelfth still has its turn
            enough.set()

    provider = await asyncio.start_server(think, "127.0.0.1", 0, limit=MEGABYTE)
    address = f"http://127.0.0.1:{provider.sockets[0].getsockname()[1]}"
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", GATEWAY_OF_200, address, str(short_folder)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
    )
    assert gateway.stdout is not None
    clients = []
    try:
        for token in json.loads(await gateway.stdout.readline()):
            _, client = await asyncio.open_unix_connection(str(short_folder / "s"))
            top = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n"
            client.write(f"{top}Content-Length: {len(body)}\r\n\r\n".encode())
            client.transport.set_write_buffer_limits(MEGABYTE)
            clients.append(client)
        sending = [asyncio.create_task(send_all(client, body)) for client in clients]
        await asyncio.wait_for(enough.wait(), timeout=120)
        most = psutil.Process(gateway.pid).memory_info().rss
        peak = highest_memory(gateway.pid)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
    finally:
        gateway.kill()
        await gateway.wait()
        for connection in clients + held:
            connection.transport.abort()
        provider.close()
    assert most <= peak < MOST_MEMORY


async def send_all(client: asyncio.StreamWriter, body: bytes) -> None:
    for start in range(0, len(body), MEGABYTE):
        client.write(body[start : start + MEGABYTE])
        await client.drain()


def highest_memory(pid: int) -> int:
    """Most bytes of resident memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
