"""An opened workspace: configuration, tasks and splits, all checked before anything starts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness_search.benchmark.splits import Splits, check_digests, named_tasks, read_splits
from harness_search.benchmark.tasks import Task, read_named
from harness_search.configuration.reading import Configuration, read_configuration
from harness_search.endpoints import api_key
from harness_search.errors import InputError
from harness_search.files import digest_bytes, digest_text
from harness_search.gateway.prices import Price, known_price, price_of, read_prices
from harness_search.judging.choice import (
    CHECKS,
    judge_name,
    judge_price,
    judge_profile,
    judge_version,
)
from harness_search.layout import Layout
from harness_search.ledger.rows import Split
from harness_search.ledger.store import has_begun, read_identity
from harness_search.rollouts.jobs import Harness
from harness_search.sandbox.choice import AUTO, BWRAP, LANDLOCK, choose
from harness_search.settings import Settings

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Workspace:
    """Everything about a workspace that does not change while a command runs."""

    layout: Layout
    settings: Settings
    splits: Splits
    digests: dict[str, str]
    """Digest of every task in a split, by id; empty when nothing is to be run."""
    price: Price | None = None
    """What the model's tokens cost in this search, whatever the table says later; None when that
    is unknown, and allowed to be."""
    sandbox: str = ""
    """What harness code is run in; empty when nothing is to be run."""
    notes: tuple[str, ...] = ()
    """What a person should know of the configuration before anything is run."""

    def tasks(self, split: Split) -> tuple[Task, ...]:
        return self.splits.dev if split is Split.DEV else self.splits.test

    def criteria(self, split: Split) -> dict[str, int]:
        """Number of criteria by task id."""
        return {task.id: len(task.criteria) for task in self.tasks(split)}

    @property
    def judge_version(self) -> str:
        """Of the judge that the settings name; stored with every row."""
        return judge_version(self.settings)

    @property
    def baseline(self) -> Harness:
        return harness_at(self.layout.baseline, "baseline")

    def harness(self, name: str) -> Harness:
        """A harness by name, or by the path of a file anywhere; raises InputError."""
        if re.fullmatch(r"\w+", name) and self.layout.candidate(name).is_file():
            return harness_at(self.layout.candidate(name), name)
        file = Path(name)
        if file.suffix != ".py" or not file.is_file():
            names = ", ".join(sorted(path.stem for path in self.layout.harnesses.glob("*.py")))
            raise InputError("command line", "HARNESS", repr(name), f"a file or one of: {names}")
        return harness_at(file, re.sub(r"\W", "_", file.stem)[:60])

    def measured_alone(self, harness: Harness, searched: set[str]) -> Harness:
        """The harness under a name for its evidence that no other version of it shares.

        Harnesses of the search keep theirs, `searched` holds the digests of those; so does a
        baseline before its search, whose evidence proposers will look for under that name.
        """
        if harness.digest in searched or harness.name == "baseline":
            return harness
        return replace(harness, name=f"{harness.name}-{harness.digest[:8]}")

    def rows_identity(self, split: Split) -> dict[str, str]:
        """What rows of one ledger must share to be comparable."""
        search, profile = self.settings.search, self.settings.profile
        tasks = [f"{task.id} {self.digests[task.id]}" for task in self.tasks(split)]
        return {
            "seed": str(search.seed),
            "profile": search.profile,
            "model": profile.model,
            "price": self.price.model_dump_json() if self.price else UNKNOWN,
            "judge": self.judge_version,
            "time limit": f"{self.settings.limits.seconds:g} s",
            "sandbox": self.sandbox,
            f"{split} split": digest_text(*tasks)[:16],
        }

    def baseline_identity(self) -> dict[str, str]:
        """What a search and the A/A run before it share: that run is there to choose a preset by,
        and no proposer has a part in it."""
        return {
            **self.rows_identity(Split.DEV),
            "trials": str(self.settings.search.trials),
            "baseline": self.baseline.digest[:16],
        }

    def search_identity(self) -> dict[str, str]:
        """What makes a search the same search; the ledger holds it to this."""
        return {
            **self.baseline_identity(),
            "preset": self.settings.promotion.preset,
            "proposer": self.settings.search.proposer,
        }


def harness_at(file: Path, name: str) -> Harness:
    """A harness file with its digest; raises InputError when it is not there."""
    if not file.is_file():
        raise InputError(file, "", "no such file", "a harness file with `solve(task, model)`")
    return Harness(name, file.resolve(), digest_bytes([file.read_bytes()]))


def open_workspace(
    root: Path, flags: dict[str, Any], *, adopt: bool = True, to_run: bool = True
) -> Workspace:
    """Read and check everything; raises InputError before anything is started.

    A search that was begun keeps its seed, profile, trials and preset; with `adopt`, flags that
    were not given are taken from it. Commands that only look leave `to_run` off: they need neither
    checks nor digests of tasks.
    """
    layout = Layout(root.resolve())
    configuration = configuration_of(layout, flags, adopt=adopt)
    settings, notes = configuration.settings, configuration.unused
    folder = layout.root / settings.benchmark.tasks
    named = named_tasks(layout.dev_split, layout.test_split)
    tasks = read_named(folder, named, with_documents=to_run)
    splits = read_splits(tasks, layout.dev_split, layout.test_split)
    if not to_run:
        return Workspace(layout, settings, splits, {}, notes=notes)
    chosen = (*splits.dev, *splits.test)
    _require_judge(layout, settings, chosen)
    price = _price(layout, settings, adopt=adopt)
    digests = check_digests(chosen, layout.task_digests)
    return Workspace(layout, settings, splits, digests, price, notes=notes)


def configuration_of(layout: Layout, flags: dict[str, Any], *, adopt: bool = True) -> Configuration:
    """The settings of a command in a workspace; with `adopt`, a search that was begun keeps its
    own. Touches nothing. Raises InputError."""
    started = _flags_of_search(layout) if adopt else {}
    return read_configuration(layout.settings, flags, started)


def _require_judge(layout: Layout, settings: Settings, tasks: Iterable[Task]) -> None:
    """Raise InputError for tasks that the judge cannot grade, or a judge that cannot be paid."""
    name = judge_name(settings)
    if name != CHECKS:
        for asked in filter(None, (name, settings.judge.second)):
            judge_price(layout, settings, asked)
            api_key(judge_profile(settings, asked), asked)
        return
    from harness_search.judging.deterministic import require_checks

    for task in tasks:
        require_checks(task)


def prove_sandbox(workspace: Workspace, *, unsafe: bool = False, adopt: bool = True) -> Workspace:
    """The same workspace, with a sandbox that was just run; a search keeps the one it began with.

    Raises InputError when what is configured does not work here, or is weaker than before.
    """
    wanted: str = workspace.settings.sandbox.backend
    layout = workspace.layout
    begun = adopt and has_begun(layout.ledger)
    known = read_identity(layout.ledger).get("sandbox") if begun else None
    if wanted == AUTO and known in {BWRAP, LANDLOCK}:
        wanted = known
    return replace(workspace, sandbox=choose(wanted, unsafe=unsafe, file=layout.settings))


def _price(layout: Layout, settings: Settings, *, adopt: bool) -> Price | None:
    """The price that the search was started with, else the profile's or the table's.

    Raises InputError for an unknown price that is not allowed, or that a budget in USD needs.
    """
    started = adopt and has_begun(layout.ledger)
    frozen = read_identity(layout.ledger).get("price") if started else None
    if frozen is not None and frozen != UNKNOWN:
        return Price.model_validate_json(frozen)
    profile, table = settings.profile, read_prices(layout.prices) if frozen is None else {}
    allowed = settings.budget.allow_unpriced or frozen is not None
    name, budget = settings.search.profile, settings.budget
    price_of(name, profile, table, allow_unpriced=allowed, budget=budget)
    return known_price(profile, table) if frozen is None else None


def _flags_of_search(layout: Layout) -> dict[str, Any]:
    """Seed, profile, trials and gate of the search in this workspace; empty before its start."""
    if not has_begun(layout.ledger):
        return {}
    identity = read_identity(layout.ledger)
    kinds: dict[str, type] = {"seed": int, "profile": str, "trials": int, "preset": str}
    return {name: kind(identity[name]) for name, kind in kinds.items() if name in identity}
