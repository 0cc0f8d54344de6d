"""Prints the measures that the model judge is held to, on this machine.

Run from the repository root: `.venv/bin/python benchmarks/judge.py [--json]`; it takes about half a
minute. The judge is the real one: real client, real prompt, real store of verdicts. What answers is
a scripted Messages API on a loopback port in a process of its own, which accounts usage by the
API's rules of prompt caching and says the same to everybody. Prices are those of a model with input
at 3 USD and output at 15 USD per million tokens. CPU is this process's own, so the server's is not
in it; that of the bare client is measured on requests of the same bytes, and taken off.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anthropic

from harness_search.benchmark.tasks import Task, read_task
from harness_search.gateway.prices import Price
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Subject
from harness_search.judging.model.asker import MessagesAsker
from harness_search.judging.model.cache import CacheKey, VerdictCache
from harness_search.judging.model.judge import JudgeTerms, ModelJudge
from harness_search.judging.model.prompt import CallTerms, Delimiters, joined, request_of
from harness_search.judging.model.questions import Answer, Question, scope_digest_of
from harness_search.ledger.rows import Usage

CRITERIA = 63
TOKENS = 10_000  # of the deliverable
CHARACTERS_PER_TOKEN = 4
ROUNDS = 5
STORED_ROLLOUTS = 16
MODEL = "judge-1"
PRICE = Price(input=3, output=15, cache_write=3.75, cache_read=0.3)
CALL = CallTerms(MODEL)
LINE = "The annual fee for year {} is 1,250,000 USD, payable in advance on 31 March of that year.\n"

SERVER = """
import asyncio, json
from harness_search.simulated.caching import PromptCache
from harness_search.simulated.messages_api import MessagesApi

ITEM = {"evidence_quote": "payable in advance on 31 March of that year", "verdict": "pass",
        "reason": "The fee and its date are stated."}
REPLY = {"id": "msg_1", "type": "message", "role": "assistant", "model": "judge-1",
         "content": [{"type": "text", "text": json.dumps(ITEM)}], "stop_reason": "end_turn",
         "stop_sequence": None}

