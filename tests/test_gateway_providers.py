"""Providers that answer anything: it is metered as far as it makes sense, and harms nobody."""

import gzip
import json
from pathlib import Path

import pytest
from doors import HELLO, MODEL, sound
from scripted_api import message
from sieges import M, asked_of, provider_of, reply, siege, stream

from harness_search.ledger.rows import Role, Usage

DEEPER = "[" * 5_000 + "]" * 5_000
START = {"type": "message_start", "message": message()}
STOP = {"type": "message_stop"}
TAKEN: dict[str, tuple[bytes, Usage]] = {
    "headers of bytes": (reply(b"request-id: \xff\xfe", b"retry-after: \xff"), Usage(3, 2)),
    "a kind of bytes": (reply(b"Content-Type: \xff;;=charset"), Usage(3, 2)),
    "cookies": (reply(b"Set-Cookie: a=b", b"Set-Cookie: \xff=;"), Usage(3, 2)),
    "many beginnings": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + reply(), Usage(3, 2)),
    "less than nothing": (reply(body=json.dumps(message(input_tokens=-9)).encode()), Usage(0, 2)),
    "more than there is": (
        reply(body=json.dumps(message(input_tokens=10**400)).encode()),
        Usage(0, 2),
    ),
    "usage without bounds": (reply(body=M.replace(b": 3", b": Infinity")), Usage(0, 2)),
    "odd content": (
        reply(body=json.dumps(message() | {"content": [1, None, {"type": 5}]}).encode()),
        Usage(3, 2),
    ),
    "a stream of oddities": (
        stream(
            START,
            {"type": "content_block_start", "index": 10**300, "content_block": {"text": 5}},
            {"type": "content_block_delta", "index": 10**300, "delta": {"type": ["x"]}},
            {"type": "message_delta", "delta": [], "usage": {"output_tokens": -5}},
            STOP,
        ),
        Usage(3, 0),
    ),
    "a stream of bytes": (stream(START, STOP, kind=b"text/event-stream; x=\xff"), Usage(3, 2)),
}
NOT_TAKEN: dict[str, bytes] = {
    "nothing": b"",
    "bytes": bytes(range(256)) * 10,
    "more than it sends": reply(length=len(M) + 1000),
    "less than it sends": reply(length=10),
    "a negative length": reply().replace(b"Content-Length: ", b"Content-Length: -"),
    "bad chunks": reply(b"Transfer-Encoding: chunked", body=b"zz\r\n"),
    "compressed": reply(b"Content-Encoding: gzip", body=gzip.compress(M)),
    "another encoding": reply(body=M.replace(b"done", b"\xff\xfe")),
    "a list": reply(body=b"[]"),
    "a deep list": reply(body=DEEPER.encode()),
    "a redirect": reply(b"Location: http://127.0.0.1:1/", status=b"307 There"),
    "a switch": reply(status=b"101 Switching"),
    "many headers": reply(*(b"x-%d: y" % number for number in range(5_000))),
    "a long header": reply(b"x: " + b"a" * 1_000_000),
    "no number": reply(status=b"2000 OK"),
    "bytes as an error": reply(body=b"\xff\xfe", status=b"400 Bad"),
    "an empty stream": stream(),
    "a stream of words": reply(body=b"\xff\n\n" * 10).replace(
        b"application/json", b"text/event-stream"
    ),
    "an error of lists": stream({"type": "error", "error": {"type": ["x"]}}),
}


@pytest.mark.parametrize("name", TAKEN)
async def test_an_odd_answer_is_metered_as_far_as_it_makes_sense(
    short_folder: Path, name: str
) -> None:
    answer, usage = TAKEN[name]
    async with (
        provider_of(answer) as address,
        # by its name: cookies of a bare address are never kept
        siege(short_folder, base_url=address.replace("127.0.0.1", "localhost")) as door,
    ):
        streaming = b"event-stream" in answer
        for _ in range(2):
            status, _, headers = await door.send("POST", "/v1/messages", sound(stream=streaming))
            assert status == 200
        assert "Set-Cookie" not in headers
    assert door.grant.usage == usage + usage


@pytest.mark.parametrize("name", NOT_TAKEN)
async def test_an_answer_that_is_none_comes_to_an_end_and_to_a_word_of_ours(
    short_folder: Path, name: str
) -> None:
    async with (
        provider_of(NOT_TAKEN[name]) as address,
        siege(short_folder, base_url=address, patience=0.0) as door,
    ):
        streaming = b"event-stream" in NOT_TAKEN[name]
        status, told, _ = await door.send("POST", "/v1/messages", sound(stream=streaming))
        assert status in (500, 529)
        assert json.loads(told)["type"] == "error"
        door.grant._failure = ""  # whose failure it was is told elsewhere
    assert door.grant.usage == Usage()


async def test_a_stream_that_nobody_asked_for_is_not_passed_on(short_folder: Path) -> None:
    async with (
        provider_of(stream(START, STOP)) as address,
        siege(short_folder, base_url=address, patience=0.0) as door,
    ):
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            status, _, headers = await door.send("POST", path, sound())
            assert (status, headers["Content-Type"].split(";")[0]) == (529, "application/json")
        door.grant._failure = ""


async def test_an_answer_without_end_is_left(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_search.gateway.upstream.LARGEST_ANSWER", 100_000)
    endless = reply(body=b" " * 1_000_000)
    async with (
        provider_of(endless) as address,
        siege(short_folder, base_url=address, patience=0.0) as door,
    ):
        assert (await door.ask())[0] in (500, 529)
        door.grant._failure = ""


BATCH = {"custom_id": "c", "params": {"model": MODEL, "max_tokens": 5, "messages": HELLO}}


async def test_a_batch_of_oddities_is_refused(short_folder: Path) -> None:
    dearer = {**BATCH, "params": {"model": "dearer", "max_tokens": 5, "messages": HELLO}}
    odd: list[object] = [
        [BATCH, BATCH],
        [{**BATCH, "custom_id": 5}],
        [{**BATCH, "custom_id": "../c"}],
        [{**BATCH, "url": "http://x"}],
        [{**BATCH, "params": [1]}],
        [dearer],
        {"c": BATCH},
        [],
        "c",
    ]
    async with siege(short_folder) as door:
        judge = door.another(Role.JUDGE)
        for requests in odd:
            body = json.dumps({"requests": requests}).encode()
            status, told, _ = await door.send("POST", "/v1/messages/batches", body, judge)
            assert status in (400, 404), requests
            assert json.loads(told)["type"] == "error"
        assert asked_of(door) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 5}', b'{"id": "../x"}', b"\xff"])
async def test_a_description_that_is_none_makes_no_batch(short_folder: Path, body: bytes) -> None:
    async with (
        provider_of(reply(body=body)) as address,
        siege(short_folder, base_url=address, patience=0.0) as door,
    ):
        judge = door.another(Role.JUDGE)
        wanted = json.dumps({"requests": [BATCH]}).encode()
        status, told, _ = await door.send("POST", "/v1/messages/batches", wanted, judge)
        assert (status, json.loads(told)["type"]) == (529, "error")
        assert judge.failure == ""
        door.gateway.revoke(judge)
