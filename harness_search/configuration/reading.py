"""Reads `meta_harness.toml`, and lays over it what variables, the begun search and flags say."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from harness_search.configuration.names import PROFILES, place_of_flag, unknown_key
from harness_search.configuration.origins import DEFAULT, FILE, SEARCH, Origin, Path
from harness_search.configuration.secrets import shown
from harness_search.configuration.variables import settings_of
from harness_search.errors import InputError, expectation
from harness_search.settings import Settings

_PRESET = ("promotion", "preset")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one command, and where they come from."""

    settings: Settings
    origins: Mapping[Path, Origin]
    """By path, of every value that is no default."""
    unused: tuple[str, ...] = ()
    """Variables, and the preset of the file, whose value the search that was begun overrules, each
    with what counts instead."""

    def origin(self, path: Path) -> Origin:
        return self.origins.get(path, DEFAULT)


def read_settings(
    file: File,
    flags: Mapping[str, Any],
    begun: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings alone; `read_configuration` says more."""
    return read_configuration(file, flags, begun, environment).settings


def read_configuration(
    file: File,
    flags: Mapping[str, Any],
    begun: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """Read the file; variables beat it, what the search was begun with beats them, flags beat all.

    Flags are fields of `[search]`, or those of other sections in FLAGS_ELSEWHERE; None means not
    given. `begun` says by such names what a search keeps. Without an `environment` it is that of
    the process. Raises InputError naming the file, the variable or the flag, and the field.
    """
    raw = _read(file)
    origins = dict.fromkeys(_leaves(raw), FILE)
    profiles = raw.get(PROFILES, _default_profiles())
    names = profiles if isinstance(profiles, dict) else ()
    given = settings_of(os.environ if environment is None else environment, names)
    if any(item.path[0] == PROFILES for item in given):
        raw.setdefault(PROFILES, _default_profiles())
    kept = {place_of_flag(name): value for name, value in (begun or {}).items()}
    # Chosen after the A/A run, in the file: the others are flags of a search's first launch.
    written: dict[Path, Any] = {}
    if _PRESET in kept and _PRESET in origins:
        written[_PRESET] = raw[_PRESET[0]][_PRESET[1]]
    for item in given:
        _lay(raw, origins, item.path, item.value, Origin("variable", item.variable))
        written.pop(item.path, None)
    for path, value in kept.items():
        _lay(raw, origins, path, value, SEARCH)
    for flag, value in flags.items():
        if value is not None:
            option = Origin("flag", f"--{flag.replace('_', '-')}")
            _lay(raw, origins, place_of_flag(flag), value, option)
    settings = _validated(file, raw, origins)
    named = [(item.variable, item.path, item.value) for item in given]
    named += [(f"{'.'.join(path)} in {file.name}", path, value) for path, value in written.items()]
    unused = tuple(
        f"{name} is not used: the search was begun with {kept[path]}"
        for name, path, value in named
        if origins.get(path) == SEARCH and value != kept[path]
    )
    found = Configuration(settings, origins, unused)
    _require_profile(file, found)
    return found


def _read(file: File) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            file, "", "no such file", "a workspace (make one with `meta-harness init`)"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(file, "", f"invalid TOML ({error})", "a TOML file") from error


def _default_profiles() -> dict[str, Any]:
    profiles = Settings().profiles
    return {name: item.model_dump(exclude_unset=True) for name, item in profiles.items()}


def _leaves(raw: Mapping[str, Any]) -> list[Path]:
    """Paths of what a file gives: a field of a section, a field of a profile."""
    found: list[Path] = []
    for section, table in raw.items():
        for name, value in table.items() if isinstance(table, dict) else ():
            inner = value if section == PROFILES and isinstance(value, dict) else None
            found += [(section, name)] if inner is None else [(section, name, key) for key in inner]
    return found


def _lay(
    raw: dict[str, Any], origins: dict[Path, Origin], path: Path, value: Any, origin: Origin
) -> None:
    """Put a value over what is there; a section that is no table stays, to be refused as such."""
    table = raw
    for name in path[:-1]:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        table = inner
    table[path[-1]] = value
    origins[path] = origin


def _validated(file: File, raw: dict[str, Any], origins: Mapping[Path, Origin]) -> Settings:
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        errors = error.errors()
        unknown = [item for item in errors if item["type"] == "extra_forbidden"]
        first = (unknown or errors)[0]
        path = tuple(str(part) for part in first["loc"])
        if unknown:
            raise unknown_key(file, raw, path, origins.get(path[:3])) from None
        if first["type"] != "missing":
            path = _within(raw, path)
        found = "nothing" if first["type"] == "missing" else shown(first["input"], path[-1])
        source, field = _source(file, path, origins)
        # The cause would repeat the value, which may be a secret.
        raise InputError(source, field, found, expectation(first["msg"])) from None


def _within(raw: Mapping[str, Any], path: Path) -> Path:
    """A path without the names of types that the value was tried as."""
    table: Any = raw
    for length, name in enumerate(path):
        if isinstance(table, list | tuple) and name.isdigit():
            table = table[int(name)]
        elif isinstance(table, dict) and name in table:
            table = table[name]
        else:
            return path[:length]
    return path


def _source(file: File, path: Path, origins: Mapping[Path, Origin]) -> tuple[str, str]:
    """Who gave a wrong value, and by which name."""
    for length in range(len(path), 0, -1):
        origin = origins.get(path[:length])
        if origin == SEARCH:
            return "the search that was begun", ".".join(path)
        if origin is not None and origin.name:
            place = "command line" if origin.kind == "flag" else "environment"
            return place, origin.name
    inside = {item.name: None for at, item in origins.items() if at[: len(path)] == path}
    names = [name for name in inside if name]
    return " and ".join([str(file), *names]), ".".join(path)


def _require_profile(file: File, found: Configuration) -> None:
    """Raise InputError when the search names a profile that there is not."""
    settings = found.settings
    name, path = settings.search.profile, ("search", "profile")
    if name not in settings.profiles:
        source, field = _source(file, path, found.origins)
        known = ", ".join(sorted(settings.profiles))
        raise InputError(source, field, shown(name), f"one of: {known}")
