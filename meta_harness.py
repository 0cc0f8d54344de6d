"""The loop of Meta-Harness, and its command line.

scan (ledger, files) -> next_step (pure) -> execute one step -> record -> scan ...
"""

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from harness_search import options
from harness_search.audit.leakage import describe, find_touches_of_session
from harness_search.auditing import Auditor, add_to_report, kept_warnings, marks_of
from harness_search.choice_of_proposer import check_proposer, make_proposer
from harness_search.commands.configuration import end_with_configuration
from harness_search.commands.entry import main
from harness_search.commands.opening import choose, open_to_run, require_shape
from harness_search.commands.shared import ending_cleanly, run_to_the_end
from harness_search.commands.views import show_comparison, show_frontier
from harness_search.current import frontier_now, frontier_on_disk
from harness_search.endpoints import api_key
from harness_search.errors import LimitReachedError
from harness_search.experiments.confirmation import confirm_incumbent
from harness_search.experiments.noise import noise_of, require_noise
from harness_search.files import to_compact_json, write_atomically
from harness_search.judge_probing import suspicion_of
from harness_search.ledger.digest import history_digest
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.next_step import (
    Begin,
    Decide,
    Evaluate,
    Finished,
    MakePlacebo,
    Propose,
    Scan,
    Step,
    next_step,
)
from harness_search.ledger.openings import log_opening
from harness_search.ledger.rows import IterationRow, Purpose, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.promotion.candidate import Candidate
from harness_search.promotion.claim import stated_mechanism
from harness_search.promotion.gaming import without_gaming
from harness_search.promotion.gate import gate_of
from harness_search.promotion.noise import drift
from harness_search.promotion.stopping import stop_reason
from harness_search.proposals import (
    answer_of,
    audited,
    examine,
    install,
    make_placebo,
    prepare_session,
    put_away,
)
from harness_search.proposers.books import close_interrupted
from harness_search.proposers.session import NothingLeft, Proposer, Session
from harness_search.reports.comparison import Comparison, compare
from harness_search.reports.decisions import decision_document
from harness_search.reports.progress import Reporter, Tally
from harness_search.reports.tables import console_for_people
from harness_search.rollouts.bench import locked, open_bench
from harness_search.rollouts.jobs import Harness, freeze, freeze_all
from harness_search.rollouts.runner import Bench
from harness_search.rollouts.scheduler import Lost, missing, plan, run_missing
from harness_search.search import (
    Search,
    accept_baseline,
    check_sources,
    concluded,
    hold_to_identity,
    jobs_left,
    mirror,
    record_baseline,
    set_aside,
    standing,
    verdict_on,
)
from harness_search.second_opinion import settle
from harness_search.service import events
from harness_search.service.launch import at_work
from harness_search.waking import through_limits, wait_for_wake_up, wait_out
from harness_search.workspace import Workspace


async def run_search(
    workspace: Workspace, proposer: Proposer, reporter: Reporter, *, now: bool = False
) -> Finished:
    """Run, or go on with, the search of a workspace until its last iteration is decided.

    `now` ends the pause, or the sleep until a provider's limit has passed, that an earlier launch
    was in.
    """
    layout = workspace.layout
    key = api_key(workspace.settings.profile)
    gate = gate_of(workspace.settings.rules, workspace.settings.promotion.gate, layout.root)
    noise = noise_of(workspace)
    with locked(layout), closing(Ledger(layout.ledger)) as ledger:
        hold_to_identity(ledger, workspace.search_identity())
        check_sources(layout, ledger.iterations())
        close_interrupted(layout, ledger)
        async with at_work("run", workspace, reporter, now=now) as conduct:
            await wait_for_wake_up(layout, conduct, reporter, now=now)
            async with open_bench(workspace, ledger, Purpose.SEARCH, key, conduct) as bench:
                seen = drift(noise) if noise else ""
                auditor = Auditor(workspace)
                search = Search(workspace, ledger, bench, proposer, reporter, gate, auditor, seen)
                finished = await loop(search)
            await confirm_incumbent(workspace, ledger, reporter, conduct)
            reporter.tell(events.Finished(finished.reason))
        return finished


async def loop(search: Search) -> Finished:
    """Scan, choose, do. Restarting after any crash is starting here again."""
    finished: Finished | None = None
    while finished is None:
        await search.bench.conduct.checkpoint()
        search = search.granting_tries()
        step = next_step(scan(search))
        begin_phase(search, type(step).__name__.lower())
        try:
            finished = await execute(search, step)
        except LimitReachedError as limit:
            await wait_out(search, limit)
    begin_phase(search, "finished")
    return finished


def begin_phase(search: Search, phase: str) -> None:
    """Say what the loop turns to, on disk and to all who listen."""
    iteration = mirror(search.workspace, search.ledger, phase)
    search.reporter.tell(events.PhaseBegan(phase, iteration))


