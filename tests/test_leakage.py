"""The audit finds every trace of the test split, and leaves honest work alone."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.audit import leakage
from harness_search.audit.leakage import Touch, describe, find_touches, reaches_test_task
from harness_search.benchmark.tasks import Criterion, Task, TaskFile
from harness_search.files import to_json
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.proposers.catalogue import CatalogueProposer, default_catalogue
from harness_search.proposers.session import Proposed, Session
from harness_search.proposers.view import session_texts

ROOT = Path(__file__).parents[1]
CANARY = "canary 7f0c9a52-61a3-4f0e-b1ce-0a4b8a3d7e11"
DEV_IDS = (
    "real-estate/review-lease-assignment",
    "real-estate/review-lease-assignment-for-tenant",
    "tax/draft-memo/scenario-01",
    "funds/draft-compliance-manual",
    "private-equity/deal-memo",
    *(f"area-{number}/task-{number}" for number in range(8)),
)
TEST_IDS = (
    "real-estate/compare-two-leases",
    "real-estate/review-lease",
    "tax/draft-memo/scenario-02",
    "equity/deal-memo",
    "litigation/appeal",
    "Trusts/Draft_Deed_v2",
)


def task(task_id: str, **metadata: str) -> Task:
    criterion = Criterion(id="c1", title="t", match_criteria="m")
    content = TaskFile.model_validate(
        {"title": "t", "instructions": "i", "criteria": [criterion], "metadata": metadata}
    )
    return Task(task_id, Path("/data/tasks") / task_id, content)


MARKS = leakage.test_split_marks(
    [task(TEST_IDS[0], canary=CANARY), *(task(task_id) for task_id in TEST_IDS[1:])],
    [task(task_id, canary="a canary of a dev task") for task_id in DEV_IDS],
    Path("/search/test_split.txt"),
)


def touches(text: str) -> list[tuple[int, str]]:
    return [(touch.line, touch.kind) for touch in find_touches({"candidate": text}, MARKS)]


def kinds(text: str) -> set[str]:
    return {kind for _, kind in touches(text)}


# What is looked for.


def test_slugs_are_marks_only_where_they_tell_something() -> None:
    # `deal-memo` is a dev slug too, `appeal` is a plain word.
    assert MARKS.slugs == ("compare-two-leases", "draft_deed_v2", "scenario-02")
    assert MARKS.canaries == (CANARY,)
    assert (MARKS.split_file, MARKS.tasks_folder) == ("test_split.txt", "tasks")


def test_without_test_tasks_only_the_split_file_is_looked_for() -> None:
    marks = leakage.test_split_marks([], [task("a/b")], Path("test_split.txt"))
    text = "tasks/** **/task.json a/b\nopen('test_split.txt')"
    assert [touch.kind for touch in find_touches({"log": text}, marks)] == ["split file"]


# Ids, paths, slugs, canaries, the split file.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 'litigation/appeal'", {"id"}),
        ("it is about Litigation/APPEAL.", {"id"}),
        ("open('tasks/litigation/appeal/task.json')", {"path"}),
        ("litigation/appeal/documents/a.docx", {"path"}),
        (r"tasks\litigation\appeal", {"path"}),
        ("litigation//appeal and", {"id"}),
        ("litigation/./appeal", {"id"}),
        (".//litigation/.//./appeal", {"path"}),
        ("litigation%2Fappeal", {"id"}),
        ("%4equity/deal-memo", {"id"}),
        ("%6citigation%252fappeal", {"id"}),
        ('"litigation\\/appeal"', {"id"}),
        ("tasks/litigation%5Cappeal", {"path"}),
        ("Trusts/draft_deed_V2", {"id"}),
        ("tax/draft-memo/scenario-02", {"id"}),
        ("only the slug: compare-two-leases", {"slug"}),
        ("see SCENARIO-02.", {"slug"}),
        (f"# {CANARY.upper()}", {"canary"}),
        ("cat ../TEST_split.txt", {"split file"}),
    ],
)
def test_a_trace_is_found_however_it_is_spelled(text: str, expected: set[str]) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *DEV_IDS,
        f"evidence/baseline/{DEV_IDS[0]}/trial-1/rollout.json",
        "a dev id may contain a test id: real-estate/review-lease-assignment-for-tenant",
        "private-equity/deal-memo is a dev task whose end is the id of a test task",
        "a deal-memo, an appeal, a litigation matter, leases in real-estate",
        "a document compare-two-leases.docx, or SCENARIO-02.md",
        "sub-compare-two-leases compare-two-leases-2 xscenario-02 scenario-021",
        "dev_split.txt",
        "a canary of a dev task",
        "",
    ],
)
def test_dev_tasks_and_ordinary_words_may_be_named(text: str) -> None:
    assert touches(text) == []


def test_a_test_id_beside_a_dev_id_is_still_found() -> None:
    assert kinds(f"{DEV_IDS[1]} real-estate/review-lease") == {"id"}
    assert kinds("equity/deal-memo") == {"id"}


SPELLINGS = (
    lambda text: text,
    lambda text: text.upper(),
    lambda text: text.replace("/", "\\"),
    lambda text: text.replace("/", "//"),
    lambda text: text.replace("/", "/./"),
    lambda text: quote(text, safe=""),
    lambda text: "".join(f"%{ord(letter):02x}" for letter in text),
    lambda text: f"tasks/{text}/task.json",
)
SURROUNDINGS = st.text() | st.text(alphabet="/\\.%2fFe-_ \n")


@given(st.sampled_from(TEST_IDS), st.sampled_from(SPELLINGS[:5]), SURROUNDINGS, SURROUNDINGS)
def test_a_test_id_planted_anywhere_is_found(
    task_id: str, spelled: Callable[[str], str], before: str, after: str
) -> None:
    assert kinds(f"{before}{spelled(task_id)}{after}") & {"id", "path"}


@given(st.sampled_from(TEST_IDS), st.sampled_from(SPELLINGS), st.text(alphabet="ab \n'"))
def test_an_encoded_test_id_is_found_in_any_text(
    task_id: str, spelled: Callable[[str], str], around: str
) -> None:
    assert kinds(f"{around} {spelled(task_id)} {around}") & {"id", "path"}


@given(st.text())
def test_no_text_breaks_the_audit(text: str) -> None:
    find_touches({"log": text}, MARKS)


def test_an_id_without_a_folder_must_stand_alone() -> None:
    marks = leakage.test_split_marks([task("lease")], [task("loan")], Path("t.txt"))
    found = find_touches({"log": "please\nrelease-lease\ntasks/lease/task.json\nlease"}, marks)
    assert [(touch.line, touch.kind) for touch in found] == [(3, "path"), (4, "id")]


# Globs.


@pytest.mark.parametrize(
    "pattern",
    [
        "tasks/*/*/task.json", "**/task.json", "tasks/**", "tasks/*", "tasks/*/", "*/*/task.js*",
        "*/*/task.json", "*/*/*/task.json", "*/appeal/task.json", "tasks/*/*/*", "litiga*/appeal",
        "/data/tasks/**/*.docx", "../../tasks/*/*/documents/*", "tasks/lit*/app*", "lit*ation/app*",
        "tasks/{area}/{slug}/task.json", "tasks/[l-r]*/*", "tasks/litigatio?/*",
        r"tasks\*\*", "tasks//*//*", "./tasks/./**", "tasks%2f**", "real-estate/compare-*/docs",
        "tasks/**/*/../*", "**/**/task.json",
        "**/" * 30 + "task.json",
    ],
)  # fmt: skip
def test_a_pattern_that_leads_to_a_test_task_is_found(pattern: str) -> None:
    assert touches(f"first line\nfor path in root.glob('{pattern}'):") == [(2, "glob")]


@pytest.mark.parametrize(
    "pattern",
    [
        "*", "**", "**/*", "*/*", "*/*/*", "*.docx", "**/*.docx", "documents/**", "documents/*.pdf",
        "output/*", "*.json", "task*.json", "**/documents/*", "drafts/**/*.md", "trial-*",
        "evidence/baseline/*/*/trial-1/rollout.json", "evidence/*/real-estate/*/trial-*",
        "tasks/funds/*", "tasks/real-estate/review-lease-assignment*", "tasks/private-equity/**",
        r"\t*\d*", r"\s*\w+\.\d*", r"(\w+)/(\d*)", r"[^`\n]*/", "[*messages[:-1], {**last}]",
        "2**n", "**/" * 30 + "*.docx",
        "**/*letter*", "**/*request*", "**/*fees*", "**/*abstract*", "**/*draft*", "**/*memo*",
        "**/*lease*", "**/*deal*", "**/*appeal*", "**/compare*", "**/*.json", "*/*/task.*",
        "real-estate/*", "Real-Estate/**", "litig*/*", "**/*review*/**",
        "a*b/c*d", "**bold/italic**", "fix_tasks/*", "*-*/**", "?", "a?b", "https://host/path?query=*",
    ],
)  # fmt: skip
def test_a_pattern_about_anything_else_passes(pattern: str) -> None:
    assert touches(f"glob {pattern} in `{pattern}`") == []


@given(st.text(alphabet="*?[]{}/ab.-", max_size=60))
def test_no_pattern_breaks_the_audit(pattern: str) -> None:
    reaches_test_task(pattern, MARKS)


@pytest.mark.parametrize(
    "pattern", ["**/xyz*/" * 20_000, "*a" * 50_000 + "/*", "tasks/" + "**/xyz*/" * 20_000]
)
def test_a_hostile_pattern_is_answered_at_all(pattern: str) -> None:
    # A matcher that backtracks would never return; the suite's own limit is what notices.
    assert isinstance(find_touches({"candidate": pattern}, MARKS), tuple)


# What is reported.


def test_a_touch_tells_where_it_was() -> None:
    texts = {"claim": "{}", "proposer log": "first\nread litigation/appeal\nls tasks/*"}
    found = find_touches(texts, MARKS)
    assert found == (
        Touch("proposer log", 2, "id", "litigation/appeal"),
        Touch("proposer log", 3, "glob", "tasks/*"),
    )
    assert describe(found) == (
        "The test split was touched: proposer log, line 2, holds a trace of it (id), "
        "and there are 1 more touches."
    )
    assert describe(()) == ""


def test_a_line_is_reported_once_for_each_kind() -> None:
    assert touches("litigation/appeal, equity/deal-memo, litigation%2fappeal") == [(1, "id")]


# Honest work.


@pytest.mark.parametrize("name", [mechanism.name for mechanism in default_catalogue()])
def test_every_file_of_an_honest_session_passes(tmp_path: Path, name: str) -> None:
    one = tuple(item for item in default_catalogue() if item.name == name)
    session = honest_session(tmp_path)
    assert asyncio.run(CatalogueProposer(one).propose(session)) == Proposed()
    texts = session_texts(session)
    assert set(texts) == {
        "harnesses/baseline.py",
        f"harnesses/{name}.py",
        "pending_eval.json",
        "proposer.log",
    }
    assert find_touches(texts, MARKS) == ()


def honest_session(folder: Path) -> Session:
    """The baseline, and one rollout of every dev task."""
    view, evidence = folder / "view", folder / "dev"
    (view / "harnesses").mkdir(parents=True)
    shutil.copy(ROOT / "harnesses" / "baseline.py", view / "harnesses")
    for task_id in DEV_IDS:
        rollout = evidence / "baseline" / task_id / "trial-1"
        rollout.mkdir(parents=True)
        summary = {
            "task": task_id, "trial": 1, "outcome": "scored", "passed": 1, "total": 3,
            "deliverables": ["memo.docx"], "output": ["drafts/memo.docx"],
        }  # fmt: skip
        (rollout / "rollout.json").write_text(to_json(summary))
        with closing(TranscriptWriter(rollout / "transcript.jsonl")) as writer:
            writer.request(1, "", {"messages": []})
            writer.reply(1, 200, {})
    return Session(1, view, evidence, "baseline", (), DEV_IDS, seed=0)


def test_what_we_hand_to_a_proposer_does_not_itself_count_as_a_touch() -> None:
    texts = {
        name: (ROOT / name).read_text() for name in ("skills/SKILL.md", "harnesses/baseline.py")
    }
    assert find_touches(texts, MARKS) == ()
