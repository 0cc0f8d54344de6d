"""The three processes of `gateway.py`: an upstream, the gateway, and clients.

Each is started as `gateway_traffic.py ROLE ARGUMENTS` and says one line of JSON.
"""

import asyncio
import json
import random
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MODEL = "responder-1"
SECONDS_BETWEEN_EVENTS = 0.02
SYSTEM = "You review contracts for a law firm. Read what the task names, and quote exactly. " * 8
TOOL = {
    "name": "read_document",
    "description": "Reads one document of the task, in parts of at most 10,000 characters.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
}
SENTENCE = (
    "12.3 The Supplier shall, subject to § 14, indemnify the Customer against each loss that "
    'arises from a breach of its duties under this Agreement ("Loss"), save for clause 9.2.\n'
)
NUMBER = "00000000"
"""Stands for the number of the answer in the responder's reply."""
SAID = "The indemnity in clause 12.3 is capped by clause 9.2; the next document may lift the cap. "


@dataclass(frozen=True, slots=True)
class Job:
    """What the clients do: each sends its calls one after the other.

    Rollouts are not in step, so the clients begin within the time that one call takes.
    """

    clients: int = 64
    calls: int = 20
    warm_up: int = 2
    """Calls of each client that come first and are not measured."""
    milliseconds: int = 0
    """How long the upstream takes for a call."""
    last_milliseconds: int = 0
    """How long it takes for the last call of each client, if that is more; all send it together."""
    turn_bytes: tuple[int, int] = (3_000, 3_000)
    """Least and most of what is new in a call."""
    conversations: int = 0
    """How many conversations a client continues in turn; 0: each call begins one."""
    streaming: bool = False
    kit: bool = False
    """With the client of a rollout: HTTP/1.0, and a connection for each call."""

    @property
    def all_calls(self) -> int:
        """Of one client."""
        return self.warm_up + self.calls

    def takes(self, number: int) -> int:
        """Milliseconds of the upstream for one of a client's calls, from 0."""
        last = number == self.all_calls - 1
        return max(self.milliseconds, self.last_milliseconds if last else 0)

    def delay(self, client: int) -> float:
        """Seconds until a client, counted from 0, sends its first call."""
        return client / self.clients * self.milliseconds / 1000


@dataclass(slots=True)
class Samples:
    """What the clients saw."""

    first: list[float] = field(default_factory=list)
    """Seconds to the first piece of each answer."""
    end: list[float] = field(default_factory=list)
    """Seconds to the end of each answer."""
    began: float = float("inf")
    ended: float = 0.0
    new_bytes: int = 0
    """Of requests and answers, whatever was repeated counted once."""

    def add(self, sent: float, first: float, end: float) -> None:
        self.first.append(first - sent)
        self.end.append(end - sent)
        self.began, self.ended = min(self.began, sent), max(self.ended, end)

    @property
    def calls_a_second(self) -> float:
        return len(self.end) / (self.ended - self.began)


def say(content: object) -> None:
    print(json.dumps(content), flush=True)


def as_json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


# The upstream.


def reply(text: str = SAID) -> dict[str, Any]:
    """What the responder answers, but for its number: a text and a tool call."""
    call = {"type": "tool_use", "id": f"toolu_{NUMBER}", "name": TOOL["name"], "input": {}}
    return {
        "id": f"msg_{NUMBER}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}, call],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 900,
            "cache_creation_input_tokens": 2_500,
            "cache_read_input_tokens": 60_000,
            "output_tokens": 120,
        },
    }


