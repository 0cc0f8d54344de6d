"""The frozen model, reached through the gateway.

Like all of the kit it imports on first use, so that loading it costs next to nothing.
"""

TYPE_CHECKING = False  # the real one costs a tenth of a rollout's start
if TYPE_CHECKING:
    from typing import Any

    Block = dict[str, Any]
    Message = dict[str, Any]


class Reply:
    """One reply of the Messages API."""

    def __init__(self, content: "list[Block]", stop_reason: str, usage: "dict[str, Any]") -> None:
        self.content, self.stop_reason, self.usage = content, stop_reason, usage


class ModelError(Exception):
    """The API answered with an error; `kind` is the API's own error type."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status, self.kind = status, kind
        super().__init__(f"{status} {kind}: {message}")


class Model:
    """A client of the Messages API for one rollout; the token opens nothing else."""

    def __init__(
        self,
        gateway: str,
        token: str,
        name: str,
        sampling: "dict[str, Any] | None" = None,
        context_tokens: int | None = None,
        base_url: str = "",
    ) -> None:
        self._gateway, self.token, self.name = gateway, token, name
        self.base_url = base_url
        """For an agent of its own that the harness starts: with `token` as its API key."""
        self._sampling = sampling or {}
        self.context_tokens = context_tokens
        """Tokens that the model takes at once; None where that is not known."""

    def complete(
        self,
        *,
        system: "str | list[Block]",
        messages: "list[Message]",
        tools: "list[Block]",
        max_tokens: int,
        **parameters: "Any",
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
            f"anthropic-version: 2023-06-01\r\nx-api-key: {self.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        host, _, port = self._gateway.rpartition(":")
        family = socket.AF_INET if host else socket.AF_UNIX
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.connect((host, int(port)) if host else self._gateway)
            connection.sendall(head.encode() + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        if b"\r\n\r\n" not in answer:
            raise ModelError(502, "api_error", "the connection was closed before a reply")
        head_bytes, _, payload = answer.partition(b"\r\n\r\n")
        return int(head_bytes.split(b" ", 2)[1]), payload
