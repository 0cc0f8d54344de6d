"""Settings from environment variables: `META_HARNESS_<SECTION>_<FIELD>`."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, Literal, get_args, get_origin

from harness_search.configuration.names import PROFILES, sections
from harness_search.configuration.origins import Path
from harness_search.errors import InputError, nearest
from harness_search.profiles import Profile

PREFIX = "META_HARNESS_"
PROFILE_PREFIX = f"{PREFIX}{PROFILES.upper()}_"
NOT_SETTINGS = frozenset({"META_HARNESS_WORKSPACE", "META_HARNESS_EVENT"})
"""Variables of ours that mean something else: `--workspace`; what a hook is told."""


@dataclass(frozen=True, slots=True)
class Given:
    """A setting that a variable gives."""

    variable: str
    path: Path
    value: Any


def settings_of(environment: Mapping[str, str], profiles: Iterable[str]) -> list[Given]:
    """What the variables set; an empty one sets nothing. `profiles`: names that are known already.

    Raises InputError for a variable with our prefix that names no setting.
    """
    mine = {
        name: text
        for name, text in environment.items()
        if name.startswith(PREFIX) and text and name not in NOT_SETTINGS
    }
    if not mine:
        return []
    known, names = _fields(), sorted(profiles, key=len, reverse=True)
    found = []
    for variable, text in sorted(mine.items()):
        place = known.get(variable) or _field_of_profile(variable, names)
        if place is None:
            raise _unknown(variable, [*known, *NOT_SETTINGS], names)
        path, annotation = place
        found.append(Given(variable, path, _value(text, annotation)))
    return found


def variable_of(path: Path) -> str:
    """The variable that gives the setting at a path."""
    return PREFIX + "_".join(map(_upper, path))


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _fields() -> dict[str, tuple[Path, Any]]:
    """Path and type of every setting outside profiles, by its variable."""
    return {
        variable_of((section, name)): ((section, name), field.annotation)
        for section, model in sections()
        for name, field in model.model_fields.items()
    }


def _field_of_profile(variable: str, names: Iterable[str]) -> tuple[Path, Any] | None:
    """Path and type of a profile's field, in a profile that is known or else in a new one."""
    rest = variable.removeprefix(PROFILE_PREFIX)
    if rest == variable:
        return None
    ends = {f"_{_upper(name)}": name for name in Profile.model_fields}
    end = max((end for end in ends if rest.endswith(end)), key=len, default="")
    begin = rest.removesuffix(end)
    if not end or not begin:
        return None
    same = [name for name in names if _upper(name) == begin]
    if len(same) > 1:
        both = " and ".join(f"[profiles.{name}]" for name in sorted(same))
        raise InputError("environment", variable, f"{both}, which it both means", "one of them")
    field = ends[end]
    profile = same[0] if same else begin.lower()
    return (PROFILES, profile, field), Profile.model_fields[field].annotation


def _unknown(variable: str, known: list[str], profiles: Iterable[str]) -> InputError:
    rest = variable.removeprefix(PROFILE_PREFIX).split("_")
    begins = ["_".join(rest[:length]) for length in range(1, len(rest))]
    for begin in {*map(_upper, profiles), *(begins if variable.startswith(PROFILE_PREFIX) else ())}:
        known += [f"{PROFILE_PREFIX}{begin}_{_upper(field)}" for field in Profile.model_fields]
    like = nearest(variable.upper().removeprefix(PREFIX), [name[len(PREFIX) :] for name in known])
    expected = (
        f"{PREFIX}{like}"
        if like
        else "META_HARNESS_<SECTION>_<FIELD> (`meta-harness config` shows them all)"
    )
    return InputError("environment", variable, "an unknown variable", expected)


def _value(text: str, annotation: Any) -> Any:
    """A text as it is where the setting takes one, else what it says as TOML or JSON."""
    if _takes_text(annotation):
        return text
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        table = {}
    if table.keys() == {"value"}:
        return table["value"]
    try:
        return json.loads(text)
    except ValueError:
        return text  # the model says what it should be


def _takes_text(annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return any(isinstance(choice, str) for choice in get_args(annotation))
    if get_origin(annotation) in {dict, tuple, list}:
        return False
    return annotation in {str, File} or any(map(_takes_text, get_args(annotation)))
