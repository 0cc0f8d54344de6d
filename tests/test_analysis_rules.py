"""Failed criteria are classed by ordered rules of plain words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.analysis.rules import (
    LONGEST_REASON,
    ErrorClass,
    ErrorRules,
    NamedClass,
    is_plain,
    read_rules,
)
from harness_search.benchmark.error_classes import error_classes_file
from harness_search.errors import InputError
from harness_search.judging.checks import evaluate, parse_check
from harness_search.simulated.tasks.build import task_spec
from harness_search.simulated.tasks.families import AREAS

SEED_ORDER = [
    "Numbers/dates", "Source grounding", "Remedial action", "Materiality/impact",
    "Cross-doc synthesis", "Deliverable/format", "Legal-rule use", "Coverage",
    "Missing facts/entities", "Other",
]  # fmt: skip


def rules(
    *classes: tuple[str, list[str]], decisive: dict[str, list[str]] | None = None
) -> ErrorRules:
    found = tuple(
        ErrorClass(name=name, patterns=patterns, decisive=(decisive or {}).get(name, ()))
        for name, patterns in classes
    )
    return ErrorRules(found, NamedClass(name="Other"))


@pytest.fixture(scope="module")
def legal() -> ErrorRules:
    return read_rules(error_classes_file(Path("nowhere/tasks")))


def test_the_first_class_with_a_pattern_takes_a_criterion() -> None:
    both = [("numbers", ["deadline*"]), ("missing", ["does not mention*"])]
    reason = "The memo does not mention the deadlines."
    assert rules(*both).classify("", reason) == "numbers"
    assert rules(*reversed(both)).classify("", reason) == "missing"
    assert rules(*both).classify("Names the Deadline", "It does not.") == "numbers"


def test_what_decides_is_tried_before_all_other_patterns() -> None:
    classes = [("numbers", ["date"]), ("format", ["heading"])]
    made = rules(*classes, decisive={"format": ["is missing:"]})
    assert made.classify("States the date", "memo.docx is missing: no file") == "format"
    assert made.classify("States the date", "no heading") == "numbers"


@pytest.mark.parametrize(
    ("pattern", "text", "stands_there"),
    [
        ("date", "The DATE is wrong.", True),
        ("date", "The update is candid.", False),
        ("dead*", "deadlines", True),
        ("within # days", "within 30  days", True),
        ("within # days", "within thirty days", False),
        ("$#", "a cap of $7.5M", True),
        ("#%", "owns 12.5% of it", True),
        ("#%", "owns % of it", False),
        ("u.s.c.", "11 U.S.C. 363", True),
        ("u.s.c.", "uxsxc", False),
        ("client's", "the client\u2019s risk", True),
    ],
)
def test_patterns_are_plain_words_with_a_star_and_a_number(
    pattern: str, text: str, *, stands_there: bool
) -> None:
    assert (rules(("it", [pattern])).classify("", text) == "it") is stands_there


WORDS = st.sampled_from(["date", "cite", "risk", "heading", "rule", "party", "nothing", "12%"])


@given(st.permutations(["date", "cite*", "risk", "#%"]), st.lists(WORDS, max_size=8))
def test_every_failure_is_counted_once_and_in_the_order_of_the_rules(
    order: list[str], said: list[str]
) -> None:
    made = rules(*((name, [name]) for name in order))
    found = [made.classify(word, " ".join(said)) for word in said]
    assert all(name in {item.name for item in made.all} for name in found)
    meant = {"date": "date", "cite": "cite*", "risk": "risk", "12%": "#%"}
    named = {meant[word] for word in said if word in meant}
    expected = next((name for name in order if name in named), "Other")
    assert made.classify("", " ".join(said)) == expected


@given(st.text(max_size=30))
def test_whatever_counts_as_plain_compiles_and_finds_itself_or_nothing(pattern: str) -> None:
    if is_plain(pattern):
        rules(("it", [pattern])).classify(pattern, pattern.replace("#", "12").replace("*", "s"))


def test_a_reason_of_five_megabytes_is_read_at_its_beginning_only(legal: ErrorRules) -> None:
    long = "x" * LONGEST_REASON + " deadline"
    assert legal.classify("", long + "9" * 5_000_000) == "Other"
    assert legal.classify("", "deadline" + long) != "Other"


@pytest.mark.parametrize("nasty", ["9" * 4000, "1," * 2000, "# " * 2000, "does not " * 500])
def test_no_text_takes_the_default_rules_long(legal: ErrorRules, nasty: str) -> None:
    # An expression that tries one place again and again would not come to an end here.
    assert legal.classify(nasty, nasty) == "Other"


def test_the_default_classes_are_the_ten_of_the_study_in_its_order(legal: ErrorRules) -> None:
    assert [item.name for item in legal.all] == SEED_ORDER
    assert all(item.unit and item.control for item in legal.all)


@pytest.mark.parametrize(
    ("title", "reason", "name"),
    [
        ("Names the guarantor", 'found none of "Stenford Holding"', "Missing facts/entities"),
        ("States the cure period", "The memo gives no period in days.", "Numbers/dates"),
        ("Addresses the risk", "No exhibit is cited for the statement.", "Source grounding"),
        ("Addresses the risk", "The risk is spotted, with no recommendation.", "Remedial action"),
        ("Addresses the risk", "It does not rank the issue by severity.", "Materiality/impact"),
        ("Compares both leases", "The conflict between them is not seen.", "Cross-doc synthesis"),
        ("Uses the form", "The redline is plain prose.", "Deliverable/format"),
        ("Applies the test", "The statute is not applied.", "Legal-rule use"),
        ("Treats the topics", "Only some of them are treated.", "Coverage"),
        ("Is persuasive", "It is not.", "Other"),
    ],
)
def test_reasons_of_a_judge_fall_into_the_classes_that_a_reader_expects(
    legal: ErrorRules, title: str, reason: str, name: str
) -> None:
    assert legal.classify(title, reason) == name


def test_what_nobody_could_read_is_a_matter_of_the_deliverable_whatever_was_asked(
    legal: ErrorRules,
) -> None:
    check = parse_check("task.json", "check", {"kind": "section", "titles": ["Deadline"]})
    said = evaluate(check, "Nothing of it.").reason
    reasons = [
        "memo.docx is missing: the top level of the output has no file there",
        "memo.docx cannot be read: no Word document",
        "memo.docx holds no text",
        said,
    ]
    for reason in reasons:
        assert legal.classify("States the date of the deadline", reason) == "Deliverable/format"


# The criteria of generated tasks of every family that ask for a source.
ASKED_FOR = [
    (str(criterion["title"]), parse_check("task.json", "check", criterion["check"]))
    for seed in (0, 1)
    for index in range(2 * len(AREAS))
    for criterion in task_spec(seed, index).criteria
    if str(criterion["title"]).startswith("Relies on ")
]
NOT_NAMED = "The deliverable does not name it among the papers relied on."
UNREAD = (
    "memo.docx is missing: the top level of the output has no file there",
    "figures.xlsx cannot be read: no workbook",
    "memo.docx holds no text",
)


def test_a_source_that_is_not_named_is_a_matter_of_sources_whatever_its_name_says(
    legal: ErrorRules,
) -> None:
    titles = {title for title, _ in ASKED_FOR}
    assert {"Relies on figures and hot documents.xlsx", "Relies on Final Award.pdf"} < titles
    for title, check in ASKED_FOR:
        for reason in (evaluate(check, "Nothing of it.").reason, NOT_NAMED):
            assert (title, legal.classify(title, reason)) == (title, "Source grounding")


def test_a_paper_that_does_not_count_is_a_matter_of_sources(legal: ErrorRules) -> None:
    title = "Relies on no draft and on no paper of another matter"
    said = [
        'found "DRAFT figures.xlsx", which must not appear',
        'found none of "Lease.docx" or "dates.xlsx"; found "old notice.pdf", which must not appear',
        "The memo relies on the draft lease.",
    ]
    assert {legal.classify(title, reason) for reason in said} == {"Source grounding"}


def test_a_title_s_own_patterns_hold_at_its_beginning_alone() -> None:
    found = ErrorClass(name="sources", patterns=["cited"], titles=["relies on"])
    figures = ErrorClass(name="numbers", patterns=["figures"])
    made = ErrorRules((figures, found), NamedClass(name="Other"))
    assert made.classify("Relies  ON the figures", "") == "sources"
    assert made.classify("Whoever relies on the figures", "") == "numbers"
    assert made.classify("Sums up", "relies on figures") == "numbers"


@pytest.mark.parametrize("reason", UNREAD)
def test_a_source_is_not_missed_in_what_nobody_could_read(legal: ErrorRules, reason: str) -> None:
    found = {legal.classify(title, reason) for title, _ in ASKED_FOR}
    assert found == {"Deliverable/format"}


@pytest.mark.parametrize(
    ("title", "reason", "name"),
    [
        ("Names the judge", "The finding is not grounded in the record.", "Source grounding"),
        ("Addresses the risk", "The memo relies on the superseded draft.", "Source grounding"),
        ("States the provision relied on", 'found none of "section 9(b)"', "Legal-rule use"),
        ("Has its list of papers relied on", "found no heading", "Deliverable/format"),
        ("States the rent", 'did not find the number 9 near "lease.docx"', "Numbers/dates"),
        ("States the rent of $12,000 in rent-roll.xlsx", 'found none of "12,000"', "Numbers/dates"),
        ("Saves the report as memo.docx", "found none of the sections", "Deliverable/format"),
        ("Recommends that the buyer relies on the warranty", "It does not.", "Remedial action"),
    ],
)
def test_words_about_sources_take_only_what_is_about_sources(
    legal: ErrorRules, title: str, reason: str, name: str
) -> None:
    assert legal.classify(title, reason) == name


BROKEN = {
    "no = classes": ("", "classes"),
    "[[classes]]\nname = 'A'\npatterns = []": ("classes.0.patterns", "at least 1"),
    "[[classes]]\nname = 'A'\npatterns = ['(a+)+']": ("classes.0.patterns", "plain words"),
    "[[classes]]\nname = 'A'\npatterns = ['a*']": ("classes.0.patterns", "plain words"),
    "[[classes]]\nname = ''\npatterns = ['ab']": ("classes.0.name", "at least 1"),
    "[[classes]]\nname = 'Other'\npatterns = ['ab']": ("", "names of their own"),
    "[[classes]]\nname = 'A'\npatterns = ['ab']\nregex = 'x'": ("classes.0.regex", "not permitted"),
    "[[classes]\n": ("", "a TOML file"),
}


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "error_classes.toml"
    file.write_text(content)
    field, expected = BROKEN[content]
    with pytest.raises(InputError) as caught:
        read_rules(file)
    said = str(caught.value)
    assert str(file) in said
    assert field in said
    assert expected in said
    assert "\n" not in said


def test_a_missing_file_and_one_that_is_far_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_rules(tmp_path / "none.toml")
    large = tmp_path / "large.toml"
    large.write_text("#" * 1_000_001)
    with pytest.raises(InputError, match="1,000,000 bytes at most"):
        read_rules(large)


def test_a_file_beside_the_tasks_comes_before_the_default_and_a_configured_one_before_both(
    tmp_path: Path,
) -> None:
    tasks = tmp_path / "tasks"
    default = error_classes_file(tasks)
    own = tmp_path / "error_classes.toml"
    own.write_text("[[classes]]\nname = 'Sums'\npatterns = ['sum']\n")
    assert default.is_file()
    assert error_classes_file(tasks) == own != default
    assert error_classes_file(tasks, tmp_path / "mine.toml") == tmp_path / "mine.toml"
    assert [item.name for item in read_rules(own).all] == ["Sums", "Other"]
