"""The transcript of a rollout or session: every exchange once, whatever the conversations do.

One JSON object a line, of three kinds. A request is written before it is sent, its answer when it
is there, so lines of concurrent calls interleave; `call` says what belongs together.

    {"call": 7, "request_digest": "9f2c...", "reserved_usd": 0.03, "reserved_tokens": 9000,
     "same": {"model": 1, "system": 1}, "request": {"max_tokens": 4096, "messages": [
         {"as_in_call": 6, "from": 0, "to": 12}, {"role": "user", "content": "..."}]}}
    {"call": 7, "status": 200, "cost_usd": 0.021, "reply": {"content": [...], "usage": {...}}}
    {"call": 8, "failure": "provider: status 529"}

- `request` holds in full only what the file does not have yet. `same` names an earlier call for
  each other value of the request, or is the one call that had them all and no more; a value in
  neither was not sent.
- `as_in_call` stands for messages of an earlier call: counted from 0, `to` excluded. The reply of
  that call counts as its last message, so a reply that comes back in a later request is not
  written again.
- `request_digest` is the SHA-256 of the request's bytes as sent. `reserved_usd` and
  `reserved_tokens`, left out when zero, are what the call could cost at most: that is all that is
  known of a call whose answer is missing after a crash.
- `cost_usd` is the original price of the reply, also on a line with `"replayed": true`, which was
  paid by an earlier attempt. A `failure` is the provider's: nothing was counted, unless `partial`
  has what came of a broken stream, or what a reply that cannot be read may have cost.

Cache breakpoints are not kept; `sameness` says what else counts as the same, and such things read
back in the form that came first.
"""

import errno
import json
import os
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from itertools import accumulate
from pathlib import Path
from typing import Any

from harness_search.errors import InputError
from harness_search.gateway.prices import usage_of
from harness_search.gateway.sameness import (
    digest_of_both,
    digest_of_message,
    digest_of_value,
    digest_of_values,
    without_breakpoints,
)
from harness_search.ledger.rows import Usage

Message = dict[str, Any]
Place = tuple[int, int]
"""A call, and a position among its messages."""

_READABLE = json.JSONEncoder(ensure_ascii=False)
REMEMBERED = 8_192
"""Digests that a writer keeps at most: some 2 MB, whatever a hostile harness sends."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call to the model and its answer."""

    call: int
    digest: str
    """SHA-256 (hex) of the request as sent."""
    request: dict[str, Any]
    """In full, with all its messages."""
    status: int
    reply: dict[str, Any]
    cost_usd: float
    """The original price, also of a replayed reply."""
    replayed: bool


@dataclass(frozen=True, slots=True)
class Paid:
    """What an attempt has newly paid, in tokens and in US dollars."""

    usage: Usage
    usd: float


