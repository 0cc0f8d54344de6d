"""Configuration: `meta_harness.toml` as one validated model. Flags beat the file."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from harness_search.errors import InputError, expectation
from harness_search.gateway.prices import Price
from harness_search.ledger.scores import Weights

__all__ = [
    "SIMULATED",
    "BenchmarkSettings",
    "BudgetSettings",
    "LimitSettings",
    "Price",
    "Profile",
    "PromotionSettings",
    "SandboxSettings",
    "SearchSettings",
    "Settings",
    "SimulatedSettings",
    "read_settings",
]

SIMULATED = "simulated"
FLAGS_OF_THE_BUDGET = {
    "budget_usd": "usd",
    "budget_tokens": "tokens",
    "candidate_tokens": "candidate_tokens",
    "rollout_tokens": "rollout_tokens",
    "allow_unpriced": "allow_unpriced",
}
"""Flag to field of `[budget]`; every other flag is a field of `[search]`."""
NO_SAMPLING = frozenset({"model", "messages", "system", "tools", "max_tokens", "stream"})


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
    calls: int = Field(default=1000, ge=1)
    """Calls to the model."""
    cpu_seconds: float = Field(default=1800.0, gt=0)
    """Of all its processes together."""
    memory_megabytes: int = Field(default=2048, ge=64)
    """Of all its processes together."""
    processes: int = Field(default=128, ge=8)
    """Processes and threads at once."""
    open_files: int = Field(default=256, ge=32)
    """Of one process: enough for documents, too few to take every connection of the gateway."""
    workspace_megabytes: int = Field(default=500, ge=1)
    """What it may keep in its workspace and its output."""
    temporary_megabytes: int = Field(default=256, ge=1)
    """What it may keep in /tmp."""


class SandboxSettings(_Section):
    """What harness code is shut in."""

    backend: Literal["auto", "bwrap", "landlock"] = "auto"
    """`auto` takes the strongest that works here; to run without one is a flag's privilege."""


class BudgetSettings(_Section):
    """What may be spent at most; None for no limit. Judge and proposer count towards the search."""

    usd: float | None = Field(default=None, gt=0)
    """By the whole search, its openings of the test split included."""
    tokens: int | None = Field(default=None, gt=0)
    """By the whole search; tokens of every kind count alike."""
    candidate_tokens: int | None = Field(default=None, gt=0)
    """By all rollouts of one harness."""
    rollout_tokens: int | None = Field(default=None, gt=0)
    """By one attempt of a rollout."""
    allow_unpriced: bool = False
    """Start although the model's price is unknown; nothing then says what it cost in USD."""


class SimulatedSettings(_Section):
    """How the simulated model's endpoint serves. Nothing of it changes a score, so a search may be
    gone on with under other values; which model answers is the profile's."""

    latency_seconds: float = Field(default=0.0, ge=0)
    """Before an answer begins."""
    tokens_per_second: float = Field(default=0.0, ge=0)
    """Pace of an answer, streamed or whole; 0 for at once."""
    fault_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the requests that meet a provider's failure."""
    fault_seed: int = Field(default=0, ge=0)
    """Which ones, and which failure."""


def _base_url(url: str) -> str:
    if url == SIMULATED:
        return url
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port or an address that is none
        sound = False
    if not sound or parts.query or parts.fragment or parts.username is not None:
        raise PydanticCustomError("url", "Input should be `simulated`, http://... or https://...")
    if re.search(r"/v1(/messages)?/*$", parts.path):
        added = "Input should be the address in front of /v1/messages, which is added to it"
        raise PydanticCustomError("url", added)
    return url.rstrip("/")


