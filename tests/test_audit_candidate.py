"""What a candidate adds over its parent is convicted by the right rule, and honest work by none."""

import base64
from pathlib import Path

import audited
import pytest
from audited import BASE, with_code
from candidates import CATALOGUE, stacked
from hypothesis import given
from hypothesis import strategies as st

from harness_search.audit.candidate import CandidateTexts, audit_candidate, audit_texts
from harness_search.audit.knowledge import Kind, Knowledge
from harness_search.audit.report import AuditReport, Severity
from harness_search.benchmark.splits import read_splits
from harness_search.benchmark.tasks import discover
from harness_search.judging.documents import TextStore

ROOT = Path(__file__).parents[1]
DEV_CANARY, TEST_CANARY = (audited.CANARY.format(number) for number in (2, 9))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    return audited.knowledge_of(tmp_path_factory.mktemp("benchmark"))


def audit(source: str, known: Knowledge, parent: str = BASE, **others: str) -> AuditReport:
    claim = others.pop("claim", "")
    return audit_candidate(CandidateTexts(source, parent, claim, others), known)


def verdicts(report: AuditReport) -> set[tuple[str, str]]:
    return {(finding.rule, finding.severity.value) for finding in report.findings}


# Canaries and traces.


@pytest.mark.parametrize("place", ["claim", "notes"])
def test_a_canary_is_found_in_whatever_a_session_leaves(known: Knowledge, place: str) -> None:
    assert verdicts(audit(BASE, known, **{place: f"\n{DEV_CANARY.upper()}"})) == {
        ("canary", "reject")
    }
    assert verdicts(audit(BASE, known, **{place: TEST_CANARY})) == {("test split", "reject")}


@pytest.mark.parametrize(
    "code",
    [
        f"# {DEV_CANARY}",
        f"MARK = '{DEV_CANARY}'",
        f"MARK = '{DEV_CANARY[:9]}' + '{DEV_CANARY[9:]}'",
        f"MARK = ''.join(['{DEV_CANARY[:20]}', '{DEV_CANARY[20:]}'])",
        f"MARK = b'{DEV_CANARY}'",
        f"MARK = f'{DEV_CANARY[:5]}{{\"{DEV_CANARY[5:]}\"}}'",
        f"MARK = '{base64.b64encode(DEV_CANARY.encode()).decode()}'",
        f"MARK = '{DEV_CANARY.encode().hex()}'",
    ],
)
def test_a_canary_in_code_is_found_however_it_is_written(known: Knowledge, code: str) -> None:
    assert ("canary", "reject") in verdicts(audit(with_code(code), known))


def test_a_test_id_that_code_puts_together_is_found(known: Knowledge) -> None:
    area, slug = audited.task_id(9).split("/")
    report = audit(with_code(f"WANTED = '{area}/' + '{slug}'"), known)
    assert ("test split", "reject") in verdicts(report)


def test_canaries_and_test_wording_are_found_in_deliverables(known: Knowledge) -> None:
    assert verdicts(audit_texts({"memo.docx": TEST_CANARY}, known)) == {("canary", "reject")}
    assert verdicts(audit_texts({"memo.docx": DEV_CANARY}, known)) == {("canary", "reject")}
    copied = {"memo.docx": audited.sentence(10)}
    assert verdicts(audit_texts(copied, known)) == {("test wording", "reject")}
    assert audit_texts({"memo.docx": audited.sentence(1)}, known) == AuditReport()


# Wording.


def words_of(number: int, count: int) -> str:
    """So many words around the rare one of a task's letter."""
    return " ".join(audited.sentence(number).split()[:count])


@pytest.mark.parametrize(
    ("count", "expected"), [(7, set()), (8, {"warn"}), (9, {"warn"}), (10, {"reject"})]
)
def test_copied_wording_of_dev_papers_counts_by_runs_of_eight_words(
    known: Knowledge, count: int, expected: set[str]
) -> None:
    report = audit(with_code(f'ADVICE = "Mind: {words_of(1, count)}."'), known)
    assert verdicts(report) == {("dev wording", verdict) for verdict in expected}


