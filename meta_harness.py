"""The loop of Meta-Harness, and its command line.

scan (ledger, files) -> next_step (pure) -> execute one step -> record -> scan ...
"""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness_search import options
from harness_search.audit.leakage import describe, find_touches, test_split_marks
from harness_search.commands import (
    choose,
    ending_cleanly,
    make_proposer,
    new_application,
    open_to_run,
    run_to_the_end,
    show_comparison,
    show_frontier,
    show_status,
)
from harness_search.errors import InputError, SearchStoppedError
from harness_search.files import digest_bytes, write_atomically
from harness_search.ledger.digest import history_digest
from harness_search.ledger.next_step import (
    Begin,
    Decide,
    Evaluate,
    Finished,
    Propose,
    Scan,
    Step,
    next_step,
)
from harness_search.ledger.openings import log_opening
from harness_search.ledger.rows import DecisionKind, IterationRow, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.promotion.candidate import Candidate, collect
from harness_search.promotion.claim import Claim, stated_mechanism
from harness_search.promotion.gate import EvaluationShape, Gate, SeedRule
from harness_search.promotion.observed import observe
from harness_search.proposers.session import NothingLeft, Proposer, Session
from harness_search.proposers.view import prepare_view, session_texts
from harness_search.reports.comparison import Comparison, compare
from harness_search.reports.progress import Reporter, Tally
from harness_search.reports.tables import console_for_people
from harness_search.rollouts.bench import api_key, locked, open_bench
from harness_search.rollouts.runner import Bench, Harness, freeze
from harness_search.rollouts.scheduler import missing, plan, run_missing
from harness_search.search import (
    Search,
    check_sources,
    current_frontier,
    frontier_on_disk,
    hold_to_identity,
    lost_before,
    mirror,
    past_iterations,
    set_aside,
)
from harness_search.workspace import Workspace, open_workspace


async def run_search(workspace: Workspace, proposer: Proposer, reporter: Reporter) -> Finished:
    """Run, or go on with, the search of a workspace until its last iteration is decided."""
    layout = workspace.layout
    key = api_key(workspace.settings.profile)
    with locked(layout), closing(Ledger(layout.ledger)) as ledger:
        hold_to_identity(layout, ledger, workspace.search_identity())
        check_sources(layout, ledger.iterations())
        async with open_bench(workspace, ledger, Split.DEV, key) as bench:
            lost = lost_before(ledger.rows())
            return await loop(Search(workspace, ledger, bench, proposer, reporter, lost))


async def loop(search: Search) -> Finished:
    """Scan, choose, do. Restarting after any crash is starting here again."""
    finished: Finished | None = None
    while finished is None:
        step = next_step(scan(search))
        mirror(search.workspace, search.ledger, type(step).__name__.lower())
        finished = await execute(search, step)
    mirror(search.workspace, search.ledger, "finished")
    return finished


def scan(search: Search) -> Scan:
    """What the ledger says now."""
    iterations = search.ledger.iterations()
    left = 0
    if iterations and iterations[-1].decision is None:
        harness = search.harness(iterations[-1])
        jobs = plan(search.workspace, Split.DEV, harness)
        rows = search.ledger.rows(harness.digest)
        left = len(missing(jobs, rows, search.attempts(harness.digest)))
    return Scan(iterations, left, search.workspace.settings.search.iterations)


async def execute(search: Search, step: Step) -> Finished | None:
    """Do one step. Each may be killed at any moment and is then done again."""
    match step:
        case Begin():
            begin(search)
        case Propose(iteration):
            return await propose(search, iteration)
        case Evaluate(iteration):
            await evaluate_iteration(search, iteration)
        case Decide(iteration):
            update_frontier(search, iteration)
        case Finished():
            return step
    return None


def begin(search: Search) -> None:
    """The baseline is iteration 0; its source is kept, since every candidate comes of it."""
    baseline, layout = search.workspace.baseline, search.workspace.layout
    write_atomically(layout.kept_source(0, "baseline"), baseline.file.read_bytes())
    row = IterationRow(0, baseline.digest, "baseline", "", "", "", "", None, "")
    search.ledger.put_iteration(row)


# Propose: hold a session, audit what it touched, validate what it left.


async def propose(search: Search, iteration: int) -> Finished | None:
    """Open an iteration with the proposer's candidate, or record why there is none."""
    session = open_session(search, iteration)
    answer = await search.proposer.propose(session)
    if isinstance(answer, NothingLeft):
        return Finished(f"iteration {iteration} was not started: {answer.reason}")
    name, mechanism = f"iteration_{iteration:03d}", stated_mechanism(session.claim_file)
    row = IterationRow(iteration, "", name, "", session.incumbent, mechanism, "", None, "")
    try:
        touched = _touched_test(search.workspace, session_texts(session))
        if touched:
            record(search, replace(row, decision=DecisionKind.REJECTED, reason=touched))
        else:
            install(search, row, collect_candidate(search, session))
    except InputError as error:
        record(search, replace(row, decision=DecisionKind.NO_CLAIM, reason=str(error)))
    return None


