"""The calibration's figures as Markdown tables."""

import math
from collections.abc import Mapping, Sequence

from world_figures import Estimate, Meetings, Sample, mean_effect, rate, spread
from world_harnesses import (
    BASELINE,
    BASES,
    BEST,
    CODE,
    IN_THE_BEST,
    PROMPTS,
    Role,
    alone,
    best_for,
    in_the_best,
    on_its_base,
)

from harness_search.simulated.personas import Failure

Samples = Mapping[int, Sample]
"""Of one persona, by seed of the benchmark."""


def scores_table(found: Mapping[str, Samples]) -> str:
    """What the baseline and the best harness reach."""
    lines = [
        "| model | benchmark | harness | pooled | all-pass, % | blended | tokens a rollout | "
        "cost term at the weight |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for persona, samples in found.items():
        for seed, sample in samples.items():
            for harness in (BASELINE, BEST):
                score = sample.score(harness)
                cost = sample.weights.cost * score.tokens_m
                lines.append(
                    f"| `{persona}` | {seed} | {harness} | {score.pooled:.1f} "
                    f"| {all_pass(sample, harness)} | {score.blended:.1f} "
                    f"| {1e6 * score.tokens_m:,.0f} | {cost:.2f} at {sample.weights.cost:g} |"
                )
    return "\n".join(lines)


def all_pass(sample: Sample, harness: str) -> str:
    rows = sample.rows[harness]
    found = rate(sum(row.passed == row.total for row in rows), len(rows))
    return f"{found.value:.1f} ({found.low:.1f} to {found.high:.1f})"


def spreads_table(found: Mapping[str, Samples]) -> str:
    """The standard deviation of a single pass."""
    lines = [
        "| model | benchmark | harness | passes | SD of pooled | SD of blended |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for persona, samples in found.items():
        for seed, sample in samples.items():
            for harness in (BASELINE, BEST):
                passes = sample.passes(harness)
                pooled = spread([one.pooled for one in passes])
                blended = spread([one.blended for one in passes])
                lines.append(
                    f"| `{persona}` | {seed} | {harness} | {len(passes)} "
                    f"| {between(pooled)} | {between(blended)} |"
                )
    return "\n".join(lines)


def failures_table(found: Mapping[str, Mapping[str, Meetings]]) -> str:
    """What befell the baseline's rollouts, by model; benchmarks taken together."""
    names = [str(failure) for failure in Failure]
    lines = [
        "| failure | " + " | ".join(f"`{persona}`" for persona in found) + " |",
        "|---|" + "---:|" * len(found),
    ]
    for name in (*names, "none"):
        cells = [met(by_name.get(name)) for by_name in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def met(one: Meetings | None) -> str:
    if one is None:
        return "-"
    share = 100 * one.rollouts / one.all_rollouts
    passed = "-" if math.isnan(one.pass_rate) else f"{one.pass_rate:.0f}"
    return f"{one.tasks} / {share:.1f} % / {passed}"


def effects_table(samples: Samples, roles: Mapping[str, Role]) -> str:
    """What each mechanism does alone, and in the best harness."""
    seeds = ", ".join(map(str, samples))
    lines = [
        f"| mechanism | meant to be | on the baseline | benchmarks {seeds} | in the best | "
        f"benchmarks {seeds} |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, role in roles.items():
        first = effects_alone(samples, name)
        then = effects_in_the_best(samples, name, role)
        lines.append(f"| `{name}` | {role} | {with_mean(first)} | {with_mean(then)} |")
    return "\n".join(lines)


def effects_alone(samples: Samples, name: str) -> list[Estimate]:
    return [sample.effect(alone(name), BASELINE) for sample in samples.values()]


def effects_in_the_best(samples: Samples, name: str, role: Role) -> list[Estimate]:
    """What leaving it out costs, or, of one that the best has not, what adding it brings."""
    pair = (best_for(name), in_the_best(name))
    if role not in IN_THE_BEST:
        pair = (pair[1], pair[0])
    return [sample.effect(*pair) for sample in samples.values()]


def stacked_table(found: Mapping[str, Samples]) -> str:
    """The mechanisms that need another: what the two do, alone and together."""
    lines = [
        "| model | mechanism | alone | its base | the base alone | added to its base |",
        "|---|---|---:|---|---:|---:|",
    ]
    for persona, samples in found.items():
        for name, base in BASES.items():
            on_base = [sample.effect(on_its_base(name), alone(base)) for sample in samples.values()]
            cells = [effects_alone(samples, name), effects_alone(samples, base), on_base]
            first, second, third = (around(mean_effect(cell)) for cell in cells)
            lines.append(f"| `{persona}` | `{name}` | {first} | `{base}` | {second} | {third} |")
    return "\n".join(lines)


def transfer_table(found: Mapping[str, Samples]) -> str:
    """What the best harness brings each model, and what its halves do."""
    lines = [
        "| model | the best harness | its code alone | its prompts alone |",
        "|---|---:|---:|---:|",
    ]
    for persona, samples in found.items():
        cells = [around(mean_effect(gains(samples, name))) for name in (BEST, CODE, PROMPTS)]
        lines.append(f"| `{persona}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def gains(samples: Samples, harness: str) -> list[Estimate]:
    """A harness against the baseline, benchmark by benchmark."""
    return [sample.effect(harness, BASELINE) for sample in samples.values()]


def around(one: Estimate) -> str:
    return f"{one.value:+.1f} ±{one.half:.1f}"


def between(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def with_mean(effects: Sequence[Estimate]) -> str:
    """The mean over the benchmarks, and each of them."""
    each = ", ".join(f"{effect.value:+.1f}" for effect in effects)
    return f"{around(mean_effect(effects))} | {each}"