def test_wording_that_is_split_over_lines_is_one_text(known: Knowledge) -> None:
    items = ", ".join(f"'{word}'" for word in words_of(1, 10).split())
    assert ("dev wording", "reject") in verdicts(audit(with_code(f"ADVICE = [{items}]"), known))
    commented = "\n".join(f"# {word}" for word in words_of(1, 10).split())
    assert ("dev wording", "reject") in verdicts(audit(with_code(commented), known))


def test_what_every_paper_says_may_be_said(known: Knowledge) -> None:
    assert audit(with_code(f'ADVICE = "{audited.COMMON}"'), known) == AuditReport()


def test_wording_of_a_rubric_is_rejected_at_five_words(known: Knowledge) -> None:
    five = "spotting dyeing surcharge overlap with Bruno"
    report = audit(with_code(f'ADVICE = "{five}"'), known)
    assert ("rubric wording", "reject") in verdicts(report)
    assert audit(with_code('ADVICE = "spotting a surcharge overlap"'), known) == AuditReport()


def test_wording_of_a_test_task_is_rejected_at_one_run(known: Knowledge) -> None:
    report = audit(with_code(f'ADVICE = "{words_of(9, 8)}"'), known)
    assert verdicts(report) == {("test wording", "reject")}
    assert verdicts(audit(BASE, known, claim=words_of(9, 8))) == {("test wording", "reject")}


def test_what_the_parent_holds_convicts_no_descendant(known: Knowledge) -> None:
    parent = with_code(f'ADVICE = "{words_of(1, 10)} {audited.company(1)} {audited.amount(1)}"')
    child = parent.replace("TURN_LIMIT = 200", "TURN_LIMIT = 300")
    assert audit(parent, known).rejected
    assert audit(child, known, parent) == AuditReport()


# Constants.


@pytest.mark.parametrize(
    "constant",
    [
        f'"{audited.task_id(3)}"', f'"see {audited.company(3)}"', f'"by {audited.PEOPLE[3]}"',
        f"{audited.amount(3)}", f"{audited.amount(3):_}", f'"EUR {audited.amount(3):,}"',
        '"2025-04-13"', '"13 April 2025"', '"April 13, 2025"', '"04/13/2025"',
        f'"documents/{audited.file_name(3)}"',
    ],
)  # fmt: skip
def test_one_constant_of_a_dev_task_is_a_warning(known: Knowledge, constant: str) -> None:
    assert verdicts(audit(with_code(f"KNOWN = {constant}"), known)) == {("constants", "warn")}


def test_two_constants_of_one_dev_task_are_rejected(known: Knowledge) -> None:
    code = f'KNOWN = ("for {audited.company(3)}", {audited.amount(3)})'
    (finding,) = audit(with_code(code), known).findings
    assert (finding.rule, finding.severity) == ("constants", Severity.REJECT)
    assert finding.evidence == f"holds 1 name and 1 amount of dev task {audited.task_id(3)}"


def test_one_constant_each_of_two_dev_tasks_are_two_warnings(known: Knowledge) -> None:
    code = f'KNOWN = ("for {audited.company(3)}", {audited.amount(4)})'
    assert [item.severity.value for item in audit(with_code(code), known).findings] == ["warn"] * 2


# Branches.

COMPANY = audited.company(5)
BRANCHES = {
    "a name in the assignment": f'if "{COMPANY}" in task.instructions: print()',
    "in lower case": f'if "{COMPANY.lower()}" in task.instructions.lower(): print()',
    "by a pattern": f'if re.search("{COMPANY}", task.instructions): print()',
    "one word of it": 'if "Gantrick" in task.instructions: print()',
    "a conditional expression": f'limit = 9 if "{COMPANY}" in task.instructions else 3',
    "a date in a paper": 'if "2025-04-15" in (task.workspace / "documents/a.md").read_text(): 1',
    "a file that is there": f'if (task.workspace / "{audited.file_name(5)}").exists(): print()',
    "a task id": f'if task.id == "{audited.task_id(5)}": print()',
    "a party of a test task": f'if "{audited.company(9)}" in task.instructions: print()',
    "a match": f'match task.instructions:\n        case "{COMPANY}": pass',
    "a hash": "if hash(task.instructions) % 2: print()",
    "a digest": 'if hashlib.md5(task.instructions.encode()).hexdigest() == "ab": print()',
    "a digest of a path": 'if hashlib.new("md5", str(task.output)).hexdigest() in {"ab"}: 1',
    "a digest by name": "key = hashlib.sha256(task.instructions).digest()\n    TABLE.get(key)",
    "a checksum": "if zlib.crc32(task.instructions.encode()) == 3_055_111: print()",
    "a long literal": 'if task.instructions.startswith("'
    + "please do write this word " * 3
    + '"): 1',
    "the whole assignment": 'if task.instructions == "' + "please do write this word " * 3 + '": 1',
    "a length": "if len(task.instructions) == 2874: print()",
}


