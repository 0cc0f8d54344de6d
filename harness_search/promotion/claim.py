"""The claim that comes with every candidate: `pending_eval.json`, in the study's schema."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness_search.errors import InputError, invalid
from harness_search.files import is_regular

FEWEST_TASKS = 5
"""Fix and regression tasks that a claim needs when it names no replay (seed 004)."""
LARGEST_CLAIM = 64_000  # bytes
LONGEST_TEXT = 4_000  # characters
LONGEST_NAME = 200
MOST_TASKS = 1_000
OURS = ("observed", "kind", "added")
"""Fields that the scaffold writes; what a proposer puts there is dropped."""

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
TaskIds = Annotated[
    tuple[Annotated[str, Field(max_length=LONGEST_NAME)], ...], Field(max_length=MOST_TASKS)
]


class CandidateClaim(BaseModel):
    """What one candidate is said to do, before it is measured."""

    model_config = ConfigDict(extra="allow", defer_build=True, frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{2,60}$")
    """Name of the harness file, without `.py`."""
    hypothesis: Text
    changes: Text
    fix_tasks: TaskIds = ()
    regression_tasks: TaskIds = ()
    observed: str = ""
    """Written by the scaffold after the evaluation."""
    mechanism: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{2,60})?$")
    """Name of the mechanism; the candidate's own name when left out."""
    parent: str = Field(default="", max_length=LONGEST_NAME)
    """Name of the harness it was copied from; the incumbent when left out."""
    replay: str = Field(default="", max_length=LONGEST_NAME)
    """Name of a tried harness with the same mechanism, whose recorded causal replay stands in for
    the fix and regression tasks."""
    aim: Literal["score", "cost"] = "score"
    """What it is to improve. A mechanism that only saves tokens shows on no fix task."""
    kind: Literal["", "one mechanism", "mixed"] = ""
    """Written by the scaffold: whether the candidate's changes hang together."""
    added: str = ""
    """Written by the scaffold: what they are."""


class Claim(BaseModel):
    """The content of `pending_eval.json`."""

    model_config = ConfigDict(extra="allow", defer_build=True, frozen=True)

    iteration: int = Field(ge=1)
    candidates: tuple[CandidateClaim, ...] = Field(min_length=1, max_length=1)

    @property
    def candidate(self) -> CandidateClaim:
        """The one candidate; one iteration tests one mechanism."""
        return self.candidates[0]

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def read_claim(file: Path) -> Claim:
    """Read `pending_eval.json`; raises InputError naming the file and the field."""
    return _claim_of(file, _json_of(file))


def read_proposal(file: Path) -> Claim:
    """The same as a proposer left it, without what it wrote into fields that are the scaffold's."""
    return _claim_of(file, _without_ours(_json_of(file)))


def _json_of(file: Path) -> Any:
    if not is_regular(file):
        raise InputError(file, "", "no regular file", "the claim of this iteration")
    if (size := file.stat().st_size) > LARGEST_CLAIM:
        raise InputError(file, "size", f"{size} bytes", f"at most {LARGEST_CLAIM}")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(file, "", f"invalid JSON ({error})", "a JSON object") from error


def _claim_of(file: Path, raw: Any) -> Claim:
    try:
        claim = Claim.model_validate(raw)
        claim.to_json()  # unknown fields are kept, and have to be written again
    except ValidationError as error:
        raise invalid(file, error) from error
    except (ValueError, RecursionError) as error:
        raise InputError(file, "", f"unusable JSON ({error})", "plain text and shallow") from error
    return claim


def _without_ours(raw: Any) -> Any:
    """The claim as a proposer may write it, whatever it is."""
    candidates = raw.get("candidates") if isinstance(raw, dict) else None
    for candidate in candidates if isinstance(candidates, list) else []:
        for name in OURS if isinstance(candidate, dict) else ():
            candidate.pop(name, None)
    return raw


def stated_mechanism(file: Path) -> str:
    """The mechanism that a claim names, even when nothing else comes of it; empty without any."""
    try:
        candidate = read_proposal(file).candidate
    except InputError:
        return ""
    return candidate.mechanism or candidate.name


def is_reserved(name: str) -> bool:
    """Names that the scaffold uses itself: a branch of the lineage, iterations without harness."""
    return name in {"baseline", "incumbent"} or name.startswith(("iteration_", "placebo_"))


def check_claim(file: Path, claim: Claim, iteration: int, dev_tasks: set[str]) -> None:
    """Raise InputError unless the claim is about this iteration, known dev tasks and evidence."""
    if is_reserved(claim.candidate.name):
        found = repr(claim.candidate.name)
        raise InputError(file, "candidates.0.name", found, "a name that the scaffold does not use")
    if claim.iteration != iteration:
        raise InputError(file, "iteration", claim.iteration, f"{iteration}")
    _check_tasks(file, claim.candidate, dev_tasks)


def _check_tasks(file: Path, candidate: CandidateClaim, dev_tasks: set[str]) -> None:
    for field in ("fix_tasks", "regression_tasks"):
        tasks: tuple[str, ...] = getattr(candidate, field)
        for task in tasks:
            if task not in dev_tasks:
                raise InputError(file, f"candidates.0.{field}", repr(task), "ids of dev tasks")
        needed = min(FEWEST_TASKS, len(dev_tasks))
        if not candidate.replay and len(set(tasks)) < needed:
            raise InputError(
                file,
                f"candidates.0.{field}",
                f"{len(set(tasks))} tasks",
                f"at least {needed} different ones, or the name of a replay",
            )
    common = sorted(set(candidate.fix_tasks) & set(candidate.regression_tasks))
    if common and len(dev_tasks) >= 2 * FEWEST_TASKS:
        raise InputError(
            file,
            "candidates.0.regression_tasks",
            f"{common[0]!r}, which is a fix task too",
            "two lists without a task in common",
        )
