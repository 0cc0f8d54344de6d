"""`meta-harness gate`: what a gate does, before a search is trusted to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json
from harness_search.errors import InputError
from harness_search.promotion.rules import PRESETS, GateRules
from harness_search.promotion.simulation.assumptions import (
    ITERATIONS,
    RECALL,
    SEARCHES,
    TASKS,
    TRIALS,
)
from harness_search.settings import PromotionSettings
from harness_search.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from harness_search.promotion.simulation.project import Noise
    from harness_search.reports.gate_simulation import SimulatedGates

CONFIGURED = "configured"
"""The gate of the workspace's settings, beside the presets."""
LINE = "command line"
MOST_SEARCHES, MOST_ITERATIONS, MOST_TASKS, MOST_TRIALS = 20_000, 1_000, 200, 20
"""What can be asked for; beyond, memory and patience end first."""
MOST_USD = 1_000
"""Of one rollout."""

gate_commands = typer.Typer(help="Say what a gate does.", no_args_is_help=True)


@gate_commands.callback()
def _group() -> None:
    """Say what a gate does."""


@gate_commands.command("simulate")
def simulate(
    preset: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(PRESETS)}, {CONFIGURED}; may be repeated."),
    ] = None,
    searches: Annotated[int, typer.Option(help="Searches to simulate.")] = SEARCHES,
    iterations: Annotated[int, typer.Option(help="Of each search.")] = ITERATIONS,
    noise: Annotated[
        Literal["reference", "project"],
        typer.Option(help="Noise of the reference model, or of this project's A/A run."),
    ] = "reference",
    tasks: Annotated[int | None, typer.Option(help="Dev tasks (24 of the reference).")] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", "-k", help="Rollouts of each (3 of the reference)."),
    ] = None,
    recall: Annotated[
        float, typer.Option(help="Share of what is fixed that claims know.")
    ] = RECALL,
    seed: Annotated[int, typer.Option(help="Seed that everything is drawn with.")] = 0,
    usd_per_rollout: Annotated[
        float | None,
        typer.Option(help="Price of a rollout, judge included; else what the workspace has paid."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a picture, .png or .svg.")
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            envvar="META_HARNESS_WORKSPACE",
            help="Whose configured gate to simulate too.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Run thousands of searches in a model of noise: true gain, false promotions, rollouts, cost.

    It compares gates. It says nothing about any language model.
    """
    from harness_search.reports.gate_plot import check_picture, plot_gates

    wanted = _Wanted(searches, iterations, tasks, trials, recall, seed, usd_per_rollout)
    with ending_cleanly():
        wanted.check()
        names = _names(preset, with_configured=workspace is not None)
        if plot is not None:
            check_picture(plot)
        is_opened = noise == "project" or workspace is not None or CONFIGURED in names
        opened = open_workspace(workspace or Path(), {}, to_run=False) if is_opened else None
        found = _simulated(names, wanted, opened, in_project=noise == "project")
        if plot is not None:
            plot_gates(found, plot)
    _print(found, json_wanted=json)


def _print(found: "SimulatedGates", *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(found.to_json())
        return
    from harness_search.reports.gate_simulation import print_gates
    from harness_search.reports.tables import console_for_people

    print_gates(console_for_people(json_wanted=False), found)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line asks for; None where it leaves a number to the workspace."""

    searches: int
    iterations: int
    tasks: int | None
    trials: int | None
    recall: float
    seed: int
    usd_per_rollout: float | None

    def check(self) -> None:
        """Raises InputError for a number that cannot be simulated."""
        counts = {
            "searches": (self.searches, MOST_SEARCHES),
            "iterations": (self.iterations, MOST_ITERATIONS),
            "tasks": (self.tasks, MOST_TASKS),
            "trials": (self.trials, MOST_TRIALS),
        }
        for name, (value, most) in counts.items():
            if value is not None and not 1 <= value <= most:
                raise InputError(LINE, f"--{name}", value, f"1 to {most:,}")
        if not 0 <= self.recall <= 1:
            raise InputError(LINE, "--recall", self.recall, "a share from 0 to 1")
        if self.seed < 0:
            raise InputError(LINE, "--seed", self.seed, "at least 0")
        price = self.usd_per_rollout
        if price is not None and not 0 <= price <= MOST_USD:
            raise InputError(LINE, "--usd-per-rollout", price, f"0 to {MOST_USD:,}")


def _names(given: list[str] | None, *, with_configured: bool) -> list[str]:
    known = [*PRESETS, CONFIGURED]
    for name in given or ():
        if name not in known:
            raise InputError(LINE, "--preset", repr(name), f"one of: {', '.join(known)}")
    if given:
        return list(dict.fromkeys(given))
    return known if with_configured else list(PRESETS)


def _rules(name: str, trials: int, opened: Workspace | None) -> GateRules:
    """The numbers of a preset, or of the workspace's own gate, for so many trials."""
    if name != CONFIGURED or opened is None:
        return PromotionSettings.model_validate({"preset": name}).rules(trials)
    promotion = opened.settings.promotion
    if promotion.gate:
        raise InputError(
            opened.layout.settings,
            "promotion.gate",
            repr(promotion.gate),
            f"none for the preset {CONFIGURED!r}: a gate of one's own cannot be simulated",
        )
    return promotion.rules(trials)


def _simulated(
    names: list[str], wanted: _Wanted, opened: Workspace | None, *, in_project: bool
) -> "SimulatedGates":
    """Every gate over the same searches; raises InputError where the workspace does not suffice."""
    from harness_search.promotion.simulation.figures import Figures
    from harness_search.promotion.simulation.project import ProjectWorld
    from harness_search.promotion.simulation.reference import reference_world
    from harness_search.promotion.simulation.searches import SimulatedGate, simulate
    from harness_search.promotion.simulation.world import World
    from harness_search.reports.gate_simulation import SimulatedGates

    price = _price(wanted, opened)
    trials = wanted.trials or (opened.settings.search.trials if opened else TRIALS)
    gates = {name: SimulatedGate.of(_rules(name, trials, opened)) for name in names}
    world: World
    if opened is not None and in_project:
        world = ProjectWorld(_measured(opened, wanted.tasks), wanted.searches)
    else:
        world = reference_world(wanted.searches, wanted.tasks or TASKS, wanted.seed)
    noise_run = in_project or trials == 1  # single trials say nothing of noise: an A/A run has to
    figures = {
        name: Figures.of(
            simulate(
                gate, world, wanted.seed, wanted.iterations, wanted.recall, noise_run=noise_run
            )
        )
        for name, gate in gates.items()
    }
    return SimulatedGates(
        figures,
        "project" if in_project else "reference",
        wanted.searches,
        wanted.iterations,
        world.baseline.shape[1],
        trials,
        wanted.recall,
        wanted.seed,
        price,
    )


def _price(wanted: _Wanted, opened: Workspace | None) -> float | None:
    """USD of a rollout: as given, else as the workspace's search has paid; None if not known."""
    if wanted.usd_per_rollout is not None or opened is None:
        return wanted.usd_per_rollout
    from harness_search.experiments.rollout_cost import usd_per_rollout

    return usd_per_rollout(opened)


def _measured(opened: Workspace, tasks: int | None) -> "Noise":
    """The noise of the workspace's A/A run; raises InputError without one."""
    from harness_search.experiments.noise import noise_of
    from harness_search.promotion.simulation.project import Noise

    if tasks is not None:
        raise InputError(LINE, "--tasks", tasks, "none: a project's noise is of its dev tasks")
    if (report := noise_of(opened)) is None:
        raise InputError(
            opened.layout.root,
            "the A/A run",
            "none that is complete",
            "`meta-harness noise` first, or --noise reference",
        )
    return Noise([task.shrunken for task in report.tasks], [task.rate for task in report.tasks])
