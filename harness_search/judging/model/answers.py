"""What a judging model's reply is worth: read strictly, its evidence looked up in the text."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from harness_search.gateway.prices import Price, cost_of, usage_of
from harness_search.judging.model.evidence import Evidence
from harness_search.judging.model.questions import Answer, Failed, Question, Replied, Said
from harness_search.ledger.rows import Usage

SAID = frozenset({"pass", "fail", "cannot_judge"})
LONGEST_REASON = 500
REFUSED = "the model refused to answer"
CUT = "the answer was cut at its longest length (judge.most_tokens)"
STOPPED = "the model stopped before it had answered"
ENDINGS = frozenset({"end_turn", "stop_sequence"})
_BEGINS = re.compile(r"[{\[]")


@dataclass(frozen=True, slots=True)
class _Reply:
    """What all questions of one call share."""

    text: str
    model: str
    usage: Usage
    usd: float
    request_id: str

    def share(self, number: int, of: int) -> tuple[Usage, float]:
        """Tokens and USD of one question; together they are those of the call."""
        usage = self.usage
        counts = (usage.input, usage.output, usage.cache_write, usage.cache_read)
        return Usage(*(n // of + (number < n % of) for n in counts)), self.usd / of


def replies_of(
    questions: Sequence[Question],
    message: Mapping[str, Any],
    evidence: Evidence,
    price: Price,
    request_id: str = "",
    factor: float = 1.0,
) -> list[Replied]:
    """What one reply says to each question of its call; `factor` is 0.5 for a batch.

    `message` is a reply of the Messages API. One that broke off is no reply: its call failed.
    """
    model = str(message.get("model", ""))
    stop = message.get("stop_reason")
    if stop is None:
        failed = Failed("the answer broke off", served_model=model)
        return [(question, failed) for question in questions]
    if stop not in ENDINGS:
        reason = _problem_of(stop)
        failed = Failed(reason, invalid=True, served_model=model, heard=reason == REFUSED)
        return [(question, failed) for question in questions]
    raw = message.get("usage") or {}
    usd = cost_of(raw, price, factor)
    reply = _Reply(_text_of(message), model, usage_of(message), usd, request_id)
    found = _items(reply.text, len(questions))
    return [
        (question, _answer(found[number], number, len(questions), reply, evidence))
        for number, question in enumerate(questions)
    ]


def _problem_of(stop: object) -> str:
    if stop == "refusal":
        return REFUSED
    if stop == "max_tokens":
        return CUT
    return STOPPED


def _text_of(message: Mapping[str, Any]) -> str:
    blocks = message.get("content")
    texts = [
        block["text"]
        for block in (blocks if isinstance(blocks, list) else [])
        if isinstance(block, Mapping) and isinstance(block.get("text"), str)
    ]
    return "".join(texts)


def _answer(
    item: dict[str, Any] | str, number: int, of: int, reply: _Reply, evidence: Evidence
) -> Answer | Failed:
    problem = item if isinstance(item, str) else _problem_with(item, evidence)
    if problem or isinstance(item, str):
        heard = not isinstance(item, str) and item.get("verdict") in SAID
        return Failed(problem, invalid=True, served_model=reply.model, heard=heard)
    usage, usd = reply.share(number, of)
    reason = " ".join(item["reason"].split())[:LONGEST_REASON]
    said = cast("Said", item["verdict"])
    quote = item["evidence_quote"]
    return Answer(said, quote, reason, reply.model, usage, usd, reply.request_id, reply.text)


def _problem_with(item: Mapping[str, Any], evidence: Evidence) -> str:
    for name in ("evidence_quote", "verdict", "reason"):
        if not isinstance(item.get(name), str):
            return f"it had no text as {name}"
    if item["verdict"] not in SAID:
        return "its verdict was none of pass, fail and cannot_judge"
    if item["verdict"] == "pass" and not evidence.holds(item["evidence_quote"]):
        return "its quote does not stand in the deliverables word for word, or is too short"
    return ""


# JSON, wherever it stands in the reply.


def _items(text: str, count: int) -> list[dict[str, Any] | str]:
    """The item of each question in its place, or why there is none."""
    values = list(_values_in(text))
    if len(values) != 1:
        problem = "it held more than one JSON object" if values else "it held no JSON object"
        return [problem] * count
    value = values[0]
    if count == 1:
        return [value if isinstance(value, dict) else "it was no JSON object"]
    if isinstance(value, dict):
        value = value.get("answers")
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return [_only([item for item in items if item.get("id") == str(n + 1)]) for n in range(count)]


def _only(items: list[dict[str, Any]]) -> dict[str, Any] | str:
    if len(items) == 1:
        return items[0]
    return "its id was answered more than once" if items else "its id was not answered"


def _values_in(text: str) -> Iterator[Any]:
    """Every JSON object, or array of them, in a text, outermost ones alone; what stands around
    them is passed over."""
    decoder = json.JSONDecoder(object_pairs_hook=_without_repeats)
    place = 0
    while match := _BEGINS.search(text, place):
        try:
            value, place = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            place = match.end()
            continue
        if isinstance(value, dict) or (value and all(isinstance(item, dict) for item in value)):
            yield value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Empty where a name is given twice: of two verdicts it could mean either."""
    content = dict(pairs)
    return content if len(content) == len(pairs) else {}
