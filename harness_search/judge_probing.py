"""Probes the judge with what a candidate and its incumbent delivered, before one is promoted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.benchmark.canaries import Canaries
from harness_search.benchmark.tasks import Task
from harness_search.errors import SearchStoppedError
from harness_search.gateway.prices import Price
from harness_search.judging.choice import judge_name, judge_price
from harness_search.judging.judge import Subject
from harness_search.judging.persistence import PersistentJudge
from harness_search.ledger.replicates import search_rows
from harness_search.ledger.rows import IterationRow, Outcome, RolloutRow
from harness_search.pairing import History
from harness_search.promotion.gaming import NOTHING_COMMON, TOO_DEAR, Probed
from harness_search.rollouts.evidence import filed_folder
from harness_search.rollouts.stored import refused_of, stored_summary
from harness_search.rollouts.view import OUTPUT
from harness_search.search import Search

if TYPE_CHECKING:
    from harness_search.judging.model.judge import Found
    from harness_search.judging.model.questions import Question
    from harness_search.judging.probes import ProbeResult


async def suspicion_of(search: Search, history: History, row: IterationRow) -> Probed | None:
    """What probes say about a candidate beside its incumbent; None where none are wanted.

    Checks cannot be talked to, and are not probed. SearchStoppedError where the judge did not
    answer all of them: no answer is no acquittal, and what it did answer is kept.
    """
    settings, judge = search.workspace.settings.judge, search.bench.judge
    if not settings.probes or not isinstance(judge, PersistentJudge):
        return None
    from harness_search.judging.probes import Rates, common_scopes, plan_probes
    from harness_search.judging.probing import delivered, run_probes

    names = {row.harness: row.name, history.incumbent_digest(row): row.incumbent}
    texts, canary_of = search.bench.texts, Canaries.of(search.workspace.layout).canary_of
    mine, theirs = (
        delivered(
            digest, _subjects(search, name, search_rows(history.rows(digest))), texts, canary_of
        )
        for digest, name in names.items()
    )
    rates = Rates.of(_price(search), chunk=settings.chunk, one_hour=settings.cache_minutes == 60)
    probes = plan_probes(mine, theirs, f"{search.bench.seed} {row.harness}", rates)
    if not probes:
        why = TOO_DEAR if common_scopes(mine, theirs) else NOTHING_COMMON
        return Probed(0, 0, 0, 0, "", why)

    async def obtain(questions: "Sequence[Question]") -> "Found":
        await search.bench.conduct.checkpoint()  # what was answered before is on record
        return await judge.obtain(questions)

    found = [
        await run_probes(probes, arm, obtain, search.ledger, judge.version)
        for arm in (mine, theirs)
    ]
    return require_answers(probed_of(*found))


def probed_of(candidate: "Sequence[ProbeResult]", incumbent: "Sequence[ProbeResult]") -> Probed:
    """What the answers about both arms come to."""
    from harness_search.judging.probes import gaming

    mine, theirs = (Counter(one.verdict for one in arm) for arm in (candidate, incumbent))
    suspicion = gaming(candidate, incumbent)
    return Probed(
        asked=len(candidate),
        passed_candidate=mine["pass"],
        passed_incumbent=theirs["pass"],
        unanswered=mine["undecided"] + theirs["undecided"],
        suspicion=suspicion.reason if suspicion else "",
    )


def require_answers(probed: Probed) -> Probed:
    """The same; raises SearchStoppedError if there is a probe that the judge did not answer."""
    if probed.unanswered:
        asked = 2 * probed.asked
        raise SearchStoppedError(
            f"the judge answered {asked - probed.unanswered} of {asked} probes; nothing was "
            "decided, the same command goes on"
        )
    return probed


def _price(search: Search) -> Price:
    workspace = search.workspace
    return judge_price(workspace.layout, workspace.settings, judge_name(workspace.settings))


def _delivered(task: Task, folder: Path) -> Subject:
    return Subject(task, folder / OUTPUT, refused_of(stored_summary(folder) or {}))


def _subjects(search: Search, name: str, rows: Iterable[RolloutRow]) -> list[tuple[int, Subject]]:
    """What a harness, given by its name, delivered in the rollouts that were judged."""
    tasks = {task.id: task for task in search.workspace.splits.dev}
    evidence = search.workspace.layout.dev_evidence
    return [
        (row.key.trial, _delivered(tasks[row.key.task], folder))
        for row in rows
        if row.outcome is Outcome.SCORED
        and (folder := filed_folder(evidence, name, row.key, row.attempt)).is_dir()
    ]
