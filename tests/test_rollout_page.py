"""One rollout is shown whole: what was said and delivered, and each verdict with its quote."""

import json
import re
from contextlib import closing
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conversations import NASTY, calls, entries
from filed import (
    DIGEST,
    LISTED,
    MODEL_REASON,
    TEXT,
    begin_attempt,
    begin_search,
    damage,
    file_rollout,
    key_of,
    log_opening_by_hand,
    row_of,
    verdicts_of,
)

from harness_search.analysis.entries import Conversation
from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError, SearchStoppedError
from harness_search.judging.quoted import Quote
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, Purpose
from harness_search.ledger.store import Ledger
from harness_search.pages.passages import MOST_SEARCHED
from harness_search.pages.quotes import Places
from harness_search.pages.rollout import rollout_page
from harness_search.pages.site import Site, Within
from harness_search.reports.export import What, exported
from harness_search.reports.rollout import JudgedCriterion, RolloutView, rollout_of
from harness_search.reports.rollout_evidence import Deliverable
from harness_search.rollouts.evidence import SUMMARY, TRANSCRIPT
from harness_search.serving import details
from harness_search.serving.access import Access
from harness_search.serving.details import UnknownPageError
from harness_search.serving.looks import Looks
from harness_search.serving.views import Views
from harness_search.workspace import Workspace, open_workspace

LARGEST = 4_000_000


@pytest.fixture
def workspace(workspace_folder: Path) -> Workspace:
    """With the baseline of a search, and nothing run yet."""
    found = open_workspace(workspace_folder, {}, to_run=False)
    begin_search(found)
    return found


@pytest.fixture
def task(workspace: Workspace) -> Task:
    """One whose deliverable is plain text."""
    return next(item for item in workspace.splits.dev if "abstract.md" in item.content.deliverables)


def judged(workspace: Workspace, task: Task, **more: Any) -> Path:
    verdicts = verdicts_of(
        task,
        ("pass", MODEL_REASON),
        ("pass", 'found "102,000" near "rent"'),
        ("undecided", "the call failed"),
    )
    return file_rollout(workspace, task, verdicts, output={"abstract.md": TEXT}, **more)


