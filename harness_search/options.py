"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[Path, typer.Option("--workspace", "-w", help="Folder to work in.")]
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
UnsafeNoSandbox = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-sandbox",
        help="Run harness code without a sandbox; every result says so.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
