"""`meta-harness show`: one candidate, its claim beside what happened."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json
from harness_search.workspace import open_workspace

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness_search.ledger.spending import Spent
    from harness_search.reports.candidate import Run, Subject
    from harness_search.reports.claimed import TaskRow

WIDTH = 100
MOST_TASKS = 60
"""Rows of the table, those without any rollout left out."""
LONGEST = 2_000
"""Characters of a text that others have written."""
STYLES = {"fixed": "green", "broken": "red"}


def show(
    candidate: Annotated[
        str,
        typer.Argument(help="Name of a harness, number of an iteration, `incumbent`, `baseline`."),
    ],
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Show one candidate: its claim beside what happened, task by task, and what it cost."""
    with ending_cleanly():
        from harness_search.reports.candidate import subject_of

        subject = subject_of(open_workspace(workspace, {}, to_run=False), candidate)
        if json:
            print_json(subject.to_json())
            return
        from harness_search.reports.tables import console_for_people

        print_subject(console_for_people(json_wanted=False), subject)


def print_subject(console: "Console", subject: "Subject") -> None:
    """For people, in at most WIDTH columns."""
    from rich.text import Text

    from harness_search.visible import visible

    width = min(console.width, WIDTH)
    decided = f", {subject.decided}" if subject.iteration else ""
    title = f"Iteration {subject.iteration}: {subject.name}{decided}"
    model = " (simulated model)" if subject.simulated else ""
    console.print(Text(visible(title + model), style="bold"), width=width)
    for line in _decided(subject):
        console.print(Text(visible(line, LONGEST)), width=width)
    for table in (_claim_table(subject), _tasks_table(subject.tasks)):
        if table.row_count:
            console.print()
            console.print(table, width=width)
    console.print()
    for line in _afterwards(subject):
        console.print(Text(visible(line, LONGEST)), width=width)


def _decided(subject: "Subject") -> Iterator[str]:
    if subject.reason:
        yield subject.reason
    yield from subject.notes
    if subject.parent:
        yield (
            f"Copied from {subject.parent}, compared with {subject.incumbent}; mechanism "
            f"{subject.mechanism}."
        )
    if subject.gain is not None:
        yield from _difference(subject)
    if subject.score is not None:
        score = subject.score
        yield (
            f"Pooled {score.pooled:.1f}, all-pass {score.all_pass:.1f}, blended "
            f"{score.blended:.1f}, of {subject.measured_tasks} of {len(subject.tasks)} tasks."
        )
    if subject.unsafe:
        yield subject.unsafe


def _difference(subject: "Subject") -> Iterator[str]:
    from harness_search.reports.differences import intervals

    gain = subject.gain
    assert gain is not None  # asked by the caller
    stage = f" after {subject.stage}" if subject.stage else ""
    chance = ""
    if gain.chance is not None and gain.shrunken is not None:
        cautious = f"chance of any gain {gain.chance:.0%}, gain to expect {gain.shrunken:+.2f}"
        chance = f"; under a sceptical prior, unlike a chance in the reason: {cautious}"
    yield f"Difference{stage}: {gain.points:+.2f} blended points ({intervals(gain)}){chance}."


def _claim_table(subject: "Subject") -> "Table":
    """What was claimed, and what happened."""
    from rich.table import Table
    from rich.text import Text

    from harness_search.visible import visible

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column("what", no_wrap=True, style="bold")
    table.add_column("said", overflow="fold")
    for name, said in _claimed(subject):
        table.add_row(name, Text(visible(said, LONGEST)))
    return table


def _claimed(subject: "Subject") -> Iterator[tuple[str, str]]:
    from harness_search.reports.claimed import Change, Part, parts, tally, unnamed

    claim = subject.claim
    if claim is not None:
        yield "claim", claim.hypothesis
        yield "changes", claim.changes
        if claim.kind:
            yield "by its source", f"{claim.kind}{f' ({claim.added})' if claim.added else ''}"
        yield "to fix", tally(parts(subject.tasks, Part.FIX))
        yield "at risk", tally(parts(subject.tasks, Part.RISK))
        fixed, broken = (
            len(unnamed(subject.tasks, item)) for item in (Change.FIXED, Change.BROKEN)
        )
        yield "not named", f"{fixed} fixed, {broken} broken"
    for place, line in enumerate(subject.observed):
        yield "" if place else "happened", line


