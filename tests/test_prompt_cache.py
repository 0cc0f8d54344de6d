"""Usage by the API's rules of prompt caching, stated one by one."""

import asyncio
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_api import message

from harness_search.simulated.caching import PromptCache, caching_problem_of
from harness_search.simulated.faults import ErrorEvent, Fault, Status
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.prompts import prompt_tokens

MARK = {"type": "ephemeral"}
LONG_MARK = {"type": "ephemeral", "ttl": "1h"}
KINDS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def text(tokens: int, letter: str = "x", mark: object = None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": letter * 4 * tokens}
    return block if mark is None else {**block, "cache_control": mark}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def asks(*messages: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": list(messages), **rest}


def kinds(usage: dict[str, Any]) -> tuple[int, int, int]:
    """Input, written and read tokens."""
    plain, written, read = (usage[kind] for kind in KINDS)
    return plain, written, read


def test_without_a_breakpoint_everything_is_input() -> None:
    cache = PromptCache()
    request = asks(user(text(2000)))
    assert [kinds(cache.usage(request, 5)) for _ in range(2)] == [(2000, 0, 0)] * 2
    assert cache.usage(request, 5)["output_tokens"] == 5


def test_a_breakpoint_writes_once_and_is_read_afterwards() -> None:
    cache = PromptCache()
    request = asks(user(text(2000, mark=MARK), text(30)))
    assert kinds(cache.usage(request, 0)) == (30, 2000, 0)
    assert kinds(cache.usage(request, 0)) == (30, 0, 2000)


def test_a_growing_conversation_reads_what_was_and_writes_what_is_new() -> None:
    cache = PromptCache()
    reply = {"role": "assistant", "content": [text(100, "r")]}
    cache.usage(asks(user(text(2000, mark=MARK))), 0)
    second = asks(user(text(2000)), reply, user(text(50, "y", MARK)))
    assert kinds(cache.usage(second, 0)) == (0, 150, 2000)
    third = asks(user(text(2000)), reply, user(text(50, "y")), reply, user(text(7, "z", MARK)))
    assert kinds(cache.usage(third, 0)) == (0, 107, 2150)


def test_the_prompt_is_cached_in_the_order_tools_system_messages() -> None:
    cache = PromptCache()
    tool = {"name": "read", "input_schema": {}, "description": "d" * 8000}

    def ask(tool: dict[str, Any], system: str, question: str) -> tuple[int, int, int]:
        marked = {**tool, "cache_control": MARK}
        blocks = [text(2000, system, MARK)]
        return kinds(cache.usage(asks(user(text(9, question)), tools=[marked], system=blocks), 0))

    plain, everything, _ = ask(tool, "s", "a")
    assert plain == 9
    assert ask(tool, "s", "b") == (9, 0, everything)
    size = everything - 2000
    assert ask(tool, "t", "a") == (9, 2000, size)
    assert ask({**tool, "name": "open"}, "s", "a") == (9, everything, 0)


def test_a_text_is_the_same_as_one_block_with_it() -> None:
    cache = PromptCache()
    cache.usage(asks(user(text(2000, mark=MARK))), 0)
    as_text = {"role": "user", "content": "x" * 8000}
    assert kinds(cache.usage(asks(as_text, user(text(3, "y", MARK))), 0)) == (0, 3, 2000)


def test_the_same_words_of_another_role_are_another_prompt() -> None:
    cache = PromptCache()
    cache.usage(asks(user(text(2000, mark=MARK))), 0)
    other = asks({"role": "assistant", "content": [text(2000, mark=MARK)]})
    assert kinds(cache.usage(other, 0)) == (0, 2000, 0)


@pytest.mark.parametrize("setting", ["tool_choice", "thinking"])
def test_settings_that_change_how_messages_are_read_keep_tools_and_system_only(
    setting: str,
) -> None:
    cache = PromptCache()
    system = [text(1500, "s", MARK)]
    request = asks(user(text(2000, mark=MARK)), system=system)
    cache.usage(request, 0)
    assert kinds(cache.usage({**request, setting: {"type": "any"}}, 0)) == (0, 2000, 1500)


def test_each_model_has_a_cache_of_its_own() -> None:
    cache = PromptCache()
    request = asks(user(text(2000, mark=MARK)))
    cache.usage(request, 0)
    assert kinds(cache.usage({**request, "model": "other"}, 0)) == (0, 2000, 0)


@pytest.mark.parametrize(("size", "written"), [(1023, 0), (1024, 1024)])
def test_a_prefix_below_the_minimum_is_not_cached(size: int, written: int) -> None:
    cache = PromptCache()
    request = asks(user(text(size, mark=MARK)))
    assert kinds(cache.usage(request, 0)) == (size - written, written, 0)
    assert kinds(cache.usage(request, 0)) == (size - written, 0, written)


@pytest.mark.parametrize(("blocks", "read"), [(19, 2000), (20, 0)])
def test_a_breakpoint_looks_back_over_20_blocks_itself_included(blocks: int, read: int) -> None:
    cache = PromptCache()
    cache.usage(asks(user(text(2000, mark=MARK))), 0)
    more = [text(1, "y") for _ in range(blocks - 1)]
    request = asks(user(text(2000), *more, text(1, "z", MARK)))
    assert kinds(cache.usage(request, 0)) == (0, 2000 + blocks - read, read)


def test_a_second_breakpoint_brings_an_older_prefix_within_reach() -> None:
    cache = PromptCache()
    cache.usage(asks(user(text(2000, mark=MARK))), 0)
    more = [text(1, "y") for _ in range(30)]
    request = asks(user(text(2000, mark=MARK), *more, text(1, "z", MARK)))
    assert kinds(cache.usage(request, 0)) == (0, 31, 2000)


def test_breakpoints_within_what_was_read_write_nothing() -> None:
    cache = PromptCache()
    cache.usage(asks(user(text(1500, "a"), text(1500, "b", MARK))), 0)
    usage = cache.usage(asks(user(text(1500, "a", LONG_MARK), text(1500, "b", MARK))), 0)
    assert kinds(usage) == (0, 0, 3000)
    assert set(usage["cache_creation"].values()) == {0}


def test_only_what_was_written_at_a_breakpoint_can_be_read() -> None:
    cache = PromptCache()
    cache.usage(asks(user(text(2000), text(9, "a", MARK))), 0)
    assert kinds(cache.usage(asks(user(text(2000), text(9, "b", MARK))), 0)) == (0, 2009, 0)


@pytest.mark.parametrize(("mark", "seconds"), [(MARK, 300), (LONG_MARK, 3600)])
def test_an_entry_lives_its_lifetime_anew_after_each_read(
    mark: dict[str, str], seconds: float
) -> None:
    clock = Clock()
    cache = PromptCache(clock)
    request = asks(user(text(2000, mark=mark)))
    cache.usage(request, 0)
    for _ in range(3):
        clock.now += seconds - 1
        assert kinds(cache.usage(request, 0)) == (0, 0, 2000)
    clock.now += seconds
    assert kinds(cache.usage(request, 0)) == (0, 2000, 0)


def test_writes_are_told_apart_by_lifetime() -> None:
    cache = PromptCache()
    request = asks(user(text(50, mark=MARK)), system=[text(1500, "s", LONG_MARK)])
    assert cache.usage(request, 0)["cache_creation"] == {
        "ephemeral_5m_input_tokens": 50,
        "ephemeral_1h_input_tokens": 1500,
    }


def test_a_long_lived_prefix_is_read_when_the_short_lived_rest_is_gone() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    request = asks(user(text(50, mark=MARK)), system=[text(1500, "s", LONG_MARK)])
    cache.usage(request, 0)
    clock.now += 1000
    assert kinds(cache.usage(request, 0)) == (0, 50, 1500)


def test_a_prefix_can_be_read_only_once_its_writers_response_has_begun() -> None:
    cache = PromptCache()
    request = asks(user(text(2000, mark=MARK)))
    first, second = cache.look_up(request), cache.look_up(request)
    assert (first.read, second.read) == (0, 0)
    cache.commit(first)
    assert cache.look_up(request).read == 2000


def test_expired_entries_take_no_memory() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    for number in range(50):
        clock.now += 301
        cache.usage(asks(user(text(2000, chr(200 + number), MARK))), 0)
    assert len(cache) == 1


# Automatic breakpoints.


def test_a_mark_on_the_request_stands_on_the_last_block_that_can_be_cached() -> None:
    cache = PromptCache()
    thought = {"type": "thinking", "thinking": "t" * 400, "signature": "s"}
    request = asks(
        user(text(2000)), {"role": "assistant", "content": [thought]}, cache_control=MARK
    )
    plain, written, _ = kinds(cache.usage(request, 0))
    assert (plain > 100, written) == (True, 2000)


def test_an_automatic_breakpoint_moves_with_the_conversation() -> None:
    cache = PromptCache()
    cache.usage(asks(user(text(2000)), cache_control=MARK), 0)
    longer = asks(user(text(2000)), user(text(60, "y")), cache_control=MARK)
    assert kinds(cache.usage(longer, 0)) == (0, 60, 2000)


# Requests that the API refuses.


MARKED = [text(1, mark=MARK) for _ in range(5)]


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (asks(user(*MARKED)), "Found 5"),
        (asks(user(*MARKED[:4], text(1)), cache_control=MARK), "Found 5"),
        (asks(user(*MARKED[:3]), system=[text(1, "s", MARK)], tools=[*MARKED[:1]]), "Found 5"),
        (asks(user(text(1, mark=MARK), text(1, mark=LONG_MARK))), "1h must not come after"),
        (asks(user(text(1, mark=MARK)), cache_control=LONG_MARK), "another ttl"),
        (asks(user(text(1, mark={"type": "forever"}))), "ephemeral"),
        (asks(user(text(1, mark={"type": "ephemeral", "ttl": "1d"}))), "5m or 1h"),
        (asks(user(text(1, mark={"type": "ephemeral", "ttl": ["1h"]}))), "5m or 1h"),
        (asks(user(text(1)), cache_control="ephemeral"), "ephemeral"),
        (asks(user(text(0, mark=MARK))), "empty text"),
        (asks(user({"type": "thinking", "thinking": "t", "cache_control": MARK})), "thinking"),
    ],
)
def test_an_unsound_breakpoint_is_refused(request_: dict[str, Any], word: str) -> None:
    assert word in caching_problem_of(request_)
    with pytest.raises(ValueError, match=word):
        PromptCache().look_up(request_)


