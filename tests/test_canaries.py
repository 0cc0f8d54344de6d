"""Every task and split file has a canary that no honest session or rollout can have met."""

import asyncio
import json
import re
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import audited
import pytest
from conftest import rollout_row, write_task
from hypothesis import given
from hypothesis import strategies as st
from scripted_proposer import SILENT

import meta_harness
from harness_search.audit import finder
from harness_search.audit.finder import Finder
from harness_search.audit.knowledge import Knowledge
from harness_search.auditing import Auditor
from harness_search.benchmark.canaries import SHAPE, Canaries, canaries_of, own_canary
from harness_search.benchmark.initialise import initialise
from harness_search.benchmark.splits import named_tasks, read_splits
from harness_search.benchmark.tasks import discover
from harness_search.errors import InputError
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.judging.documents import TextStore
from harness_search.layout import Layout
from harness_search.ledger.rows import Purpose, RolloutRow, Split
from harness_search.proposers.session import Session
from harness_search.rollouts.evidence import filed_folder
from harness_search.workspace import Workspace

Open = Callable[..., Workspace]


def every_kind(workspace: Workspace) -> dict[str, str]:
    """One canary of each kind, by what it is."""
    derived, splits = Canaries.of(workspace.layout), workspace.splits
    return {
        "brought by a dev task": own_canary(splits.dev[1]),
        "brought by a test task": own_canary(splits.test[0]),
        "derived for a dev task": derived.canary_of(splits.dev[2]),
        "derived for a test task": derived.canary_of(splits.test[1]),
        "of the dev split's file": derived.canary_of_split("dev"),
        "of the test split's file": derived.canary_of_split("test"),
    }


# What a workspace has.


def test_a_benchmark_without_canaries_gets_some_and_no_file_of_it_changes(tmp_path: Path) -> None:
    folders = [write_task(tmp_path / "tasks", number) for number in range(3)]
    for folder in folders:
        content = json.loads((folder / "task.json").read_text())
        del content["metadata"]
        (folder / "task.json").write_text(json.dumps(content))
    before = {task.id: task.digest() for task in discover(tmp_path / "tasks").values()}
    splits = initialise(tmp_path / "one", tmp_path / "tasks", dev=2, test=1, seed=0)
    tasks = (*splits.dev, *splits.test)
    assert {task.id: task.digest() for task in tasks} == before
    derived = Canaries.of(Layout(tmp_path / "one"))
    found = {derived.canary_of(task) for task in tasks}
    assert len(found) == 3
    assert all(SHAPE.fullmatch(canary) for canary in found)
    initialise(tmp_path / "two", tmp_path / "tasks", dev=2, test=1, seed=0)
    assert found.isdisjoint(map(Canaries.of(Layout(tmp_path / "two")).canary_of, tasks))


def test_the_secret_is_for_this_user_alone_and_for_no_commit(new_workspace: Path) -> None:
    secret = Layout(new_workspace).canary_seed
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert f"/{secret.name}" in (new_workspace / ".gitignore").read_text().split()
    assert secret.read_text().strip() not in repr(Canaries.of(Layout(new_workspace)))


def test_a_workspace_of_an_older_kind_gets_its_secret_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    first = Canaries.of(layout)
    assert stat.S_IMODE(layout.canary_seed.stat().st_mode) == 0o600
    assert Canaries.of(layout) == first


@pytest.mark.parametrize("damage", ["", "abcd", "g" * 64, "\N{SNOWMAN}"])
def test_a_damaged_secret_is_bad_input_and_not_quoted(tmp_path: Path, damage: str) -> None:
    layout = Layout(tmp_path)
    layout.canary_seed.write_text(damage, encoding="utf-8")
    with pytest.raises(InputError, match="64 hexadecimal digits") as caught:
        Canaries.of(layout)
    assert not damage or damage not in str(caught.value).replace(str(tmp_path), "")


def test_split_files_hold_their_canaries_in_a_line_that_is_no_task(open_tiny: Open) -> None:
    workspace = open_tiny()
    layout, derived = workspace.layout, Canaries.of(workspace.layout)
    assert derived.canary_of_split("dev") in layout.dev_split.read_text()
    assert derived.canary_of_split("test") in layout.test_split.read_text()
    tasks = discover(layout.root / "tasks")
    assert read_splits(tasks, layout.dev_split, layout.test_split) == workspace.splits
    assert len(named_tasks(layout.dev_split, layout.test_split)) == len(tasks)


