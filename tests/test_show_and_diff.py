"""`show` and `diff`: one candidate, and two sources, on a terminal, in a pipe and as JSON."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner, Result

from harness_search.commands.application import new_application
from harness_search.commands.diff import LONGEST_LINE, MOST_LINES, print_for_people
from harness_search.commands.show import print_subject
from harness_search.files import digest_bytes
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.ledger.store import Ledger
from harness_search.pages.candidate import candidate_body
from harness_search.pages.site import Site, Within
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.reports.candidate import subject_of
from harness_search.reports.hunks import MOST_ALIGNED, NO_NEWLINE, TextDifference
from harness_search.reports.sources import Source
from harness_search.workspace import open_workspace

HOSTILE = "[red]:smile:[/red] \x1b[2Jgone\u202eabc\x07"
LINES = st.lists(st.sampled_from(["a", "b", "c\r", "d\x0c", "\u2028e", "", "+", "-- x", "@@"]))
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))
RANGE = re.compile(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@\n")


def meta(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(new_application(), [*arguments, "-w", str(root)])


@pytest.fixture
def to_change(orphaned_workspace: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(orphaned_workspace, tmp_path / "orphaned", symlinks=True))


def add(root: Path, source: bytes, **changes: object) -> None:
    """One more iteration, whose candidate has this source."""
    harnesses = root / "harnesses"
    (harnesses / "strange.py").write_bytes(source)
    row = IterationRow(
        2, digest_bytes([source]), "strange", "baseline", "baseline", "strange", "",
        DecisionKind.ORPHAN, "too little",
    )  # fmt: skip
    with closing(Ledger(root / "runs" / "ledger.sqlite3")) as ledger:
        ledger.put_iteration(replace(row, **changes))  # type: ignore[arg-type]


def patched(old: str, unified: list[str]) -> str:
    """What `patch` makes of a text, strictly: every line where its number says."""
    entries: list[str] = []
    for entry in lines("".join(unified[2:])):
        if entry == NO_NEWLINE:
            entries[-1] = entries[-1].removesuffix("\n")
        else:
            entries.append(entry)
    before, made, place, waiting = lines(old), list[str](), 0, iter(entries)
    for header in waiting:
        found = RANGE.fullmatch(header)
        assert found, header
        start, old_left, _, new_left = map(int, found.groups())
        begin = start if old_left == 0 else start - 1
        made, place = made + before[place:begin], begin
        while old_left or new_left:
            sign, text = (entry := next(waiting))[0], entry[1:]
            if sign != "+":
                assert before[place] == text
                place, old_left = place + 1, old_left - 1
            if sign != "-":
                made, new_left = [*made, text], new_left - 1
    return "".join([*made, *before[place:]])


# `show`.


def test_show_tells_of_the_claim_the_outcome_and_every_task(orphaned_workspace: Path) -> None:
    shown = meta(orphaned_workspace, "show", "1")
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    assert words.startswith("Iteration 1: candidate_1, orphan (simulated model)")
    assert "claim it helps" in words and "to fix 5 tasks" in words
    assert "Source: 1 line added, 1 removed (meta-harness diff 1)." in words
    assert "Simulated: these figures show" in words
    assert max(map(len, shown.stdout.splitlines())) <= 100


def test_show_and_its_page_say_that_a_chance_is_a_sceptic_s(orphaned_workspace: Path) -> None:
    workspace = open_workspace(orphaned_workspace, {}, to_run=False)
    subject = replace(subject_of(workspace, "1"), gain=Gain(2.0, 1.0, 1.0))
    with (console := Console(width=100)).capture() as shown:
        print_subject(console, subject)
    said = "under a sceptical prior, unlike a chance in the reason"
    words = " ".join(shown.get().split())
    assert f"{said}: chance of any gain 96%, gain to expect +1.60" in words
    assert said in candidate_body(Site(), subject, Within(frozenset()))


def test_show_is_one_document_for_programs(orphaned_workspace: Path) -> None:
    document = json.loads(meta(orphaned_workspace, "show", "candidate_1", "--json").stdout)
    assert (document["iteration"], document["decision"]) == (1, "orphan")
    assert document["simulated"] is True
    assert document["claim"]["hypothesis"] == "it helps"
    assert len(document["tasks"]) == document["measured_tasks"] == document["compared"] == 6
    assert document["whole"] is True
    assert document["tasks"][0]["trials"][0]["total"] == 4
    assert "def solve" in document["source"] and document["parent_source"]


def test_show_says_which_harness_may_have_been_meant(orphaned_workspace: Path) -> None:
    refused = meta(orphaned_workspace, "show", "candidat_1")
    assert refused.exit_code == 2
    assert "one of candidate_1" in refused.stderr
    for strange in ("9" * 5_000, "\x1b[2J", "²", ""):
        refused = meta(orphaned_workspace, "show", strange)
        assert refused.exit_code == 2
        assert "an iteration from 0 to 1" in refused.stderr
        assert "\x1b" not in refused.stderr and len(refused.stderr) < 600


def test_show_before_any_search_says_so(new_workspace: Path) -> None:
    refused = meta(new_workspace, "show", "1")
    assert refused.exit_code == 2
    assert "no search" in refused.stderr


def test_show_lets_nothing_of_a_claim_reach_the_terminal_as_it_is(to_change: Path) -> None:
    claim = CandidateClaim(name="strange", hypothesis=HOSTILE, changes=HOSTILE, observed=HOSTILE)
    text = Claim(iteration=2, candidates=(claim,)).to_json()
    add(to_change, b"X = 1\n", claim=text, reason=HOSTILE, mechanism=HOSTILE, name="strange")
    shown = meta(to_change, "show", "2").stdout
    assert not set("\x1b\u202e\x07") & set(shown)
    assert "[red]:smile:[/red] ␛[2Jgone⟨U+202E⟩abc␇" in shown


def test_show_and_diff_import_nothing_slow(orphaned_workspace: Path) -> None:
    code = (
        "import sys; from harness_search.commands.entry import main\n"
        "for command in ('show', 'diff'):\n"
        "    sys.argv = ['meta-harness', command, '1', '-w', sys.argv[-1]]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "print('loaded', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(orphaned_workspace)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.rpartition("loaded")[2].split())
    assert not loaded & {"jinja2", "matplotlib", "pygments.lexers", "numpy", "aiohttp", "anthropic"}


# `diff`.


def test_diff_of_one_name_is_against_its_parent(orphaned_workspace: Path) -> None:
    one = meta(orphaned_workspace, "diff", "1").stdout
    assert one == meta(orphaned_workspace, "diff", "baseline", "candidate_1").stdout
    assert one.startswith("--- a/harnesses/baseline.py\n+++ b/harnesses/candidate_1.py\n@@ -")
    turned = meta(orphaned_workspace, "diff", "candidate_1", "incumbent").stdout
    assert "+    converse(task, model, messages)" in turned.splitlines()


def test_diff_of_a_harness_and_itself_is_empty(orphaned_workspace: Path) -> None:
    done = meta(orphaned_workspace, "diff", "1", "candidate_1")
    assert (done.exit_code, done.stdout) == (0, "")


def test_diff_refuses_what_has_no_parent_or_no_source(to_change: Path) -> None:
    refused = meta(to_change, "diff", "baseline")
    assert refused.exit_code == 2 and "which has no parent" in refused.stderr
    add(to_change, b"x\n", harness="", name="iteration_002")
    refused = meta(to_change, "diff", "1", "2")
    assert refused.exit_code == 2 and "no source is left" in refused.stderr


def test_diff_is_one_document_for_programs(to_change: Path) -> None:
    add(to_change, b"not text: \xff\xfe \x1b[2J\n")
    document = json.loads(meta(to_change, "diff", "baseline", "2", "--json").stdout)
    assert (document["from"], document["to"], document["added"]) == ("baseline", "strange", 1)
    assert document["unified"].endswith("+not text: \ufffd\ufffd \x1b[2J\n")


@pytest.mark.skipif(not shutil.which("patch"), reason="there is no program `patch` here")
@pytest.mark.parametrize("source", [b"\xff\xfe\x1b\r\nx", b"one\n\x0c\n", b""])
def test_what_diff_writes_is_exact_and_patch_takes_it(to_change: Path, source: bytes) -> None:
    add(to_change, source)
    written = meta(to_change, "diff", "baseline", "2").stdout_bytes
    target = to_change / "target.py"
    shutil.copy(to_change / "harnesses" / "baseline.py", target)
    subprocess.run(["patch", "--silent", str(target)], input=written, check=True)
    assert (target.read_bytes() if target.exists() else b"") == source


def test_a_terminal_is_shown_marks_and_cut_lines(capsys: pytest.CaptureFixture[str]) -> None:
    old = Source("old", b"same\n")
    new = Source("new", b"same\n\x1b[2J" + b"x" * 5_000_000 + "\u202e\n".encode())
    print_for_people(old, new, TextDifference.of(old.text, new.text))
    shown = capsys.readouterr().out
    assert "+␛[2Jxxx" in shown and "more characters" in shown
    assert not set("\x1b\u202e") & set(shown)
    assert len(shown) < 2 * LONGEST_LINE


def test_a_terminal_is_not_flooded(capsys: pytest.CaptureFixture[str]) -> None:
    old, new = Source("old", b""), Source("new", b"x\n" * (MOST_LINES + 10))
    print_for_people(old, new, TextDifference.of(old.text, new.text))
    shown = capsys.readouterr().out
    assert f"Only the first {MOST_LINES:,} lines are shown" in shown
    assert shown.count("\n") == MOST_LINES + 1


# The difference itself.


@given(TEXTS, TEXTS)
def test_a_difference_leads_from_the_old_text_to_the_new(old: str, new: str) -> None:
    found = TextDifference.of(old, new)
    unified = list(found.unified("a", "b"))
    assert patched(old, unified) == new if unified else old == new
    assert found.added - found.removed == len(lines(new)) - len(lines(old))


@given(TEXTS, TEXTS, st.integers(0, 12), st.integers(0, 12))
def test_every_line_has_its_number(old: str, new: str, before: int, after: int) -> None:
    old, new = ("s\n" * before + text + "\n" + "t\n" * after for text in (old, new))
    for hunk in TextDifference.of(old, new).hunks:
        for line in hunk.lines:
            assert line.old is None or lines(old)[line.old - 1] == line.text
            assert line.new is None or lines(new)[line.new - 1] == line.text
        kept = [line.sign == " " for line in hunk.lines]
        assert kept.index(False) <= 3 and kept[::-1].index(False) <= 3


def test_texts_that_are_too_long_to_align_are_replaced_as_a_whole() -> None:
    middle = [f"{number}\n" for number in range(MOST_ALIGNED + 1)]
    old, new = ("".join(["top\n", *part, "end"]) for part in (middle, reversed(middle)))
    found = TextDifference.of(old, new)
    assert not found.aligned and len(found.hunks) == 1
    assert patched(old, list(found.unified("a", "b"))) == new


def test_a_missing_newline_is_said_where_patch_looks_for_it() -> None:
    assert list(TextDifference.of("x", "y\n").unified("a", "b"))[2:] == [
        "@@ -1,1 +1,1 @@\n",
        "-x",
        f"\n{NO_NEWLINE}",
        "+y\n",
    ]


def lines(text: str) -> list[str]:
    return list(_lines(text))


def _lines(text: str) -> Iterator[str]:
    *whole, last = text.split("\n")
    yield from (f"{line}\n" for line in whole)
    if last:
        yield last