async def main():
    api = MessagesApi(lambda received: REPLY, cache=PromptCache(), latency_seconds=0.02, keep=0)
    await api.start()
    print(api.base_url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table."""

    name: str
    measured: float
    unit: str
    limit: str
    met: bool


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures of the model judge.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder, server() as base_url:
        measures = asyncio.run(measure(Path(folder), base_url))
    if as_json:
        fields = Measure.__slots__
        print(json.dumps([{name: getattr(one, name) for name in fields} for one in measures]))
        return
    for one in measures:
        verdict = "met" if one.met else "MISSED"
        print(f"{one.name:<72} {one.measured:>8.2f} {one.unit:<6} {one.limit:<14} {verdict}")


@contextmanager
def server() -> Iterator[str]:
    """The scripted API, by its address."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


async def measure(folder: Path, base_url: str) -> list[Measure]:
    subject = Subject(make_task(folder), make_output(folder))
    client = anthropic.AsyncAnthropic(base_url=base_url, api_key="k", max_retries=0, timeout=60)
    async with client:
        answers, ours = await graded(client, folder, subject)
        again = await regraded(client, folder, subject)
        bare = [await bare_calls(client, subject) for _ in range(ROUNDS)]
    return [*costs(answers, subject), overhead(ours, bare), regrading(again)]


def make_task(folder: Path) -> Task:
    criteria = [
        {
            "id": f"C-{number:03d}",
            "title": f"States the annual fee for year {number}",
            "match_criteria": "PASS if the memo states the annual fee for that year with its "
            "currency, names the day on which it falls due, and says whether it is payable in "
            "advance or in arrears. FAIL if any of these is missing, wrong or only implied.",
        }
        for number in range(1, CRITERIA + 1)
    ]
    place = folder / "tasks" / "tax" / "one"
    (place / "documents").mkdir(parents=True)
    content = {
        "title": "T", "instructions": "Do", "criteria": criteria, "deliverables": ["memo.md"]
    }  # fmt: skip
    (place / "task.json").write_text(json.dumps(content), encoding="utf-8")
    return read_task(place / "task.json", folder / "tasks")


def make_output(folder: Path) -> Path:
    lines, length, number = list[str](), 0, 0
    while length < TOKENS * CHARACTERS_PER_TOKEN:
        number += 1
        lines.append(LINE.format(number))
        length += len(lines[-1])
    (folder / "output").mkdir()
    (folder / "output" / "memo.md").write_text("".join(lines), encoding="utf-8")
    return folder / "output"


async def graded(
    client: anthropic.AsyncAnthropic, folder: Path, subject: Subject
) -> tuple[list[Answer], list[float]]:
    """Answers of the first grading, and CPU seconds of all."""
    texts, seconds = TextStore(folder / "text"), []
    answers: list[Answer] = []

    class Watched(VerdictCache):
        def put(self, key: CacheKey, answer: Answer) -> None:
            answers.append(answer)
            super().put(key, answer)

    for number in range(ROUNDS + 1):  # the first one imports and connects
        cache = Watched(folder / f"verdicts-{number}.sqlite3")
        judge = ModelJudge(MessagesAsker(client, CALL, PRICE), cache, texts, JudgeTerms("p", CALL))
        start = time.process_time()
        grading = await judge.grade(subject)
        seconds.append(time.process_time() - start)
        assert {verdict.verdict for verdict in grading.verdicts} == {"pass"}
        cache.close()
    return answers[:CRITERIA], seconds[1:]


async def bare_calls(client: anthropic.AsyncAnthropic, subject: Subject) -> float:
    """CPU seconds of the client alone on requests of the same bytes, sent in the same order."""
    text = joined([("memo.md", (subject.output / "memo.md").read_text(encoding="utf-8"))])
    digest = scope_digest_of(text)
    code = Delimiters().code_of(digest)
    requests = [
        request_of(CALL, code, [Question(digest, text, criterion)])
        for criterion in subject.task.criteria
    ]
    places = asyncio.Semaphore(16)

    async def send(request: dict[str, object]) -> None:
        async with places:
            await client.messages.create(**request)  # type: ignore[arg-type]

    start = time.process_time()
    async with client.messages.stream(**requests[0]) as stream:
        await stream.get_final_message()
    await asyncio.gather(*(send(request) for request in requests[1:]))
    return time.process_time() - start


def costs(answers: list[Answer], subject: Subject) -> list[Measure]:
    """Input cost against calls that cache nothing, from the usage that was accounted."""
    usage = sum((answer.usage for answer in answers), Usage())
    cached = (
        usage.input * PRICE.input
        + usage.cache_write * PRICE.cache_write
        + usage.cache_read * PRICE.cache_read
    )
    uncached = (usage.input + usage.cache_write + usage.cache_read) * PRICE.input
    ratio, writes = uncached / cached, sum(answer.usage.cache_write > 0 for answer in answers)
    reads = sum(answer.usage.cache_read > 0 for answer in answers)
    what = f"{len(subject.task.criteria)} criteria on {TOKENS:,} tokens"
    return [
        Measure(f"{what}: input cost, uncached to cached", ratio, "x", "at least 7", ratio >= 7),
        Measure(f"{what}: calls that wrote the deliverable", writes, "", "exactly 1", writes == 1),
        Measure(f"{what}: calls that read it", reads, "", "exactly 62", reads == CRITERIA - 1),
    ]


def overhead(ours: list[float], bare: list[float]) -> Measure:
    """CPU of the judge beyond the exchange, for each call."""
    client = 1000 * statistics.median(bare) / CRITERIA
    milliseconds = 1000 * statistics.median(ours) / CRITERIA - client
    name = f"CPU of the judge beyond the client's own ({client:.1f} ms), a call"
    return Measure(name, milliseconds, "ms", "at most 1", milliseconds <= 1)


async def regraded(client: anthropic.AsyncAnthropic, folder: Path, subject: Subject) -> float:
    """Seconds to grade 16 rollouts whose 1,008 verdicts are stored, from documents to verdicts."""
    cache = VerdictCache(folder / "verdicts-0.sqlite3")
    asker = MessagesAsker(client.with_options(base_url="http://127.0.0.1:1"), CALL)
    judge = ModelJudge(asker, cache, TextStore(folder / "text"), JudgeTerms("p", CALL))
    start = time.monotonic()
    for _ in range(STORED_ROLLOUTS):
        assert (await judge.grade(subject)).undecided == 0
    seconds = time.monotonic() - start
    cache.close()
    return seconds


def regrading(seconds: float) -> Measure:
    """Grading again what is stored, under an unchanged judge."""
    name = f"{STORED_ROLLOUTS * CRITERIA:,} verdicts graded again from the store"
    return Measure(name, seconds, "s", "at most 0.5", seconds <= 0.5)


if __name__ == "__main__":
    main()