def scan(search: Search) -> Scan:
    """What the ledger says now."""
    history, settings = search.history(), search.workspace.settings
    iterations = history.iterations
    if not iterations or iterations[-1].decision is None:
        return Scan(iterations, len(jobs_left(search, history)))
    stop = stop_reason(standing(search, history), settings.search, settings.budget)
    return Scan(iterations, stop=stop, placebo=settings.search.is_placebo(len(iterations)))


async def execute(search: Search, step: Step) -> Finished | None:
    """Do one step. Each may be killed at any moment and is then done again."""
    match step:
        case Begin():
            record_baseline(search.workspace, search.ledger)
        case Propose(iteration):
            return await propose(search, iteration)
        case MakePlacebo(iteration):
            make_placebo(search, iteration)
        case Evaluate(iteration):
            await evaluate_iteration(search, iteration)
        case Decide(iteration):
            await update_frontier(search, iteration)
        case Finished():
            return step
    return None


# Propose: hold a session, audit what it touched, validate what it left.


async def propose(search: Search, iteration: int) -> Finished | None:
    """Open an iteration with the proposer's candidate, or record why there is none."""
    session = open_session(search, iteration)
    search.auditor.begin(iteration)
    answer = await answer_of(search, session)
    if isinstance(answer, NothingLeft) and not (await audited(search, session)).rejected:
        return Finished(f"iteration {iteration} was not started: {answer.reason}")
    name, mechanism = f"iteration_{iteration:03d}", stated_mechanism(session.claim_file)
    row = IterationRow(iteration, "", name, "", session.incumbent, mechanism, "", None, "")
    found = await examine(search, session, partial(_touched_test, search.workspace))
    if isinstance(found, Candidate):
        install(search, row, found)
    else:
        record(search, replace(row, decision=found.decision, reason=found.reason))
    return None


def open_session(search: Search, iteration: int) -> Session:
    """Prepare the folder that the proposer works on."""
    current = frontier_now(search.history())
    return prepare_session(search, iteration, current, _history_digest(search, current))


def _history_digest(search: Search, current: Frontier) -> str:
    """Frontier lineage, orphans worth restacking, what became of each claim; at most 12 kB."""
    return history_digest(current, search.ledger.iterations())


def _touched_test(workspace: Workspace, texts: dict[str, str]) -> str:
    """What in a candidate, claim or log shows a touch of the test split; empty when nothing."""
    return describe(find_touches_of_session(texts, marks_of(workspace)))


# Evaluate: the rollouts that the gate asks for, stage by stage.


async def evaluate_iteration(search: Search, iteration: int) -> None:
    """Run what the present stage of the open iteration still lacks."""
    history = search.history()
    row, jobs = history.iterations[iteration], jobs_left(search, history)
    stage = f" ({search.decided(history, row).stage})" if iteration else ""
    attempts, before = search.bench.limits.attempts, search.lost_before
    concurrency = search.workspace.settings.search.concurrency
    with search.reporter.watch(Tally(f"{row.name}{stage}", len(jobs))) as watch:
        frozen = freeze_all(jobs, search.bench.runtime)
        await run_missing(search.bench, frozen, concurrency, attempts, watch, before)
    await settle(search, iteration)


async def evaluate_harness(
    workspace: Workspace, bench: Bench, harness: Harness, reporter: Reporter, before: Lost
) -> list[RolloutRow]:
    """Benchmark a harness outside the gate: all tasks of the bench's split x trials. Finished
    rollouts are kept; lost ones are tried as often as if they had not been lost `before`."""
    attempts, concurrency = bench.limits.attempts, workspace.settings.search.concurrency
    jobs = plan(workspace, bench.purpose.task_split, freeze(harness, bench.runtime))
    left = missing(jobs, bench.ledger.rows(harness.digest), attempts, before)
    done = len(jobs) - len(left)
    secret = bench.purpose is Purpose.TEST
    with reporter.watch(Tally(harness.name, len(jobs), secret=secret, done=done)) as watch:
        await run_missing(bench, jobs, concurrency, attempts, watch, before)
    return bench.ledger.rows(harness.digest)


# Decide: both sides from raw rows, under the current weights.


async def update_frontier(search: Search, iteration: int) -> None:
    """Conclude an iteration: promoted, orphan, placebo, or inconclusive."""
    if await settle(search, iteration):
        return
    history = search.history()
    row = history.iterations[iteration]
    if iteration == 0:
        record(search, accept_baseline(search, row))
        return
    decision, rows = verdict_on(search, history, row), history.rows(row.harness)
    ran = search.auditor.ran(row, rows, decision.gain)
    theirs = history.incumbent_rows(row)
    delivered = search.auditor.deliverables(row.name, rows, row.incumbent, theirs)
    add_to_report(search.workspace.layout, iteration, ran, delivered)
    probed = None if delivered.rejected else await suspicion_of(search, history, row)
    warnings = kept_warnings(search.workspace.layout, iteration)
    remarked = replace(decision, remarks=(*decision.remarks, *warnings))
    decision = without_gaming(remarked, probed)
    closed = concluded(history, row, decision, delivered)
    workspace = search.workspace
    document = to_compact_json(decision_document(closed, decision, workspace.settings.gate))
    write_atomically(workspace.layout.decision(iteration), document, durable=False)
    record(search, closed)


