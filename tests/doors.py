"""A running gateway in front of a scripted API, as its clients see it."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from scripted_api import Answer, message, scripted_api

from harness_search.gateway.account import Account, Terms
from harness_search.gateway.budget import Budget
from harness_search.gateway.concurrency import AdaptiveLimit
from harness_search.gateway.grants import Grant
from harness_search.gateway.prices import Price
from harness_search.gateway.server import Gateway
from harness_search.gateway.upstream import Silence, Upstream
from harness_search.ledger.rows import Role, Usage
from harness_search.settings import BudgetSettings
from harness_search.simulated.faults import Fault

if TYPE_CHECKING:
    import anthropic

KEY = "sk-very-secret-upstream-key"
MODEL = "scripted-1"
HELLO = [{"role": "user", "content": "hello"}]
PRICE = Price(input=1.0, output=2.0, cache_write=3.0, cache_read=0.5)


def sound(**changes: object) -> bytes:
    """A sound request but for the changes."""
    return json.dumps({"model": MODEL, "max_tokens": 9, "messages": HELLO, **changes}).encode()


class Door:
    """A running gateway in front of a provider, with one grant."""

    def __init__(self, api: Any, gateway: Gateway, folder: Path) -> None:
        self.api, self.gateway, self.folder = api, gateway, folder
        self.booked: list[tuple[Role, Usage, float]] = []
        self.transcript = folder / "transcript.jsonl"
        self.grant = gateway.grant(self.transcript, noise="noise-key")

    @property
    def account(self) -> Account:
        return self.gateway.account

    def another(self, role: Role = Role.ROLLOUT, **options: Any) -> Grant:
        """One more holder of a token."""
        name = f"transcript-{len(list(self.folder.iterdir()))}-{id(options)}.jsonl"
        return self.gateway.grant(self.folder / name, role=role, **options)

    async def send(
        self, method: str, path: str, body: bytes = b"", grant: Grant | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send one raw request."""
        connector = aiohttp.UnixConnector(str(self.gateway.socket))
        said = {"x-api-key": (grant or self.grant).token, **headers}
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(
                method, f"http://gateway{path}", data=io.BytesIO(body), headers=said
            ) as response,
        ):
            return response.status, await response.read(), dict(response.headers)

    async def post(self, body: bytes, token: str | None = None) -> tuple[int, dict[str, Any]]:
        headers = {} if token is None else {"x-api-key": token}
        status, answer, _ = await self.send("POST", "/v1/messages", body, **headers)
        return status, json.loads(answer)

    async def ask(self, **changes: object) -> tuple[int, dict[str, Any]]:
        return await self.post(sound(**changes))

    @asynccontextmanager
    async def client(
        self, grant: Grant | None = None, **options: Any
    ) -> "AsyncIterator[anthropic.AsyncAnthropic]":
        """The real anthropic client on the gateway's socket."""
        import anthropic  # two seconds, which the hostile suite's runs would each spend in vain
        import httpx2

        transport = httpx2.AsyncHTTPTransport(uds=str(self.gateway.socket))
        async with anthropic.AsyncAnthropic(
            api_key=(grant or self.grant).token,
            base_url="http://gateway",
            http_client=anthropic.DefaultAsyncHttpxClient(transport=transport),
            **options,
        ) as client:
            yield client


@asynccontextmanager
async def opened_door(
    folder: Path,
    answer: Callable[[int, Any], Answer | None] = lambda number, content: (200, message()),
    *,
    simulated: bool = False,
    patience: float = 5.0,
    fewest_tries: int = 1,
    stall: float = 30.0,
    longest_retry_after: float = 0.02,
    limit: AdaptiveLimit | None = None,
    budget: Budget | None = None,
    price: Price = PRICE,
    base_url: str = "",
    **options: Any,
) -> AsyncIterator[Door]:
    """Open a door; `folder` has a short path. Waits between tries are short."""
    booked: list[tuple[Role, Usage, float]] = []
    async with scripted_api(answer) as api:
        upstream = Upstream(
            base_url or api.base_url, KEY, simulated=simulated, silence=Silence(stall, stall)
        )
        terms = Terms(
            MODEL,
            price,
            patience_seconds=patience,
            fewest_tries=fewest_tries,
            longest_retry_after=longest_retry_after,
            longest_backoff=0.01,
        )
        account = Account(
            upstream,
            terms,
            limit=limit,
            budget=budget,
            spend=lambda role, usage, usd: booked.append((role, usage, usd)),
        )
        gateway = Gateway(account, folder / "gateway.sock", **options)
        await gateway.start()
        try:
            door = Door(api, gateway, folder)
            door.booked = booked
            yield door
        finally:
            await gateway.stop()


def budget_of(**limits: Any) -> Budget:
    return Budget(BudgetSettings(**limits))


def is_own(content: Any) -> bool:
    """Whether the gateway itself asks, to see whether the provider answers anyone."""
    return bool(content["messages"] == [{"role": "user", "content": "ping"}])


def fails_first(fault: Fault, times: int = 2) -> Any:
    """The first calls meet a fault, the rest are answered."""

    def answer(number: int, content: Any) -> Answer:
        return fault if number <= times else (200, message())

    return answer
