"""The configuration that counts, as a settings file that says where each value comes from."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from harness_search.configuration.lines import Line, aligned
from harness_search.configuration.names import PROFILES
from harness_search.configuration.origins import Path
from harness_search.configuration.reading import Configuration
from harness_search.configuration.secrets import HIDDEN, may_be_secret
from harness_search.configuration.toml import toml_key, toml_value
from harness_search.layout import Layout
from harness_search.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting, as a person may see it."""

    path: Path
    value: Any
    """None when it is not set, or not shown."""
    source: str
    hidden: bool = False
    derived: bool = False
    """It is not set, and the value is what follows from others."""
    key_is_set: bool | None = None
    """Whether the variable that it names holds a key."""

    @property
    def line(self) -> Line:
        """As a line of the file; what cannot or need not be said there is a comment."""
        key = toml_key(self.path[-1])
        if self.hidden:
            return Line(f"# {key}: {HIDDEN}", self.source)
        if self.value is None:
            return Line(f"# {key}: not set", self.source)
        if self.key_is_set is not None:
            said = "set, not shown" if self.key_is_set else "not set"
            return Line(f"{key} = {toml_value(self.value)}", f"{said}; {self.source}")
        sign = "# " * self.derived
        return Line(f"{sign}{key} = {toml_value(self.value)}", self.source)

    def to_json(self) -> dict[str, Any]:
        known = {} if self.key_is_set is None else {"key_is_set": self.key_is_set}
        hidden = {"hidden": True} if self.hidden else {}
        return {"value": self.value, "source": self.source, **known, **hidden}


def places(layout: Layout, settings: Settings) -> dict[str, str]:
    """Where things of a workspace lie."""
    found = {
        "workspace": layout.root,
        "settings": layout.settings,
        "prices": layout.prices,
        "tasks": layout.root / settings.benchmark.tasks,
        "harnesses": layout.harnesses,
        "evidence": layout.runs,
        "ledger": layout.ledger,
        "lineage": layout.lineage,
    }
    return {name: str(path) for name, path in found.items()}


def to_toml(found: Configuration, layout: Layout, environment: Mapping[str, str]) -> str:
    """The configuration as a file that gives the same settings again, but for what is hidden."""
    where = places(layout, found.settings)
    blocks = ["\n".join(f"# {name}: {_on_one_line(path)}" for name, path in where.items())]
    blocks += [f"# {_on_one_line(note)}" for note in found.unused]
    for section, entries in groupby(_entries(found, environment), lambda entry: entry.path[:-1]):
        header = Line(f"[{'.'.join(map(toml_key, section))}]")
        blocks.append("\n".join(aligned([header, *(entry.line for entry in entries)])))
    return "\n\n".join(blocks) + "\n"


def to_json(found: Configuration, layout: Layout, environment: Mapping[str, str]) -> dict[str, Any]:
    """The same with a value and a source for each setting."""
    settings: dict[str, Any] = {}
    for entry in _entries(found, environment):
        table = settings
        for name in entry.path[:-1]:
            table = table.setdefault(name, {})
        table[entry.path[-1]] = entry.to_json()
    return {
        "places": places(layout, found.settings),
        "settings": settings,
        "notes": list(found.unused),
    }


def _entries(found: Configuration, environment: Mapping[str, str]) -> Iterator[Entry]:
    derived = _derived(found.settings)
    for path, value in _values(found.settings):
        source = str(found.origin(path))
        name = path[-1]
        if value is None and path in derived:
            yield Entry(path, *derived[path], derived=True)
        elif may_be_secret(value, name) and not (name == "key_variable" and value in environment):
            yield Entry(path, None, source, hidden=True)
        elif name == "key_variable" and value:
            yield Entry(path, value, source, key_is_set=bool(environment.get(value)))
        else:
            yield Entry(path, value, source)


def _values(settings: Settings) -> Iterator[tuple[Path, Any]]:
    for section, table in settings.model_dump(mode="json").items():
        for name, value in table.items():
            if section == PROFILES:
                yield from (((section, name, field), inner) for field, inner in value.items())
            else:
                yield (section, name), value


def _on_one_line(text: str) -> str:
    """A folder may be called anything."""
    return text if text.isprintable() else json.dumps(text)


def _derived(settings: Settings) -> dict[Path, tuple[Any, str]]:
    """What counts where nothing is set, and why."""
    rules, preset = settings.rules, f"preset {settings.promotion.preset}"
    numbers: dict[Path, tuple[Any, str]] = {
        ("promotion", name): (getattr(rules, name), preset)
        for name in type(settings.promotion).model_fields
        if hasattr(rules, name)
    }
    trials = (settings.confirmation_trials, "as trials")
    return {**numbers, ("search", "confirmation_trials"): trials}
