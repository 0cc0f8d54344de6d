"""Calibrates the simulated world: what its models score, and what each mechanism does in it.

Run from the repository root: `.venv/bin/python benchmarks/world.py`; with all it takes about an
hour. `--quick` measures a little of everything, `--no-effects` leaves out the mechanisms one by
one, `--write docs/simulated-world.md` puts the figures into the page. The benchmarks are generated
anew from their seeds. The figures describe this toy world and say nothing about a real model.

Nearly all rollouts run directly, without sandbox and gateway (`world_rollouts.py`). Each harness
draws its own noise, as two runs of a real model would, so effects are differences of independent
means; their intervals are those of trial noise on these very tasks.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sandbox import machine, write
from world_figures import Sample, mean_effect, spread
from world_harnesses import (
    BASELINE,
    BEST,
    Role,
    Shelf,
    main_harnesses,
    open_shelf,
    varied_harnesses,
)
from world_rollouts import Rollouts
from world_sampling import Amounts, Sampler, Site, built_site, met_by_the_baseline
from world_search import measured_rate
from world_tables import (
    effects_alone,
    effects_table,
    failures_table,
    gains,
    scores_table,
    spreads_table,
    stacked_table,
    transfer_table,
)

from harness_search.simulated.personas import PERSONAS, persona_of

ENOUGH = 1.5
"""Points that a helpful mechanism is to bring."""
Found = Mapping[str, Mapping[int, Sample]]


def blocks(found: Found, sites: Sequence[Site], shelf: Shelf, amounts: Amounts) -> Iterator[str]:
    """All figures, as Markdown."""
    seeds = ", ".join(str(site.seed) for site in sites)
    yield (
        f"Benchmarks {seeds}, {len(sites[0].tasks)} dev tasks each; {amounts.references} trials of "
        f"the baseline and the best harness, {amounts.trials} of the others. Simulated models; "
        "intervals are of 95 %."
    )
    yield measures(found, shelf, amounts)
    yield "**Scores**, in points.\n\n" + scores_table(found)
    yield "**Noise**: standard deviation of a single pass, in points.\n\n" + spreads_table(found)
    met = {name: met_by_the_baseline(name, samples, sites) for name, samples in found.items()}
    yield (
        "**Failures of the baseline**: tasks that they befall in most rollouts / share of all "
        "rollouts / mean pass rate of these, in points. What falls out of the context window is no "
        "chance event and not counted here.\n\n" + failures_table(met)
    )
    yield (
        "**Transfer**: blended points that the best harness brings, its code mechanisms alone, "
        "and its prompts alone.\n\n" + transfer_table(found)
    )
    if not amounts.effects:
        return
    for persona, samples in found.items():
        yield (
            f"**Mechanisms** under `{persona}`, in blended points: added to the baseline; and in "
            "the best harness, where it is what leaving one out costs, or, of one that the best "
            "has not, what adding it brings.\n\n" + effects_table(samples, shelf.roles)
        )
    yield "**Mechanisms that need another**, in blended points.\n\n" + stacked_table(found)


# What the world is held to.


def measures(found: Found, shelf: Shelf, amounts: Amounts) -> str:
    """What the default model's world is held to, with what was measured."""
    first, *others = found
    samples = found[first]
    before = [sample.score(BASELINE) for sample in samples.values()]
    best = [sample.score(BEST).pooled for sample in samples.values()]
    spreads = [
        spread([one.pooled for one in sample.passes(BASELINE)]).value for sample in samples.values()
    ]
    costs = [sample.weights.cost * sample.score(BASELINE).tokens_m for sample in samples.values()]
    lines = [
        f"| measure, `{first}` | wanted | measured | |",
        "|---|---|---|---|",
        line("baseline, pooled", "50 to 70", [one.pooled for one in before], 50, 70),
        line("best harness, pooled", "85 to 95", best, 85, 95),
        line("baseline, all-pass %", "under 2", [one.all_pass for one in before], 0, 2),
        line("SD of a single pass, pooled", "1 to 3", spreads, 1, 3),
        line("cost term of the baseline", "about 0.9", costs, 0.8, 1.0),
    ]
    if amounts.effects:
        counts = [enough(sample, shelf) for sample in samples.values()]
        wanted = f"helpful mechanisms of {ENOUGH:g} points or more"
        lines.append(line(wanted, "at least 5", counts, 5, len(shelf.roles)))
    for other in others:
        near = persona_of(other).family == persona_of(first).family
        effects = [one.value for one in gains(found[other], BEST)]
        wanted, low = ("positive", 0.0) if near else ("near zero or mixed", -2.0)
        high = 100.0 if near else 2.0
        lines.append(line(f"transfer to `{other}`", wanted, effects, low, high))
    return "\n".join(lines)


def enough(sample: Sample, shelf: Shelf) -> int:
    """Helpful mechanisms that bring enough on the baseline."""
    helpful = [name for name, role in shelf.roles.items() if role is Role.HELPFUL]
    return sum(mean_effect(effects_alone({0: sample}, name)).value >= ENOUGH for name in helpful)


def line(measure: str, wanted: str, values: Sequence[float], low: float, high: float) -> str:
    each = ", ".join(f"{value:.3g}" for value in values)
    verdict = "met" if all(low <= value <= high for value in values) else "MISSED"
    return f"| {measure} | {wanted} | {each} | {verdict} |"


# The command.


def calibrate(options: argparse.Namespace, folder: Path) -> str:
    quick = options.quick
    trials = 2 if quick else options.trials
    amounts = Amounts(trials, 2 * trials if quick else 3 * trials, effects=not options.no_effects)
    shelf = open_shelf()
    sites = [built_site(folder, seed) for seed in (options.seeds[:1] if quick else options.seeds)]
    sources = main_harnesses(shelf) | (varied_harnesses(shelf) if amounts.effects else {})
    with Rollouts(os.cpu_count() or 1) as pool:
        sampler = Sampler(pool, sources, amounts, say)
        found = {
            persona: {site.seed: sampler.sample(persona, site) for site in sites}
            for persona in options.personas
        }
    text = "\n\n".join(blocks(found, sites, shelf, amounts))
    real = measured_rate(folder / "workspace", sites[0].seed, {"trials": 1})
    direct = sampler.rollouts / sampler.seconds
    speed = f"{direct:.1f} rollouts a second directly, {real:.1f} on the real path with its sandbox"
    return f"{machine()}: {speed}.\n\n{text}"


def say(news: str) -> None:
    print(news, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of benchmarks")
    parser.add_argument("--trials", type=int, default=6, help="of each harness on each task")
    parser.add_argument("--personas", nargs="+", default=list(PERSONAS), choices=list(PERSONAS))
    parser.add_argument("--quick", action="store_true", help="one benchmark, two trials")
    parser.add_argument("--no-effects", action="store_true", help="not the mechanisms one by one")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into a page")
    options = parser.parse_args()
    if options.write and (options.quick or options.no_effects):
        parser.error("--write takes all figures, so neither --quick nor --no-effects")
    if options.trials < 2:
        parser.error("--trials: an interval takes at least two")
    with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # each box's own user comes to its own folder
        text = calibrate(options, folder)
    print(text)
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
