"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[
    Path,
    typer.Option("--workspace", "-w", envvar="META_HARNESS_WORKSPACE", help="Folder to work in."),
]
Profile = Annotated[str | None, typer.Option(help="Model profile of meta_harness.toml.")]
Seed = Annotated[int | None, typer.Option(help="Seed of the search.")]
Trials = Annotated[int | None, typer.Option("--trials", "-k", help="Rollouts per task.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", "-n", help="At once.")]
BudgetUsd = Annotated[
    float | None, typer.Option(help="USD that the whole search may spend; it stops before.")
]
AllowUnpriced = Annotated[
    bool | None,
    typer.Option("--allow-unpriced", help="Start although the model's price is unknown."),
]
Preset = Annotated[
    str | None, typer.Option(help="Gate: standard, seed, economy, strict or explore.")
]
WaiveNoise = Annotated[
    bool,
    typer.Option("--waive-noise", help="Search a real model without an A/A run first."),
]
UnsafeNoSandbox = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-sandbox",
        help="Run harness code without a sandbox; every result says so.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Set an old search aside first.")]
Now = Annotated[
    bool, typer.Option("--now", help="End the pause or the wait that the search was left in.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PrintConfig = Annotated[
    bool,
    typer.Option(
        "--print-config", help="Print the settings it would work with, and start nothing."
    ),
]
