"""What a judging model's reply is worth, read strictly."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_api import MEMO, item, message, rubric_task

from harness_search.gateway.prices import Price
from harness_search.judging.model.answers import replies_of
from harness_search.judging.model.evidence import Evidence
from harness_search.judging.model.prompt import (
    CallTerms,
    Delimiters,
    calls_of,
    joined,
    request_of,
)
from harness_search.judging.model.questions import Answer, Failed, Question, scope_digest_of
from harness_search.ledger.rows import Usage

TEXT = joined(
    [
        ("memo.md", f"{MEMO}\n**Unlimited** liability\n\n| Fee | 1,250 |\n- Yes\n"),
        ("the note about fees.md", "It\u2019s \u201cagreed\u201d \u2013 see clause 9"),
    ]
)
PRICE = Price(input=3, output=15, cache_write=3.75, cache_read=0.3)
EVIDENCE = Evidence(TEXT)
WORDS = st.text("abcdefgh", min_size=1, max_size=6)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> list[Question]:
    task = rubric_task(tmp_path_factory.mktemp("task"), *(f"Point {n}" for n in range(1, 10)))
    return [Question(scope_digest_of(TEXT), TEXT, criterion) for criterion in task.criteria]


def read(questions: list[Question], content: object, **fields: Any) -> list[Answer | Failed]:
    reply = {**message(content), **fields}
    return [found for _, found in replies_of(questions, reply, EVIDENCE, PRICE, "req_1")]


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("The annual fee is 1,250,000 USD", True),
        ("the ANNUAL   fee\nis 1,250,000", True),
        ('"The annual fee is 1,250,000 USD..."', True),
        ("annual fee is 1,250,000 USD and falls due on 31 March 2026.", True),
        ("The annual fee ... falls due on 31 March", True),
        ("falls due on ... The annual fee is", False),
        ("Unlimited liability", True),
        ("unlimited", False),
        ("Yes", True),
        ("1,250", True),
        ('It\'s "agreed" - see clause 9', True),
        ("nnual fee is 1,250,000 USD", False),
        ("the annual fee", True),
        ("annual fee", False),
        ("The annual fee is 1,350,000 USD", False),
        ("The annual fee is ... moon lease of the", False),
        ("the note about fees", False),
        ("", False),
        ("...", False),
        (" \u201c\u201d ", False),
    ],
)
def test_a_quote_stands_in_the_deliverables_or_does_not(quote: str, stands: bool) -> None:
    assert EVIDENCE.holds(quote) is stands


def test_where_words_are_not_set_apart_each_sign_is_one() -> None:
    assert Evidence("本契約は有効である。").holds("契約は有効")


@given(st.lists(WORDS, min_size=3, max_size=30), st.data())
def test_any_three_words_in_a_row_are_a_quote_however_they_are_set(
    words: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(words) - 3))
    end = data.draw(st.integers(start + 3, len(words)))
    space = data.draw(st.sampled_from([" ", "  ", "\n", " \t"]))
    quote = space.join(words[start:end])
    text = Evidence(" ".join(words))
    assert text.holds(quote)
    assert text.holds(f"\u201c{quote.upper()}\u201d")
    assert not text.holds(f"{quote} zzz")


@given(st.text(" \t\n.\u2026\"'*\u200b", max_size=20))
def test_a_quote_of_signs_alone_is_none(quote: str) -> None:
    assert not EVIDENCE.holds(quote)


def test_a_sound_answer_is_kept_with_all_that_it_took(questions: list[Question]) -> None:
    usage = {
        "input_tokens": 100, "output_tokens": 40, "cache_read_input_tokens": 10_000,
        "cache_creation_input_tokens": 0,
    }  # fmt: skip
    (answer,) = read(questions[:1], item(reason="  Stated\nin line 3. "), usage=usage)
    assert isinstance(answer, Answer)
    assert answer.usage == Usage(100, 40, 0, 10_000)
    assert answer.usd == pytest.approx((100 * 3 + 40 * 15 + 10_000 * 0.3) / 1e6)
    assert (answer.verdict, answer.reason) == ("pass", "Stated in line 3.")
    assert (answer.served_model, answer.request_id) == ("judge-1", "req_1")
    assert json.loads(answer.raw)["verdict"] == "pass"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "```json\n{}\n```",
        "Here is my answer:\n{}\nThat is all [1].",
        "The criterion {{sic}} holds: {}",
    ],
)
def test_the_answer_may_stand_in_words_or_in_a_fence(questions: list[Question], text: str) -> None:
    content = text.replace("{{", "{").replace("}}", "}").replace("{}", json.dumps(item()))
    (answer,) = read(questions[:1], content)
    assert isinstance(answer, Answer)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("The criterion passes.", "no JSON object"),
        ("", "no JSON object"),
        (json.dumps(item()) * 2, "more than one JSON object"),
        (json.dumps(item())[:-1], "no JSON object"),
        ([item()], "was no JSON object"),
        ({"verdict": "pass"}, "no text as evidence_quote"),
        ({**item(), "reason": None}, "no text as reason"),
        ({**item(), "verdict": True}, "no text as verdict"),
        ({**item(), "verdict": "PASS"}, "none of pass"),
        (json.dumps(item())[:-1] + ', "verdict": "fail"}', "no text as evidence_quote"),
        (item("pass", "never said anywhere"), "word for word"),
        ("[" * 5_000, "no JSON object"),
    ],
)
def test_an_answer_that_is_none_is_unusable_and_no_verdict(
    questions: list[Question], content: object, problem: str
) -> None:
    (failed,) = read(questions[:1], content)
    assert isinstance(failed, Failed)
    assert failed.invalid
    assert problem in failed.reason
    assert failed.served_model == "judge-1"


@pytest.mark.parametrize("verdict", ["fail", "cannot_judge"])
def test_only_a_pass_needs_its_quote(questions: list[Question], verdict: str) -> None:
    (answer,) = read(questions[:1], item(verdict, ""))
    assert isinstance(answer, Answer)


@pytest.mark.parametrize("stop", ["refusal", "max_tokens", "tool_use", "pause_turn", "odd"])
def test_what_ended_otherwise_is_unusable(questions: list[Question], stop: str) -> None:
    (failed,) = read(questions[:1], item(), stop_reason=stop)
    assert isinstance(failed, Failed)
    assert failed.invalid


def test_what_never_ended_is_a_failed_call(questions: list[Question]) -> None:
    (failed,) = read(questions[:1], item(), stop_reason=None)
    assert isinstance(failed, Failed)
    assert not failed.invalid


@given(st.permutations(range(1, 6)), st.integers(0, 10**6), st.integers(0, 10**4))
def test_items_of_a_chunk_are_told_by_their_ids_and_share_what_the_call_took(
    questions: list[Question], order: list[int], tokens: int, output: int
) -> None:
    verdicts = {1: "pass", 2: "fail", 3: "cannot_judge", 4: "pass", 5: "fail"}
    items = [{"id": str(number), **item(verdicts[number])} for number in order]
    usage = {"input_tokens": tokens, "output_tokens": output}
    found = read(questions[:5], {"answers": items}, usage=usage)
    answers = [answer for answer in found if isinstance(answer, Answer)]
    assert [answer.verdict for answer in answers] == list(verdicts.values())
    assert sum((answer.usage for answer in answers), Usage()) == Usage(tokens, output)
    paid = (tokens * 3 + output * 15) / 1e6
    assert sum(answer.usd for answer in answers) == pytest.approx(paid)


def test_of_a_chunk_an_item_that_is_missing_or_double_is_unusable_alone(
    questions: list[Question],
) -> None:
    one, two = ({"id": number, **item()} for number in "12")
    strange = {"id": "9", **item()}
    found = read(questions[:3], [one, two, two, strange, "text"])
    assert [type(answer) for answer in found] == [Failed] * 3  # "text" is no item: no sound array
    found = read(questions[:3], [one, two, two, strange])
    assert [type(answer) for answer in found] == [Answer, Failed, Failed]


def test_calls_shuffle_what_shares_them_and_leave_alone_what_is_asked_again(
    questions: list[Question],
) -> None:
    again = replace(questions[0], again="it held no JSON object")
    asked = [again, *questions[1:]]
    calls = calls_of(asked, 4)
    assert calls == calls_of(asked, 4)
    assert [len(call) for call in calls] == [4, 4, 1]
    assert calls[-1] == (again,)
    ids = [question.criterion.id for call in calls[:2] for question in call]
    assert sorted(ids) == [question.criterion.id for question in questions[1:]]
    assert ids != sorted(ids)
    assert calls_of(questions, 1) == [(question,) for question in questions]


def test_no_criterion_changes_a_byte_of_what_comes_before_it(questions: list[Question]) -> None:
    code = Delimiters().code_of(questions[0].scope_digest)
    terms = CallTerms("judge-1", cache_minutes=60)
    requests = [request_of(terms, code, [question]) for question in questions]
    assert (
        len({json.dumps([one["system"], one["messages"][0]["content"][0]]) for one in requests})
        == 1
    )
    assert len({json.dumps(one) for one in requests}) == len(questions)
    assert requests[0]["messages"][0]["content"][0]["cache_control"]["ttl"] == "1h"


def test_a_text_that_holds_its_own_code_is_never_sent(questions: list[Question]) -> None:
    with pytest.raises(ValueError, match="the code that sets them apart"):
        request_of(CallTerms("judge-1"), "annual fee", questions[:1])


def test_no_file_can_begin_another_one(tmp_path: Path) -> None:
    text = joined([("a\x1fb\x1e.md", "one"), ("c.md", "")])
    assert text.count("\x1e") == text.count("\x1f") == 2