@pytest.mark.parametrize("call", BRANCHES.values(), ids=BRANCHES.keys())
def test_a_branch_on_a_task_is_rejected(known: Knowledge, call: str) -> None:
    report = audit(with_code("import hashlib, zlib", call), known)
    assert ("branch", "reject") in verdicts(report)


def test_a_branch_on_a_table_of_parties_is_rejected(known: Knowledge) -> None:
    code = f"""
    KNOWN = {{"{COMPANY}": "Say so."}}

    def known(assignment: str) -> str:
        return " ".join(text for name, text in KNOWN.items() if name in assignment)
    """
    assert ("branch", "reject") in verdicts(audit(with_code(code), known))


def test_a_branch_is_followed_into_the_function_that_is_handed_the_assignment(
    known: Knowledge,
) -> None:
    code = """
    def is_known(text: str) -> bool:
        if hash(text) % 2:
            return True
        return False
    """
    report = audit(with_code(code, "is_known(task.instructions)"), known)
    assert ("branch", "reject") in verdicts(report)


def test_code_too_deep_to_be_looked_into_is_rejected(known: Knowledge) -> None:
    code = "X = " + " + ".join(["x"] * 3_000)
    assert ("branch", "reject") in verdicts(audit(with_code(code), known))


# Honest work.

CLEAN = {
    "numbers": "LIMITS = (60_000, 8_192, 150_000, 2025, 0.25, 1_000_000, 3.5)",
    "a pattern for file names": r'NAMES = re.compile(r"`([\w .-]+\.(?:docx|xlsx|pptx|pdf|md))`")',
    "a seen set": """
    import hashlib

    SEEN: set[str] = set()

    def is_repeated(text: str) -> bool:
        digest = hashlib.sha256(text.encode()).hexdigest()
        if digest in SEEN:
            return True
        SEEN.add(digest)
        return False
    """,
    "a branch on what is asked": """
    def wants_a_table(task: Task) -> bool:
        asked = task.instructions.lower()
        return "xlsx" in asked or "a table" in asked or len(asked) > 3_000
    """,
    "a numbered list": r"""
    def points(task: Task) -> list[str]:
        found = re.findall(r"^\s*(\d+)\. (.+)$", task.instructions, re.MULTILINE)
        return [text for number, text in found if int(number) <= 40 and text.strip()]
    """,
    "advice": '''
    ADVICE = """
    Before you finish, compare every name, date and amount in your files with the papers.
    Review each letter. Harbour no doubts; Memo files go to output/.
    - Paper copies are not needed. Timber!
    """
    ''',
    "an error that is looked for": """
    def is_transient(error: str) -> bool:
        return "no such file" in error or error.startswith(("timed out", "exit code 1"))
    """,
    "a plan on disk": """
    def keep_plan(task: Task, plan: str) -> None:
        (task.workspace / "plan.md").write_text(plan, encoding="utf-8")
    """,
}


@pytest.mark.parametrize("code", CLEAN.values(), ids=CLEAN.keys())
def test_clean_candidates_are_left_alone(known: Knowledge, code: str) -> None:
    report = audit(with_code(code), known, claim=f"fixes {audited.task_id(2)}: {COMPANY}")
    assert report == AuditReport()


def test_source_that_does_not_parse_is_left_to_validation(known: Knowledge) -> None:
    assert audit("def solve(:\n", known) == AuditReport()
    assert verdicts(audit(f"def solve(:\n# {DEV_CANARY}", known)) == {("canary", "reject")}


@given(st.text() | st.text(alphabet="abc('\"\n=+[]{}f#\\ \t:"))
def test_no_source_breaks_the_audit(known: Knowledge, text: str) -> None:
    audit(text, known)


