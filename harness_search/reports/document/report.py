"""The report of a search: one value that every page, file and document is made of."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from fractions import Fraction
from typing import Any

from harness_search.judging.choice import judge_name
from harness_search.ledger.frontier import GateRecord
from harness_search.ledger.scores import Weights
from harness_search.plots.gains import Gains
from harness_search.plots.lineage import Lineage
from harness_search.plots.pairs import Pairs
from harness_search.plots.pareto import Pareto
from harness_search.plots.progress import Progress
from harness_search.reports.document.advice import advice_of
from harness_search.reports.document.audits import AuditRow, audits_of
from harness_search.reports.document.costs import Costs, costs_of
from harness_search.reports.document.criteria import Criteria, criteria_of
from harness_search.reports.document.decisions import DecisionRow, decisions_of
from harness_search.reports.document.failures import Failures, failures_of
from harness_search.reports.document.groups import areas_of, work_types_of
from harness_search.reports.document.headline import Headline, headline_of
from harness_search.reports.document.iterations import gains_of, lineage_of, pareto_of, progress_of
from harness_search.reports.document.material import Material
from harness_search.reports.document.steadiness import Steadiness, steadiness_of
from harness_search.reports.document.tasks import TaskTable, tasks_of
from harness_search.reports.states import State
from harness_search.reports.status import Status

DIGITS = 6
"""Of numbers in the JSON document, behind the point."""


@dataclass(frozen=True, slots=True)
class Report:
    """A search as people look at it. What is missing is None, empty or a sentence, never an error.

    Scores, rates and differences are in points (0 to 100), chances from 0 to 1, money in USD.
    """

    workspace: str
    """Name of its folder."""
    made_at: str
    """UTC, ISO 8601."""
    simulated: bool
    state: str
    """One sentence: where the search stands."""
    profile: str
    """Of the frozen model, with the model's name."""
    judge: str
    """With its version, once something was judged by it."""
    weights: Weights
    sandboxes: Mapping[str, int]
    """Rollouts of the search by what they ran in."""
    headline: Headline
    advice: tuple[str, ...]
    """What to try next, a sentence each, with the command to type."""
    progress: Progress
    gains: Gains
    pareto: Pareto
    lineage: Lineage
    gate: GateRecord | None
    """None before the first candidate is decided."""
    decisions: tuple[DecisionRow, ...]
    """Of every iteration but the baseline's, the open one included."""
    audits: tuple[AuditRow, ...]
    tasks: TaskTable
    areas: Pairs
    work_types: Pairs
    costs: Costs
    steadiness: Steadiness
    failures: Failures
    criteria: Criteria

    def to_json(self) -> dict[str, Any]:
        """The document of `report --format json`.

        Its keys are the names of the fields, from here down through every value of the sections.
        Numbers are rounded to DIGITS places; what is not known is null, and what is no finite
        number is null too. A measured value is `{"value", "low", "high"}`, the latter two being
        the ends of its 95 % interval. Decisions, outcomes and habits are their names. What has a
        `to_json` of its own, such as `gate` and `failures.analysis`, is what that says.
        """
        return {
            field.name: as_json(getattr(self, field.name)) for field in dataclasses.fields(self)
        }


def make_report(material: Material) -> Report:
    """The whole report of what was read."""
    workspace, status = material.workspace, material.status
    criteria = criteria_of(material)
    return Report(
        workspace=workspace.layout.root.name,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        simulated=material.simulated,
        state=state_sentence(status),
        profile=f"{workspace.settings.search.profile} ({workspace.settings.profile.model})",
        judge=_judge(material),
        weights=workspace.settings.weights,
        sandboxes=material.frontier.sandboxes,
        headline=headline_of(material),
        advice=advice_of(material, criteria),
        progress=progress_of(material),
        gains=gains_of(material),
        pareto=pareto_of(material),
        lineage=lineage_of(material),
        gate=material.frontier.gate,
        decisions=decisions_of(material),
        audits=audits_of(material),
        tasks=tasks_of(material),
        areas=areas_of(material),
        work_types=work_types_of(material),
        costs=costs_of(material),
        steadiness=steadiness_of(material),
        failures=failures_of(material),
        criteria=criteria,
    )


def state_sentence(status: Status) -> str:
    """Where a search stands, without the time of day: a report is read later."""
    if status.state is State.NOT_STARTED:
        return "The search has not started."
    if status.state is State.FINISHED and status.reason:
        return f"Finished: {status.reason.rstrip('.')}."
    phase = f", {status.phase}" if status.phase and status.state is not State.FINISHED else ""
    opened = status.open_harness
    rollouts = f"; {opened} has {status.done:,} of {status.planned:,} rollouts" if opened else ""
    words = status.state.words
    where = f"iteration {status.iteration} of {status.target}"
    return f"{words[:1].upper()}{words[1:]}: {where}{phase}{rollouts}."


def _judge(material: Material) -> str:
    name = judge_name(material.workspace.settings)
    version = material.ledger.identity().get("judge")
    return f"{name} ({version})" if version else name


def as_json(value: Any) -> Any:
    """A value of a report as plain JSON: objects by the names of their fields. Raises TypeError for
    what is no value of a report."""
    if isinstance(value, Enum):
        return as_json(value.value)
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float | Fraction):
        return round(float(value), DIGITS) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): as_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    return _object(value)


def _object(value: Any) -> dict[str, Any]:
    if hasattr(value, "to_json"):
        return {name: as_json(item) for name, item in value.to_json().items()}
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"found {type(value).__name__}, expected a value of a report")
    names = [field.name for field in dataclasses.fields(value)]
    return {name: as_json(getattr(value, name)) for name in names}


def _key(key: Any) -> str:
    return str(key.value if isinstance(key, Enum) else key)
