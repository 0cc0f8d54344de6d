"""`meta-harness noise`: the A/A run."""

from pathlib import Path

from harness_search import options
from harness_search.commands.configuration import end_with_configuration
from harness_search.commands.opening import open_to_run
from harness_search.commands.shared import ending_cleanly, print_json, run_to_the_end
from harness_search.endpoints import api_key
from harness_search.experiments.noise import run_noise
from harness_search.reports.noise import print_noise
from harness_search.reports.progress import Reporter
from harness_search.reports.tables import console_for_people
from harness_search.search import set_aside


def noise(
    profile: options.Profile = None,
    seed: options.Seed = None,
    trials: options.Trials = None,
    preset: options.Preset = None,
    concurrency: options.Concurrency = None,
    budget_usd: options.BudgetUsd = None,
    allow_unpriced: options.AllowUnpriced = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    fresh: options.Fresh = False,
    workspace: options.Workspace = Path(),
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Measure the noise before a search: the baseline twice. The search counts its rollouts."""
    flags: dict[str, object] = {"profile": profile, "seed": seed, "trials": trials}
    flags |= {"concurrency": concurrency, "preset": preset}
    flags |= {"budget_usd": budget_usd, "allow_unpriced": allow_unpriced}
    with ending_cleanly():
        end_with_configuration(
            workspace, flags, wanted=print_config, adopt=not fresh, json_wanted=json
        )
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox, adopt=not fresh)
        if fresh:
            api_key(opened.settings.profile)  # what can go wrong goes wrong before this
            set_aside(opened.layout)
        console = console_for_people(json_wanted=json)
        report = run_to_the_end(
            run_noise(opened, Reporter(console), with_preset=preset is not None)
        )
        if json:
            print_json(report.to_json())
        else:
            print_noise(console, report)