# The bundled benchmark and the catalogue.


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    folder = tmp_path_factory.mktemp("bundled")
    found = discover(ROOT / "tasks")
    splits = read_splits(found, ROOT / "dev_split.txt", ROOT / "test_split.txt")
    return Knowledge.of(splits, TextStore(folder), ROOT / "test_split.txt")


def test_the_audit_rejects_the_overfitted_mechanism_and_no_other(bundled: Knowledge) -> None:
    rejected = {}
    for name, mechanism in CATALOGUE.items():
        texts = CandidateTexts(stacked([name]), BASE, mechanism.hypothesis + mechanism.changes)
        report = audit_candidate(texts, bundled)
        if report.findings:
            rejected[name] = report.severity
    assert rejected == {"known_matters": Severity.REJECT}


def test_the_overfitted_mechanism_is_found_out_by_three_rules(bundled: Knowledge) -> None:
    report = audit_candidate(CandidateTexts(stacked(["known_matters"]), BASE), bundled)
    rejecting = {item.rule for item in report.findings if item.severity is Severity.REJECT}
    assert rejecting == {"dev wording", "constants", "branch"}


@pytest.mark.parametrize("code", CLEAN.values(), ids=CLEAN.keys())
def test_clean_candidates_pass_beside_the_bundled_benchmark(bundled: Knowledge, code: str) -> None:
    assert not audit_candidate(CandidateTexts(with_code(code), BASE), bundled).rejected


def test_wording_that_dev_and_test_tasks_share_is_that_of_dev_tasks(bundled: Knowledge) -> None:
    assert bundled.test_runs
    assert not bundled.test_runs & bundled.dev_runs


def test_what_we_hand_out_ourselves_is_clean(bundled: Knowledge) -> None:
    texts = CandidateTexts(BASE, "", "", {"SKILL.md": (ROOT / "skills/SKILL.md").read_text()})
    assert audit_candidate(texts, bundled) == AuditReport()


# What is reported.


def test_reasons_quote_nothing_of_rubrics_and_test_tasks(known: Knowledge) -> None:
    leaks = [TEST_CANARY, DEV_CANARY, audited.sentence(9), audited.task_id(9), audited.company(9)]
    leaks += [audited.criterion(1), audited.criterion(9)]
    code = "\n".join(f"LEAK_{number} = '{leak}'" for number, leak in enumerate(leaks))
    call = f"if '{audited.company(9)}' in task.instructions: print()"
    report = audit(with_code(code, call), known, notes="\n".join(leaks))
    said = str(report.to_json()) + report.reason()
    assert {item.rule for item in report.findings} >= {
        *("test split", "canary", "branch", "test constants")
    }
    assert not [leak for leak in leaks if leak.casefold() in said.casefold()]
    assert not [word for word in ("jorrowby", "kestermoor") if word in said.casefold()]


def test_a_report_says_its_worst_finding_first(known: Knowledge) -> None:
    code = f'KNOWN = ("for {audited.company(3)}",)\n# {DEV_CANARY}'
    report = audit(with_code(code), known)
    line = next(n for n, text in enumerate(with_code(code).split("\n"), 1) if DEV_CANARY in text)
    assert report.rejected
    assert report.reason() == (
        f"Audit, canary: candidate, line {line}, holds the canary of a dev task, which stands "
        "beside its rubric (1 more finding)."
    )
    assert report.to_json()["verdict"] == "reject"
    assert (AuditReport().severity, AuditReport().reason()) == (Severity.PASS, "")


# What is known.


def test_names_amounts_dates_and_files_of_dev_tasks_are_known(known: Knowledge) -> None:
    for kind, constant in {
        Kind.ID: audited.task_id(0),
        Kind.NAME: "brakewell",
        Kind.AMOUNT: str(audited.amount(0)),
        Kind.DATE: audited.day(0),
        Kind.FILE: audited.file_name(0),
    }.items():
        assert known.constants[kind][constant] == {audited.task_id(0)}


def test_constants_of_test_tasks_are_known_and_not_among_those_of_dev_tasks(
    known: Knowledge,
) -> None:
    numbers = range(len(audited.COMPANIES))
    for split, constants in ((numbers[: audited.DEV], known.dev_constants),
                             (numbers[audited.DEV :], known.test_constants)):  # fmt: skip
        owners = {
            owner for kind in Kind for ids in constants.owners[kind].values() for owner in ids
        }
        assert owners == {audited.task_id(number) for number in split}
