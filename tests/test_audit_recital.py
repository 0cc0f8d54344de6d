"""Names, amounts and dates of tasks convict whoever recites them, and nobody who meets one."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import audited
import pytest
from audited import BASE, with_code

from harness_search.audit.candidate import CandidateTexts, audit_candidate, audit_texts
from harness_search.audit.knowledge import Kind, Knowledge, shown_of
from harness_search.audit.leakage import test_split_marks as marks_of
from harness_search.audit.parties import pairs_in, parties_in
from harness_search.audit.report import AuditReport, Finding
from harness_search.audit.session import ToolUse, audit_session
from harness_search.judging.documents import TextStore

TEST = range(audited.DEV, len(audited.COMPANIES))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    return audited.knowledge_of(tmp_path_factory.mktemp("benchmark"))


def advised(text: str, known: Knowledge, parent: str = BASE) -> AuditReport:
    return audit_candidate(CandidateTexts(with_code(f'ADVICE = "{text}"'), parent), known)


def verdicts(report: AuditReport) -> set[tuple[str, str]]:
    return {(finding.rule, finding.severity.value) for finding in report.findings}


def matters(numbers: Iterable[int]) -> str:
    return "; ".join(f"in {audited.COMPANIES[number]} look at the schedule" for number in numbers)


# Test tasks.

RECITED = {
    "a name and an amount of one": f"For {audited.company(9)}: {audited.amount(9)}.",
    "the same in lower case": f"for {audited.company(9)}: {audited.amount(9):,}".lower(),
    "an amount and a date of one": f"{audited.amount(9):,} on {audited.day(9)}",
    "two names of one": f"Say that {audited.COMPANIES[9]} wrote to {audited.PEOPLE[9]}.",
    "a name each of two, and an amount": f"{matters(TEST[:2])}, {audited.amount(10)}",
    "the same two in lower case": f"{matters(TEST[:2]).lower()}, {audited.amount(10)}",
    "something each of three": f"{audited.amount(8)}, {audited.amount(9)}, {audited.PEOPLE[10]}",
}


@pytest.mark.parametrize("text", RECITED.values(), ids=RECITED.keys())
def test_a_recital_of_test_tasks_is_rejected_and_not_quoted(known: Knowledge, text: str) -> None:
    claimed = audit_candidate(CandidateTexts(BASE, BASE, f'{{"hypothesis": "{text}"}}'), known)
    for report in (advised(text, known), claimed):
        assert verdicts(report) == {("test constants", "reject")}
        said = str(report.to_json()).casefold()
        secrets = [word.casefold() for n in TEST for word in audited.company(n).split()[:2]]
        secrets += [f"{secret}" for n in TEST for secret in (audited.amount(n), audited.day(n))]
        assert not [secret for secret in secrets if secret in said]


@pytest.mark.parametrize(
    "text", [matters([9]), matters([9, 10]), f"{audited.amount(9)}", audited.day(10)]
)
def test_fewer_constants_of_test_tasks_are_a_warning(known: Knowledge, text: str) -> None:
    assert verdicts(advised(text, known)) == {("test constants", "warn")}


def test_what_the_parent_recites_convicts_no_descendant(known: Knowledge) -> None:
    assert advised(matters(TEST), known, with_code(f'OLD = "{matters(TEST)}"')) == AuditReport()


def test_a_session_that_was_told_of_test_tasks_is_warned_of(known: Knowledge) -> None:
    def told(text: str) -> AuditReport:
        return audit_session([ToolUse(1, "Read", {"file_path": "/work/digest.md"}, text)], known)

    told_of = f"{matters(TEST)}, {audited.amount(8)}"
    assert verdicts(told(told_of)) == {("test constants", "warn")}
    assert told(matters(TEST[:1])) == AuditReport()


def test_only_what_no_dev_task_holds_is_a_constant_of_test_tasks(tmp_path: Path) -> None:
    """Splits of which a dev task's letter says what one of each test task's says."""
    splits = audited.write_benchmark(tmp_path / "tasks")
    letter = splits.dev[0].documents()[0]
    said = f"{audited.COMPANIES[9]} paid {audited.amount(9):,} on {audited.day(9)} by 1,250.5."
    letter.write_text(f"{letter.read_text()}\n{said}\n")
    file = tmp_path / "test_split.txt"
    owners = Knowledge.of(splits, TextStore(tmp_path / "text"), file).test_constants.owners
    of_ninth = {
        kind: [c for c in owners[kind] if audited.task_id(9) in owners[kind][c]] for kind in Kind
    }
    assert of_ninth == {kind: [] for kind in Kind} | {
        Kind.NAME: ["jonas"],
        Kind.FILE: [audited.file_name(9)],
    }


# Dev tasks.


def worst(report: AuditReport) -> Sequence[Finding]:
    return [finding for finding in report.findings if finding.severity is report.severity]


@pytest.mark.parametrize("spelled", [str, str.lower, str.upper])
def test_a_name_each_of_five_dev_tasks_is_rejected(known: Knowledge, spelled: type[str]) -> None:
    (finding,) = worst(advised(spelled(matters(range(5))), known))
    assert (finding.rule, finding.severity.value) == ("constants", "reject")
    assert finding.evidence == "holds constants of 5 dev tasks"
    assert verdicts(advised(spelled(matters(range(4))), known)) == {("constants", "warn")}


def test_dates_and_names_of_files_of_many_tasks_are_what_any_text_holds(known: Knowledge) -> None:
    said = " ".join(f"{audited.day(n)} {audited.file_name(n + 4)}" for n in range(4))
    assert verdicts(advised(said, known)) == {("constants", "warn")}


def test_the_first_two_words_of_a_name_tell_it_and_others_are_words(known: Knowledge) -> None:
    said = "a harbour, textiles and foods; glass in salt; steel mills"
    assert advised(said, known) == AuditReport()


# Names and terms.


def test_names_are_told_from_terms_by_their_articles() -> None:
    texts = [
        "Between Jorrowby Cables and the Seller. Seller Notes. A Jorrowby Cables invoice.",
        "Jorrowby Cables paid. The Seller Group and each Escrow Agent met Jorrowby Cables.",
    ]
    proper = {"jorrowby", "cables", "seller", "escrow", "agent"}
    assert parties_in(texts, proper) == {"jorrowby"}
    assert pairs_in(texts, {"jorrowby"}) == {("jorrowby", "cables")}


# Wording.


def test_one_run_of_words_of_a_test_task_is_chance_in_what_is_not_handed_in(
    known: Knowledge,
) -> None:
    row = audited.sentence(9).split()
    one, three = " ".join(row[:8]), " ".join(row[:10])
    assert verdicts(audit_texts({"scratch/copy.txt": one}, known)) == {("test wording", "warn")}
    assert verdicts(audit_texts({"scratch/copy.txt": three}, known)) == {("test wording", "reject")}
    for handed_in in (CandidateTexts(BASE, BASE, one), CandidateTexts(f"# {one}\n{BASE}", BASE)):
        assert verdicts(audit_candidate(handed_in, known)) == {("test wording", "reject")}


# What dev tasks show.


def test_a_slug_that_dev_papers_hold_is_no_trace(tmp_path: Path) -> None:
    slug = audited.task_id(9).split("/")[1]
    splits = audited.write_benchmark(tmp_path / "tasks")
    file, store = tmp_path / "test_split.txt", TextStore(tmp_path / "text")
    assert slug in Knowledge.of(splits, store, file).marks.slugs
    (splits.dev[3].documents_folder / f"{slug}.md").write_text("A letter.")
    knowledge = Knowledge.of(splits, store, file)
    read = ToolUse(1, "Read", {"file_path": "/work/dev/x"}, f"see {slug}/ and {slug}.md")
    assert audit_session([read], knowledge) == AuditReport()
    shown = shown_of(splits.dev, store)
    assert marks_of(splits.test, splits.dev, file, shown=shown).slugs == knowledge.marks.slugs
