"""The frozen model, reached through the gateway's unix socket.

Like all of the kit it imports on first use, so that loading it costs next to nothing.
"""

from typing import Any, NamedTuple

Block = dict[str, Any]
Message = dict[str, Any]


class Reply(NamedTuple):
    """One reply of the Messages API."""

    content: list[Block]
    stop_reason: str
    usage: dict[str, Any]
    """Tokens by kind: input, output, cache creation, cache read."""


class ModelError(Exception):
    """The API answered with an error; `kind` is the API's own error type."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status, self.kind = status, kind
        super().__init__(f"{status} {kind}: {message}")


class Model:
    """A client of the Messages API for one rollout; the token opens nothing else."""

    def __init__(
        self,
        socket_path: str,
        token: str,
        name: str,
        sampling: dict[str, Any] | None = None,
        context_tokens: int | None = None,
    ) -> None:
        self._socket_path, self._token, self.name = socket_path, token, name
        self._sampling = sampling or {}
        self.context_tokens = context_tokens
        """Tokens that the model takes at once; None where that is not known."""

    def complete(
        self,
        *,
        system: str | list[Block],
        messages: list[Message],
        tools: list[Block],
        max_tokens: int,
        **parameters: Any,
    ) -> Reply:
        """Send one request and wait for its reply; raises ModelError for an API error."""
        import json

        request = {
            "model": self.name,
            "max_tokens": max_tokens,
            "system": system,
            "tools": tools,
            "messages": messages,
            **self._sampling,
            **parameters,
        }
        status, body = self._post(json.dumps(request).encode())
        answer = json.loads(body)
        if status != 200:
            error = answer.get("error", {})
            raise ModelError(status, error.get("type", "api_error"), error.get("message", ""))
        return Reply(answer["content"], answer["stop_reason"], answer["usage"])

    def _post(self, body: bytes) -> tuple[int, bytes]:
        import socket

        # HTTP/1.0 by hand: importing http.client costs more than the rest of the kit together.
        head = (
            "POST /v1/messages HTTP/1.0\r\nHost: gateway\r\nContent-Type: application/json\r\n"
            f"anthropic-version: 2023-06-01\r\nx-api-key: {self._token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._socket_path)
            connection.sendall(head.encode() + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        if b"\r\n\r\n" not in answer:
            raise ModelError(502, "api_error", "the connection was closed before a reply")
        head_bytes, _, payload = answer.partition(b"\r\n\r\n")
        return int(head_bytes.split(b" ", 2)[1]), payload
