"""The feedback policy decides what a session sees of dev; nothing else is in the folder it gets."""

import json
import os
import re
import threading
from pathlib import Path

import pytest
from conftest import write_task
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import TASKS, Recording, small

from harness_search.benchmark.tasks import read_task
from harness_search.ledger.rows import DecisionKind, Outcome, Purpose
from harness_search.proposers.feedback import (
    FeedbackPolicy,
    bucket,
    evidence_for,
    recorded_rollouts,
    redacted_summary,
    show_sources,
    task_shape,
    tool_calls,
)
from harness_search.proposers.redaction import COMMON, LONGEST, MASKS, without_identity

BOTH = pytest.mark.parametrize("policy", FeedbackPolicy)


@pytest.fixture
def search(tmp_path: Path) -> Recording:
    return small(tmp_path)


def shown(search: Recording, policy: FeedbackPolicy = FeedbackPolicy.FULL) -> Path:
    rollouts = recorded_rollouts(search.iterations, search.rows, TASKS)
    return evidence_for(policy, search.layout, rollouts)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def words(text: str) -> set[str]:
    for mask in MASKS:
        text = text.replace(mask, " ")
    return set(re.findall(r"\w+", text))


# What is in the folder.


def test_full_evidence_is_as_it_is(search: Recording) -> None:
    folder = shown(search)
    assert files(folder) == files(search.layout.dev_evidence)
    one = f"lander/{TASKS[0]}/trial-1/transcript.jsonl"
    assert (folder / one).read_bytes() == (search.layout.dev_evidence / one).read_bytes()


def test_redacted_evidence_is_one_summary_a_rollout(search: Recording) -> None:
    folder = shown(search, FeedbackPolicy.REDACTED)
    assert {Path(name).name for name in files(folder)} == {"rollout.json"}
    assert len(files(folder)) == len(search.rows)


@BOTH
def test_nothing_but_ended_dev_rollouts_of_real_candidates_is_shown(
    search: Recording, policy: FeedbackPolicy
) -> None:
    before = files(shown(search, policy))
    search.add_harness("placebo_004", DecisionKind.PLACEBO)
    search.add_harness("placebo_005", DecisionKind.INCONCLUSIVE)
    for name in ("placebo_004", "placebo_005"):
        search.add_rollout(name, TASKS[0])
    search.add_rollout("lander", "area-9/held-out")
    search.add_rollout("lander", TASKS[0], 7)
    search.rows.pop()  # filed, and its row not yet written
    for hidden in (".building/abc", "lander/area-0/task-0/trial-1.earlier-1"):
        folder = search.layout.dev_evidence / hidden
        folder.mkdir(parents=True)
        (folder / "rollout.json").write_text("{}")
    for purpose in (Purpose.TEST, Purpose.CONFIRMATION, Purpose.AB, Purpose.REPLAY):
        other = search.layout.evidence_of(purpose) / "lander" / TASKS[0] / "trial-1"
        other.mkdir(parents=True)
        (other / "rollout.json").write_text("{}")
    assert files(shown(search, policy)) == before


