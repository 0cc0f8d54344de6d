"""Which stored rollouts a calibration samples."""

from collections import Counter
from dataclasses import replace

import pytest
from calibrated import Reader, grader, planned, store
from conftest import Open

from harness_search.errors import InputError
from harness_search.experiments.calibration import plan_calibration
from harness_search.experiments.sample import draw, stored_rollouts
from harness_search.ledger.rows import Outcome, Purpose
from harness_search.rollouts.view import OUTPUT
from harness_search.workspace import Workspace


def test_without_a_stored_rollout_there_is_nothing_to_judge(open_tiny: Open) -> None:
    with pytest.raises(InputError, match="no stored rollout that can be judged"):
        planned(open_tiny(), grader(Reader("cheap")), grader(Reader("dear")))


def test_only_rollouts_that_lie_there_as_they_were_graded_are_taken(open_tiny: Open) -> None:
    workspace = open_tiny()
    store(workspace, "baseline", 1)
    store(workspace, "crashing", 1, outcome=Outcome.HARNESS_FAILED)
    store(workspace, "lost", 1, outcome=Outcome.INFRA_FAILED)
    evidence = sorted(workspace.layout.evidence_of(Purpose.SEARCH).glob("baseline/*/*/trial-1"))
    (evidence[0] / OUTPUT / "abstract.txt").write_text("C-001 C-002 C-003 C-004")
    (evidence[1] / OUTPUT / "abstract.txt").unlink()
    (evidence[2] / "rollout.json").unlink()
    changed = workspace.splits.dev[0].id
    if changed in {
        folder.parent.relative_to(folder.parents[2]).as_posix() for folder in evidence[:3]
    }:
        changed = workspace.splits.dev[-1].id
    digests = {**workspace.digests, changed: "another"}
    found = stored_rollouts(replace(workspace, digests=digests))
    assert found.left_out == {
        "the harness failed: there was nothing to judge": 6,
        "its evidence is gone or was changed": 3,
        "the task has changed since": 1,
    }
    assert len(found.rollouts) == 2
    assert all(item.length > 0 for item in found.rollouts)


def test_a_sample_has_the_shares_of_all(graded: Workspace) -> None:
    everything = stored_rollouts(graded).rollouts
    sample = draw(everything, 42, seed=0)
    assert len({item.name for item in sample}) == 42
    for stratum in (lambda item: item.harness, lambda item: item.task.practice_area):
        whole, drawn = (Counter(map(stratum, items)) for items in (everything, sample))
        for name, count in whole.items():
            assert abs(drawn[name] - count * 42 / len(everything)) < 2


def test_a_seed_always_draws_the_same_whatever_the_order(graded: Workspace) -> None:
    everything = stored_rollouts(graded).rollouts
    names = [item.name for item in draw(everything, 20, seed=7)]
    assert names == [item.name for item in draw(everything[::-1], 20, seed=7)]
    assert names[:5] == [item.name for item in draw(everything, 5, seed=7)]
    assert names != [item.name for item in draw(everything, 20, seed=8)]
    assert len(draw(everything, 10_000, seed=7)) == len(everything)


@pytest.mark.parametrize(
    ("sample", "again", "said"), [(0, 0.1, "--sample"), (5, 1.5, "--repeat"), (5, -0.1, "--repeat")]
)
def test_a_nonsensical_sample_is_refused(
    graded: Workspace, sample: int, again: float, said: str
) -> None:
    judges = (grader(Reader("cheap")), grader(Reader("dear")))
    with pytest.raises(InputError, match=said):
        plan_calibration(graded, *judges, sample, again, 0)