class TranscriptWriter:
    """Appends to one transcript; remembers digests of what is in the file, never the content."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines = _Lines(file)
        self._places = _Places()
        self._unanswered: dict[int, tuple[int, bytes]] = {}
        """By call: the number of its messages, and the digest of them all."""

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._lines.size

    def request(
        self,
        call: int,
        digest: str,
        content: dict[str, Any],
        *,
        reserved_usd: float = 0.0,
        reserved_tokens: int = 0,
    ) -> None:
        """Record a request before it is sent.

        `call`, from 1, is new in this file; `digest` is the SHA-256 (hex) of the request's bytes.
        Raises OSError when the line cannot be written, and RecursionError for content nested as
        deeply as the interpreter's stack; the file is then as it was.
        """
        messages = content.get("messages", [])
        digests = [digest_of_message(message) for message in messages]
        beginnings = list(accumulate(digests, digest_of_both, initial=b""))
        values = {key: content[key] for key in content if key != "messages"}
        whole = digest_of_values(values)
        same = self._places.of_values(whole, values)
        known = values if isinstance(same, int) else same
        new = {key: value for key, value in values.items() if key not in known}
        new["messages"] = _shortened(messages, self._places.of_messages(digests, beginnings))
        entry = {
            "call": call,
            "request_digest": digest,
            **_if_any(reserved_usd=reserved_usd, reserved_tokens=reserved_tokens, same=same),
            "request": without_breakpoints(new),
        }
        self._lines.append(entry)
        self._places.add_values(whole, values, call)
        for position, message in enumerate(digests):
            self._places.add_message(message, beginnings[position + 1], (call, position))
        self._unanswered[call] = (len(messages), beginnings[-1])

    def reply(
        self,
        call: int,
        status: int,
        reply: dict[str, Any],
        *,
        cost_usd: float = 0.0,
        replayed: bool = False,
    ) -> None:
        """Record the answer to a call, be it an error.

        `cost_usd` is what the reply cost when it was first paid. Raises as `request` does.
        """
        position, beginning = self._unanswered[call]
        optional = _if_any(cost_usd=cost_usd, replayed=replayed)
        self._lines.append({"call": call, "status": status, **optional, "reply": reply})
        del self._unanswered[call]
        said = _message_of(status, reply)
        if said is not None:
            digest = digest_of_message(said)
            whole = digest_of_both(beginning, digest)
            self._places.add_message(digest, whole, (call, position))

    def failure(
        self,
        call: int,
        cause: str,
        *,
        partial: dict[str, Any] | None = None,
        cost_usd: float = 0.0,
        tries: int = 0,
    ) -> None:
        """Record that the provider did not answer a call in so many tries, or only in part.

        `partial` is what came of a broken stream, with its usage; without it nothing was counted.
        Raises as `request` does.
        """
        optional = _if_any(cost_usd=cost_usd, partial=partial, tries=tries)
        self._lines.append({"call": call, "failure": cause, **optional})
        del self._unanswered[call]

    def close(self) -> None:
        """Let go of the file; a later line would open it again."""
        self._lines.close()


class _Lines:
    """A JSON-lines file to append to; what it holds at any moment is whole lines."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: FileIO | None = None
        self.size = 0

    def append(self, entry: dict[str, Any]) -> None:
        try:
            line = f"{_READABLE.encode(entry)}\n".encode()
        except UnicodeEncodeError:  # half of a surrogate pair is valid JSON, and no UTF-8
            line = f"{json.dumps(entry)}\n".encode()
        if self._stream is None:
            _drop_torn_line(self._file)
            self._stream = FileIO(self._file, "ab")
            self.size = self._stream.tell()
        if self._stream.write(line) != len(line):  # the disk is full
            self._stream.truncate(self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
        self.size += len(line)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _drop_torn_line(file: Path) -> None:
    """Cut off what a killed writer left of a line: the next one would be lost with it."""
    if file.is_file():
        content = file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(file, whole)


class _Places:
    """Where in the file things are, by digest; the longest unused are forgotten."""

    def __init__(self) -> None:
        self._places: OrderedDict[bytes, Place] = OrderedDict()

    def _add(self, digest: bytes, place: Place) -> None:
        self._places[digest] = place
        self._places.move_to_end(digest)
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)

    def add_message(self, digest: bytes, beginning: bytes, place: Place) -> None:
        """A message, and the conversation up to and with it."""
        self._add(digest, place)
        self._add(beginning, place)

    def of_messages(self, digests: list[bytes], beginnings: list[bytes]) -> list[Place | None]:
        """The place of each message, None for a new one.

        Up to the longest known beginning the conversation decides, not the single message: the
        same words ("Continue.") may stand in it twice, and in other conversations.
        """
        for known in range(len(digests), 0, -1):
            if place := self._places.get(beginnings[known]):
                beginning = [(place[0], position) for position in range(known)]
                return [*beginning, *map(self._places.get, digests[known:])]
        return [self._places.get(digest) for digest in digests]

    def add_values(self, whole: bytes, values: dict[str, Any], call: int) -> None:
        """The values of a request beside its messages, each by itself and, as `whole`, all."""
        known = self._places.get(whole)
        self._add(whole, known or (call, 0))
        for key, value in values.items() if known is None else ():
            digest = digest_of_value(key, value)
            self._add(digest, self._places.get(digest, (call, 0)))

    def of_values(self, whole: bytes, values: dict[str, Any]) -> int | dict[str, int]:
        """The call that has all these values and no other; else one for each known value."""
        if place := self._places.get(whole):
            return place[0]
        digests = {key: digest_of_value(key, value) for key, value in values.items()}
        found = {key: self._places.get(digest) for key, digest in digests.items()}
        return {key: place[0] for key, place in found.items() if place}