def test_a_clone_looks_for_the_canaries_that_stand_in_its_split_files(
    open_tiny: Open, tmp_path: Path
) -> None:
    """Its secret is another: git ignores the one that they were derived from."""
    workspace = open_tiny()
    layout, first = workspace.layout, Canaries.of(workspace.layout)
    layout.canary_seed.unlink()
    assert Canaries.of(layout).canary_of_split("test") != first.canary_of_split("test")
    session = new_session(tmp_path / "session")
    auditor = Auditor(workspace)
    auditor.begin(1)
    assert not auditor.session(session).findings
    for name in ("dev", "test"):
        in_the_claim(session, first.canary_of_split(name))
        assert auditor.session(session).rejected


def test_held_out_evidence_has_canaries_and_what_sessions_read_has_none(
    open_measured: Open,
) -> None:
    workspace = open_measured(trials=1)
    layout, derived = workspace.layout, Canaries.of(workspace.layout)
    asyncio.run(meta_harness.measure(workspace, Split.TEST, [workspace.baseline], SILENT))
    summaries = [*layout.evidence_of(Purpose.TEST).rglob("rollout.json")]
    assert {json.loads(file.read_text())["canary"] for file in summaries} == {
        derived.canary_of(task) for task in workspace.splits.test
    }
    files = [file for file in layout.dev_evidence.rglob("*") if file.is_file()]
    assert len(files) > 6
    known = Finder(every_kind(workspace).values())
    for file in files:
        assert not re.search(SHAPE.pattern.encode(), file.read_bytes()), file
        assert not known.is_in_file(file), file


# Rollouts that met one.


