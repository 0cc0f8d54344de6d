"""One candidate as data and as a page: its claim beside what happened, its diff, its tasks."""

import re
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import rollout_row

from harness_search.files import digest_text
from harness_search.ledger.figures import Shape, compare
from harness_search.ledger.probes import ProbeRow
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Outcome,
    Purpose,
    RolloutRow,
    Split,
    Usage,
)
from harness_search.ledger.scores import Weights
from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionStart
from harness_search.ledger.store import Ledger
from harness_search.pages.candidate import candidate_body, candidate_page
from harness_search.pages.site import Site, Within
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.reports.candidate import Subject, subject_of
from harness_search.reports.claimed import Arms, Change, Part, TaskRow, tally, task_rows, unnamed
from harness_search.reports.probed import probed_of
from harness_search.workspace import Workspace, open_workspace

SITE = Site()
HOSTILE = "</p><script>alert(1)</script>\x1b[31mred\u202eabc&amp;<img src=x onerror=alert(2)>"


class Pages:
    """Links of pages that are all there."""

    def candidate(self, name: str) -> str:
        return f"{name}.html"

    def rollout(
        self, harness: str, task: str, trial: int, purpose: Purpose = Purpose.SEARCH
    ) -> str:
        return f"rollouts/{harness}/{task}/{trial}.html"


