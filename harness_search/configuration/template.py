"""The default file that `init` writes: every setting, its default, and what it means."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness_search.configuration.lines import Line, aligned
from harness_search.configuration.meanings import choices, first_clause, meanings
from harness_search.configuration.names import sections
from harness_search.configuration.toml import toml_value
from harness_search.profiles import SIMULATED, Profile
from harness_search.promotion.rules import DEFAULT_PRESET, PRESETS, GateRules

HEAD = """\
# Configuration of this workspace. Flags beat it, and so do META_HARNESS_<SECTION>_<FIELD> variables
# (docs/configuration.md); `meta-harness config` prints what counts.
# A line behind a # shows a default: take the sign away to change it. "unset" stands before what has
# none; its value is an example. As it is, all runs offline: simulated model, deterministic judge,
# catalogue proposer.
"""
CHOSEN: Mapping[tuple[str, str], Any] = MappingProxyType(
    {
        ("search", "profile"): SIMULATED,
        ("search", "proposer"): "catalogue",
        ("search", "iterations"): 6,
        ("search", "trials"): 3,
        ("search", "concurrency"): 4,
        ("search", "seed"): 0,
        ("judge", "kind"): "checks",
        ("benchmark", "tasks"): "tasks",
        ("promotion", "preset"): DEFAULT_PRESET,
        ("promotion", "min_delta"): 1.0,
        ("limits", "seconds"): 600,
        ("limits", "cpu_seconds"): 600,
        ("sandbox", "backend"): "auto",
    }
)
"""What the file sets: what people change first, and limits that fit the bundled benchmark."""
OFFLINE = (
    ("simulated", "", "simulated-1", 7_000),
    ("simulated-mini", "a smaller model of the same family", "simulated-1-mini", 6_000),
    ("simulated-birch", "a model of another family", "simulated-birch-1", 12_000),
)
"""Profiles: name, what it is, model, context tokens."""
OFFLINE_COST_WEIGHT = 24.0
"""Makes the baseline's cost about 0.9 points."""
EXAMPLE: Mapping[str, Any] = MappingProxyType(
    {
        "base_url": "https://api.anthropic.com",
        "model": "claude-sonnet-4-6",
        "key_variable": "ANTHROPIC_API_KEY",
        "context_tokens": 1_000_000,
    }
)
UNSET = "unset: "


def default_file() -> str:
    """The whole file; `meta_harness.toml` of this repository is exactly this."""
    parts = [HEAD, *("\n".join(_section(name, model)) + "\n" for name, model in sections())]
    parts += ["\n".join(_offline(*profile)) + "\n" for profile in OFFLINE]
    return "\n".join([*parts, "\n".join(_example()) + "\n"])


def _section(name: str, model: type[BaseModel]) -> Iterator[str]:
    said = meanings(model)
    if name == "promotion":
        said = meanings(GateRules) | said
    lines = [Line(f"[{name}]", first_clause(model.__doc__ or ""))]
    for field, info in model.model_fields.items():
        lines.append(_field((name, field), info, said.get(field, "")))
    return aligned(lines)


def _field(path: tuple[str, str], info: FieldInfo, meaning: str) -> Line:
    comment = meaning + _choices(info)
    if path in CHOSEN:
        return Line(f"{path[1]} = {toml_value(CHOSEN[path])}", comment)
    value = info.get_default()
    if path[0] == "promotion" and value is None:
        value = getattr(PRESETS[DEFAULT_PRESET], path[1])
    elif info.examples and not value:
        value, comment = info.examples[0], f"{UNSET}{comment}"
    return Line(f"# {path[1]} = {_shown(value)}", comment)


def _shown(value: Any) -> str:
    """Seconds and the like need no fraction to be read."""
    whole = isinstance(value, float) and value.is_integer() and value >= 10
    return toml_value(int(value) if whole else value)


def _choices(info: FieldInfo) -> str:
    found = [str(choice) for choice in choices(info.annotation)]
    return f" ({', '.join(found[:-1])} or {found[-1]})" if len(found) > 1 else ""


def _offline(name: str, meaning: str, model: str, context_tokens: int) -> Iterator[str]:
    first = name == SIMULATED
    return aligned(
        [
            Line(f"[profiles.{name}]", meaning),
            Line(f'base_url = "{SIMULATED}"', "started by the scaffold, on loopback" * first),
            Line(f'model = "{model}"'),
            Line(f"context_tokens = {context_tokens:_}", "how far back it remembers" * first),
            Line(
                f"cost_weight = {OFFLINE_COST_WEIGHT}",
                "points per million tokens a rollout" * first,
            ),
        ]
    )


def _example() -> Iterator[str]:
    yield "# A real model is one more profile (docs/models.md has nine), with these fields:"
    said, lines = meanings(Profile), [Line("# [profiles.claude]")]
    for field, info in Profile.model_fields.items():
        value = EXAMPLE.get(field, info.get_default())
        comment = said.get(field, "") + _choices(info)
        if value is None or value == {}:
            value, comment = info.examples[0] if info.examples else "", UNSET + comment
        lines.append(Line(f"# {field} = {_shown(value)}", comment))
    yield from aligned(lines)
