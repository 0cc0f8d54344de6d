"""The claim that comes with every candidate: `pending_eval.json`, in the study's schema."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness_search.errors import InputError, invalid
from harness_search.files import is_regular

FEWEST_TASKS = 5
"""Fix and regression tasks that a claim needs when it names no replay (seed 004)."""


class CandidateClaim(BaseModel):
    """What one candidate is said to do, before it is measured."""

    model_config = ConfigDict(extra="allow", defer_build=True, frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{2,60}$")
    """Name of the harness file, without `.py`."""
    hypothesis: str = Field(min_length=1)
    changes: str = Field(min_length=1)
    fix_tasks: tuple[str, ...] = ()
    regression_tasks: tuple[str, ...] = ()
    observed: str = ""
    """Written by the scaffold after the evaluation."""
    mechanism: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{2,60})?$")
    """Name of the mechanism; the candidate's own name when left out."""
    parent: str = ""
    """Name of the harness it was copied from; the incumbent when left out."""
    replay: str = ""
    """Name of a causal replay that stands in for the fix and regression tasks."""


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
    if not is_regular(file):
        raise InputError(file, "", "no regular file", "the claim of this iteration")
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(file, "", f"invalid JSON ({error})", "a JSON object") from error
    try:
        claim = Claim.model_validate(raw)
        claim.to_json()  # unknown fields are kept, and have to be written again
    except ValidationError as error:
        raise invalid(file, error) from error
    except (ValueError, RecursionError) as error:
        raise InputError(file, "", f"unusable JSON ({error})", "plain text and shallow") from error
    return claim


def stated_mechanism(file: Path) -> str:
    """The mechanism that a claim names, even when nothing else comes of it; empty without any."""
    try:
        candidate = read_claim(file).candidate
    except InputError:
        return ""
    return candidate.mechanism or candidate.name


def is_reserved(name: str) -> bool:
    """Names that the scaffold uses itself: a branch of the lineage, iterations without harness."""
    return name in {"baseline", "incumbent"} or name.startswith("iteration_")


def check_claim(file: Path, claim: Claim, iteration: int, dev_tasks: set[str]) -> None:
    """Raise InputError unless the claim is about this iteration, known dev tasks and evidence."""
    if is_reserved(claim.candidate.name):
        found = repr(claim.candidate.name)
        raise InputError(file, "candidates.0.name", found, "a name that the scaffold does not use")
    if claim.iteration != iteration:
        raise InputError(file, "iteration", claim.iteration, f"{iteration}")
    candidate = claim.candidate
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
