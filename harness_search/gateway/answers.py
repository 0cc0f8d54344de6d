"""What the gateway itself says to a client: errors in the exact shape of the Messages API."""

import secrets

from aiohttp import web

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class RefusedError(Exception):
    """The gateway itself answers a request."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


def api_error(status: int, message: str) -> web.Response:
    """An error that a client takes for the API's; it is told not to try again by itself."""
    request = f"req_{secrets.token_hex(12)}"
    error = {"type": KINDS.get(status, "api_error"), "message": message}
    return web.json_response(
        {"type": "error", "error": error, "request_id": request},
        status=status,
        headers={"request-id": request, "x-should-retry": "false"},
    )