def _variable(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        message = "Input should be the name of an environment variable"
        raise PydanticCustomError("variable", message)
    return name


def _sampling(values: dict[str, Any]) -> dict[str, Any]:
    if taken := sorted(NO_SAMPLING & values.keys()):
        message = "Input should be without {taken}, which the harness says"
        raise PydanticCustomError("sampling", message, {"taken": ", ".join(taken)})
    return values


class Profile(_Section):
    """One model behind an endpoint that serves the Anthropic Messages API."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    """Without `/v1/messages`; `simulated` starts the offline model in the scaffold's process."""
    model: str = Field(min_length=1)
    key_variable: Annotated[str, AfterValidator(_variable)] = ""
    """Environment variable that holds the API key."""
    authentication: Literal["api_key", "bearer", "oauth"] = "api_key"
    """How the key is sent: as `x-api-key`; as `Authorization: Bearer`; or as that with the header
    that marks an OAuth token (`anthropic-beta: oauth-2025-04-20`)."""
    price: Price | None = None
    """None: looked up in `prices.toml` by the model's name."""
    sampling: Annotated[dict[str, float | int | str | bool], AfterValidator(_sampling)] = {}
    """Sent with every request of a harness; empty for an endpoint that refuses such parameters."""
    context_tokens: int | None = Field(default=None, ge=1)
    """The longest input that the model takes, when known."""
    cost_weight: float = Field(default=0.5, ge=0)
    """Points per million tokens a rollout."""
    patience_seconds: float = Field(default=900, gt=0)
    """How long one call is tried again while the provider's failure is a passing one."""
    first_byte_seconds: float = Field(default=600, gt=0)
    """Silence before an answer begins, after which the provider is taken for hung."""
    stall_seconds: float = Field(default=120, gt=0)
    """Silence in the middle of a stream, likewise."""
    longest_retry_after: float = Field(default=120, ge=0)
    """Seconds; a provider that asks for a longer wait is asked again after this one."""
    concurrency_start: int = Field(default=20, ge=1)
    """Calls at once, before anything is known of the account's rate limit."""
    concurrency_most: int = Field(default=512, ge=1)

    @field_validator("model")
    @classmethod
    def _check_persona(cls, model: str, info: ValidationInfo) -> str:
        if info.data.get("base_url") == SIMULATED:
            from harness_search.simulated.personas import PERSONAS

            if model not in PERSONAS:
                known = ", ".join(PERSONAS)
                message = "Input should be a simulated model, one of: {known}"
                raise PydanticCustomError("persona", message, {"known": known})
        return model

    @model_validator(mode="after")
    def _check_concurrency(self) -> "Profile":
        if self.concurrency_start > self.concurrency_most:
            message = "Input should be a concurrency_start of at most concurrency_most"
            raise PydanticCustomError("concurrency", message)
        return self

    @property
    def simulated(self) -> bool:
        return self.base_url == SIMULATED


def _simulated_profile() -> dict[str, Profile]:
    return {
        SIMULATED: Profile(
            base_url=SIMULATED, model="simulated-1", context_tokens=7_000, cost_weight=24.0
        )
    }


class Settings(_Section):
    """The whole of `meta_harness.toml`."""

    search: SearchSettings = SearchSettings()
    benchmark: BenchmarkSettings = BenchmarkSettings()
    promotion: PromotionSettings = PromotionSettings()
    limits: LimitSettings = LimitSettings()
    budget: BudgetSettings = BudgetSettings()
    sandbox: SandboxSettings = SandboxSettings()
    simulated: SimulatedSettings = SimulatedSettings()
    profiles: dict[str, Profile] = Field(default_factory=_simulated_profile)

    @property
    def profile(self) -> Profile:
        """The profile that the search uses."""
        return self.profiles[self.search.profile]

    @property
    def weights(self) -> Weights:
        return Weights(self.promotion.all_pass_weight, self.profile.cost_weight)


def read_settings(file: Path, flags: Mapping[str, Any]) -> Settings:
    """Read the file and lay the given flags over it; None means not given.

    Flags are fields of `[search]`, or those of `[budget]` in FLAGS_OF_THE_BUDGET. Raises
    InputError naming the file, or the command line, and the field.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            file, "", "no such file", "a workspace (make one with `meta-harness init`)"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(file, "", f"invalid TOML ({error})", "a TOML file") from error
    places = {_place(flag): flag for flag, value in flags.items() if value is not None}
    for (section, field), flag in places.items():
        if isinstance(table := raw.get(section, {}), dict):
            raw[section] = {**table, field: flags[flag]}
    settings = _validated(file, raw, places)
    if settings.search.profile not in settings.profiles:
        known = ", ".join(sorted(settings.profiles))
        raise InputError(file, "search.profile", repr(settings.search.profile), f"one of: {known}")
    return settings


def _place(flag: str) -> tuple[str, str]:
    """Section and field of a flag."""
    field = FLAGS_OF_THE_BUDGET.get(flag)
    return ("budget", field) if field else ("search", flag)


def _validated(file: Path, raw: dict[str, Any], places: Mapping[tuple[str, str], str]) -> Settings:
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        flag = places.get((path[0], path[1])) if len(path) > 1 else None
        source = "command line" if flag else str(file)
        field = f"--{flag.replace('_', '-')}" if flag else ".".join(path)
        found = _found(path[-1] if path else "", first["input"])
        raise InputError(source, field, found, expectation(first["msg"])) from error


def _found(field: str, value: object) -> str:
    """The wrong value, unless it may be a secret in the wrong place."""
    if field == "key_variable":
        return "something else (not shown: it may be the key itself)"
    return re.sub(r"//[^/@]*@", "//...@", repr(value))[:120]
