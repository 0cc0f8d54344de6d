"""Who may look and who may ask: by name of the host, by token, and by where a form comes from."""

import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from harness_search.errors import InputError

FEWEST_CHARACTERS = 8
"""Of a token that somebody has chosen."""
MOST_CHARACTERS = 4096
SAFE = frozenset({"GET", "HEAD"})
TOKEN_FILE = "--token-file"
_HOST = re.compile(r"(?:(?P<name>[A-Za-z0-9.-]+)|\[(?P<address>[0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one process of the server."""

    loopback: bool
    """Whether nobody else than this machine can connect."""
    token: str = field(default="", repr=False)
    """What everybody has to know; empty for none."""
    read_only: bool = False
    form: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    """What a form of this process brings along."""
    server: str = field(default_factory=lambda: secrets.token_hex(8))
    """Names this process."""

    @property
    def cookie(self) -> str:
        """What a browser that has shown the token keeps: cookies go to every port of a host, and
        the token must not."""
        return hmac.new(self.token.encode(), b"meta-harness cookie", sha256).hexdigest()

    def knows_host(self, request: web.Request) -> bool:
        """Whether the request names this machine as a browser on it would. A page from elsewhere
        whose name was made to lead here (DNS rebinding) names its own host."""
        return not self.loopback or is_loopback(_host(request.headers.get("Host", "")))

    def comes_from_elsewhere(self, request: web.Request) -> bool:
        """Whether a page of another site asks for it, other than by a link to it: such a page could
        not read it, and would only keep the server busy."""
        headers = request.headers
        is_strange = headers.get("Sec-Fetch-Site") == "cross-site"
        return is_strange and headers.get("Sec-Fetch-Mode") != "navigate"

    def is_token(self, found: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(found.encode(errors="replace"), self.token.encode())

    def may_look(self, request: web.Request) -> bool:
        """Whether the request shows that it knows the token, by its cookie or as a bearer."""
        if not self.token:
            return True
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(bearer.strip()):
            return True
        kept = request.cookies.get(cookie_name(request), "")
        return hmac.compare_digest(kept.encode(errors="replace"), self.cookie.encode())

    def may_ask(self, request: web.Request) -> str:
        """Why no form is taken that comes this way; empty where one is."""
        if self.read_only:
            return "This server only shows: it was started with --read-only."
        if not _from_here(request):
            return "Only a page of this very server may ask."
        return ""

    def is_form(self, found: str) -> bool:
        """Whether a form is of a page of this process."""
        return hmac.compare_digest(found.encode(errors="replace"), self.form.encode())


def access_of(host: str, token: str | None, *, read_only: bool, with_token: bool = False) -> Access:
    """The rules for an address to bind: elsewhere than on loopback, or where one is wanted, a token
    is made where none is given. Raises InputError for one that is easily guessed."""
    if token is not None and len(token) < FEWEST_CHARACTERS:
        found = f"{len(token)} characters"
        raise InputError("command line", "--token", found, f"at least {FEWEST_CHARACTERS} of them")
    loopback = is_loopback(host)
    made = token or (secrets.token_urlsafe(24) if with_token or not loopback else "")
    return Access(loopback, made, read_only)


def given_token(token: str | None, file: Path | None) -> str | None:
    """The one that somebody has chosen, if any; raises InputError for two."""
    if file is None:
        return token
    if token is not None:
        found = "a token beside it (--token or META_HARNESS_SERVE_TOKEN)"
        raise InputError("command line", TOKEN_FILE, found, "one of them")
    return token_in(file)


def token_in(file: Path) -> str:
    """The token that a file holds; raises InputError where that is none, or no secret."""
    try:
        with file.open("rb") as opened:
            mode, found = os.fstat(opened.fileno()).st_mode, opened.read(MOST_CHARACTERS)
        token = found.decode().strip()
    except (OSError, ValueError) as error:
        raise InputError("command line", TOKEN_FILE, "no text to read", "a file") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        found_mode = f"a file of mode {stat.S_IMODE(mode):03o}, open to everybody"
        raise InputError("command line", TOKEN_FILE, found_mode, "one of your own (chmod 600)")
    if len(token) < FEWEST_CHARACTERS:
        said = f"{len(token)} characters"
        raise InputError("command line", TOKEN_FILE, said, f"at least {FEWEST_CHARACTERS} of them")
    return token


def is_loopback(host: str) -> bool:
    """Whether a name or an address is one of this machine alone."""
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def cookie_name(request: web.Request) -> str:
    """Another one for each port: other servers on this host may have cookies too."""
    _, _, port = request.headers.get("Host", "").rpartition(":")
    return f"meta-harness-{port}" if port.isdecimal() else "meta-harness"


def _host(value: str) -> str:
    """The name in a Host header, without its port; empty for what is more than those."""
    found = _HOST.fullmatch(value)
    return found["name"] or found["address"] if found else ""


def _from_here(request: web.Request) -> bool:
    """Whether a page of this server sent a form; what says nothing of where it comes from is not
    taken."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    here = f"{request.scheme}://{request.headers.get('Host', '')}"
    return request.headers.get("Origin", "") == here
