"""Which address shows what."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from harness_search.aside import aside
from harness_search.serving.access import SAFE, Access, cookie_name
from harness_search.serving.actions import RefusedError, carry_out
from harness_search.serving.details import UnknownPageError, candidate_page, rollout_page
from harness_search.serving.headers import page
from harness_search.serving.looks import UNREADABLE
from harness_search.serving.slots import Slots
from harness_search.serving.stream import KINDS, Streams
from harness_search.serving.views import Views

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PAGES_AT_ONCE = 4
"""Of candidates and rollouts that are made and waited for; threads share one processor."""
THREADS_FOR_PAGES = 8
"""With those that nobody waits for any more."""
FORM = "application/x-www-form-urlencoded"
SECONDS_FOR_A_FORM = 10.0
"""To send it."""
OURS = (web.HTTPForbidden, web.HTTPUnauthorized, web.HTTPServiceUnavailable)
"""Refusals whose words are our own."""
WRONG_HOST = "This server answers only to names of this machine: use 127.0.0.1 or localhost."
WRONG_SITE = "This server answers only to its own pages."
NO_TOKEN = (
    "This server shows itself to those who know its token: open the address that it has printed, "
    "with ?token= and the token at its end."
)
OTHER_SERVER = "This page is of an earlier server: load it again."
UNREADABLE_NOW = "What this page is made of cannot be read now; `meta-harness status` may say why."


class Routes:
    """Answers requests."""

    def __init__(self, views: Views, access: Access, streams: Streams) -> None:
        self._views, self._access, self._streams = views, access, streams
        self._slots = Slots(PAGES_AT_ONCE, THREADS_FOR_PAGES)

    def table(self) -> list[web.RouteDef]:
        """All that there is."""
        return [
            web.get("/", self.live),
            web.get("/report", self.report),
            web.get("/candidates/{name}", self.candidate),
            web.get(r"/rollouts/{harness}/{task:.+}/{trial:\d{1,9}}", self.rollout),
            web.get("/events", self._streams.answer, allow_head=False),
            web.get("/api/status", self.status),
            web.post("/ask", self.ask),
        ]

    async def live(self, _: web.Request) -> web.Response:
        return page(await self._views.live(KINDS))

    async def report(self, _: web.Request) -> web.Response:
        return page(await self._views.report())

    async def candidate(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return page(await self._slots.make(candidate_page, self._views, name))

    async def rollout(self, request: web.Request) -> web.Response:
        found, purpose = request.match_info, request.query.get("purpose", "")
        place = (found["harness"], found["task"], int(found["trial"]), purpose)
        return page(await self._slots.make(rollout_page, self._views, *place))

    async def status(self, _: web.Request) -> web.Response:
        found = await self._views.looks.status()
        return web.json_response(text=json.dumps(found.to_json(), indent=2))

    async def ask(self, request: web.Request) -> web.Response:
        """Pass on what a form asks; the answer is a sentence, as JSON to the page's script."""
        if problem := self._access.may_ask(request):
            return self._told(request, problem, HTTPStatus.FORBIDDEN)
        form, ask = await _sent(request)
        if not self._access.is_form(form):
            return self._told(request, OTHER_SERVER, HTTPStatus.FORBIDDEN)
        try:
            said = await aside(None, carry_out, self._views.looks.layout, ask)
        except RefusedError as error:
            return self._told(request, str(error), HTTPStatus.CONFLICT)
        if _wants_json(request):
            return self._told(request, said, HTTPStatus.OK)
        self._views.say(said)
        raise web.HTTPSeeOther("/")

    def _told(self, request: web.Request, said: str, status: HTTPStatus) -> web.Response:
        if _wants_json(request):
            return web.json_response({"said": said}, status=status)
        return self.plain(said, status)

    @web.middleware
    async def guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nobody in who may not."""
        access = self._access
        if not access.knows_host(request):
            raise web.HTTPForbidden(text=WRONG_HOST)
        if access.comes_from_elsewhere(request):
            raise web.HTTPForbidden(text=WRONG_SITE)
        if access.token and request.method in SAFE and "token" in request.query:
            if access.is_token(request.query["token"]):
                return self._taken(request)
            raise web.HTTPUnauthorized(text="This is not the token of this server.")
        if not access.may_look(request):
            raise web.HTTPUnauthorized(text=NO_TOKEN)
        return await handler(request)

    @web.middleware
    async def in_words(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn what cannot be shown into a plain page, which says nothing of this machine."""
        try:
            return await handler(request)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            status = HTTPStatus(error.status)
            text = (error.text if isinstance(error, OURS) else "") or f"{status.phrase}."
            return self._problem(request, text, status)
        except UnknownPageError as error:
            return self._problem(request, str(error), HTTPStatus.NOT_FOUND)
        except UNREADABLE:
            return self._problem(request, UNREADABLE_NOW, HTTPStatus.SERVICE_UNAVAILABLE)

    def _problem(self, request: web.Request, text: str, status: HTTPStatus) -> web.Response:
        if request.path.startswith("/api/"):
            return web.json_response({"error": text}, status=status)
        return self.plain(text, status)

    def plain(self, text: str, status: HTTPStatus, goes_on: str = "") -> web.Response:
        """A page with one sentence."""
        heading = status.phrase if status is not HTTPStatus.OK else "Welcome"
        return page(
            self._views.site.page(
                "said.html",
                workspace="Meta-Harness",
                simulated=False,
                home="" if status is HTTPStatus.UNAUTHORIZED else "/",
                heading=heading,
                text=text,
                goes_on=goes_on,
            ),
            status,
        )

    def _taken(self, request: web.Request) -> web.Response:
        """Keep that somebody has shown the token, and take it out of the address.

        Not by a redirect: a browser that comes by a link of another site would send no cookie of
        this strictness along.
        """
        place = "/" + str(request.rel_url.without_query_params("token")).lstrip("/")
        response = self.plain("The token is right.", HTTPStatus.OK, goes_on=place)
        response.set_cookie(
            cookie_name(request),
            self._access.cookie,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return response


async def _sent(request: web.Request) -> tuple[str, str]:
    """The secret of a form and what it asks; raises HTTPException for what is no form."""
    if request.content_type != FORM:
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(SECONDS_FOR_A_FORM):
            sent = await request.post()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (ValueError, LookupError, web.RequestPayloadError) as error:
        raise web.HTTPBadRequest from error
    return str(sent.get("form", "")), str(sent.get("ask", ""))


def _wants_json(request: web.Request) -> bool:
    return "application/json" in request.headers.get("Accept", "")