@pytest.mark.parametrize(
    "request_",
    [
        asks(user(*MARKED[:4])),
        asks(user(*MARKED[:4]), cache_control=MARK),
        asks(user(text(1, mark=LONG_MARK), text(1, mark=MARK))),
        asks(user({**text(1), "cache_control": None})),
        asks(user(text(0)), cache_control=MARK),
    ],
)
def test_a_sound_breakpoint_is_not_refused(request_: dict[str, Any]) -> None:
    assert caching_problem_of(request_) == ""


# Arithmetic.

SIZES = st.sampled_from([0, 1, 300, 1024, 1500])
TEXTS = st.builds(text, SIZES, st.sampled_from("ab"))
MARKS = st.sampled_from([MARK, LONG_MARK, None, None])
CONVERSATIONS = st.tuples(
    st.sampled_from(["m", "n"]),
    st.lists(TEXTS, max_size=2),
    st.lists(st.lists(TEXTS, min_size=1, max_size=12), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=4),
    st.booleans(),
)


def marked(conversation: Any) -> dict[str, Any]:
    """A sound request with breakpoints where the draw says, the longer-lived ones first."""
    model, system, messages, places, automatic = conversation
    blocks = [dict(block) for part in (system, *messages) for block in part]
    chosen = sorted({place % len(blocks) for place, _ in places})[: 3 if automatic else 4]
    chosen = [place for place in chosen if blocks[place]["text"]]
    long = sum(is_long for _, is_long in places)
    for rank, place in enumerate(chosen):
        blocks[place]["cache_control"] = LONG_MARK if rank < long else MARK
    rest = iter(blocks)
    request = asks(system=[next(rest) for _ in system])
    request["messages"] = [user(*(next(rest) for _ in part)) for part in messages]
    last = next((block for block in reversed(blocks) if block["text"]), {})
    if automatic:
        request["cache_control"] = last.get("cache_control", MARK)
    return {**request, "model": model}