def _shortened(messages: list[Message], places: list[Place | None]) -> list[dict[str, Any]]:
    """The new messages in full, runs of known ones as one reference each."""
    parts: list[dict[str, Any]] = []
    expected: Place | None = None
    for message, place in zip(messages, places, strict=True):
        if place is None:
            parts.append(without_breakpoints(message))
        elif place == expected:
            parts[-1]["to"] += 1
        else:
            parts.append({"as_in_call": place[0], "from": place[1], "to": place[1] + 1})
        expected = (place[0], place[1] + 1) if place else None
    return parts


def _message_of(status: int, reply: dict[str, Any]) -> Message | None:
    """The message that a reply adds to its conversation; None for an error."""
    content = reply.get("content")
    if status != 200 or not isinstance(content, list):
        return None
    return {"role": "assistant", "content": content}


def _if_any(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


@dataclass(slots=True)
class _Call:
    """A call, while its file is read."""

    digest: str
    values: dict[str, Any]
    messages: tuple[Message, ...]
    said: tuple[Message, ...]
    """The messages and, once it is there, the reply."""


def read_transcript(file: Path) -> Iterator[Exchange]:
    """Every answered exchange with its full request, in the order of the answers.

    Raises OSError, and InputError for a damaged file.
    """
    calls: dict[int, _Call] = {}
    for entry in _entries(file):
        number = entry["call"]
        if "request" in entry:
            calls[number] = _rebuilt(entry, calls)
        elif "reply" in entry:
            call, status, reply = calls[number], entry["status"], entry["reply"]
            said = _message_of(status, reply)
            call.said = (*call.messages, said) if said else call.messages
            request = {**call.values, "messages": list(call.messages)}
            cost, replayed = entry.get("cost_usd", 0.0), entry.get("replayed", False)
            yield Exchange(number, call.digest, request, status, reply, cost, replayed)


def _rebuilt(entry: dict[str, Any], calls: dict[int, _Call]) -> _Call:
    new = dict(entry["request"])
    messages: list[Message] = []
    for part in new.pop("messages"):
        if "as_in_call" in part and "role" not in part:
            messages += calls[part["as_in_call"]].said[part["from"] : part["to"]]
        else:
            messages.append(part)
    same = entry.get("same", {})
    if isinstance(same, int):
        values = calls[same].values
    else:
        values = {key: calls[number].values[key] for key, number in same.items()} | new
    said = tuple(messages)
    return _Call(entry["request_digest"], values, said, said)


def _entries(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):  # the writer was killed in the middle of it
                return
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(file, f"line {number}", "no JSON", "one object a line") from error


def failed_tries(file: Path) -> Counter[str]:
    """Tries that failed, by the digest of their request, of calls that were never answered."""
    digests: dict[int, str] = {}
    tries: Counter[str] = Counter()
    for entry in _entries(file):
        if "request" in entry:
            digests[entry["call"]] = entry["request_digest"]
        elif "failure" in entry:
            tries[digests[entry["call"]]] += entry.get("tries", 0)
    return tries


def conversation(file: Path) -> list[Message]:
    """The messages of the last answered call with its reply: what a person wants to read."""
    last: Exchange | None = None
    for exchange in read_transcript(file):
        last = exchange
    if last is None:
        return []
    said = _message_of(last.status, last.reply)
    return [*last.request["messages"], *([said] if said else [])]


def paid_so_far(file: Path, *, unanswered: bool = True) -> Paid:
    """What the attempt has paid itself, by its transcript; nothing if there is none.

    Replayed replies were paid before. A call that was sent and neither answered nor failed counts
    with all that was reserved for it, its tokens as input: the provider may have charged it.
    While the gateway is at work, such a call may be in flight: not `unanswered` leaves it out.
    """
    paid: dict[int, Paid] = {}
    for entry in _entries(file) if file.exists() else ():
        if unanswered or "request" not in entry:
            paid[entry["call"]] = _paid_by(entry)  # what an answer says replaces what was reserved
    usage = sum((call.usage for call in paid.values()), Usage())
    return Paid(usage, sum((call.usd for call in paid.values()), 0.0))


def _paid_by(entry: dict[str, Any]) -> Paid:
    if "request" in entry:
        reserved = Usage(input=entry.get("reserved_tokens", 0))
        return Paid(reserved, entry.get("reserved_usd", 0.0))
    if entry.get("replayed") or entry.get("status", 200) != 200:
        return Paid(Usage(), 0.0)
    said = entry["reply"] if "reply" in entry else entry.get("partial", {})
    return Paid(usage_of(said), entry.get("cost_usd", 0.0))