def record(search: Search, row: IterationRow) -> None:
    """Close an iteration."""
    search.ledger.put_iteration(row)
    if row.number > 0 and row.decision is not None:
        closed = events.Decided(row.number, row.name, row.decision.value, row.reason)
        search.reporter.tell(closed)
        put_away(search, row)


# Measure outside the search: one harness on dev, or the held-out comparison.


async def measure(
    workspace: Workspace, split: Split, harnesses: list[Harness], reporter: Reporter
) -> Comparison:
    """Run what is missing of each harness on a split; opening the test split is logged."""
    layout, settings = workspace.layout, workspace.settings
    key = api_key(settings.profile)
    purpose = Purpose.of(split)
    with locked(layout), closing(Ledger(layout.ledger_of(purpose))) as ledger:
        hold_to_identity(ledger, workspace.rows_identity(split))
        opening = 0
        if split is Split.TEST:
            names = [harness.name for harness in harnesses]
            opening = log_opening(layout.test_openings, names, settings.search.profile)
        command = "test" if split is Split.TEST else "evaluate"
        async with (
            at_work(command, workspace, reporter) as conduct,
            open_bench(workspace, ledger, purpose, key, conduct) as bench,
        ):
            lost = ledger.lost()
            for harness in harnesses:
                run = partial(evaluate_harness, workspace, bench, harness, reporter, lost)
                await through_limits(run, conduct, reporter)
        return compare(workspace, split, harnesses, ledger.rows(), opening)


# The commands that are the loop's own; harness_search/commands holds the others.


def run(
    iterations: Annotated[int | None, typer.Option(help="Last iteration to run.")] = None,
    preset: options.Preset = None,
    waive_noise: options.WaiveNoise = False,
    profile: options.Profile = None,
    seed: options.Seed = None,
    trials: options.Trials = None,
    concurrency: options.Concurrency = None,
    budget_usd: options.BudgetUsd = None,
    allow_unpriced: options.AllowUnpriced = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    fresh: options.Fresh = False,
    now: options.Now = False,
    workspace: options.Workspace = Path(),
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Run the search, or go on with it: the same command resumes where it was stopped."""
    flags: dict[str, object] = {"profile": profile, "seed": seed, "trials": trials}
    flags |= {"concurrency": concurrency, "iterations": iterations, "preset": preset}
    flags |= {"budget_usd": budget_usd, "allow_unpriced": allow_unpriced}
    with ending_cleanly():
        end_with_configuration(
            workspace, flags, wanted=print_config, adopt=not fresh, json_wanted=json
        )
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox, adopt=not fresh)
        if opened.settings.search.iterations:
            require_shape(opened)
            require_noise(opened, waived=waive_noise, fresh=fresh)
            check_proposer(opened)
        if fresh:
            api_key(opened.settings.profile)  # what can go wrong goes wrong before this
            set_aside(opened.layout)
        console = console_for_people(json_wanted=json)
        proposer, reporter = make_proposer(opened), Reporter(console)
        finished = run_to_the_end(run_search(opened, proposer, reporter, now=now))
        show_frontier(opened, json_wanted=json)
        console.print(f"Finished: {finished.reason}.", highlight=False, soft_wrap=True)


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
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Benchmark one harness on the dev split; nothing is promoted."""
    flags: dict[str, object] = {"profile": profile, "seed": seed, "trials": trials}
    flags |= {
        "concurrency": concurrency,
        "budget_usd": budget_usd,
        "allow_unpriced": allow_unpriced,
    }
    with ending_cleanly():
        end_with_configuration(workspace, flags, wanted=print_config, json_wanted=json)
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox)
        reporter = Reporter(console_for_people(json_wanted=json))
        chosen = choose(opened, [harness])
        found = run_to_the_end(measure(opened, Split.DEV, chosen, reporter))
        show_comparison(found, json_wanted=json)


def test(
    harness: Annotated[str | None, typer.Argument(help="Default: the incumbent.")] = None,
    concurrency: options.Concurrency = None,
    budget_usd: options.BudgetUsd = None,
    allow_unpriced: options.AllowUnpriced = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    workspace: options.Workspace = Path(),
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Open the held-out test split: the baseline against one harness. Each opening is logged."""
    flags: dict[str, object] = {"concurrency": concurrency, "budget_usd": budget_usd}
    flags["allow_unpriced"] = allow_unpriced
    with ending_cleanly():
        end_with_configuration(workspace, flags, wanted=print_config, json_wanted=json)
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox)
        name = harness or frontier_on_disk(opened).incumbent or "baseline"
        reporter = Reporter(console_for_people(json_wanted=json))
        chosen = choose(opened, list(dict.fromkeys(["baseline", name])))
        found = run_to_the_end(measure(opened, Split.TEST, chosen, reporter))
        show_comparison(found, json_wanted=json)


if __name__ == "__main__":
    main()