class Elements(HTMLParser):
    """The elements of a page by their ids, and the texts in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: dict[str, str] = {}
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in {"meta", "link", "input", "br", "hr", "img"}:
            self.open.append((tag, given.get("id") or ""))
            self.texts.setdefault(given.get("id") or "", "")
        if href := given.get("href"):
            self.links.append(href)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, name in self.open:
            self.texts[name] += data


# What is read.


def test_a_rollout_is_read_whole(workspace: Workspace, task: Task) -> None:
    judged(workspace, task)
    view = rollout_of(workspace, "baseline", task.id, 1)
    assert (view.outcome, view.attempt.passed, view.attempt.total) == ("scored", 2, 4)
    assert (view.attempt.usage.total, view.attempt.cost_usd) == (8_334, 0.25)
    assert view.conversation is not None
    assert [entry.text for entry in view.conversation.entries][-2:] == [LISTED, "All is delivered."]
    (deliverable,) = view.deliverables
    assert (deliverable.name, deliverable.requested, deliverable.text) == (
        "abstract.md", True, TEXT,
    )  # fmt: skip
    first, second, third, last = view.criteria
    assert first.title == task.criteria[0].title
    assert first.quotes == (Quote("the annual rent is \u2026 USD"),)
    assert second.quotes == (Quote("102,000", ("rent",)),)
    assert [item.verdict for item in (third, last)] == ["undecided", "fail"]
    assert view.notes == ()
    assert view.log == "warming up\n"
    json.dumps(view.to_json())


def test_a_task_goes_by_any_part_of_its_id_that_only_it_has(
    workspace: Workspace, task: Task
) -> None:
    judged(workspace, task)
    area, last = task.id.split("/")
    for name in (task.id, last, f"{area}/{last[:-1]}", last[-8:]):
        assert rollout_of(workspace, "baseline", name, 1).task == task.id


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("baseline", "abstract-lease", 1), "more of its id, one of: "),
        (("baseline", "{last}x", 1), "the nearest is {task}"),
        (("baseline", "nothing like it", 1), "expected one of: "),
        (("baseline", "", 1), "TASK"),
        (("basline", "{task}", 1), "the nearest is baseline"),
        (("../baseline", "{task}", 1), "--harness"),
        (("baseline", "{task}", 7), "a trial of baseline on {task}: 1, 2"),
        (("baseline", "{other}", 1), "a task that it was run on"),
        (("baseline", "{task}", 1, Purpose.SEARCH, 9), "--attempt: found 9, expected one of: 1"),
        (("baseline", "{task}", 1, Purpose.CONFIRMATION), "no ledger"),
    ],
)
def test_what_is_not_there_is_answered_with_what_there_is(
    workspace: Workspace, task: Task, asked: tuple[Any, ...], said: str
) -> None:
    judged(workspace, task)
    judged(workspace, task, trial=2)
    other = next(item for item in workspace.splits.dev if item is not task)
    words = {"task": task.id, "last": task.id.split("/")[1], "other": other.id}
    harness, name, *rest = asked
    with pytest.raises(InputError, match=re.escape(said.format(**words))):
        rollout_of(workspace, harness, name.format(**words), *rest)


def test_the_held_out_split_is_shown_once_it_was_opened_and_is_whole(
    workspace: Workspace,
) -> None:
    trials = range(1, workspace.settings.search.trials + 1)
    wanted = [(task, trial) for task in workspace.splits.test for trial in trials]
    held_out, _ = wanted[0]
    for number, (task, trial) in enumerate(wanted):
        file_rollout(workspace, task, trial=trial, purpose=Purpose.TEST)
        if not number:
            with pytest.raises(InputError, match="was not opened yet"):
                rollout_of(workspace, "baseline", held_out.id, 1, Purpose.TEST)
            log_opening_by_hand(workspace)
        if number < len(wanted) - 1:
            counted = f"baseline {number + 1} of {len(wanted)} rollouts"
            with pytest.raises(SearchStoppedError, match=f"not fully covered .{counted}"):
                rollout_of(workspace, "baseline", held_out.id, 1, Purpose.TEST)
    assert rollout_of(workspace, "baseline", held_out.id, 1, Purpose.TEST).task == held_out.id
    with pytest.raises(InputError, match="TASK"):
        rollout_of(workspace, "baseline", held_out.id, 1)
    with closing(Ledger(workspace.layout.ledger_of(Purpose.TEST))) as ledger:
        ledger.begin(replace(key_of(held_out), harness="c" * 64), 1, 1)
    with pytest.raises(SearchStoppedError, match=r"not fully covered \(cccccccc 0 of"):
        rollout_of(workspace, "baseline", held_out.id, 1, Purpose.TEST)


def test_a_confirmation_is_shown_and_exported_once_it_is_complete(workspace: Workspace) -> None:
    baseline, plan = (
        IterationRow(0, DIGEST, "baseline", "", "", "", "", DecisionKind.BASELINE, ""),
        IterationRow(2, "c" * 64, "better", "", "baseline", "", '{"trials": 1}', None, ""),
    )
    first, *further = workspace.splits.dev
    trial = 2 * CONTROL_STEP + 1
    confirmed = partial(file_rollout, workspace, trial=trial, purpose=Purpose.CONFIRMATION)
    confirmed(first, verdicts_of(first))
    with closing(Ledger(workspace.layout.ledger_of(Purpose.CONFIRMATION))) as ledger:
        for row in (baseline, plan):
            ledger.put_iteration(row)
    said = (
        f"confirmation is not complete .1 of {2 * len(workspace.splits.dev)} rollouts.*before all"
    )
    with pytest.raises(SearchStoppedError, match=said):
        rollout_of(workspace, "baseline", first.id, trial, Purpose.CONFIRMATION)
    with (
        pytest.raises(SearchStoppedError, match=said),
        exported(workspace, Purpose.CONFIRMATION),
    ):
        pass
    for task in further:
        confirmed(task, verdicts_of(task))
    with closing(Ledger(workspace.layout.ledger_of(Purpose.CONFIRMATION))) as ledger:
        for task in workspace.splits.dev:
            key = replace(key_of(task, trial), harness=plan.harness)
            rollout, attempt = ledger.begin(key, 1, 1)
            row = row_of(key, attempt, Outcome.SCORED, verdicts_of(task))
            ledger.finish(rollout, row, [])
    shown = rollout_of(workspace, "baseline", first.id, trial, Purpose.CONFIRMATION)
    assert shown.task == first.id
    with exported(workspace, Purpose.CONFIRMATION) as source:
        assert len(list(source.rows(What.ROLLOUTS))) == 2 * len(workspace.splits.dev)


def test_a_page_of_the_held_out_split_says_why_it_is_not_shown_yet(workspace: Workspace) -> None:
    held_out = workspace.splits.test[0]
    file_rollout(workspace, held_out, purpose=Purpose.TEST)
    log_opening_by_hand(workspace)
    views = Views(Looks(workspace.layout.root), Access(loopback=True))
    with pytest.raises(UnknownPageError, match="not fully covered"):
        details.rollout_page(views, "baseline", held_out.id, 1, "test")


def test_the_last_attempt_that_ended_is_shown_and_all_are_told_of(
    workspace: Workspace, task: Task
) -> None:
    file_rollout(workspace, task, outcome=Outcome.INFRA_FAILED)
    judged(workspace, task)
    begin_attempt(workspace, task)
    view = rollout_of(workspace, "baseline", task.id, 1)
    assert (view.attempt.number, view.outcome) == (2, "scored")
    assert [item.number for item in view.attempts] == [1, 2, 3]
    lost = rollout_of(workspace, "baseline", task.id, 1, attempt=1)
    assert lost.outcome == "infra failed"
    assert "The rollout was lost to infrastructure: it is no score, and is run again." in lost.notes
    running = rollout_of(workspace, "baseline", task.id, 1, attempt=3)
    assert running.outcome == "running"
    assert running.conversation is not None
    assert len(running.conversation.calls) == 1
    assert "1 other" not in page_of(view)
    assert "2 other attempts of this rollout" in page_of(view)


def test_what_a_second_judge_settled_keeps_the_first_word(workspace: Workspace, task: Task) -> None:
    judged(workspace, task)
    criterion = task.criteria[0].id
    row = row_of(key_of(task), 1, Outcome.SCORED, ())
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.settle(row, "second", [(criterion, "fail", "not so")])
    found = rollout_of(workspace, "baseline", task.id, 1).criteria[0]
    assert (found.verdict, found.reason, found.first) == ("fail", "not so", "pass")


def test_what_is_missing_or_damaged_is_said_and_the_rest_is_shown(
    workspace: Workspace, task: Task
) -> None:
    folder = judged(workspace, task, refused=(("abstract.md", "a symbolic link"),))
    damage(folder / SUMMARY)
    with (folder / TRANSCRIPT).open("a") as stream:
        stream.write('{"call": 3, "requ')
    (folder / "output" / "abstract.md").write_bytes(b"\xff\xfe\x00")
    view = rollout_of(workspace, "baseline", task.id, 1)
    assert [note.split(":")[0] for note in view.notes] == [
        f"Its {SUMMARY} is missing or damaged; the figures are the ledger's.",
        "Damaged and passed over in the transcript",
    ]
    assert view.deliverables[0].problem == "it cannot be read: it is not UTF-8 text"
    (folder / TRANSCRIPT).write_bytes(b"")
    view = rollout_of(workspace, "baseline", task.id, 1)
    assert "The transcript is empty." in view.notes
    assert "The transcript is empty." in page_of(view)
    assert "The model was never called." not in page_of(view)
    (folder / "output" / "abstract.md").unlink()
    (folder / TRANSCRIPT).unlink()
    view = rollout_of(workspace, "baseline", task.id, 1)
    assert (view.conversation, view.deliverables[0].problem) == (None, "it is missing")
    assert "There is no transcript." in page_of(view)
    folder.rename(folder.with_name("elsewhere"))
    view = rollout_of(workspace, "baseline", task.id, 1)
    assert "Its folder of evidence is not there" in view.notes[0]
    assert [item.verdict for item in view.criteria][:2] == ["pass", "pass"]
    page_of(view)


# The page.


def page_of(view: RolloutView) -> str:
    return rollout_page(Site(), view, Within())


def test_each_verdict_leads_to_its_quote_and_the_quote_back(
    workspace: Workspace, task: Task
) -> None:
    judged(workspace, task)
    found = Elements(page_of(rollout_of(workspace, "baseline", task.id, 1)))
    marks = [link[1:] for link in found.links if link.startswith("#mark-")]
    assert [found.texts[mark] for mark in marks] == ["The  **annual rent** is", "102,000"]
    assert [link for link in found.links if link.startswith("#criterion-")] == [
        "#criterion-0", "#criterion-1", "#criterion-0",
    ]  # fmt: skip
    assert "\u2713 pass" in found.texts["criterion-0"]
    assert "? undecided" in found.texts["criterion-2"]
    assert "\u2717 fail" in found.texts["criterion-3"]
    assert task.criteria[0].match_criteria in found.texts["criterion-0"]
    assert "2 pass, 1 undecided, 1 fail" in found.texts["criteria"]


def test_a_tool_call_is_folded_together_with_its_result(workspace: Workspace, task: Task) -> None:
    judged(workspace, task)
    page = page_of(rollout_of(workspace, "baseline", task.id, 1))
    (folded,) = re.findall(r'<details class="part">\s*<summary><code.*?</details>', page, re.DOTALL)
    assert "pattern: documents/*" in folded
    assert LISTED in folded
    assert "call 1 · 1,200 tokens in · 45 out" in page
    assert page.count(LISTED) == 1


def test_what_lies_beyond_the_cut_is_shown_with_its_verdict(
    workspace: Workspace, task: Task
) -> None:
    verdicts = verdicts_of(task, ("pass", MODEL_REASON))
    text = "filler words \n" * 30_000 + TEXT
    file_rollout(workspace, task, verdicts, output={"abstract.md": text})
    page = page_of(rollout_of(workspace, "baseline", task.id, 1))
    found = Elements(page)
    assert "beyond what is shown of abstract.md" in found.texts["criterion-0"]
    assert "payable quarterly" in found.texts["criterion-0"]
    assert f"of {len(text):,} characters" in found.texts["deliverables"]
    assert len(page) < 300_000


def test_quotes_are_looked_up_in_what_was_requested_first_and_not_without_end(
    workspace: Workspace, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A harness may leave any number of files of any length."""
    judged(workspace, task)
    view = rollout_of(workspace, "baseline", task.id, 1)
    junk = [
        Deliverable(f"{number}.md", False, 1, f"102,000 {'a*' * 400_000}", "")
        for number in range(20)
    ]
    looked_up: list[str] = []

    def places_of(text: str) -> Places:
        looked_up.append(text)
        return Places("", "", (), ()) if len(text) > 1_000 else real(text)

    real = Places.of
    monkeypatch.setattr(Places, "of", places_of)
    page = page_of(replace(view, deliverables=(*junk, *view.deliverables)))
    assert looked_up[-1] == TEXT
    assert sum(map(len, looked_up)) == MOST_SEARCHED
    assert page.count("What judges quoted was not looked up in this file.") == 17
    assert page.count("What judges quoted was looked up in the first ") == 1
    assert page.count("<mark ") == 3, "all in the file that was requested"


def test_a_page_stays_below_its_bound_with_nothing_but_hostile_content(
    workspace: Workspace, task: Task
) -> None:
    judged(workspace, task)
    view = rollout_of(workspace, "baseline", task.id, 1)
    wide = "\u202e" * 20_000
    criteria = [
        JudgedCriterion(NASTY, wide, wide, (), NASTY, wide, (Quote("x"), Quote(NASTY)), NASTY)
    ] * 1_000
    files = [
        Deliverable(f"{number}{NASTY * 20}", True, 1, text, NASTY)
        for number, text in enumerate(["\u202e" * 2_000_000, "x" * 5_000_000, *["<x>'" * 9] * 900])
    ]
    full = replace(
        view,
        title=wide,
        conversation=Conversation(
            tuple(entries(20_000, "\u202e" * 400)), calls(*range(20_000)), 1_000_000, {}
        ),
        criteria=tuple(criteria),
        deliverables=tuple(files),
        attempts=(view.attempt,) * 500,
        notes=(wide,) * 300,
        log=wide,
    )
    page = page_of(full)
    assert len(page.encode()) < LARGEST
    assert "<script>alert" not in page
    assert not set(page) & set("\x1b\u202e\u200b\x00")