def _tasks_table(rows: "Sequence[TaskRow]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from harness_search.visible import one_line

    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("task", overflow="fold", min_width=20)
    table.add_column("claimed")
    for name in ("baseline", "incumbent", "candidate", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("change")
    measured = [row for row in rows if row.candidate is not None]
    for row in measured[:MOST_TASKS]:
        rates = [_rate(value) for value in (row.baseline, row.incumbent, row.candidate)]
        change = Text(row.change.value, style=STYLES.get(row.change.value, "dim"))
        table.add_row(Text(one_line(row.task)), row.part.value, *rates, _points(row), change)
    if (left := len(measured) - MOST_TASKS) > 0:
        table.add_row(f"{left:,} more, see --json")
    return table


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _points(row: "TaskRow") -> str:
    from harness_search.plots.values import signed

    if row.difference is None:
        return "-"
    error = f" ±{row.error:.1f}" if row.error is not None else ""
    return f"{signed(row.difference)}{error}"


def _afterwards(subject: "Subject") -> Iterator[str]:
    from harness_search.reports.tables import SIMULATED_NOTE

    yield (
        "Rates: criteria passed in percent. Difference: blended points, ± one standard error; its "
        "mean over all dev tasks is the difference above."
    )
    yield _rollouts(subject)
    if subject.audit is not None:
        yield f"Audit: {subject.audit.severity.value}."
        yield from (
            f"  {item.severity.value}: {item.rule}: {item.where}, {item.evidence}"
            for item in subject.audit.findings
        )
    if subject.probes.counts:
        counts = (f"{item.kind} {item.passed} of {item.asked}" for item in subject.probes.counts)
        yield f"Probes passed: {', '.join(counts)}."
    yield from map(_run, subject.session)
    yield from _source(subject)
    yield from (f"Cannot be read: {item}." for item in subject.damaged)
    if subject.simulated:
        yield SIMULATED_NOTE


def _rollouts(subject: "Subject") -> str:
    rollouts, parts = subject.rollouts, [f"{subject.rollouts.finished} finished"]
    if rollouts.lost:
        parts.append(f"{rollouts.lost} attempts lost")
    if rollouts.control:
        parts.append(f"{rollouts.control} of the incumbent beside them")
    return f"Rollouts: {', '.join(parts)}; paid {_paid(subject.spent)}."


def _run(run: "Run") -> str:
    from harness_search.ledger.spending import Spent

    row, result = run.row, run.row.result
    who = row.start.profile or row.start.model or "unknown"
    if result is None:
        return f"Session of {who}, attempt {row.attempt}: not ended."
    turns = f", {run.turns} turns by its own account" if run.turns else ""
    paid = _paid(Spent(result.paid, result.paid_usd))
    reason = f": {result.reason}" if result.reason else ""
    return f"Session of {who}, attempt {row.attempt}: {result.outcome}, {paid}{turns}{reason}."


def _source(subject: "Subject") -> Iterator[str]:
    from harness_search.plots.values import counted

    for source in (subject.parent_source, subject.source):
        if source is not None and source.remark:
            yield source.remark
    if subject.changed is not None:
        added = counted(subject.changed.added, "line")
        yield (
            f"Source: {added} added, {subject.changed.removed} removed "
            f"(meta-harness diff {subject.iteration})."
        )


def _paid(spent: "Spent") -> str:
    from harness_search.reports.money import shown_tokens, shown_usd

    tokens = shown_tokens(spent.usage.total)
    return f"{shown_usd(spent.usd)}, {tokens}" if spent.usd else tokens
