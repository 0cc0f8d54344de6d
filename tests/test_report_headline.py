"""The headline of a report, and its advice: what was gained, how sure that is, what to do next."""

from contextlib import closing
from dataclasses import replace

import pytest
from rows_on_disk import write
from seven_iterations import Open, iteration

from harness_search.ledger.criteria import Habit
from harness_search.ledger.openings import log_opening
from harness_search.ledger.rows import IterationRow, Purpose, Split
from harness_search.ledger.store import Ledger
from harness_search.reports.document.advice import advice_of
from harness_search.reports.document.criteria import Criteria
from harness_search.reports.document.headline import Headline, headline_of
from harness_search.reports.document.material import reading
from harness_search.workspace import Workspace

NO_CRITERIA = Criteria({}, (), 0, (), 0, "")


def headline(workspace: Workspace) -> Headline:
    with reading(workspace) as material:
        return headline_of(material)


def test_before_a_confirmation_the_gain_is_said_to_be_the_search_s_own(searched: Workspace) -> None:
    found = headline(searched)
    assert found.confirmation.sentence.startswith("Not confirmed. The gain of reads_all over the")
    assert "is estimated to have raised it by" in found.confirmation.sentence
    assert found.confirmation.gain is None
    assert found.search is not None
    assert found.search.gain is not None
    assert found.search.gain.interval is not None


def confirm(workspace: Workspace, tasks: list[str]) -> None:
    """Leave a confirmation with one trial, of which these tasks are finished."""
    file = workspace.layout.ledger_of(Purpose.CONFIRMATION)
    with closing(Ledger(file)) as ledger:
        ledger.put_iteration(iteration(0))
        plan = IterationRow(
            3, "digest-reads_all", "reads_all", "", "baseline", "", '{"trials": 1}', None, ""
        )
        ledger.put_iteration(plan)
    write(file, "digest-baseline", tasks, 1, trial=3001)
    write(file, "digest-reads_all", tasks, 3, trial=3001)


def test_a_complete_confirmation_has_figures_and_an_incomplete_one_none(
    searched: Workspace,
) -> None:
    tasks = [task.id for task in searched.splits.dev]
    confirm(searched, tasks[:-1])
    found = headline(searched).confirmation
    assert found.gain is None
    assert "is not complete: 10 of 12" in found.sentence
    assert "the search's own" in found.sentence
    confirm(searched, tasks[-1:])
    found = headline(searched).confirmation
    assert found.before is not None
    assert found.after is not None
    assert found.gain is not None
    assert found.elsewhere is not None
    assert (found.before.value, found.after.value) == pytest.approx((25, 75))
    assert found.gain.value == pytest.approx(50)
    # One trial: by the noise of the search's own rollouts, as the sentence has it.
    assert found.gain.interval == pytest.approx((41.83, 58.17), abs=0.01)
    assert "95 % interval +41.8 to +58.2 on these tasks" in found.sentence
    assert found.elsewhere.interval == pytest.approx((50, 50))


def open_test(workspace: Workspace, harness: str) -> None:
    log_opening(workspace.layout.test_openings, ["baseline", harness], "simulated")


def test_a_held_out_result_is_shown_when_all_of_it_is_there_and_reading_it_opens_nothing(
    searched: Workspace,
) -> None:
    file = searched.layout.ledger_of(Purpose.TEST)
    tasks = list(searched.criteria(Split.TEST))
    assert headline(searched).openings == 0
    open_test(searched, "reads_all")
    log = searched.layout.test_openings.read_bytes()
    for trial in (1, 2):
        write(file, "digest-baseline", tasks, 1, trial)
        write(file, "digest-reads_all", tasks[trial - 1 :], 2, trial)
    found = headline(searched)
    assert (found.openings, found.held_out) == (1, None)
    assert "opened, and not every rollout of it is finished" in found.held_out_missing
    write(file, "digest-reads_all", tasks[:1], 2, trial=2)
    found = headline(searched)
    assert found.held_out is not None
    assert found.held_out.gain is not None
    assert found.held_out.gain.value == pytest.approx(25)
    assert found.held_out.sentence.startswith("Held out (simulated model): reads_all against")
    assert found.held_out_missing == ""
    assert searched.layout.test_openings.read_bytes() == log


