"""The names of all settings, and the one that a mistyped name was meant to be."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path as File
from typing import Any, get_args

from pydantic import BaseModel

from harness_search.configuration.origins import Origin, Path
from harness_search.errors import InputError, nearest
from harness_search.profiles import Profile
from harness_search.settings import Settings

FLAGS_ELSEWHERE = {
    "budget_usd": ("budget", "usd"),
    "budget_tokens": ("budget", "tokens"),
    "candidate_tokens": ("budget", "candidate_tokens"),
    "rollout_tokens": ("budget", "rollout_tokens"),
    "allow_unpriced": ("budget", "allow_unpriced"),
    "preset": ("promotion", "preset"),
    "judge": ("judge", "kind"),
    "profile_of_judge": ("judge", "profile"),
}
"""Section and field of a flag; every other flag is a field of `[search]`."""
PROFILES = "profiles"


def place_of_flag(flag: str) -> Path:
    """Section and field of a flag."""
    return FLAGS_ELSEWHERE.get(flag, ("search", flag))


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section with fields of its own; profiles have names of a person's choice."""
    for name, field in Settings.model_fields.items():
        if name != PROFILES:
            model = field.annotation
            assert isinstance(model, type)
            assert issubclass(model, BaseModel)
            yield name, model


def model_at(path: Sequence[str]) -> type[BaseModel] | None:
    """The model whose fields stand at a path; None where there is none."""
    model: Any = Settings
    for name in path:
        if model is dict:
            model = Profile
            continue
        field = model.model_fields.get(name)
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        model = dict if name == PROFILES else next(filter(_is_model, kinds), None)
        if model is None:
            return None
    return model if _is_model(model) else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def unknown_key(
    file: File, raw: Mapping[str, Any], path: Path, origin: Origin | None
) -> InputError:
    """What to say of a key that no setting has, in the file or in the table of a variable."""
    if origin is not None and origin.kind == "variable":
        found = f"the unknown key {path[-1]!r}"
        return InputError("environment", origin.name, found, _meant(path, "key"))
    kind = "section" if len(path) == 1 and isinstance(raw.get(path[0]), dict) else "key"
    line = line_of(file, path)
    found = f"an unknown {kind}" + (f" on line {line}" if line else "")
    return InputError(file, ".".join(path), found, _meant(path, kind))


def _meant(path: Path, kind: str) -> str:
    """What a person wanted to write: the key where it belongs, or the one most like it."""
    *parents, name = path
    model = model_at(parents)
    fields = list(model.model_fields) if model else []
    if kind == "section":
        like = nearest(name, fields)
        return f"[{like}]" if like else f"one of: {', '.join(fields)}"
    if elsewhere := _belonging(name):
        return elsewhere
    if like := nearest(name, fields if parents else ()):
        return f"`{like}`"
    if model is Profile and any(word in name.lower() for word in ("key", "token", "secret")):
        return "`key_variable`, the name of the environment variable that holds the key"
    known = dict(chain.from_iterable(_places(section) for section in sections()))
    if like := nearest(name, known):
        return f"`{like}` in [{known[like]}]"
    return f"one of: {', '.join(fields)}" if fields else "no such key"


def _belonging(name: str) -> str:
    """Where a key of this very name has its place; empty when it has none."""
    if name in FLAGS_ELSEWHERE:
        section, field = FLAGS_ELSEWHERE[name]
        return f"`{field}` in [{section}]"
    homes = [f"[{section}]" for section, model in sections() if name in model.model_fields]
    return f"`{name}` in {' or '.join(homes)}" if homes else ""


def _places(section: tuple[str, type[BaseModel]]) -> Iterator[tuple[str, str]]:
    name, model = section
    return ((field, name) for field in model.model_fields)


def line_of(file: File, path: Path) -> int | None:
    """The line that gives a key or begins a section, counted from 1; None when none does alone."""
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if path[-1] not in line:
            continue
        # Readers of TOML keep no lines: the one without which the key is gone gave it.
        try:
            rest = tomllib.loads("\n".join([*lines[: number - 1], "", *lines[number:]]))
        except tomllib.TOMLDecodeError:
            continue
        if not _is_in(rest, path):
            return number
    return None


def _is_in(table: Any, path: Path) -> bool:
    for name in path:
        if not isinstance(table, dict) or name not in table:
            return False
        table = table[name]
    return True