REQUESTS = CONVERSATIONS.map(marked)


@given(st.lists(st.tuples(REQUESTS, st.sampled_from([0, 1, 299, 301, 3601])), max_size=6))
def test_the_three_kinds_always_sum_to_the_prompt_and_nothing_is_read_that_was_not_written(
    conversation: list[tuple[dict[str, Any], float]],
) -> None:
    clock = Clock()
    cache = PromptCache(clock)
    written: dict[str, int] = {"m": 0, "n": 0}
    for request, seconds in conversation:
        clock.now += seconds
        usage = cache.usage(request, 3)
        counts = kinds(usage)
        assert sum(counts) == prompt_tokens(request)
        assert min(*counts, *usage["cache_creation"].values()) >= 0
        assert sum(usage["cache_creation"].values()) == usage["cache_creation_input_tokens"]
        assert counts[2] <= written[request["model"]]
        assert counts[1] + counts[2] == 0 or counts[1] + counts[2] >= 1024
        written[request["model"]] += counts[1]


@given(REQUESTS)
def test_the_same_request_again_reads_all_that_it_wrote(request_: dict[str, Any]) -> None:
    cache = PromptCache()
    plain, written, _ = kinds(cache.usage(request_, 0))
    assert kinds(cache.usage(request_, 0)) == (plain, 0, written)