def open_session(search: Search, iteration: int) -> Session:
    """Prepare the folder that the proposer works on."""
    layout = search.workspace.layout
    current = current_frontier(search.workspace, search.ledger)
    session = Session(
        iteration=iteration,
        view=layout.session(iteration) / "view",
        evidence=layout.dev_evidence,
        incumbent=current.incumbent,
        history=tuple(past_iterations(current)),
        dev_tasks=tuple(task.id for task in search.workspace.splits.dev),
        seed=search.workspace.settings.search.seed,
    )
    sources = [layout.candidate(row.harness) for row in current.rows if row.score is not None]
    prepare_view(session, sources, layout.skill, _history_digest(search))
    return session


def _history_digest(search: Search) -> str:
    """Frontier lineage, orphans worth restacking, what became of each claim; at most 12 kB."""
    current = current_frontier(search.workspace, search.ledger)
    return history_digest(current, search.ledger.iterations())


def _touched_test(workspace: Workspace, texts: dict[str, str]) -> str:
    """What in a candidate, claim or log shows a touch of the test split; empty when nothing."""
    splits = workspace.splits
    marks = test_split_marks(splits.test, splits.dev, workspace.layout.test_split)
    return describe(find_touches(texts, marks))


def collect_candidate(search: Search, session: Session) -> Candidate:
    """The candidate and its claim; raises InputError when they are unsound."""
    layout = search.workspace.layout
    known = {file.stem: "" for file in layout.harnesses.glob("*.py")}
    known |= {row.name: row.harness for row in search.ledger.iterations() if row.was_measured}
    dev_tasks = set(session.dev_tasks)
    return collect(session.view, session.iteration, session.incumbent, dev_tasks, known)


def install(search: Search, row: IterationRow, candidate: Candidate) -> None:
    """Open the iteration and put the candidate beside its parents: its view has the source, so
    that a crash between the two is mended from there."""
    claim = candidate.claim.candidate
    search.reporter.say(
        f"Iteration {row.number}: {claim.name}, copied from {candidate.parent}. {claim.hypothesis}"
    )
    search.ledger.put_iteration(
        replace(
            row,
            harness=digest_bytes([candidate.source]),
            name=candidate.name,
            parent=candidate.parent,
            mechanism=candidate.mechanism,
            claim=candidate.claim.to_json(),
        )
    )
    write_atomically(search.workspace.layout.candidate(candidate.name), candidate.source)


# Evaluate: every missing rollout of the dev split.


async def evaluate_iteration(search: Search, iteration: int) -> None:
    """Run what the open iteration still lacks."""
    harness = search.harness(search.ledger.iterations()[iteration])
    attempts = search.attempts(harness.digest)
    await evaluate_harness(search.workspace, search.bench, harness, search.reporter, attempts)


async def evaluate_harness(
    workspace: Workspace, bench: Bench, harness: Harness, reporter: Reporter, attempts: int
) -> list[RolloutRow]:
    """Benchmark a harness: all tasks of the bench's split x trials. Finished rollouts are kept."""
    jobs = plan(workspace, bench.split, freeze(harness, bench.runtime))
    left = missing(jobs, bench.ledger.rows(harness.digest), attempts)
    done = len(jobs) - len(left)
    secret = bench.split is Split.TEST
    with reporter.watch(Tally(harness.name, len(jobs), secret=secret, done=done)) as watch:
        await run_missing(bench, jobs, workspace.settings.search.concurrency, attempts, watch)
    return bench.ledger.rows(harness.digest)


# Decide: both sides from raw rows, under the current weights.


def update_frontier(search: Search, iteration: int) -> None:
    """Conclude an iteration: promoted, orphan, or inconclusive."""
    iterations = search.ledger.iterations()
    row = iterations[iteration]
    if iteration == 0:
        record(search, accept_baseline(search, row))
        return
    digests = {item.name: item.harness for item in iterations}
    challenger = search.ledger.rows(row.harness)
    incumbent = search.ledger.rows(digests[row.incumbent])
    settings = search.workspace.settings
    trials = settings.search.trials
    gate: Gate = SeedRule(settings.promotion.min_delta)
    shape = EvaluationShape(search.workspace.criteria(Split.DEV), trials)
    decision = gate.decide(challenger, incumbent, shape, settings.weights)
    claim = Claim.model_validate_json(row.claim)
    claim = observe(claim, decision, challenger, incumbent, trials)
    row = replace(row, claim=claim.to_json(), decision=decision.kind, reason=decision.reason)
    record(search, row)


def accept_baseline(search: Search, row: IterationRow) -> IterationRow:
    """The baseline needs no gate, only every rollout; raises SearchStoppedError without them."""
    (baseline, *_) = current_frontier(search.workspace, search.ledger).rows
    if baseline.score is None or not baseline.score.complete:
        raise SearchStoppedError(
            "rollouts of the baseline were lost to the provider, "
            f"{search.bench.limits.attempts} times each, and no search can start without them. "
            "Nothing was scored; run the same command again when the provider answers."
        )
    return replace(row, decision=DecisionKind.BASELINE, reason="where the search starts")


