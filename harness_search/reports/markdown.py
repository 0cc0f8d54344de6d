"""A report as Markdown: the same figures as the page, as text and tables."""

from collections.abc import Iterable, Iterator, Sequence

from harness_search.analysis.failures import Change
from harness_search.ledger.frontier import UNKNOWN_INFLATION, GateRecord
from harness_search.plots.pairs import Pairs
from harness_search.plots.progress import Progress
from harness_search.plots.values import IntervalKind, Measured, counted, measured_text, signed
from harness_search.reports.document.audits import AuditRow
from harness_search.reports.document.costs import Costs
from harness_search.reports.document.criteria import Criteria, CriterionRow
from harness_search.reports.document.decisions import DecisionRow
from harness_search.reports.document.failures import Failures
from harness_search.reports.document.headline import Headline
from harness_search.reports.document.report import Report
from harness_search.reports.document.result import Result
from harness_search.reports.document.steadiness import Steadiness
from harness_search.reports.document.tasks import TaskTable
from harness_search.reports.markdown_text import (
    bullets,
    heading,
    numbered,
    plain,
    prose,
    table,
    whole,
)

TITLE = "Meta-Harness report"
NOTHING = "\N{EN DASH}"
NOISE, ELSEWHERE = IntervalKind.TRIAL_NOISE, IntervalKind.OTHER_TASKS


def markdown(report: Report) -> str:
    """The whole report; a section without anything to say is left out."""
    simulated = " (SIMULATED: not a language model)" if report.simulated else ""
    return whole(
        (
            heading(f"{TITLE}: {report.workspace}{simulated}", 1),
            prose(f"{report.state} Made {report.made_at}."),
            *_headline(report.headline),
            *_listed("What to try next", numbered(report.advice)),
            *_listed("Terms", bullets(_terms(report))),
            *_listed("Decisions", _decisions(report.decisions)),
            bullets(_gate(report.gate)),
            *_listed("Scores by iteration", _progress(report.progress)),
            *_listed("Tasks", _tasks(report.tasks)),
            *_listed(report.areas.title, _pairs(report.areas)),
            *_listed(report.work_types.title, _pairs(report.work_types)),
            *_costs(report.costs),
            *_steadiness(report.steadiness),
            *_failures(report.failures),
            *_listed("Audits", _audits(report.audits)),
            *_criteria(report.criteria),
        )
    )


def _listed(name: str, content: str) -> tuple[str, ...]:
    return (heading(name), content) if content else ()


def _headline(headline: Headline) -> Iterator[str]:
    yield heading("What the search gained")
    yield bullets(
        [
            *_result("On dev", headline.confirmation),
            *(_result("On the held-out split", headline.held_out) if headline.held_out else ()),
            f"The held-out split was opened {counted(headline.openings, 'time')}.",
            *((headline.held_out_missing,) if headline.held_out_missing else ()),
            *headline.caveats,
        ]
    )


def _result(where: str, result: Result) -> Iterator[str]:
    yield f"{where}: {result.sentence}"
    if result.gain is not None:
        yield (
            f"{where}: {difference_text(result.gain)} blended points above the baseline; pooled "
            f"pass rate {measured_text(result.before)} before, {measured_text(result.after)} "
            f"after. {NOISE.sentence}"
        )
    if result.elsewhere is not None:
        yield (
            f"{where}: {difference_text(result.elsewhere)} blended points with the 95 % interval "
            f"{ELSEWHERE}."
        )


def _terms(report: Report) -> Iterator[str]:
    weights = report.weights
    yield f"Frozen model: {report.profile}; judge: {report.judge}."
    yield (
        f"Blended score: pooled pass rate + {weights.all_pass:g} x all-pass rate - "
        f"{weights.cost:g} x million tokens a rollout, in points."
    )
    if report.decisions:
        yield "P(gain > 0) is under a sceptical prior, unlike a chance in a reason."
    if report.sandboxes:
        each = ", ".join(f"{count:,} {name}" for name, count in report.sandboxes.items())
        yield f"Rollouts by what they ran in: {each}."