@given(REQUESTS, REQUESTS)
def test_looking_up_changes_nothing(one: dict[str, Any], other: dict[str, Any]) -> None:
    cache = PromptCache()
    cache.usage(one, 0)
    first = cache.look_up(other)
    assert cache.look_up(other) == first


# Through the API.


async def ask(api: MessagesApi, request: dict[str, Any]) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{api.base_url}/v1/messages", json=request) as response,
    ):
        return dict(await response.json())


async def test_replies_carry_the_caches_usage_and_their_own_output() -> None:
    request = asks(user(text(2000, mark=MARK)))
    async with MessagesApi(lambda _: message(), cache=PromptCache()) as api:
        first, second = await ask(api, request), await ask(api, request)
    assert kinds(first["usage"]) == (0, 2000, 0)
    assert kinds(second["usage"]) == (0, 0, 2000)
    assert second["usage"]["output_tokens"] == 2


async def test_concurrent_first_calls_each_pay_for_writing() -> None:
    request = asks(user(text(2000, mark=MARK)))
    async with MessagesApi(lambda _: message(), cache=PromptCache(), latency_seconds=0.6) as api:
        replies = await asyncio.gather(*(ask(api, request) for _ in range(3)))
        later = await ask(api, request)
    assert [kinds(reply["usage"]) for reply in replies] == [(0, 2000, 0)] * 3
    assert kinds(later["usage"]) == (0, 0, 2000)


@pytest.mark.parametrize("fault", [Status(529), ErrorEvent(2)])
async def test_a_request_that_failed_has_written_nothing(fault: Fault) -> None:
    request = asks(user(text(2000, mark=MARK)))
    async with MessagesApi(
        lambda _: message(),
        cache=PromptCache(),
        fault=lambda received: fault if received.number == 1 else None,
    ) as api:
        assert (await ask(api, request))["type"] == "error"
        assert kinds((await ask(api, request))["usage"]) == (0, 2000, 0)


async def test_too_many_breakpoints_are_the_apis_own_error() -> None:
    async with MessagesApi(lambda _: message()) as api:
        reply = await ask(api, asks(user(*MARKED)))
    assert reply["error"]["type"] == "invalid_request_error"
    assert "Found 5" in reply["error"]["message"]