def exchange(file: Path, asked: str, said: str) -> None:
    """A transcript of one call."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "", {"messages": [{"role": "user", "content": asked}]})
        writer.reply(1, 200, {"content": [{"type": "text", "text": said}]})


def printed(folder: Path, canary: str) -> None:
    (folder / "harness.log").write_text(f"found {canary}", encoding="utf-8")


def named(folder: Path, canary: str) -> None:
    (folder / "output").mkdir()
    (folder / "output" / f"{canary}.md").write_text("a memo", encoding="utf-8")


MEETINGS: dict[str, Callable[[Path, str], None]] = {
    "transcript, asked": lambda folder, canary: exchange(
        folder / "transcript.jsonl", f"what is {canary.upper()}?", "no idea"
    ),
    "transcript, said": lambda folder, canary: exchange(
        folder / "transcript.jsonl", "what is it?", f"it is {canary}"
    ),
    "log, printed": printed,
    "deliverable, in its name": named,
}


def test_a_canary_in_anything_of_a_rollout_is_found_and_not_quoted(open_tiny: Open) -> None:
    workspace = open_tiny()
    auditor, task = Auditor(workspace), workspace.splits.dev[0].id
    honest, met = rollout_row("h", task, 1), rollout_row("h", task, 2)

    def folder_of(harness: str, row: RolloutRow) -> Path:
        folder = filed_folder(workspace.layout.dev_evidence, harness, row.key, 1)
        exchange(folder / "transcript.jsonl", "what is due?", "the rent of canary-coloured rooms")
        return folder

    for kind, canary in every_kind(workspace).items():
        for place, meet in MEETINGS.items():
            harness = f"{kind}, {place}"
            folder_of(harness, honest)
            meet(folder_of(harness, met), canary)
            assert not auditor.deliverables(harness, [honest]).findings
            report = auditor.deliverables(harness, [honest, met])
            assert report.rejected, harness
            assert [item.where for item in report.findings] == [
                f"{place.split(',')[0]} of {task}, trial 2"
            ]
            assert canary not in report.reason().casefold()


# Sessions that met one.


def in_notes(session: Session, canary: str) -> None:
    (session.view / "notes" / "deep").mkdir(parents=True)
    (session.view / "notes" / "deep" / "found.bin").write_bytes(b"\xff" + canary.upper().encode())


def in_a_name(session: Session, canary: str) -> None:
    (session.view / f"{canary}.txt").write_text(canary)


def in_the_claim(session: Session, canary: str) -> None:
    session.claim_file.write_text(json.dumps({"hypothesis": f"look for {canary}"}))


def asked_of_a_tool(session: Session, canary: str) -> None:
    call = {"type": "tool_use", "id": "1", "name": "Bash", "input": {"command": f"grep {canary}"}}
    with closing(TranscriptWriter(session.view.parent / "transcript-1.jsonl")) as writer:
        writer.request(1, "", {"messages": [{"role": "user", "content": "Begin."}]})
        writer.reply(1, 200, {"content": [call]})


def told_by_a_tool(session: Session, canary: str) -> None:
    content = [{"type": "tool_result", "tool_use_id": "1", "content": f"1: {canary}"}]
    with closing(TranscriptWriter(session.view.parent / "transcript-1.jsonl")) as writer:
        writer.request(1, "", {"messages": [{"role": "user", "content": content}]})
        writer.reply(1, 200, {"content": []})


def said_by_the_model(session: Session, canary: str) -> None:
    exchange(session.view.parent / "transcript-1.jsonl", "Begin.", f"I know {canary}")


WAYS = (
    *(in_notes, in_a_name, in_the_claim),
    *(asked_of_a_tool, told_by_a_tool, said_by_the_model),
)


def new_session(folder: Path) -> Session:
    (folder / "view").mkdir(parents=True)
    return Session(1, folder / "view", folder, "baseline", (), (), 0, None)


def test_a_canary_in_anything_that_a_session_left_asked_or_was_told_voids_it(
    open_tiny: Open, tmp_path: Path
) -> None:
    workspace = open_tiny()
    auditor, kinds = Auditor(workspace), [*every_kind(workspace).items()]
    auditor.begin(1)
    honest = new_session(tmp_path / "honest")
    said_by_the_model(honest, "canary-coloured rooms")
    assert not auditor.session(honest).findings
    for number, meet in enumerate(WAYS):
        # Not every kind by every way: each audit holds the evaluator still, too.
        for kind, canary in (kinds[number], kinds[number - 3]):
            session = new_session(tmp_path / f"{number} {kind}")
            meet(session, canary)
            report = auditor.session(session)
            assert report.rejected, (meet, kind)
            assert canary not in json.dumps(report.to_json()).casefold()


# How they are looked for.


def test_a_canary_that_harnesses_are_given_to_read_convicts_nobody(tmp_path: Path) -> None:
    splits = audited.write_benchmark(tmp_path / "tasks")
    printed_in = splits.dev[0].documents()[0]
    printed_in.write_text(f"{printed_in.read_text()}\n{own_canary(splits.dev[0]).upper()}")
    known = Knowledge.of(splits, TextStore(tmp_path / "text"), tmp_path / "test_split.txt")
    assert set(canaries_of(splits.dev, "dev", None)) - set(known.dev_canaries) == {
        own_canary(splits.dev[0])
    }


@pytest.mark.parametrize("before", [0, 1, 20, 38, 39, 5000])
def test_a_canary_is_found_wherever_a_large_file_is_cut(tmp_path: Path, before: int) -> None:
    canary = f"canary-{'0123456789abcdef' * 2}"
    file = tmp_path / "transcript.jsonl"
    file.write_bytes(b"x" * (finder.CHUNK - before) + canary.encode() + b"y" * 50)
    assert Finder([canary, "another"]).is_in_file(file)
    assert not Finder([canary.replace("0", "1"), "another"]).is_in_file(file)


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(words, words, words)
def test_a_canary_of_any_letters_is_found_in_texts_and_transcripts(
    canary: str, before: str, after: str
) -> None:
    known = Finder([canary])
    line = json.dumps({"text": before + canary + after}, ensure_ascii=False)
    assert known.is_in(before + canary + after)
    assert known.is_in(line.encode())


@given(words)
def test_without_canaries_nothing_is_found(text: str) -> None:
    assert not Finder([]).is_in(text)
    assert not Finder([f"canary-{'a' * 32}"]).is_in(text)