def record(search: Search, row: IterationRow) -> None:
    """Close an iteration."""
    search.ledger.put_iteration(row)
    if row.number > 0 and row.decision is not None:
        search.reporter.say(f"Iteration {row.number}: {row.decision.value}. {row.reason}")


# Measure outside the search: one harness on dev, or the held-out comparison.


async def measure(
    workspace: Workspace, split: Split, harnesses: list[Harness], reporter: Reporter
) -> Comparison:
    """Run what is missing of each harness on a split; opening the test split is logged."""
    layout, settings = workspace.layout, workspace.settings
    key = api_key(settings.profile)
    file = layout.ledger if split is Split.DEV else layout.test_ledger
    with locked(layout), closing(Ledger(file)) as ledger:
        hold_to_identity(layout, ledger, workspace.rows_identity(split))
        opening = 0
        if split is Split.TEST:
            names = [harness.name for harness in harnesses]
            opening = log_opening(layout.test_openings, names, settings.search.profile)
        async with open_bench(workspace, ledger, split, key) as bench:
            lost = lost_before(ledger.rows())
            for harness in harnesses:
                attempts = settings.limits.attempts + lost.get(harness.digest, 0)
                await evaluate_harness(workspace, bench, harness, reporter, attempts)
        return compare(workspace, split, harnesses, ledger.rows(), opening)


# The command line.

application = new_application()


@application.command()
def run(
    iterations: Annotated[int | None, typer.Option(help="Last iteration to run.")] = None,
    profile: options.Profile = None,
    seed: options.Seed = None,
    trials: options.Trials = None,
    concurrency: options.Concurrency = None,
    budget_usd: options.BudgetUsd = None,
    allow_unpriced: options.AllowUnpriced = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Set an old search aside first.")] = False,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Run the search, or go on with it: the same command resumes where it was stopped."""
    flags: dict[str, object] = {"profile": profile, "seed": seed, "trials": trials}
    flags |= {"concurrency": concurrency, "iterations": iterations}
    flags |= {"budget_usd": budget_usd, "allow_unpriced": allow_unpriced}
    with ending_cleanly():
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox, adopt=not fresh)
        if fresh:
            api_key(opened.settings.profile)  # what can go wrong goes wrong before this
            set_aside(opened.layout)
        console = console_for_people(json_wanted=json)
        finished = run_to_the_end(run_search(opened, make_proposer(opened), Reporter(console)))
        show_frontier(opened, json_wanted=json)
        console.print(f"Finished: {finished.reason}.", highlight=False, soft_wrap=True)


@application.command()
def evaluate(
    harness: Annotated[str, typer.Argument(help="Name of a harness, or a file.")],
    profile: options.Profile = None,
    seed: options.Seed = None,
    trials: options.Trials = None,
    concurrency: options.Concurrency = None,
    budget_usd: options.BudgetUsd = None,
    allow_unpriced: options.AllowUnpriced = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Benchmark one harness on the dev split; nothing is promoted."""
    flags: dict[str, object] = {"profile": profile, "seed": seed, "trials": trials}
    flags |= {"concurrency": concurrency}
    flags |= {"budget_usd": budget_usd, "allow_unpriced": allow_unpriced}
    with ending_cleanly():
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox)
        reporter = Reporter(console_for_people(json_wanted=json))
        chosen = choose(opened, [harness])
        found = run_to_the_end(measure(opened, Split.DEV, chosen, reporter))
        show_comparison(found, json_wanted=json)


@application.command()
def test(
    harness: Annotated[str | None, typer.Argument(help="Default: the incumbent.")] = None,
    concurrency: options.Concurrency = None,
    budget_usd: options.BudgetUsd = None,
    allow_unpriced: options.AllowUnpriced = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Open the held-out test split: the baseline against one harness. Each opening is logged."""
    flags: dict[str, object] = {"concurrency": concurrency, "budget_usd": budget_usd}
    flags["allow_unpriced"] = allow_unpriced
    with ending_cleanly():
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox)
        name = harness or frontier_on_disk(opened).incumbent or "baseline"
        reporter = Reporter(console_for_people(json_wanted=json))
        chosen = choose(opened, list(dict.fromkeys(["baseline", name])))
        found = run_to_the_end(measure(opened, Split.TEST, chosen, reporter))
        show_comparison(found, json_wanted=json)


@application.command()
def frontier(workspace: options.Workspace = Path(), json: options.Json = False) -> None:
    """Show every iteration with its scores, recomputed from raw rows."""
    with ending_cleanly():
        show_frontier(open_workspace(workspace, {}, to_run=False), json_wanted=json)


@application.command()
def status(workspace: options.Workspace = Path(), json: options.Json = False) -> None:
    """Say where the search stands, from disk alone."""
    with ending_cleanly():
        show_status(open_workspace(workspace, {}, to_run=False), json_wanted=json)


def main() -> None:
    """Entry point of the `meta-harness` command."""
    application()


if __name__ == "__main__":
    main()