def _decisions(rows: Iterable[DecisionRow]) -> str:
    cells = [
        (
            str(row.iteration), row.name, row.claim, row.decision.value if row.decision else "open",
            row.stage, _compared(row), _number(row.chance, 2),
            f"{row.rollouts} + {row.incumbent_rollouts}", f"{row.usd:.2f}",
            " ".join((row.reason, *row.notes)),
        )
        for row in rows
    ]  # fmt: skip
    names = (
        "#:", "candidate", "claim", "decision", "stage", "difference (95 %):", "P(gain > 0):",
        "rollouts (its own + the incumbent's):", "USD:", "reason",
    )  # fmt: skip
    return _measured(names, cells, NOISE) or "No candidate has been proposed yet."


def _compared(row: DecisionRow) -> str:
    on = f" on {counted(row.tasks, 'task')}" if row.difference else ""
    return difference_text(row.difference) + on


def _gate(gate: GateRecord | None) -> Iterator[str]:
    if gate is None:
        return
    yield f"Gate {gate.name}: {counted(gate.promotions, 'promotion')}."
    if gate.false_promotions is not None:
        yield f"Promotions expected to be without any gain: {gate.false_promotions:.2f}."
    if gate.inflation is None:
        yield f"Points that selection has added: {UNKNOWN_INFLATION}."
    else:
        yield f"Points that selection is estimated to have added: {gate.inflation:.1f}."
    if gate.placebos:
        yield f"Placebos that would have been promoted: {gate.placebos_passed} of {gate.placebos}."
    if gate.recall is not None:
        yield f"Claims named {gate.recall:.0%} of the tasks that their mechanisms fixed."


def _progress(progress: Progress) -> str:
    rows = [
        (str(one.number), one.decision.value, measured_text(one.blended), measured_text(one.pooled))
        for one in progress.iterations
    ]
    names = ("iteration:", "decision", "blended score (points):", "pooled pass rate (%):")
    return _measured(names, rows, NOISE)


def _tasks(tasks: TaskTable) -> str:
    rows = [
        (
            row.task, row.work_type, str(row.criteria), _number(row.baseline, 1),
            _number(row.final, 1), difference_text(row.difference),
        )
        for row in tasks.rows
    ]  # fmt: skip
    names = ("task", "work type", "criteria:", "baseline (%):", "final (%):", "difference (95 %):")
    return _measured(names, rows, NOISE)


def _pairs(shown: Pairs) -> str:
    rows = [
        (
            pair.name, NOTHING if pair.size is None else f"{pair.size:,}",
            measured_text(pair.before), measured_text(pair.after),
        )
        for pair in shown.pairs
    ]  # fmt: skip
    names = (shown.unit, "size:", f"{plain(shown.before)}:", f"{plain(shown.after)}:")
    return _measured(names, rows, shown.intervals)


def _costs(costs: Costs) -> Iterator[str]:
    yield heading("Cost")
    paid = f"{costs.usd:,.2f} USD" if costs.priced else "an unknown sum"
    yield bullets([f"Paid: {paid}, {costs.tokens:,} tokens.", costs.forecast, *costs.notes])
    rows = [
        (
            bill.role, _number(bill.usd, 2), f"{bill.usage.total:,}", _number(bill.cached_usd, 2),
            _number(bill.replayed_usd, 2),
        )
        for bill in costs.roles
    ]  # fmt: skip
    rows += [
        (bill.name, f"{bill.usd:.2f}", f"{bill.usage.total:,}", NOTHING, NOTHING)
        for bill in costs.apart
    ]
    names = ("role", "USD:", "tokens:", "saved by caches (USD):", "saved by replays (USD):")
    yield table(names, rows) if rows else ""


def _steadiness(found: Steadiness) -> Iterator[str]:
    yield heading("Noise and coverage")
    yield bullets(found.sentences)
    rows = [
        (str(row.iteration), row.harness, f"{row.finished} of {row.planned}", str(row.lost))
        for row in found.coverage
    ]
    yield table(("#:", "harness", "rollouts finished:", "attempts lost:"), rows) if rows else ""


