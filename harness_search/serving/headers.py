"""What every answer tells a browser not to do."""

import re
from html import unescape

from aiohttp import web

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING = "default-src 'none'"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')
_NO_FRAMES = "frame-ancestors 'none'"
_POLICY_HEADER = "Content-Security-Policy"


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """For every answer of the application, errors and streams included."""
    set_headers(response)
    response.headers.popall("Server", None)


def set_headers(response: web.StreamResponse) -> None:
    """Those that are not there yet."""
    headers = response.headers
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    policy = headers.get(_POLICY_HEADER, NOTHING)
    if _NO_FRAMES not in policy:
        headers[_POLICY_HEADER] = f"{policy}; {_NO_FRAMES}"


def page(text: str, status: int = 200) -> web.Response:
    """A page with the policy that it names itself, which stands before all that others wrote."""
    found = _POLICY.search(text)
    policy = unescape(found[1]) if found else NOTHING
    headers = {_POLICY_HEADER: policy}
    return web.Response(
        text=text, content_type="text/html", charset="utf-8", status=status, headers=headers
    )
