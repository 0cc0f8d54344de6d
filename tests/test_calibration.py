"""Two judges on stored rollouts: real files and a real ledger, judges of known error rates."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from calibrated import CRITERIA, Reader, grader, planned, result
from conftest import Open
from rich.console import Console
from typer.testing import CliRunner

from harness_search.commands import judge as judge_command
from harness_search.commands.application import new_application
from harness_search.errors import SearchStoppedError
from harness_search.experiments.calibration import Calibration, Plan
from harness_search.experiments.sample import stored_rollouts
from harness_search.judging.estimates import Estimate, Estimator
from harness_search.judging.graders import grader_of
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.model.cache import CacheKey, VerdictCache
from harness_search.judging.model.questions import Answer
from harness_search.ledger.rows import Usage
from harness_search.reports.calibration import print_calibration, print_sample, to_json
from harness_search.workspace import Workspace


def test_the_figures_are_those_of_the_judge(graded: Workspace) -> None:
    judge = Reader("cheap", false_pass=0.12, false_fail=0.06, flips=0.1)
    plan = planned(graded, grader(judge), grader(Reader("dear")), again=0.25)
    found = result(plan)
    overall = found.overall
    assert overall.confusion.total == 28 * 6 * 4
    assert overall.false_pass is not None
    assert overall.false_fail is not None
    assert overall.false_pass.low < 0.12 < overall.false_pass.high
    assert overall.false_fail.low < 0.06 < overall.false_fail.high
    assert found.judge.flips is not None
    assert found.judge.flips.low < 0.1 < found.judge.flips.high
    assert found.reference.flips is not None
    assert found.reference.flips.count == 0
    assert {arm.found.name for arm in found.arms} == {"base", "better", "rare"}
    assert sum(item.rollouts for item in found.lengths) == found.sampled == 168
    assert found.fitness.use != "fit for promotion decisions"
    for item in found.levels:
        assert item.estimate.low is not None
        assert item.estimate.low < {"base": 50, "better": 70, "rare": 60}[item.harness]


def test_stored_verdicts_of_the_same_judge_are_not_asked_for_again(
    graded: Workspace,
) -> None:
    judge, reference = Reader("stored judge"), Reader("dear")
    found = result(planned(graded, grader(judge), grader(reference), sample=20, again=0.1))
    assert judge.asked == [1, 1]
    assert sorted(reference.asked) == [0] * 20 + [1, 1]
    assert (found.judge.reused, found.judge.verdicts, found.judge.asked) == (80, 80, 8)
    assert (found.reference.reused, found.reference.asked) == (0, 88)
    assert found.overall.agreement.share == 1


def test_verdicts_that_either_judge_left_undecided_are_counted_and_left_out(
    graded: Workspace,
) -> None:
    judge = Reader("cheap", undecided=frozenset({"C-001"}), flagged=("C-002",))
    reference = Reader("dear", undecided=frozenset({"C-002"}))
    found = result(planned(graded, grader(judge), grader(reference), sample=30, again=0.1))
    assert (found.judge.undecided, found.reference.undecided) == (30, 30)
    assert found.overall.confusion.total == 60
    assert found.judge.flagged == 30
    assert found.all_pass is None
    assert found.judge.flips is not None
    assert found.judge.flips.units == 9


def test_nothing_decided_by_both_is_no_result(graded: Workspace) -> None:
    silent = Reader("silent", undecided=frozenset(CRITERIA))
    plan = planned(graded, grader(silent), grader(Reader("dear")), sample=3)
    with pytest.raises(SearchStoppedError, match="no verdict was decided"):
        result(plan)


def test_a_judge_that_stops_ends_the_calibration_with_its_own_words(
    graded: Workspace,
) -> None:
    class Stopped(Reader):
        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            raise SearchStoppedError("another model answered")

    plan = planned(graded, grader(Reader("cheap")), grader(Stopped("dear")), sample=12)
    with pytest.raises(SearchStoppedError, match="another model answered"):
        result(plan)


def test_each_judge_is_charged_with_what_it_alone_spent(graded: Workspace) -> None:
    dear = Reader("dear")

    def spent() -> float:
        return 0.5 + 0.02 * len(dear.asked)

    found = result(planned(graded, grader(Reader("cheap")), grader(dear, spent=spent), sample=10))
    assert found.judge.usd_per_thousand == 0
    assert found.reference.usd == pytest.approx(0.2)
    assert found.reference.usd_per_thousand == pytest.approx(5)
    unknown = grader(Reader("unpriced"), spent=lambda: None)
    found = result(planned(graded, unknown, grader(dear), sample=10))
    assert found.judge.usd_per_thousand is None


class Keeping(Reader):
    """One that keeps its answers for the next calibration, and is paid 0.01 USD for each."""

    def __init__(self) -> None:
        super().__init__("keeping")
        self.kept: set[tuple[str, str, int]] = set()

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        found = await super().grade(subject, replicate)
        name = str(subject.output)
        self.kept |= {(name, item.criterion_id, replicate) for item in found.verdicts}
        return found


def test_what_was_kept_from_an_earlier_calibration_makes_no_verdict_look_cheap(
    graded: Workspace,
) -> None:
    keeping = Keeping()
    paid = grader(
        keeping, spent=lambda: 0.01 * len(keeping.kept), answered=lambda: len(keeping.kept)
    )
    judge = grader(Reader("stored judge"))
    first = result(planned(graded, judge, paid, sample=20)).reference
    again = result(plan := planned(graded, judge, paid, sample=22))
    assert (first.asked, again.reference.asked) == (80, 8)
    assert [first.usd_per_thousand, again.reference.usd_per_thousand] == pytest.approx([10, 10])
    assert "8 answers got now, at 10.00 USD for 1,000" in shown(again, plan)
    last = result(plan := planned(graded, judge, paid, sample=22))
    assert last.reference.usd_per_thousand is None
    assert "no answer was bought now" in shown(last, plan)


def test_a_judging_model_s_answers_are_counted_where_they_are_kept(open_tiny: Open) -> None:
    workspace = open_tiny()
    answered = grader_of(workspace, "simulated").answered
    assert answered is not None
    before = answered()
    key, answer = CacheKey("scope", "", "judge", ""), Answer("pass", "", "", "", Usage(), 0, "", "")
    with VerdictCache(workspace.layout.kept_verdicts) as cache:
        for replicate in (0, 1, 1):
            cache.put(replace(key, replicate=replicate), answer)
    assert answered() - before == 2
    assert grader_of(workspace, "checks").answered is None


def test_the_estimate_leaves_out_what_is_stored(graded: Workspace) -> None:
    def four(_: int) -> Estimator:
        return lambda _: Estimate(asked=4, usd=0.01, notes=("Supposed: half.",))

    judge = grader(Reader("stored judge"), estimator=four)
    reference = grader(Reader("dear"), estimator=four)
    plan = planned(graded, judge, reference, sample=20, again=0.1)
    assert plan.estimate.asked == 4 * (2 + 22)
    assert plan.estimate.usd == pytest.approx(0.24)
    assert plan.gradings == 2 + 22
    assert shown(result(plan), plan).count("Supposed: half.") == 1


# What a person sees.


def shown(found: Calibration, plan: Plan) -> str:
    console = Console(width=120, markup=False, file=StringIO())
    print_sample(console, plan)
    print_calibration(console, found)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_table_fits_into_a_hundred_columns_and_names_all_figures(
    graded: Workspace,
) -> None:
    judge = Reader("cheap", false_pass=0.1, false_fail=0.1)
    plan = planned(graded, grader(judge), grader(Reader("dear")), sample=60, again=0.1)
    found = result(plan)
    text = shown(found, plan)
    rows = [line for line in text.splitlines() if "(" in line and not line[:1].isupper()]
    assert max(len(line.rstrip()) for line in rows if "verdicts" not in line) <= 100
    for said in (
        "kappa",
        "false pass %",
        "bias",
        "base",
        "better",
        "real-estate",
        "Simulated",
    ):
        assert said in text
    assert found.fitness.sentence in text
    assert f"{found.overall.agreement.share:.3f}"[2:4] in text


def test_the_document_says_everything(graded: Workspace) -> None:
    judge = Reader("cheap", false_pass=0.1, false_fail=0.1)
    plan = planned(graded, grader(judge), grader(Reader("dear")), sample=60, again=0.1)
    document = json.loads(json.dumps(to_json(result(plan))))
    assert document["simulated"] is True
    assert document["judge"]["version"] == "cheap"
    assert document["overall"]["kappa"]["low"] < document["overall"]["kappa"]["value"]
    assert 0 < document["overall"]["false_pass"]["share"] < 0.5
    assert [item["name"] for item in document["harnesses"]]
    assert document["sample"]["rollouts"] == 60
    assert document["at"]


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(
        new_application(), ["judge", "calibrate", "--workspace", str(folder), *arguments]
    )
    return done.exit_code, done.stdout, done.stderr


def test_the_command_judges_prints_and_keeps_the_result(
    graded: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(_: int) -> Estimator:
        return lambda _: Estimate(asked=4, usd=0.01)

    own, other = Reader("stored judge"), Reader("dear", false_fail=0.1)
    monkeypatch.setattr(judge_command, "own_grader", lambda _: grader(own))
    monkeypatch.setattr(judge_command, "grader_of", lambda *_: grader(other, estimator=asks))
    folder = graded.layout.root
    arguments = ("--reference", "dear", "--sample", "20", "--json")
    code, out, err = run(folder, *arguments)
    assert (code, out) == (2, "")
    assert "20 of 168 stored rollouts, 2 of them twice" in err
    assert "To ask: 88 verdicts, about 0.22 USD" in err
    assert "nothing was asked" in err
    assert not graded.layout.calibration.exists()
    assert other.asked == []
    code, out, err = run(folder, *arguments, "--yes")
    assert code == 0, err
    document = json.loads(out)
    assert document == json.loads(graded.layout.calibration.read_text())
    assert document["judge"]["reused"] == 80
    assert document["reference"]["asked"] == 88
    assert {item["name"] for item in document["harnesses"]} == {"base", "better", "rare"}
    code, out, err = run(folder, *arguments[:-1], "--yes")
    assert code == 0, err
    assert "stored judge against dear" in out


def test_a_real_search_holds_rollouts_to_calibrate_with(open_measured: Open) -> None:
    found = stored_rollouts(open_measured())
    assert [item.harness for item in found.rollouts] == ["baseline"] * 6
    assert found.left_out == {}
    assert all(len(item.verdicts) == 4 for item in found.rollouts)
    # The simulated model errs by what the tasks hold: one deliverable may be missing or a stub.
    assert sum(item.length > 50 for item in found.rollouts) >= 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--reference", "nobody"), "--reference: found 'nobody', expected one of: checks"),
        (("--reference", "checks", "--sample", "0"), "--sample: found 0, expected at least 1"),
        (("--reference", "checks"), "found 'checks', the judge of the search itself"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(
    open_tiny: Open, arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = run(open_tiny().layout.root, *arguments)
    assert code == 2
    assert said in err