def _failures(failures: Failures) -> Iterator[str]:
    yield heading("Why criteria failed, and what rollouts did")
    yield prose(failures.sentence)
    analysis = failures.analysis
    if analysis is None:
        return
    before, after = plain(analysis.baseline.harness), plain(analysis.final.harness)
    classes = [
        (item.name, str(item.baseline), str(item.final), _changed(item.per_rollout, 2))
        for item in analysis.classes
    ]
    names = ("failed criteria", f"{before}:", f"{after}:", "per rollout (95 %):")
    yield _measured(names, classes, ELSEWHERE)
    figures = {
        "turns": analysis.turns,
        "words delivered": analysis.words,
        "documents looked into (share)": analysis.coverage,
        **{f"{kind.value} actions": change for kind, change in analysis.actions.items()},
    }
    rows = [(name, *_before_and_after(change)) for name, change in figures.items()]
    names = ("per rollout", f"{before}:", f"{after}:", "difference (95 %):")
    yield _measured(names, rows, ELSEWHERE)
    ends = [(item.ending.value, str(item.baseline), str(item.final)) for item in failures.endings]
    yield table(("ending", f"{before}:", f"{after}:"), ends)


def _before_and_after(change: Change | None) -> tuple[str, str, str]:
    if change is None:
        return NOTHING, NOTHING, NOTHING
    return f"{change.baseline:.2f}", f"{change.final:.2f}", _changed(change, 2)


def _changed(change: Change | None, digits: int) -> str:
    if change is None:
        return NOTHING
    low, high = change.interval or (None, None)
    return difference_text(Measured(change.difference, low, high), digits)


def _audits(rows: Iterable[AuditRow]) -> str:
    said = [
        f"Iteration {row.iteration}, {row.name}, {row.verdict}: {kind} {line}"
        for row in rows
        for kind, lines in (("rejection:", row.rejections), ("warning:", row.warnings))
        for line in lines
    ]
    quiet = sum(not (row.rejections or row.warnings) for row in rows)
    return bullets([*said, f"{counted(quiet, 'audit')} without a warning."], shown=plain)


def _criteria(criteria: Criteria) -> Iterator[str]:
    yield heading("Criteria")
    if criteria.sentence:
        yield plain(criteria.sentence)
        return
    yield bullets(f"{habit.value}: {count:,}" for habit, count in criteria.counts.items())
    kinds = (
        ("Coin-flip", criteria.coin_flips, criteria.more_coin_flips),
        ("Always-fail", criteria.always_fail, criteria.more_always_fail),
    )
    for name, rows, more in kinds:
        if rows:
            yield heading(name, 3)
            yield _criterion_table(rows)
            yield f"And {more:,} more." if more else ""


def _criterion_table(rows: Iterable[CriterionRow]) -> str:
    cells = (
        (
            f"{row.criterion} {row.title}", row.task, f"{row.passed} of {row.rollouts}",
            NOTHING if row.disagreement is None else f"{row.disagreement:.0%}",
        )
        for row in rows
    )  # fmt: skip
    return table(("criterion", "task", "passed:", "disagreement:"), cells)


def _measured(names: Sequence[str], rows: Sequence[Sequence[str]], kind: IntervalKind) -> str:
    """A table with what its intervals are of; empty without a row."""
    return f"{prose(kind.sentence)}\n\n{table(names, rows)}" if rows else ""


def difference_text(measured: Measured | None, digits: int = 1) -> str:
    """'+2.4 (+0.1 to +4.7)'."""
    if measured is None:
        return NOTHING
    if measured.low is None or measured.high is None:
        return f"{signed(measured.value, digits)} (no interval)"
    ends = (signed(end, digits) for end in (measured.low, measured.high))
    return f"{signed(measured.value, digits)} ({' to '.join(ends)})"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"