class Elements(HTMLParser):
    """What a page is made of once a browser has read it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, attribute: str) -> list[str]:
        return [value for _, items in self.found if (value := items.get(attribute))]

    def names(self) -> set[str]:
        return {name for name, _ in self.found}


@pytest.fixture(scope="module")
def looked_at(orphaned_workspace: Path) -> Workspace:
    """A search with one orphan; to be looked at only."""
    return open_workspace(orphaned_workspace, {}, to_run=False)


@pytest.fixture
def to_change(orphaned_workspace: Path, tmp_path: Path) -> Workspace:
    """A copy of it."""
    root = shutil.copytree(orphaned_workspace, tmp_path / "orphaned", symlinks=True)
    return open_workspace(Path(root), {}, to_run=False)


def body(subject: Subject) -> Elements:
    return Elements(candidate_body(SITE, subject, Pages()))


def put(workspace: Workspace, number: int, **changes: object) -> None:
    """Change an iteration in the ledger."""
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        row = next(row for row in ledger.iterations() if row.number == number)
        ledger.put_iteration(replace(row, **changes))  # type: ignore[arg-type]


def written(workspace: Workspace, source: str) -> None:
    """Let the first candidate have had another source."""
    workspace.layout.candidate("candidate_1").write_text(source, encoding="utf-8")
    put(workspace, 1, harness=digest_text(source))


# The candidate as data.


def test_a_subject_holds_the_claim_against_what_happened(looked_at: Workspace) -> None:
    subject = subject_of(looked_at, "candidate_1")
    dev = [task.id for task in looked_at.tasks(Split.DEV)]
    assert (subject.iteration, subject.decided, subject.parent) == (1, "orphan", "baseline")
    assert subject.claim is not None and subject.claim.hypothesis == "it helps"
    assert subject.observed and "pooled" in subject.observed[0]
    assert {row.task for row in subject.tasks} == set(dev)
    assert subject.gain is not None and subject.gain.points < 0
    found = [row.difference for row in subject.tasks if row.difference is not None]
    assert sum(found) / len(dev) == pytest.approx(subject.gain.points)
    assert all(row.candidate == 0 for row in subject.tasks)
    assert any(row.baseline == row.incumbent != 0 for row in subject.tasks)
    assert subject.rollouts.finished == sum(len(row.trials) for row in subject.tasks) == 6
    assert subject.spent.usage.total >= 0 and subject.stage == "1 trial"
    assert subject.audit is not None and subject.changed is not None
    assert (subject.changed.added, subject.changed.removed) == (1, 1)


@pytest.mark.parametrize("name", ["1", "01", "candidate_1"])
def test_a_harness_has_its_name_and_its_number(looked_at: Workspace, name: str) -> None:
    assert subject_of(looked_at, name).name == "candidate_1"


@pytest.mark.parametrize("name", ["0", "baseline", "incumbent"])
def test_the_baseline_has_no_parent_and_is_compared_with_nothing(
    looked_at: Workspace, name: str
) -> None:
    subject = subject_of(looked_at, name)
    assert (subject.name, subject.parent_source, subject.difference) == ("baseline", None, None)
    assert {row.change for row in subject.tasks} == {Change.NOT_COMPARED}


def test_what_is_damaged_or_was_changed_is_said_and_the_rest_is_shown(
    to_change: Workspace,
) -> None:
    put(to_change, 1, claim='{"iteration": 1}')
    to_change.layout.decision(1).write_text("{", encoding="utf-8")
    to_change.layout.audit(1).write_text("[]", encoding="utf-8")
    # The two names are of one file: people edit it by writing another in its place.
    for file in (to_change.layout.candidate("candidate_1"), to_change.layout.kept_source(1, "candidate_1")):  # fmt: skip  # noqa: E501
        file.unlink()
        file.write_text("changed = True\n", encoding="utf-8")
    subject = subject_of(to_change, "1")
    assert subject.damaged == (
        "runs/iterations/001/decision.json",
        "runs/iterations/001/audit.json",
        "the claim",
    )
    assert subject.claim is None and subject.audit is None
    page = body(subject).text
    assert "Cannot be read: the claim" in page
    assert "not the file that was measured" in page
    assert "There is no claim that could be read." in page


def test_the_kept_source_is_shown_where_the_file_was_changed(to_change: Workspace) -> None:
    file = to_change.layout.candidate("candidate_1")
    source = file.read_text(encoding="utf-8")
    file.unlink()
    file.write_text("changed = True\n", encoding="utf-8")
    shown = subject_of(to_change, "1").source
    assert shown is not None and (shown.text, shown.remark) == (source, "")


def test_a_name_that_leads_elsewhere_shows_no_file(to_change: Workspace) -> None:
    (to_change.layout.root / "elsewhere.py").write_text("SECRET = 1\n", encoding="utf-8")
    put(to_change, 1, name="../elsewhere")
    assert subject_of(to_change, "1").source is None


def test_an_iteration_without_a_harness_has_a_page(to_change: Workspace) -> None:
    row = IterationRow(
        2, "", "iteration_002", "", "baseline", "", "", DecisionKind.NO_CLAIM, "it left nothing"
    )
    with closing(Ledger(to_change.layout.ledger)) as ledger:
        ledger.put_iteration(row)
    subject = subject_of(to_change, "2")
    assert subject.source is None and subject.rollouts.finished == 0
    assert "No source was delivered" in body(subject).text


def test_an_inconclusive_candidate_is_never_called_worse(to_change: Workspace) -> None:
    put(to_change, 1, decision=DecisionKind.INCONCLUSIVE)
    subject = subject_of(to_change, "1")
    assert subject.gain is None
    assert {row.change for row in subject.tasks} == {Change.NOT_COMPARED}
    assert "not compared" in body(subject).text


def test_the_session_of_a_candidate_says_what_it_cost_and_how_long_it_took(
    to_change: Workspace,
) -> None:
    start = SessionStart(1, "s-1", "claude", "some-model")
    paid = SessionResult(SessionOutcome.PROPOSED, "", Usage(900, 100), 1.25)
    with closing(Ledger(to_change.layout.ledger)) as ledger:
        run = ledger.begin_session(start)
        ledger.end_session(run.id, paid)
    log = to_change.layout.session(1) / "session-1.log"
    log.write_text(
        'noise\n{"message": "ResultMessage", "fields": {"is_error": false, "num_turns": 17}}\n',
        encoding="utf-8",
    )
    subject = subject_of(to_change, "1")
    assert (subject.asked.usd, subject.asked.usage.total) == (1.25, 1000)
    assert [run.turns for run in subject.session] == [17]
    assert "17 turns by its own account" in body(subject).text


# What a claim named, and what became of it.

CRITERIA = {"a/fix": 2, "a/risk": 2, "a/other": 2, "a/calm": 2}
SHAPE = Shape(CRITERIA, 3, Weights(0.0, 0.0))
CLAIM = CandidateClaim(
    name="named", hypothesis="h", changes="c", fix_tasks=("a/fix",), regression_tasks=("a/risk",)
)


def rows_with(harness: str, passed: dict[str, Sequence[int]]) -> list[RolloutRow]:
    return [
        rollout_row(harness, task, trial, passed=count)
        for task, counts in passed.items()
        for trial, count in enumerate(counts, 1)
    ]


def against(own: dict[str, Sequence[int]], stored: dict[str, Sequence[int]]) -> list[TaskRow]:
    candidate, incumbent = rows_with("new", own), rows_with("old", stored)
    gain = compare(candidate, incumbent, (), SHAPE).gain
    arms = Arms(incumbent, incumbent, candidate)
    return list(task_rows(arms, SHAPE, gain.tasks if gain else (), CLAIM))


def test_each_task_is_called_by_how_far_it_stands_clear_of_noise() -> None:
    calm = [0, 1, 0]
    found = against(
        {"a/fix": [2, 2, 2], "a/risk": [0, 0, 0], "a/other": [0, 0, 0], "a/calm": calm},
        {"a/fix": [0, 0, 0], "a/risk": [2, 2, 2], "a/other": [2, 2, 2], "a/calm": [0, 0, 1]},
    )
    by_task = {row.task: row for row in found}
    assert by_task["a/fix"].change is Change.FIXED and by_task["a/fix"].part is Part.FIX
    assert by_task["a/risk"].change is Change.BROKEN and by_task["a/risk"].part is Part.RISK
    assert by_task["a/calm"].change is Change.NOISE
    assert [row.task for row in unnamed(found, Change.BROKEN)] == ["a/other"]
    assert not unnamed(found, Change.FIXED)
    assert tally(found) == "4 tasks: 1 fixed, 2 broken, 1 within noise"
    assert found[0].task == "a/fix"


def test_from_one_trial_no_task_is_called_anything() -> None:
    one = {task: [2] for task in CRITERIA}
    found = against(one, {task: [0] for task in CRITERIA})
    assert {row.change for row in found} == {Change.UNKNOWN}


def test_a_task_without_a_rollout_comes_last_and_is_not_compared() -> None:
    found = against({"a/calm": [0, 0, 0]}, {task: [2, 2, 2] for task in CRITERIA})
    assert found[0].task == "a/calm"
    assert {row.change for row in found[1:]} == {Change.NOT_COMPARED}
    assert all(row.candidate is None and row.incumbent == 100 for row in found[1:])


def test_the_last_attempt_of_a_trial_is_what_is_shown_of_it() -> None:
    lost = rollout_row("new", "a/calm", 1, passed=0, outcome=Outcome.INFRA_FAILED)
    again = rollout_row("new", "a/calm", 1, passed=2, attempt=2)
    rows = task_rows(Arms((), (), [lost, again]), SHAPE, (), None)
    (trials,) = [row.trials for row in rows if row.trials]
    assert [(trial.outcome, trial.passed) for trial in trials] == [(Outcome.SCORED, 2)]


def test_a_probe_is_passed_only_when_it_was_passed_twice() -> None:
    def answer(criterion: str, replicate: int, verdict: str) -> ProbeRow:
        return ProbeRow("h", "planted", "a/t", 1, "", criterion, replicate, "d", "1", verdict, "")

    found = probed_of(
        [
            answer("C-1", 0, "pass"), answer("C-2", 0, "pass"), answer("C-3", 0, "fail"),
            answer("C-1", 1, "pass"), answer("C-2", 1, "fail"), answer("C-4", 0, "pass"),
        ]
    )  # fmt: skip
    assert [(item.kind, item.asked, item.passed) for item in found.counts] == [("planted", 4, 1)]
    assert [row.criterion for row in found.passed] == ["C-1"]


# The page.


def test_a_page_shows_the_claim_the_difference_and_every_task(looked_at: Workspace) -> None:
    subject = subject_of(looked_at, "1")
    page = Elements(candidate_page(SITE, subject, Pages(), home="index.html"))
    assert {"it helps", "one mechanism"} <= set(page.texts)
    assert "SIMULATED" in page.texts
    assert all(row.task in page.text for row in subject.tasks)
    assert "1 line added, 1 removed." in page.text
    headings = [name for name in (name for name, _ in page.found) if re.fullmatch(r"h\d", name)]
    assert headings.count("h1") == 1 and set(headings) == {"h1", "h2", "h3"}


def test_rollouts_are_linked_where_they_have_a_page(looked_at: Workspace) -> None:
    subject = subject_of(looked_at, "1")
    wanted = {f"rollouts/candidate_1/{row.task}/1.html" for row in subject.tasks}
    assert wanted <= set(body(subject).all("href"))
    alone = Elements(candidate_body(SITE, subject, Within(frozenset({"baseline"}))))
    assert set(alone.all("href")) == {"#candidate-baseline"}


def test_candidates_can_stand_in_one_page_without_sharing_an_id(looked_at: Workspace) -> None:
    found: list[str] = []
    for name in ("baseline", "candidate_1"):
        ids = body(subject_of(looked_at, name)).all("id")
        assert all(item.startswith(f"candidate-{name}") for item in ids)
        found += ids
    assert len(found) == len(set(found))
    assert "candidate-baseline" in found


def test_a_benchmark_of_a_thousand_tasks_is_cut_within_a_report_and_not_on_a_page(
    looked_at: Workspace,
) -> None:
    subject = subject_of(looked_at, "1")
    first = subject.tasks[0]
    many = [replace(first, task=f"area/task-{number}", part=Part.FIX) for number in range(1_000)]
    subject = replace(
        subject, tasks=(*many, replace(first, task="idle", candidate=None, part=Part.NEITHER))
    )
    within = Elements(candidate_body(SITE, subject, Pages()))
    assert sum(name == "tr" for name, _ in within.found) < 130
    assert "901 tasks that it was not run on, or that changed less, are left out" in within.text
    assert "and 970 more" in within.text
    page = Elements(candidate_page(SITE, subject, Pages()))
    assert sum(name == "tr" for name, _ in page.found) > 1_001


def test_hostile_claims_names_and_sources_are_shown_as_text(to_change: Workspace) -> None:
    claim = CandidateClaim(
        name="hostile", hypothesis=HOSTILE, changes=HOSTILE, observed=HOSTILE, replay=HOSTILE
    )
    text = Claim(iteration=1, candidates=(claim,)).to_json()
    written(to_change, f"# {HOSTILE}\nX = '{HOSTILE}'\n")
    put(to_change, 1, claim=text, reason=HOSTILE, mechanism=HOSTILE)
    page = candidate_page(SITE, subject_of(to_change, "1"), Pages())
    read = Elements(page)
    assert not {"img", "iframe"} & read.names()
    assert sum(name == "script" for name, _ in read.found) == 1  # our own
    assert not [one for _, items in read.found for one in items if one.startswith("on")]
    assert not set("\x1b\u202e") & set(page)
    assert "␛[31mred⟨U+202E⟩abc" in read.text


def test_a_hostile_name_breaks_neither_ids_nor_links(to_change: Workspace) -> None:
    put(to_change, 1, name=f'x" {HOSTILE}', parent="y' onclick='z")
    subject = subject_of(to_change, "1")
    read = Elements(candidate_page(SITE, subject, Within()))
    assert not [one for one in read.all("id") if re.search(r"[^\w.-]", one)]
    assert "onclick" not in {one for _, items in read.found for one in items}
