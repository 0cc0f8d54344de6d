"""Hostile clients that hold a token: nobody else is disturbed.

Whatever a harness sends, it gets an error in the API's shape or a closed connection; its rollout
never counts as lost, the run goes on, and a well-behaved client beside it is answered.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doors import HELLO, MODEL, sound
from hypothesis import given
from hypothesis import strategies as st
from sieges import CHUNKED, answer_to, asked_of, head, is_answered, is_refusal, siege, whole

from harness_search.gateway.grants import Grant
from harness_search.gateway.requests import problem_of
from harness_search.gateway.rights import breach_of

LIMITS = "harness_search.gateway"
ASKED = len(sound())


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for the rest of a body that was refused."""
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_TO_LINGER", 0.1)


# What is no HTTP, or says one thing to one reader and another thing to the next.

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
