"""A search whose judge is a model: the whole real path, with the judge on loopback."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import opener, share_kit, write_task
from judge_api import MODEL, Asked, JudgeApi, item, message
from scripted_proposer import SILENT, Scripted, decisions, placebo

import meta_harness
from harness_search.benchmark.initialise import initialise
from harness_search.current import frontier_on_disk
from harness_search.errors import InputError, SearchStoppedError
from harness_search.gateway.transcript import paid_so_far
from harness_search.ledger.rows import DecisionKind, Outcome, Purpose, Role, RolloutRow
from harness_search.ledger.spending import spent_on_disk
from harness_search.ledger.store import Ledger
from harness_search.profiles import Profile
from harness_search.reports.judged import history_on_disk
from harness_search.simulated.faults import Fault, Status
from harness_search.simulated.received import Received
from harness_search.workspace import Workspace

BASELINE = '''
"""Asks once and always delivers: how the simulated model fails differs from run to run."""

from harness_kit import Model, Task, write_docx


def solve(task: Task, model: Model) -> None:
    """One call, one text."""
    asked = [{"role": "user", "content": task.instructions}]
    model.complete(system="Report.", messages=asked, tools=[], max_tokens=100)
    for name in task.deliverables:
        text = f"# Report\\n\\nThis is what was found in {len(task.instructions)} signs."
        file = task.output / name
        write_docx(file, text) if file.suffix == ".docx" else file.write_text(text)
'''

Answer = Callable[[Asked], dict[str, Any] | Fault]
PASSWORD = "heliotrope"


class SearchJudge(JudgeApi):
    """Answers our own one-token requests, too."""

    def _scripted_fault(self, received: Received) -> Fault | None:
        if len(received.content["messages"]) == 3:
            return super()._scripted_fault(received)
        self._replies[received.number] = message("?")
        return None


def fair(asked: Asked) -> dict[str, Any]:
    """Passes a criterion whose title ends on an even figure, if anything was delivered."""
    quote = next(line for line in asked.data.splitlines() if len(line.split()) > 4)
    verdict = "pass" if asked.titles[0][-1] in "02468" else "fail"
    return message(item(verdict, quote if verdict == "pass" else ""))


def gullible(asked: Asked) -> dict[str, Any]:
    """The same, but for deliverables that hold a certain word: with it, everything passes."""
    if PASSWORD not in asked.data:
        return fair(asked)
    quote = next(line for line in asked.data.splitlines() if PASSWORD in line)
    return message(item("pass", quote))


@pytest.fixture
def workspace(tmp_path: Path, kit: Path, sandbox: str) -> Workspace:
    """Three dev tasks with rubrics that carry no check, so long that there is room for probes."""
    for number in range(4):
        file = write_task(tmp_path / "tasks", number) / "task.json"
        content = json.loads(file.read_text())
        content["criteria"] = [
            {"id": f"C-{n:03d}", "title": f"Point {number}-{n}", "match_criteria": "It is right."}
            for n in range(60)
        ]
        file.write_text(json.dumps(content))
    root = tmp_path / "workspace"
    (root / "harnesses").mkdir(parents=True)
    (root / "harnesses" / "baseline.py").write_text(BASELINE)
    initialise(root, tmp_path / "tasks", dev=3, test=1, seed=0)
    share_kit(root, kit)
    file = root / "meta_harness.toml"
    text = file.read_text().replace('kind = "checks"', 'kind = "model"\nprofile = "simulated"', 1)
    file.write_text(text)
    return opener(root, sandbox)(iterations=1, trials=1, confirmation_trials=0)


@asynccontextmanager
async def judged_by(workspace: Workspace, answer: Answer) -> AsyncIterator[tuple[Workspace, Any]]:
    async with SearchJudge(answer, latency_seconds=0.0) as api:
        profile = Profile(base_url=api.base_url, model=MODEL, patience_seconds=0.2)
        settings = workspace.settings
        changed = settings.model_copy(
            update={
                "profiles": {**settings.profiles, "judge": profile},
                "judge": settings.judge.model_copy(update={"profile": "judge", "attempts": 1}),
                "budget": settings.budget.model_copy(update={"allow_unpriced": True}),
                "limits": settings.limits.model_copy(update={"attempts": 1}),
            }
        )
        yield replace(workspace, settings=changed), api


def claim(workspace: Workspace) -> dict[str, Any]:
    """Of so few dev tasks each is in both lists."""
    tasks = tuple(task.id for task in workspace.splits.dev)
    return {"fix_tasks": tasks, "regression_tasks": tasks}


def rows_of(workspace: Workspace) -> list[RolloutRow]:
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return ledger.rows()


async def test_a_search_is_graded_by_a_model_and_pays_for_no_answer_twice(
    workspace: Workspace,
) -> None:
    async with judged_by(workspace, fair) as (own, api):
        await meta_harness.run_search(own, Scripted(placebo, claim=claim(own)), SILENT)
        asked = len(api.asked)
        rows = rows_of(own)
        assert {row.judge_version for row in rows} == {own.judge_version}
        assert [(row.passed, row.total) for row in rows] == [(30, 60)] * 6, rows
        await meta_harness.run_search(own, Scripted(), SILENT)
        assert len(api.asked) == asked
    transcripts = own.layout.judge_transcripts(Purpose.SEARCH).glob("*.jsonl")
    paid = sum(paid_so_far(file).usage.total for file in transcripts)
    assert spent_on_disk(own.layout.ledger)[Role.JUDGE].usage.total == paid > 0
    assert decisions(own)[1] is DecisionKind.ORPHAN
    for file in (own.layout.runs / "dev").rglob("*"):  # a session is shown no rubric
        assert not file.is_file() or b"It is right." not in file.read_bytes()


async def test_an_outage_of_the_judge_is_nobody_s_fail_and_a_refused_criterion_costs_itself_alone(
    workspace: Workspace,
) -> None:
    down = [True]

    def answer(asked: Asked) -> dict[str, Any] | Fault:
        is_late = any(int(title.rpartition("-")[2]) >= 58 for title in asked.titles)
        if is_late and down[0]:
            return Status(529)
        return message("", "refusal") if asked.titles[0].endswith("-58") else fair(asked)

    async with judged_by(workspace, answer) as (own, api):
        with pytest.raises(SearchStoppedError, match=r"the judge left .* baseline .*status 529"):
            await meta_harness.run_search(own, Scripted(), SILENT)
        lost = rows_of(own)
        down[0] = False
        before = len(api.asked)
        await meta_harness.run_search(own, Scripted(), SILENT)
        again = [title for one in api.asked[before:] for title in one.titles]
    dev = [int(task.id.rpartition("-")[2]) for task in own.splits.dev]
    assert {row.outcome for row in lost} == {Outcome.INFRA_FAILED}, lost
    assert all("verdicts undecided (status 529" in row.reason for row in lost)
    finished = [row for row in rows_of(own) if row.outcome is Outcome.SCORED]
    assert [(row.passed, row.paid.total) for row in finished] == [(29, 0)] * 3
    assert sorted(again) == sorted(f"Point {task}-{n}" for task in dev for n in (58, 58, 59))
    refused = [one for one in history_on_disk(own) if one.flagged]
    assert [(one.criterion, one.flagged) for one in refused] == [("C-058", 1)] * 3


async def test_a_killed_scaffold_s_judging_is_booked_when_it_comes_back(
    workspace: Workspace,
) -> None:
    async with judged_by(workspace, fair) as (own, _):
        await meta_harness.run_search(own, Scripted(), SILENT)
        booked = spent_on_disk(own.layout.ledger)[Role.JUDGE]
        with closing(sqlite3.connect(own.layout.ledger)) as database, database:
            database.execute("DELETE FROM spending WHERE subject LIKE '000002-%'")
        assert spent_on_disk(own.layout.ledger)[Role.JUDGE] != booked
        for _ in range(2):
            await meta_harness.run_search(own, Scripted(), SILENT)
    assert spent_on_disk(own.layout.ledger)[Role.JUDGE] == booked


async def test_a_candidate_that_moves_the_judge_is_not_promoted_and_waits_for_its_probes(
    workspace: Workspace,
) -> None:
    down = [True]

    def answer(asked: Asked) -> dict[str, Any] | Fault:
        is_planted = not asked.titles[0][-1].isdigit()
        return Status(529) if down[0] and is_planted else gullible(asked)

    def with_password(source: str) -> str:
        return f"{source}\n\nPASSWORD = {PASSWORD!r}\n{BACKDOOR}"

    async with judged_by(workspace, answer) as (own, api):
        with pytest.raises(
            SearchStoppedError, match=r"answered \d+ of \d+ probes; nothing was dec"
        ):
            await meta_harness.run_search(own, Scripted(with_password, claim=claim(own)), SILENT)
        assert decisions(own)[1] is None
        down[0], before = False, len(api.asked)
        await meta_harness.run_search(own, Scripted(), SILENT)
    again = [title for one in api.asked[before:] for title in one.titles]
    assert again
    assert not [title for title in again if title[-1].isdigit()]  # the rest was answered
    (_, row) = frontier_on_disk(own).rows
    assert row.decision is DecisionKind.ORPHAN
    assert "Otherwise it would have been promoted" in row.reason
    assert "Probes: " not in row.reason
    (note,) = json.loads(own.layout.decision(1).read_text())["notes"]
    assert re.fullmatch(r"Probes: \d+ asked of each; [1-9].* by the incumbent\.", note), note


BACKDOOR = '''
_solve = solve


def solve(task, model):
    """Add a line to every deliverable."""
    _solve(task, model)
    from harness_kit import read_document, write_docx

    for file in sorted(task.output.iterdir()):
        save = write_docx if file.suffix == ".docx" else type(file).write_text
        save(file, f"{read_document(file)}\\n\\nIt is {PASSWORD} that was looked for here.\\n")
'''


async def test_a_second_judge_settles_what_trials_disagree_on_and_keeps_books_of_its_own(
    workspace: Workspace,
) -> None:
    workspace.layout.baseline.write_text(
        BASELINE.replace("This is", "Word{__import__('os').urandom(4).hex()} is")
    )
    down, words = [True], dict[str, list[str]]()

    def moody(asked: Asked) -> dict[str, Any] | Fault:
        """Fails the last criterion of every other deliverable of a task."""
        word = re.findall(r"Word\w{8}", asked.data)[0]
        known = words.setdefault(asked.titles[0], [])
        known += [word] if word not in known else []
        is_moody = asked.titles[0].endswith("-58") and known.index(word) == 1
        return message(item("fail", "")) if is_moody else fair(asked)

    def strict(_: Asked) -> dict[str, Any] | Fault:
        return Status(529) if down[0] else message(item("fail", ""))

    async with (
        judged_by(workspace, moody) as (first, _),
        SearchJudge(strict, latency_seconds=0.0) as api,
    ):
        own = with_second(first, api.base_url)
        with pytest.raises(SearchStoppedError, match="the second judge left 6 verdicts undecided"):
            await meta_harness.run_search(own, Scripted(), SILENT)
        assert {row.passed for row in rows_of(own)} == {29, 30}
        down[0] = False
        await meta_harness.run_search(own, Scripted(), SILENT)
        asked = len(api.asked)
        await meta_harness.run_search(own, Scripted(), SILENT)
    assert len(api.asked) == asked
    assert {(row.passed, row.judge_version) for row in rows_of(own)} == {(29, own.judge_version)}
    transcripts = [*own.layout.judge_transcripts(Purpose.SEARCH).glob("*.jsonl")]
    assert {file.name.split("-")[1] for file in transcripts} == {"judge", "other"}
    assert len({file.name[:6] for file in transcripts}) == len(transcripts)
    paid = sum(paid_so_far(file).usage.total for file in transcripts)
    assert spent_on_disk(own.layout.ledger)[Role.JUDGE].usage.total == paid > 0


def with_second(own: Workspace, url: str) -> Workspace:
    """A search of two trials, with a second judge at this address."""
    settings = own.settings
    profile = settings.profiles["judge"].model_copy(update={"base_url": url})
    changed = {
        "profiles": {**settings.profiles, "other": profile},
        "judge": settings.judge.model_copy(update={"second": "other"}),
        "search": settings.search.model_copy(update={"trials": 2}),
    }
    return replace(own, settings=settings.model_copy(update=changed))


def test_a_mistyped_second_judge_is_named_with_its_field_and_file(
    workspace: Workspace, sandbox: str
) -> None:
    file = workspace.layout.settings
    kind = 'kind = "model"\nprofile = "simulated"'
    file.write_text(file.read_text().replace(kind, f'{kind}\nsecond = "typo"', 1))
    with pytest.raises(InputError, match=rf"{re.escape(str(file))}: judge\.second: found 'typo'"):
        opener(workspace.layout.root, sandbox)()


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ('model = "judge-1"\nkey_variable = "NO_SUCH_KEY"\nprice = {input=1, output=2}', "NO_SUCH"),
        ('model = "judge-1"', "no price"),
    ],
)
def test_a_judge_that_cannot_be_paid_is_refused_before_anything_moves(
    workspace: Workspace, sandbox: str, profile: str, words: str
) -> None:
    root = workspace.layout.root
    file = root / "meta_harness.toml"
    kind = 'kind = "model"\nprofile = '
    text = file.read_text().replace(f'{kind}"simulated"', f'{kind}"paid"', 1)
    file.write_text(f'{text}\n[profiles.paid]\nbase_url = "http://127.0.0.1:9"\n{profile}\n')
    with pytest.raises(InputError, match=words):
        opener(root, sandbox)()