def test_how_often_the_held_out_split_was_opened_stands_beside_its_result(
    searched: Workspace,
) -> None:
    file, tasks = searched.layout.ledger_of(Purpose.TEST), list(searched.criteria(Split.TEST))
    for name in ("baseline", "checks_names"):
        for trial in (1, 2):
            write(file, f"digest-{name}", tasks, 2, trial)
    open_test(searched, "checks_names")
    open_test(searched, "reads_all")
    with searched.layout.test_openings.open("ab") as stream:
        stream.write(b'{"opened_at": "2026')
    found = headline(searched)
    assert (found.openings, found.held_out and found.held_out.harness) == (3, "checks_names")
    said = " ".join(found.caveats)
    assert "is of checks_names, and the incumbent is reads_all" in said
    assert "was opened 3 times" in said


def test_an_opening_of_an_earlier_search_has_no_result_in_this_one(searched: Workspace) -> None:
    open_test(searched, "of_another_search")
    found = headline(searched)
    assert (found.openings, found.held_out) == (1, None)
    assert "no result of this search" in found.held_out_missing


def test_an_opening_of_an_earlier_search_with_the_same_names_asks_for_no_other_one(
    searched: Workspace,
) -> None:
    open_test(searched, "reads_all")
    assert "no result of this search" in headline(searched).held_out_missing
    # The baseline, which both searches share, was opened alone.
    tasks = list(searched.criteria(Split.TEST))
    write(searched.layout.ledger_of(Purpose.TEST), "digest-baseline", tasks, 1)
    found = headline(searched)
    assert "no result of this search" in found.held_out_missing
    assert "meta-harness test" not in " ".join((found.held_out_missing, *found.caveats))


def test_advice_names_the_orphans_that_are_worth_a_restack_until_they_have_had_it(
    searched: Workspace,
) -> None:
    with closing(Ledger(searched.layout.ledger)) as ledger:
        ledger.put_iteration(
            replace(iteration(6), name="other", mechanism="other", harness="", claim="")
        )
    # The orphan passes what its incumbent passes, and a little more.
    write(searched.layout.ledger, "digest-asks_twice", [searched.splits.dev[0].id], 4, trial=1)
    with reading(searched) as material:
        said = [line for line in advice_of(material, NO_CRITERIA) if line.startswith("Restack")]
    assert len(said) == 1
    assert said[0].startswith("Restack asks_twice on reads_all: it gained ")
    assert "`meta-harness decision 2`" in said[0]
    with closing(Ledger(searched.layout.ledger)) as ledger:
        ledger.put_iteration(iteration(6))
    with reading(searched) as material:
        assert "Restack" not in " ".join(advice_of(material, NO_CRITERIA))


def test_advice_tells_what_is_undecided_and_what_is_luck(searched: Workspace) -> None:
    with reading(searched) as material:
        said = " ".join(advice_of(material, Criteria({Habit.COIN_FLIP: 2}, (), 0, (), 0, "")))
    assert "Undecided for want of rollouts: lost_one." in said
    assert "disagree about 2 of 2 criteria" in said
    assert "`meta-harness criteria --habit coin-flip`" in said


def test_advice_says_what_always_fails(open_orphaned: Open) -> None:
    with reading(open_orphaned(trials=1)) as material:
        said = " ".join(advice_of(material, NO_CRITERIA))
        assert material.frontier.ceiling is not None
        assert (material.frontier.ceiling.sentence() in said) == bool(
            material.frontier.ceiling.failing
        )
