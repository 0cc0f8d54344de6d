"""Has a second judge settle what the trials of one harness disagree on."""

from harness_search.errors import SearchStoppedError
from harness_search.judging.choice import judge_terms
from harness_search.judging.model.opening import JudgeMeans, open_judge
from harness_search.ledger.rows import Purpose
from harness_search.rollouts.contested import settle_contested, unsettled
from harness_search.search import Search, jobs_left


async def settle(search: Search, iteration: int) -> bool:
    """Ask the second judge, where the settings name one, about an iteration and its incumbent.

    A criterion that is contested for one of them is judged again for both; what is settled is not
    asked about again. Returns whether the iteration, as it stands now, needs more rollouts. Raises
    SearchStoppedError when verdicts stay undecided, and whatever stops the second judge.
    """
    workspace, bench = search.workspace, search.bench
    name = workspace.settings.judge.second
    if not name:
        return False
    history = search.history()
    row = history.iterations[iteration]
    digests = {row.harness, history.incumbent_digest(row)} if iteration else {row.harness}
    rows = [one for digest in sorted(digests) for one in search.ledger.rows(digest)]
    if not unsettled(search.ledger, rows, judge_terms(workspace.settings, name).version):
        return False
    tasks = {task.id: task for task in workspace.splits.dev}
    budget = bench.gateway.account.budget
    means = JudgeMeans(search.ledger, Purpose.SEARCH, budget, bench.runtime, beside=True)
    async with open_judge(workspace, means, name) as second:
        settled = await settle_contested(
            search.ledger, bench.evidence, tasks, rows, second, bench.conduct
        )
    if settled.undecided:
        raise SearchStoppedError(
            f"the second judge left {settled.undecided} verdicts undecided; nothing was decided, "
            "the same command goes on"
        )
    return bool(jobs_left(search, search.history()))