def whole_answer() -> bytes:
    body = as_json(reply())
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class Responder(asyncio.Protocol):
    """Answers a request after as many milliseconds as it asks for tokens, less one."""

    answered = 0

    def __init__(self, whole: bytes, events: list[bytes]) -> None:
        self._whole_answer, self._events = whole, events
        self._held, self._whole = bytearray(), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._whole and b"\r\n\r\n" in self._held[:2_000]:
            head = bytes(self._held[: self._held.index(b"\r\n\r\n") + 4])
            self._whole = len(head) + length_in(head)
        if self._whole and len(self._held) == self._whole:
            begin = bytes(self._held[:2_000])
            self._held, self._whole = bytearray(), 0
            self._plan_answer(begin)

    def _plan_answer(self, begin: bytes) -> None:
        asked = re.search(rb'"max_tokens": (\d+)', begin)
        assert asked is not None, "the responder is told how long to take"
        seconds = (int(asked[1]) - 1) / 1000
        loop = asyncio.get_running_loop()
        if b'"stream": true' in begin:
            loop.call_later(seconds, self._begin_stream)
        elif seconds:
            loop.call_later(seconds, self._answer, b" HTTP/1.0\r\n" in begin)
        else:
            self._answer(b" HTTP/1.0\r\n" in begin)

    def _answer(self, once: bool) -> None:
        Responder.answered += 1
        number = f"{Responder.answered:0{len(NUMBER)}}"
        self._transport.write(self._whole_answer.replace(NUMBER.encode(), number.encode()))
        if once:
            self._transport.close()

    def _begin_stream(self) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        self._send_event(0)

    def _send_event(self, index: int) -> None:
        event = self._events[index]
        end = b"0\r\n\r\n" if index + 1 == len(self._events) else b""
        self._transport.write(b"%x\r\n%b\r\n%b" % (len(event), event, end))
        if not end:
            loop = asyncio.get_running_loop()
            loop.call_later(SECONDS_BETWEEN_EVENTS, self._send_event, index + 1)


async def serve_upstream(socket: str) -> None:
    from harness_search.gateway.events import events_of

    whole, events = whole_answer(), events_of(reply(SAID * 10))

    def responder() -> Responder:
        return Responder(whole, events)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(responder, "127.0.0.1", 0, backlog=512)
    await loop.create_unix_server(responder, socket, backlog=512)
    say({"port": server.sockets[0].getsockname()[1]})
    await asyncio.Event().wait()


# The gateway.


async def serve_gateway(folder: Path, port: int, grants: int) -> None:
    from harness_search.gateway.account import Account, Terms
    from harness_search.gateway.budget import Budget
    from harness_search.gateway.concurrency import AdaptiveLimit
    from harness_search.gateway.prices import Price
    from harness_search.gateway.server import Gateway
    from harness_search.gateway.upstream import Upstream
    from harness_search.settings import BudgetSettings

    account = Account(
        Upstream(f"http://127.0.0.1:{port}", "no-key"),
        Terms(MODEL, Price(input=3.0, output=15.0), context_tokens=200_000),
        limit=AdaptiveLimit(512, 512),
        budget=Budget(BudgetSettings(usd=1e6, rollout_tokens=10**12)),
    )
    gateway = Gateway(account, folder / "gateway.sock", most_requests=1_000_000)
    await gateway.start()
    files = [folder / f"{number}.jsonl" for number in range(grants)]
    say({"tokens": [gateway.grant(file, candidate="baseline").token for file in files]})
    await asyncio.Event().wait()


# The clients.


class Agent:
    """What one client sends; its requests are ready before the first call where they can be."""

    def __init__(self, job: Job, number: int) -> None:
        self.number, self._job, count = number, job, max(1, job.conversations)
        self._conversations = [Conversation(job, number * count + place) for place in range(count)]
        self._ready: list[bytes] = []
        if not job.conversations:
            self._ready = [self._conversations[0].alone(job.takes(n)) for n in range(job.all_calls)]

    def request(self, number: int) -> bytes:
        if self._ready:
            return self._ready[number]
        return self._conversation(number).request(self._job.takes(number))

    def answered(self, number: int, body: bytes) -> None:
        if not self._ready:
            self._conversation(number).answered(body)

    @property
    def new_bytes(self) -> int:
        return sum(conversation.new_bytes for conversation in self._conversations)

    def _conversation(self, number: int) -> "Conversation":
        return self._conversations[number % len(self._conversations)]


