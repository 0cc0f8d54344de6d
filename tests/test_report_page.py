"""The report as a page and as Markdown: complete, self-contained, and safe from what is in it."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from harness_search.analysis.failures import Change, ClassChange, FailureAnalysis, Side
from harness_search.ledger.rows import DecisionKind
from harness_search.pages.pictures import plots_of
from harness_search.pages.report import SECTIONS, Section, report_page
from harness_search.pages.site import Site, Within
from harness_search.plots.gains import CandidateGain, Gains
from harness_search.plots.lineage import Candidate, Lineage
from harness_search.plots.progress import Iteration, Progress
from harness_search.plots.values import Measured
from harness_search.reports.document.audits import AuditRow
from harness_search.reports.document.decisions import DecisionRow
from harness_search.reports.document.material import reading
from harness_search.reports.document.report import Report, make_report
from harness_search.reports.document.result import Result
from harness_search.reports.markdown import markdown
from harness_search.reports.markdown_text import cell, plain, prose, table
from harness_search.workspace import open_workspace

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e`|**"
GAIN = Measured(8.3, 2.2, 14.4)
ELSEWHERE = Measured(8.3, -3.6, 20.2)
DECISION = DecisionRow(
    iteration=1,
    name="second_look",
    decision=DecisionKind.PROMOTED,
    parent="baseline",
    incumbent="baseline",
    mechanism="second look",
    claim="Asks once more.",
    stage="3 trials",
    difference=Measured(4.2, 0.3, 8.1),
    tasks=5,
    chance=0.93,
    shrunken=2.1,
    rollouts=72,
    incumbent_rollouts=0,
    usd=12.5,
    reason="Better by 4.2 points.",
)


class Reader(HTMLParser):
    """What is in a page: elements with their attributes, and all text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in {"script", "style"}:
            self.text += data

    def all(self, tag: str) -> list[Mapping[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def unbegun(new_workspace: Path) -> Report:
    """The report of a workspace in which nothing has been run."""
    with reading(open_workspace(new_workspace, {}, to_run=False)) as material:
        return replace(make_report(material), made_at="2026-11-22T05:00:00+00:00")


@pytest.fixture(scope="module")
def begun(unbegun: Report) -> Report:
    """The report of a search with one promotion."""
    rate = Measured(58.0, 57.2, 58.7)
    confirmed = Result("Confirmed.", "second_look", rate, GAIN, GAIN, ELSEWHERE, GAIN)
    headline = replace(unbegun.headline, confirmation=confirmed, held_out=None, openings=0)
    lineage = Lineage(
        [
            Candidate(0, "baseline", DecisionKind.BASELINE),
            Candidate(1, "second_look", DecisionKind.PROMOTED, parent=0, difference=GAIN),
        ],
        simulated=True,
    )
    gained = CandidateGain(1, "second_look", DecisionKind.PROMOTED, GAIN)
    progress = Progress([Iteration(1, DecisionKind.PROMOTED, GAIN, GAIN)], GAIN, GAIN, True)
    return replace(
        unbegun,
        headline=headline,
        advice=("Restack second_look: try `meta-harness show 1`.",),
        decisions=(DECISION,),
        lineage=lineage,
        gains=Gains([gained], 1.0, simulated=True),
        progress=progress,
    )


@pytest.fixture(scope="module")
def source(begun: Report) -> str:
    return page_of(begun)


@pytest.fixture(scope="module")
def page(source: str) -> Reader:
    return Reader(source)


def page_of(report: Report, sections: tuple[Section, ...] = ()) -> str:
    return report_page(Site(), report, candidates=sections)


def test_the_gain_its_certainty_and_its_cost_come_first_and_then_what_to_try(page: Reader) -> None:
    wanted = ("+8.3", "95 % interval +2.2 to +14.4", "What it cost", "What to try next", "Progress")
    main = page.text[page.text.index("What the search gained") :]
    places = [main.index(words) for words in wanted]
    assert places == sorted(places)


def test_the_gain_has_both_intervals_and_each_is_named(begun: Report) -> None:
    wanted = (
        "+2.2 to +14.4 of trial noise on these tasks",
        "\N{MINUS SIGN}3.6 to +20.2 for other tasks of the kind",
        "Pooled pass rate",
    )
    text = " ".join(Reader(page_of(begun)).text.split())
    places = [text.index(words) for words in wanted]
    assert places == sorted(places)
    said = markdown(begun)
    assert "Intervals are 95 % intervals of trial noise on these tasks" in said
    elsewhere = "+8.3 (\N{MINUS SIGN}3.6 to +20.2) blended points"
    assert f"{elsewhere} with the 95 % interval for other tasks of the kind" in said


def test_tables_say_of_what_their_intervals_are(begun: Report) -> None:
    side, change = Side("baseline", 6, 0, 40, 9), Change(1.0, 2.0, 0.5, 3)
    analysis = FailureAnalysis(
        baseline=side,
        final=replace(side, harness="second_look"),
        tasks=3,
        classes=(ClassChange("Dates", "unit", "control", 4, 8, 0.5, 0.6, change),),
        endings=(),
        actions={},
        turns=change,
        words=None,
        coverage=None,
        skipped={},
    )
    failures = replace(begun.failures, analysis=analysis, sentence="")
    report = replace(begun, failures=failures)
    source = page_of(report)
    of_decisions = source[source.index('id="decisions"') : source.index('id="tasks"')]
    of_failures = source[source.index('id="failures"') : source.index('id="audits"')]
    assert of_decisions.count("95 % intervals of trial noise on these tasks") == 1
    assert of_failures.count("for other tasks of the kind") == 2
    parts = markdown(report).split("\n## ")
    wanted = {"Decisions": "of trial noise on these tasks", "Why criteria": "for other tasks"}
    for heading, kind in wanted.items():
        assert any(part.startswith(heading) and kind in part for part in parts), heading


def test_why_an_opened_split_has_no_result_is_said_once(begun: Report) -> None:
    reason = "No result came of it."
    headline = replace(begun.headline, openings=1, held_out_missing=reason)
    opened = replace(begun, headline=headline)
    text = Reader(page_of(opened)).text
    assert text.count(reason) == 1
    assert "not every rollout" not in text
    assert markdown(opened).count(reason) == 1


def test_a_gain_that_is_not_confirmed_says_so_in_its_heading(begun: Report) -> None:
    own = replace(begun.headline.confirmation, sentence="The search's own.")
    headline = replace(begun.headline, confirmation=Result("Not confirmed."), search=own)
    text = Reader(page_of(replace(begun, headline=headline))).text
    assert "Gain by the search's own rollouts, not confirmed" in text
    assert "confirmed by fresh rollouts" not in text


def test_every_section_is_in_the_navigation_and_on_the_page(page: Reader) -> None:
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = {attributes["href"] for attributes in page.all("a")}
    assert {name for name, _ in SECTIONS} <= ids
    assert {f"#{name}" for name, _ in SECTIONS} <= links


def test_the_decision_table_leads_to_each_candidates_section(begun: Report) -> None:
    body = Markup('<article id="candidate-second_look"></article>')
    section = Section("second_look", DecisionKind.PROMOTED, body)
    found = Reader(page_of(begun, (section,)))
    links = [link["href"] for link in found.all("a")]
    assert links.count("#candidate-second_look") >= 2, "in the table and in the lineage"
    assert "candidate-second_look" in {one.get("id") for _, one in found.elements}


def test_a_page_asks_nobody_for_anything(page: Reader) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "xlink:href"):
            assert re.match(r"#|data:,|$", attributes.get(name, "")), (tag, attributes)
    policy = next(one["content"] for one in page.all("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none'")


def test_the_policy_names_the_very_scripts_of_the_page(source: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    assert scripts
    for script in scripts:
        digest = b64encode(sha256(script.encode()).digest()).decode()
        assert f"sha256-{digest}" in source.replace("&#43;", "+")


def test_headings_go_down_one_level_at_a_time_from_a_single_first_one(page: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_no_id_is_there_twice_and_every_picture_has_words(page: Reader) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    pictures = page.all("svg")
    assert pictures
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)


def test_tables_have_a_caption_and_headings_with_a_scope(page: Reader) -> None:
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(heading.get("scope") for heading in page.all("th"))


def test_a_workspace_that_has_not_begun_says_so_and_draws_nothing(unbegun: Report) -> None:
    found = Reader(page_of(unbegun))
    assert "The search has not started." in found.text
    assert "meta-harness start" in found.text
    assert not found.all("svg")
    assert all(plot.reason for plot in plots_of(unbegun, Within()).values())


def test_a_simulated_search_is_marked_on_the_page_and_in_the_text(
    begun: Report, page: Reader
) -> None:
    assert "SIMULATED" in page.text
    assert "SIMULATED" in markdown(begun).splitlines()[0]


# Names, claims and reasons are written by a model, and so hostile.


def hostile(report: Report, text: str) -> Report:
    """The report with this text wherever others may write."""
    row = replace(
        DECISION, name=text, claim=text, mechanism=text, reason=text, notes=(text,), stage=text
    )
    audit = AuditRow(1, text, "reject", (text,), (text,))
    lineage = Lineage([Candidate(0, text, DecisionKind.BASELINE)], simulated=True)
    gained = Gains([CandidateGain(1, text, DecisionKind.PROMOTED, GAIN)], 1.0)
    headline = replace(report.headline, caveats=(text,))
    return replace(
        report, workspace=text, decisions=(row,), audits=(audit,), lineage=lineage, gains=gained,
        headline=headline, advice=(text,), state=text,
    )  # fmt: skip


def test_hostile_content_is_text_and_every_invisible_sign_of_it_is_seen(begun: Report) -> None:
    source = page_of(hostile(begun, HOSTILE + "\ud83d"))
    source.encode()
    assert "\x1b" not in source
    assert "\u202e" not in source
    found = Reader(source)
    assert len(found.all("script")) == 1
    assert not found.all("img")
    assert not [one for _, one in found.elements if any(name.startswith("on") for name in one)]
    assert "<script>alert(1)</script>" in found.text
    assert "␛[31m⟨U+202E⟩" in found.text


def test_a_line_of_five_megabytes_stays_small(begun: Report) -> None:
    huge = hostile(begun, "a" * 5_000_000)
    source = page_of(huge)
    assert len(source) < 400_000
    assert "more characters" in source
    assert len(markdown(huge)) < 50_000


def test_markdown_takes_hostile_content_for_text(begun: Report) -> None:
    text = markdown(hostile(begun, HOSTILE + "\ud83d"))
    text.encode()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not re.search(r"(?<!\\)<", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    (row,) = [line for line in rows if "script" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 11


@given(st.text(max_size=60))
def test_no_text_leaves_its_cell(text: str) -> None:
    *_, row = table(("a", "b:"), [(text, "x")]).split("\n")
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3
    assert "\n" not in cell(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1. one", "1\\. one"),
        ("- item", "\\- item"),
        ("0.93", "0\\.93"),
        ("2026-11-22", "2026\\-11-22"),
        ("a_b <i> #x", "a\\_b \\<i\\> \\#x"),
    ],
)
def test_a_line_begins_no_list(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_commands_in_advice_are_code_and_odd_backticks_are_text() -> None:
    assert prose("Try `meta-harness show 1`, then a_b.") == (
        "Try `meta-harness show 1`, then a\\_b."
    )
    assert prose("One ` alone") == "One \\` alone"
    assert prose("Empty `` code") == "Empty \\`\\` code"


def test_a_chance_of_a_gain_says_that_it_is_a_sceptic_s(begun: Report) -> None:
    assert "under a sceptical prior, unlike a chance in a reason" in markdown(begun)


def test_markdown_has_every_figure_of_the_headline_and_the_decisions(begun: Report) -> None:
    text = markdown(begun)
    assert "+8.3 (+2.2 to +14.4) blended points above the baseline" in text
    assert "| 1 | second\\_look | Asks once more. | promoted | 3 trials |" in text
    assert "`meta-harness show 1`" in text
