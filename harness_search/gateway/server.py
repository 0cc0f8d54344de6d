"""The gateway: a Messages API on a unix socket, one token per rollout or session."""

import asyncio
import gc
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from harness_search.disk import FULL, no_room
from harness_search.errors import SearchStoppedError
from harness_search.gateway.account import MESSAGES, Account, RunStopsError
from harness_search.gateway.admission import BodyAdmission, BodyTooLargeError
from harness_search.gateway.answers import RefusedError, api_error
from harness_search.gateway.batches import BATCHES, Batches
from harness_search.gateway.bodies import expect_body, outgoing_of, read_body, token_of
from harness_search.gateway.budget import Reservation, Shortage
from harness_search.gateway.connections import Connections, room_for_connections
from harness_search.gateway.events import events_of
from harness_search.gateway.exchange import NO_CALL, Exchange
from harness_search.gateway.grants import Grant
from harness_search.gateway.outlet import Outlet
from harness_search.gateway.prices import usage_of
from harness_search.gateway.replay import REPLAY, Recorded, Replies
from harness_search.gateway.requests import parsed, problem_of
from harness_search.gateway.rights import breach_of
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Role, Usage
from harness_search.together import this_task

COUNT_TOKENS = f"{MESSAGES}/count_tokens"
LARGEST_REQUEST = 32 * 1024 * 1024  # bytes, as at the API
BODIES_AT_ONCE = 384 * 1024 * 1024
"""Bytes of requests held at once: many long contexts, and still a bound on memory."""
LARGE_REQUEST = 2 * 1024 * 1024  # bytes
LARGE_BYTES_A_SECOND = 16 * 1024 * 1024
"""Of large bodies together. To read and record 32 MB takes the loop about a second."""
LARGEST_TRANSCRIPT = 256 * 1024 * 1024  # bytes, but for the last call
MOST_YOUNG_OBJECTS = 10_000
"""Made before the garbage collector looks at them: calls in flight hold thousands, to no avail."""