class Conversation:
    """Requests of which each holds all that was said before."""

    def __init__(self, job: Job, number: int) -> None:
        self._job, self._random = job, random.Random(number)
        system = json.dumps(f"You are reviewer {number}. {SYSTEM}")
        self._fixed = f'"system": {system}, "tools": [{json.dumps(TOOL)}]'
        self._said: list[bytes] = []
        self._tool_call = ""
        self.new_bytes = len(self._fixed)
        """Of requests and answers, whatever was repeated counted once."""

    def request(self, milliseconds: int) -> bytes:
        """Say something new, and ask for an answer that takes so long."""
        turn = self._turn()
        self._said.append(turn)
        self.new_bytes += len(turn)
        return self._asking(self._said, milliseconds)

    def alone(self, milliseconds: int) -> bytes:
        """The same, as if it were the beginning."""
        return self._asking([self._turn()], milliseconds)

    def answered(self, body: bytes) -> None:
        self.new_bytes += len(body)
        content = json.loads(body)["content"]
        self._tool_call = content[-1]["id"]
        self._said.append(as_json({"role": "assistant", "content": content}))

    def _asking(self, said: list[bytes], milliseconds: int) -> bytes:
        limits = {"model": MODEL, "max_tokens": milliseconds + 1, "stream": self._job.streaming}
        begin = f'{json.dumps(limits)[:-1]}, {self._fixed}, "messages": ['.encode()
        return begin + b", ".join(said) + b"]}"

    def _turn(self) -> bytes:
        size = self._random.randint(*self._job.turn_bytes)
        text = f"{self._random.getrandbits(32)} {SENTENCE * (size // len(SENTENCE) + 1)}"[:size]
        block = {"type": "text", "text": text}
        if self._tool_call:
            block = {"type": "tool_result", "tool_use_id": self._tool_call, "content": text}
        return as_json({"role": "user", "content": [block]})


async def run_client(
    job: Job, socket: str, token: str, agent: Agent, last: asyncio.Barrier, samples: Samples
) -> None:
    reader, writer = await asyncio.open_unix_connection(socket)
    await asyncio.sleep(job.delay(agent.number))
    head = f"POST /v1/messages HTTP/1.1\r\nhost: gateway\r\nx-api-key: {token}\r\n"
    for number in range(job.all_calls):
        request = agent.request(number)
        if job.last_milliseconds and number + 1 == job.all_calls:
            await last.wait()
        sent = time.monotonic()
        writer.write(f"{head}content-length: {len(request)}\r\n\r\n".encode() + request)
        first, body = await read_answer(reader)
        if number >= job.warm_up:
            samples.add(sent, first, time.monotonic())
        agent.answered(number, body)
    samples.new_bytes += agent.new_bytes
    writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[float, bytes]:
    """When the first piece of the answer was there, and the whole of it."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head[:20]:
        raise SystemExit(f"an answer that was not expected: {head.decode()}")
    if length := length_in(head):
        body = await reader.readexactly(length)
        return time.monotonic(), body
    first, pieces = 0.0, []
    while size := int(await reader.readline(), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
        first = first or time.monotonic()
    await reader.readline()
    return first, b"".join(pieces)


def length_in(head: bytes) -> int:
    """What a head announces, in bytes; 0 for chunks."""
    found = re.search(rb"(?i)content-length: (\d+)", head)
    return int(found[1]) if found else 0


def run_clients(job: Job, socket: str, tokens: list[str]) -> Samples:
    samples = Samples()
    agents = [Agent(job, number) for number in range(job.clients)]

    async def run() -> None:
        last = asyncio.Barrier(job.clients)
        clients = zip(tokens, agents, strict=False)
        await asyncio.gather(
            *(run_client(job, socket, token, agent, last, samples) for token, agent in clients)
        )

    asyncio.run(run())
    return samples


def run_kit_clients(job: Job, socket: str, tokens: list[str]) -> Samples:
    from harness_kit.model import Model

    samples = Samples()

    def run(client: int) -> None:
        model = Model(socket, tokens[client], MODEL)
        time.sleep(job.delay(client))
        for number in range(job.all_calls):
            text = f"{number} {SENTENCE * 20}"[: job.turn_bytes[1]]
            said = [{"role": "user", "content": text}]
            sent = time.monotonic()
            model.complete(
                system=SYSTEM, messages=said, tools=[TOOL], max_tokens=job.milliseconds + 1
            )
            if number >= job.warm_up:
                now = time.monotonic()
                samples.add(sent, now, now)

    with ThreadPoolExecutor(job.clients) as pool:
        list(pool.map(run, range(job.clients)))
    return samples


def send_calls(job: Job, socket: str) -> None:
    """Do a job; the tokens come on standard input."""
    clients = run_kit_clients if job.kit else run_clients
    say(asdict(clients(job, socket, json.load(sys.stdin))))


def main(role: str, *arguments: str) -> None:
    if role == "upstream":
        asyncio.run(serve_upstream(arguments[0]))
    elif role == "gateway":
        asyncio.run(serve_gateway(Path(arguments[0]), int(arguments[1]), int(arguments[2])))
    else:
        send_calls(Job(**json.loads(arguments[0])), arguments[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
