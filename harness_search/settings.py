"""Configuration: `meta_harness.toml` as one validated model. Flags beat the file."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness_search.errors import InputError, expectation
from harness_search.ledger.scores import Weights

SIMULATED = "simulated"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True, frozen=True, allow_inf_nan=False)


class SearchSettings(_Section):
    """What one search is. Everything but `concurrency` and `iterations` is fixed at its start."""

    profile: str = SIMULATED
    proposer: Literal["catalogue"] = "catalogue"
    iterations: int = Field(default=6, ge=0)
    """Last iteration to run, counted from the start of the search."""
    trials: int = Field(default=3, ge=1)
    concurrency: int = Field(default=4, ge=1, le=512)
    seed: int = Field(default=0, ge=0)


class BenchmarkSettings(_Section):
    """Where the tasks are, relative to the workspace."""

    tasks: Path = Path("tasks")


class PromotionSettings(_Section):
    """The study's promotion rule (source: 004_f152e661325a6a68.txt); all in points."""

    min_delta: float = Field(default=1.0, ge=0)
    all_pass_weight: float = Field(default=0.5, ge=0)


class LimitSettings(_Section):
    """Limits of one rollout; passing one is a failure of the harness."""

    seconds: float = Field(default=1800.0, gt=0)
    output_megabytes: int = Field(default=50, ge=1)
    attempts: int = Field(default=3, ge=1)
    """Tries of a rollout that was lost to an infrastructure failure."""


class Price(_Section):
    """USD per million tokens."""

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)
    cache_write: float = Field(default=0.0, ge=0)
    cache_read: float = Field(default=0.0, ge=0)


class Profile(_Section):
    """One model behind an endpoint that serves the Anthropic Messages API."""

    base_url: str = Field(pattern=r"^(simulated|https?://.+)$")
    """`simulated` starts the offline model inside the scaffold's process."""
    model: str = Field(min_length=1)
    key_variable: str = ""
    """Environment variable that holds the API key."""
    cost_weight: float = Field(default=0.5, ge=0)
    """Points per million tokens a rollout."""
    price: Price = Price()

    @property
    def simulated(self) -> bool:
        return self.base_url == SIMULATED


def _simulated_profile() -> dict[str, Profile]:
    return {SIMULATED: Profile(base_url=SIMULATED, model="simulated-1", cost_weight=45.0)}


class Settings(_Section):
    """The whole of `meta_harness.toml`."""

    search: SearchSettings = SearchSettings()
    benchmark: BenchmarkSettings = BenchmarkSettings()
    promotion: PromotionSettings = PromotionSettings()
    limits: LimitSettings = LimitSettings()
    profiles: dict[str, Profile] = Field(default_factory=_simulated_profile)

    @property
    def profile(self) -> Profile:
        """The profile that the search uses."""
        return self.profiles[self.search.profile]

    @property
    def weights(self) -> Weights:
        return Weights(self.promotion.all_pass_weight, self.profile.cost_weight)


def read_settings(file: Path, flags: dict[str, Any]) -> Settings:
    """Read the file and lay the given `[search]` flags over it; None means not given.

    Raises InputError naming the file and the field.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            file, "", "no such file", "a workspace (make one with `meta-harness init`)"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(file, "", f"invalid TOML ({error})", "a TOML file") from error
    given = {key: value for key, value in flags.items() if value is not None}
    search = raw.get("search", {})
    if isinstance(search, dict):
        raw = {**raw, "search": {**search, **given}}
    settings = _validated(file, raw, given)
    if settings.search.profile not in settings.profiles:
        known = ", ".join(sorted(settings.profiles))
        raise InputError(file, "search.profile", repr(settings.search.profile), f"one of: {known}")
    return settings


def _validated(file: Path, raw: dict[str, Any], flags: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        flag = path[0] == "search" and len(path) > 1 and path[1] in flags
        source = "command line" if flag else str(file)
        field = f"--{path[1]}" if flag else ".".join(path)
        raise InputError(
            source, field, repr(first["input"])[:120], expectation(first["msg"])
        ) from error
