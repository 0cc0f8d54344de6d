"""Verdicts are kept by content, at once, and for every reader."""

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.benchmark.tasks import Criterion
from harness_search.errors import InputError
from harness_search.judging.model.cache import CacheKey, VerdictCache, criterion_digest
from harness_search.judging.model.questions import Answer
from harness_search.ledger.rows import Usage

KEY = CacheKey("scope", "criterion", "claude/claude-1", "prompt-1")
ANSWER = Answer(
    "pass", "the rent is 100", "stated", "claude-1", Usage(1, 2, 3, 4), 0.5, "req_1", "{}"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "judging" / "verdicts.sqlite3"


@pytest.fixture
def cache(file: Path) -> Iterator[VerdictCache]:
    with VerdictCache(file) as opened:
        yield opened


def numbered(count: int) -> list[CacheKey]:
    return [replace(KEY, criterion_digest=f"criterion {number}") for number in range(count)]


def test_an_answer_is_read_back_as_it_was_given(cache: VerdictCache, file: Path) -> None:
    cache.put(KEY, ANSWER)
    assert cache.get([KEY]) == {KEY: ANSWER}
    with VerdictCache(file) as again:
        assert again.get([KEY]) == {KEY: ANSWER}


@pytest.mark.parametrize(
    "change",
    [
        {"scope_digest": "another"},
        {"criterion_digest": "another"},
        {"judge": "another"},
        {"prompt_version": "another"},
        {"replicate": 1},
    ],
)
def test_whatever_may_change_an_answer_makes_another_question(
    cache: VerdictCache, change: dict[str, Any]
) -> None:
    cache.put(KEY, ANSWER)
    other = replace(KEY, **change)
    assert cache.get([other]) == {}
    assert cache.get([KEY, other]) == {KEY: ANSWER}


@given(
    st.lists(st.tuples(*[st.text()] * 4, st.integers(0, 9)), min_size=2, max_size=2, unique=True)
)
def test_no_two_keys_share_a_digest(parts: list[tuple[str, str, str, str, int]]) -> None:
    first, second = (CacheKey(*found) for found in parts)
    assert first.digest != second.digest


def test_a_criterion_is_known_by_its_wording_and_its_tasks_title_and_not_by_its_id() -> None:
    one = Criterion(id="C-1", title="Rent", match_criteria="PASS if stated")
    renamed, other = (one.model_copy(update=new) for new in ({"id": "C-9"}, {"title": "Term"}))
    assert criterion_digest(one, "Lease") == criterion_digest(renamed, "Lease")
    assert criterion_digest(one, "Lease") != criterion_digest(other, "Lease")
    assert criterion_digest(one, "Lease") != criterion_digest(one, "Licence")


def test_a_later_answer_takes_the_place_of_an_earlier_one(cache: VerdictCache) -> None:
    cache.put(KEY, ANSWER)
    cache.put(KEY, replace(ANSWER, verdict="fail"))
    assert cache.get([KEY])[KEY].verdict == "fail"


def test_more_keys_than_a_query_has_parameters_are_read_at_once(cache: VerdictCache) -> None:
    keys = numbered(33_000)
    for key in keys[::6_600]:
        cache.put(key, ANSWER)
    assert cache.get(keys).keys() == set(keys[::6_600])


def test_half_a_character_in_a_reply_loses_no_answer(cache: VerdictCache) -> None:
    cache.put(KEY, replace(ANSWER, raw="\ud83d"))
    assert cache.get([KEY])[KEY].raw == "?"


def test_what_was_put_before_a_kill_is_there(cache: VerdictCache, file: Path) -> None:
    for key in numbered(20):
        cache.put(key, ANSWER)
    left = Path(shutil.copytree(file.parent, file.parent.with_name("as a kill leaves it")))
    with VerdictCache(left / file.name) as again:
        assert len(again.get(numbered(20))) == 20


def test_threads_and_other_openers_read_while_one_writes(cache: VerdictCache, file: Path) -> None:
    keys = numbered(50)
    cache.put(keys[0], ANSWER)

    def read(_: int) -> None:
        with VerdictCache(file) as other:
            for _ in range(20):
                assert keys[0] in other.get(keys)
                assert keys[0] in cache.get(keys)
                other.put(keys[0], ANSWER)

    with ThreadPoolExecutor(4) as threads:
        reading = threads.map(read, range(4))
        for key in keys:
            cache.put(key, ANSWER)
        assert list(reading) == [None] * 4
    assert len(cache.get(keys)) == 50


def test_a_store_of_a_newer_version_is_refused_and_left_alone(file: Path) -> None:
    VerdictCache(file).close()
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 3")
    with pytest.raises(InputError, match=r"version 3, from a newer .* expected .* version 2"):
        VerdictCache(file)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (3,)


def test_the_first_model_that_serves_a_judge_binds_it_for_every_opener(
    cache: VerdictCache, file: Path
) -> None:
    assert cache.bind("claude", "claude-1-20250101") == "claude-1-20250101"
    assert cache.bind("claude", "claude-1-20260930") == "claude-1-20250101"
    with VerdictCache(file) as other:
        assert other.bind("claude", "claude-1-20260930") == "claude-1-20250101"
        assert other.bind("second", "claude-1-20260930") == "claude-1-20260930"


def test_a_store_of_the_first_version_keeps_its_answers(cache: VerdictCache, file: Path) -> None:
    cache.put(KEY, ANSWER)
    with closing(sqlite3.connect(file)) as database:
        database.executescript("DROP TABLE served; PRAGMA user_version = 1;")
    with VerdictCache(file) as again:
        assert again.get([KEY]) == {KEY: ANSWER}
        assert again.bind("claude", "claude-1") == "claude-1"


def test_a_database_of_another_program_is_refused_and_left_alone(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE notes (text)")
    with pytest.raises(InputError, match="another program's database"):
        VerdictCache(file)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]


def test_what_is_no_database_is_refused_in_one_sentence(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("verdicts\n" * 100)
    with pytest.raises(InputError, match="no readable store of verdicts"):
        VerdictCache(file)