class Gateway:
    """The only door to the model. It meters, records, and knows when the provider failed."""

    def __init__(
        self,
        account: Account,
        socket: Path,
        *,
        most_requests: int = 1000,
        loopback: bool = False,
        sampling: Iterable[str] = (),
    ) -> None:
        self.account, self.socket = account, socket
        self.port = 0
        """Of the loopback interface, for clients that cannot use the socket; 0: not open."""
        self.openings = 0
        """How often the door was opened again."""
        self._opening = asyncio.Lock()
        self._most_requests, self._loopback = most_requests, loopback
        self._sampling = frozenset(sampling)
        self._grants: dict[str, Grant] = {}
        self._bodies = BodyAdmission(LARGEST_REQUEST, BODIES_AT_ONCE, LARGEST_REQUEST)
        self._next_large = 0.0
        """When the next large body may be read, on the monotonic clock."""
        self._batches = Batches(account)

    @property
    def base_url(self) -> str:
        """Address of the loopback port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def model(self) -> str:
        return self.account.terms.model

    async def start(self) -> None:
        """Listen; the socket's folder must be private to this user."""
        self._thresholds = gc.get_threshold()
        if self._thresholds[0] < MOST_YOUNG_OBJECTS:  # else whoever raised it has frozen as well
            gc.freeze()  # what is loaded stays: each full collection would hold up all calls for it
            gc.set_threshold(MOST_YOUNG_OBJECTS, *self._thresholds[1:])
        # Without a web.Application, whose router and middlewares cost more than our own checks.
        request = partial(
            web.Request, loop=asyncio.get_running_loop(), client_max_size=LARGEST_REQUEST
        )
        server = web.Server(self._answer, request_factory=request)  # type: ignore[arg-type]
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        self._connections = Connections(server, room_for_connections())
        await self._listen()

    async def _listen(self) -> None:
        await self._connections.listen(str(self.socket))
        if self._loopback:
            self.port = await self._connections.listen_on_a_port()

    async def ensure_open(self) -> None:
        """Listen again where something has closed the door; raises SearchStoppedError where that
        cannot be done."""
        async with self._opening:
            if self._connections.reachable:
                return
            self.openings += 1
            self._connections.stop_listening()
            await self._open_again()

    async def _open_again(self) -> None:
        try:
            self.socket.parent.mkdir(exist_ok=True)
            await self._listen()
        except OSError as error:
            raise SearchStoppedError(
                f"{self.socket}: the gateway's socket is gone and cannot be made again "
                f"({error.strerror}). Nothing was scored by it: keep whatever tidies up temporary "
                "folders from it, and the same command goes on."
            ) from error

    def open_since(self, openings: int) -> bool:
        """Whether the door has been open since there were so many openings."""
        return self.openings == openings and self._connections.reachable

    async def stop(self) -> None:
        for grant in list(self._grants.values()):
            self.revoke(grant)
        self._connections.stop_listening()
        await self._runner.cleanup()
        await self.account.close()
        if self._thresholds[0] < MOST_YOUNG_OBJECTS:
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()

    def grant(
        self,
        transcript: Path,
        *,
        role: Role = Role.ROLLOUT,
        noise: str = "",
        candidate: str = "",
        replies: Replies | None = None,
        replay_only: bool = False,
        batches: Iterable[str] | None = None,
        booked: Iterable[str] = (),
    ) -> Grant:
        """Let one rollout, or one session of judge or proposer, in.

        With `replay_only` it is answered from `replies` alone, and no provider is ever asked.
        `batches` are those of earlier launches that a judge goes on with; with it, be it empty, a
        later launch goes on with what this one leaves unread. Those of them that are `booked` were
        read and paid for before.
        """
        grant = Grant(
            self.model,
            TranscriptWriter(transcript),
            role,
            noise,
            candidate,
            Replies() if replies is None else replies,  # without a reply it is false, and not void
            replay_only,
            self._most_requests,
            batches=set(batches or ()),
            keeps_batches=batches is not None,
            booked=frozenset(booked),
        )
        self._grants[grant.token] = grant
        return grant

    def revoke(self, grant: Grant) -> None:
        """Shut a holder out again, and end its calls: nobody will read their replies.

        What it has paid is its owner's to book, together with what it was paid for.
        """
        if self._grants.pop(grant.token, None) is None:
            return
        grant.cut_off()
        for task in grant.answering:
            task.cancel()
        self._batches.forget(grant)
        grant.transcript.close()
        self.account.budget.forget(grant.token)

    # A request, from the door to its handler.

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if "expect" in request.headers:
            await expect_body(request)
        grant = self._grants.get(token_of(request))
        if grant is None:
            return api_error(401, "invalid x-api-key")
        task = this_task()
        grant.answering.add(task)
        grant.hear()
        known = False
        try:
            with self._connections.busy(request.protocol, grant.token):
                answer = await self._admitted(grant, request)
            known = True
            return answer
        except RefusedError as refusal:
            known = True
            return api_error(refusal.status, refusal.message)
        except RecursionError:
            known = True
            return api_error(400, "the request is nested too deeply")
        except OSError as error:
            if error.errno not in FULL:
                raise
            known = True
            return self._stop_for_room(grant)
        except asyncio.CancelledError:
            known = True
            raise
        finally:
            grant.answering.discard(task)
            grant.hear()
            grant.in_flight.discard(task)
            if not known:  # a bug of ours is nobody's score
                grant.fail("gateway", "an error of its own")

    def _stop_for_room(self, grant: Grant) -> web.StreamResponse:
        """What cannot be recorded does not happen: nobody is to blame, and the run stops."""
        self.account.stop(no_room(grant.transcript.file.parent))
        grant.halt()
        return api_error(529, "the run stops")

    async def _admitted(self, grant: Grant, request: web.Request) -> web.StreamResponse:
        grant.requests += 1
        if grant.requests > grant.most_requests:
            grant.limit_reached = f"its limit of {grant.most_requests:,} requests was reached"
            raise RefusedError(400, f"this rollout may send {grant.most_requests:,} requests")
        route = (request.method, request.path)
        if grant.role is Role.JUDGE and request.path.startswith(BATCHES):
            async with self._body(grant, request) as body:
                return await self._batches.answer(grant, request, body, self._checked)
        if route == ("POST", COUNT_TOKENS):
            async with self._body(grant, request) as body:
                return await self._count_tokens(grant, request, body)
        if route == ("POST", MESSAGES):
            async with self._body(grant, request) as body:
                return await self._message(grant, request, body)
        raise RefusedError(404, f"{request.method} {request.path} is not served here")

    @asynccontextmanager
    async def _body(self, grant: Grant, request: web.Request) -> AsyncIterator[bytes]:
        """The request's body, within what the gateway holds at once."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(400, "content-encoding: the body must be sent as it is")
        try:
            permit = await self._bodies.enter(grant.token, request.content_length)
        except BodyTooLargeError as error:
            raise RefusedError(413, "Request exceeds the maximum size") from error
        try:
            body = await read_body(request)
            grant.in_flight.add(this_task())
            await self._turn_of(len(body))
            yield body
        finally:
            self._bodies.leave(permit)

    async def _turn_of(self, size: int) -> None:
        """Keep large bodies apart: between two of them the loop has time for everybody else."""
        if size < LARGE_REQUEST:
            return
        now = time.monotonic()
        turn = max(now, self._next_large)
        self._next_large = turn + size / LARGE_BYTES_A_SECOND
        await asyncio.sleep(turn - now)

    def _checked(self, body: bytes | object, *, generates: bool = True) -> dict[str, Any]:
        """The request's content; raises RefusedError for one that goes no further."""
        content = parsed(body) if isinstance(body, bytes) else body
        problem = problem_of(content, generates=generates)
        if problem:
            raise RefusedError(400, problem)
        assert isinstance(content, dict)
        if content.get("model") != self.model:
            raise RefusedError(404, f"model: {self.model} is the one model served here")
        breach = breach_of(content, self._sampling)
        if breach:
            raise RefusedError(400, breach)
        return content

    # The two requests that every holder may send.

    async def _message(self, grant: Grant, request: web.Request, body: bytes) -> web.StreamResponse:
        arrived = time.monotonic()
        content = self._checked(body)
        outgoing = outgoing_of(MESSAGES, request, body, grant.noise)
        streaming, max_tokens = bool(content.get("stream")), content["max_tokens"]
        if streaming and request.version < (1, 1):
            raise RefusedError(400, "stream: needs HTTP/1.1")
        _require_room(grant)
        grant.calls += 1
        number, digest = grant.calls, hashlib.sha256(body).hexdigest()
        grant.asked[digest] += 1
        recorded = grant.replies.find(digest, grant.asked[digest])
        if recorded is not None:
            grant.transcript.request(number, digest, content)
            return await self._replay(grant, number, recorded, request if streaming else None)
        if len(body) >= LARGE_REQUEST:  # it may wait for the budget, and many others with it
            content = {}
        reservation = await self._reserve(grant, len(body), max_tokens)
        if grant.replay_only:  # a limit that refused this call then has refused it now as well
            self.account.settle(reservation, Usage(), 0.0)
            raise _diverged(grant, f"call {number} was never made")
        self._record(grant, number, digest, content or parsed(body), reservation)
        del content  # while the provider thinks, only the bytes are held
        exchange = Exchange(
            self.account, grant, number, outgoing, reservation, arrived, streaming, digest
        )
        return await exchange.answer(request)

    def _record(
        self, grant: Grant, number: int, digest: str, content: Any, reservation: Reservation
    ) -> None:
        amount = reservation.amount
        try:
            grant.transcript.request(
                number,
                digest,
                content,
                reserved_usd=amount.usd,
                reserved_tokens=amount.tokens,
            )
        except BaseException:
            self.account.settle(reservation, Usage(), 0.0)
            raise

    async def _reserve(self, grant: Grant, size: int, max_tokens: int) -> Reservation:
        try:
            found = await self.account.reserve(
                grant.role, grant.candidate, grant.token, size, max_tokens
            )
        except RunStopsError as error:
            grant.halt()
            raise RefusedError(529, "the run stops") from error
        if isinstance(found, Shortage):
            grant.limit_reached = found.reason
            raise RefusedError(400, found.reason)
        return found

    async def _replay(
        self, grant: Grant, number: int, recorded: Recorded, streaming: web.Request | None
    ) -> web.StreamResponse:
        """Give the paid reply of an earlier attempt again: counted as then, not paid again."""
        usage = usage_of(recorded.reply)
        grant.count(usage, recorded.cost_usd, replayed=True)
        grant.note_model(recorded.reply)
        self.account.budget.book_replayed(grant.token, usage.total)
        grant.transcript.reply(
            number, recorded.status, recorded.reply, cost_usd=recorded.cost_usd, replayed=True
        )
        if recorded.status != 200:
            headers = {"x-should-retry": "false"}
            return web.json_response(recorded.reply, status=recorded.status, headers=headers)
        if streaming is None:
            return web.json_response(recorded.reply)
        outlet = Outlet(streaming, {"content-type": "text/event-stream"})
        outlet.start()
        for event in events_of(recorded.reply):
            outlet.put(event)
        await outlet.finish(clean=True)
        return outlet.response

    async def _count_tokens(
        self, grant: Grant, request: web.Request, body: bytes
    ) -> web.StreamResponse:
        arrived = time.monotonic()
        self._checked(body, generates=False)
        if grant.replay_only:
            raise _diverged(grant, "tokens were counted, which no transcript has")
        outgoing = outgoing_of(COUNT_TOKENS, request, body, grant.noise)
        free = await self._reserve(grant, 0, 0)
        exchange = Exchange(self.account, grant, NO_CALL, outgoing, free, arrived)
        return await exchange.answer(request)


def _diverged(grant: Grant, how: str) -> RefusedError:
    """End a rollout whose harness does what nobody did before it: that is neither its failure nor
    a score."""
    grant.fail(REPLAY, how)
    return RefusedError(529, "no such request was recorded")


def _require_room(grant: Grant) -> None:
    """Raise RefusedError once a transcript is as large as one may become: requests that the
    provider rejects cost nothing, and could fill the disk."""
    if grant.transcript.size > LARGEST_TRANSCRIPT:
        megabytes = LARGEST_TRANSCRIPT // 1024**2
        grant.limit_reached = f"its transcript's limit of {megabytes} MB was reached"
        raise RefusedError(400, f"this rollout may send {megabytes} MB of new content")