def test_links_in_evidence_are_not_followed(search: Recording, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("held out")
    folder = search.add_rollout("lander", TASKS[0], 8)
    (folder / "output" / "leak.txt").symlink_to(secret)
    (folder / "more").symlink_to(tmp_path)
    target = shown(search) / "lander" / TASKS[0] / "trial-8"
    assert files(target) == {
        "rollout.json", "transcript.jsonl", "harness.log", "output/memo.docx",
    }  # fmt: skip


# Session after session.


@BOTH
def test_each_session_adds_what_has_ended_and_leaves_the_rest_alone(
    search: Recording, policy: FeedbackPolicy
) -> None:
    first = {path: path.stat().st_ctime_ns for path in shown(search, policy).rglob("rollout.json")}
    search.add_rollout("lander", TASKS[0], 3)
    folder = shown(search, policy)
    later = {path: path.stat().st_ctime_ns for path in folder.rglob("rollout.json")}
    assert {path: later[path] for path in first} == first
    assert set(later) - set(first) == {folder / "lander" / TASKS[0] / "trial-3" / "rollout.json"}


@BOTH
def test_what_a_crash_left_half_made_is_made_anew(
    search: Recording, policy: FeedbackPolicy
) -> None:
    whole = files(shown(search, policy))
    half = search.layout.runs / "shown" / f".{policy.value}" / "one"
    half.mkdir(parents=True)
    (half / "rollout.json").write_text("{")
    assert files(shown(search, policy)) == whole


@BOTH
def test_evidence_that_was_filed_again_is_shown_again(
    search: Recording, policy: FeedbackPolicy
) -> None:
    shown(search, policy)
    folder = search.layout.dev_evidence / "lander" / TASKS[0] / "trial-1"
    folder.rename(folder.with_name("trial-1.earlier-1"))
    search.add_rollout("lander", TASKS[0], 1, passed=4)
    file = shown(search, policy) / "lander" / TASKS[0] / "trial-1" / "rollout.json"
    assert json.loads(file.read_text())["passed"] == 4


@BOTH
def test_evidence_is_open_to_every_user_whatever_this_one_s_umask(
    search: Recording, policy: FeedbackPolicy
) -> None:
    names, before = ["baseline", "lander"], os.umask(0o077)
    try:
        folder = shown(search, policy)
        show_sources(folder, search.layout, names)
        # As an earlier launch of an older version has left it.
        shut = folder / "lander" / TASKS[0] / "trial-1"
        for path in (shut, shut.parent, shut / "rollout.json"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        show_sources(shown(search, policy), search.layout, names)
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    assert not {path for path in modes if modes[path] != (0o755 if path.is_dir() else 0o644)}


@BOTH
def test_evidence_that_comes_and_goes_meanwhile_does_no_harm(
    search: Recording, policy: FeedbackPolicy
) -> None:
    folder = search.layout.dev_evidence / "breaker" / TASKS[2] / "trial-2"
    away, ended = folder.parents[3] / ".building" / "one", threading.Event()
    away.parent.mkdir()

    def file_again_and_again() -> None:
        while not ended.is_set():
            folder.rename(away)
            away.rename(folder)

    thread = threading.Thread(target=file_again_and_again)
    thread.start()
    try:
        for _ in range(20):
            found = shown(search, policy)
            for summary in found.rglob("rollout.json"):
                json.loads(summary.read_text())
            (found / "breaker" / TASKS[2]).rename(search.root / f"gone-{_}")
    finally:
        ended.set()
        thread.join()
    assert f"breaker/{TASKS[2]}/trial-2/rollout.json" in files(shown(search, policy))


# What redacted evidence says.


def test_shape_counts_and_buckets_are_told(tmp_path: Path, search: Recording) -> None:
    task = read_task(write_task(tmp_path / "tasks", 2) / "task.json", tmp_path / "tasks")
    assert task_shape(task) == {
        "documents": {"docx": 1, "txt": 2}, "deliverables": {"docx": 1}, "criteria": 4,
    }  # fmt: skip
    file = shown(search, FeedbackPolicy.REDACTED) / "lander" / TASKS[0] / "trial-1" / "rollout.json"
    found = json.loads(file.read_text())
    assert (found["passed"], found["total"], found["calls"]) == (1, 4, "6-10")
    assert found["tools"] == {"other": "1-2", "read": "1-2"}
    assert [item["count"] for item in found["not_passed"]] == [3]
    assert (found["delivered"], found["missing"], found["beside"]) == ({"docx": 1}, 0, 0)


def test_a_tool_that_is_named_after_a_document_is_not_named() -> None:
    found = redacted_summary({}, {"read": 3, "Larch Holdings": 9}, frozenset({"read"}), {})
    assert found["tools"] == {"other": "6-10", "read": "3-5"}


def test_an_unusual_ending_of_a_file_is_not_told() -> None:
    found = redacted_summary({"output": ["a.docx", "b.larch_holdings"]}, {}, frozenset(), {})
    assert found["delivered"] == {"docx": 1, "other": 1}


@given(st.integers(0, 10_000))
def test_every_count_has_a_bucket_that_holds_it(count: int) -> None:
    low, _, high = bucket(count).replace(" or more", "-").partition("-")
    assert int(low) <= count
    assert count <= int(high or (low if low == "0" else count))


def test_a_transcript_that_a_crash_cut_short_counts_what_it_has(search: Recording) -> None:
    folder = search.layout.dev_evidence / "lander" / TASKS[0] / "trial-1"
    assert tool_calls(folder / "transcript.jsonl")["read"] == 1
    assert tool_calls(folder / "no transcript") == {}


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ('did not find the number 40 near "election period"',
         "did not find the number [number] near [text]"),
        ("found the date 2026-09-18; did not find the date 2027-01-06",
         "found the date [date]; did not find the date [date]"),
        ("Larch memo.docx is missing: the top level of the output has no file there",
         "[word] [file] is missing: the top level of the output has no file there"),
        ("The answer omits the cap of $4.2 million and the fee of EUR 1,500 (12.5 %).",
         "the answer omits the [word] of [amount] and the [word] of [amount] ( [amount])."),
        ("It was stated on 12 March 2026 by Rosalind Featherstone, not by Mark Will.",
         "it was stated on [date] by [word], not by [word]."),
        ("KeyError: 'Quarry_Lane'", "[word]: [word]"),
        ("", ""),
    ],
)  # fmt: skip
def test_reasons_lose_what_they_are_about_and_keep_what_went_wrong(reason: str, told: str) -> None:
    assert without_identity(reason) == told


PLANTED = ("Featherstone", "Nantgill", "4,812,907", "2031-07-19", "19 July 2031", "EUR 77", "Ωmega")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(PLANTED), st.sampled_from(sorted(COMMON)), st.text(max_size=12),
            st.from_regex(r"[\"'(\[]?[A-Z]?\w{1,9}[.,;:\])\"']?", fullmatch=True),
        ),
        max_size=60,
    ),
    st.sampled_from((" ", "", "\n", '"', "_", "-", "[", "] ")),
)  # fmt: skip
def test_no_reason_says_more_than_common_words(parts: list[str], between: str) -> None:
    told = without_identity(between.join(parts))
    assert words(told) <= COMMON
    assert not re.search(r"\d", told)
    assert len(told) <= LONGEST + 4
    assert without_identity(told) == told


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(PLANTED), min_size=1, max_size=4),
    st.sampled_from([Outcome.SCORED, Outcome.HARNESS_FAILED, Outcome.INFRA_FAILED]),
)
def test_no_redacted_rollout_holds_a_word_of_its_papers(
    tmp_path_factory: pytest.TempPathFactory, planted: list[str], outcome: Outcome
) -> None:
    search = Recording(tmp_path_factory.mktemp("planted"))
    search.add_harness("baseline", DecisionKind.BASELINE)
    said = " ".join(planted)
    search.add_rollout("baseline", TASKS[0], 1, 1, f"found {said} not", said, outcome=outcome)
    text = "".join(
        path.read_text() for path in shown(search, FeedbackPolicy.REDACTED).rglob("*.json")
    )
    assert text
    for word in planted:
        assert word not in text
