"""A profile: one model behind an endpoint, as `[profiles.NAME]` of the settings says it."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from harness_search.gateway.prices import Price

SIMULATED = "simulated"
NO_SAMPLING = frozenset({"model", "messages", "system", "tools", "max_tokens", "stream"})


class Section(BaseModel):
    """A part of the settings: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", defer_build=True, frozen=True, allow_inf_nan=False)


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


class Profile(Section):
    """One model behind an endpoint that serves the Anthropic Messages API."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    """Address without `/v1/messages`; `simulated` starts the offline model in the scaffold's
    process."""
    model: str = Field(min_length=1)
    """Its name, as the endpoint takes it."""
    key_variable: Annotated[str, AfterValidator(_variable)] = ""
    """Environment variable that holds the API key."""
    authentication: Literal["api_key", "bearer", "oauth"] = "api_key"
    """How the key is sent; as `x-api-key`, as `Authorization: Bearer`, or as that with the header
    that marks an OAuth token (`anthropic-beta: oauth-2025-04-20`)."""
    price: Price | None = Field(default=None, examples=[{"input": 3.0, "output": 15.0}])
    """USD per million tokens; None: looked up in `prices.toml` by the model's name."""
    sampling: Annotated[
        dict[str, float | int | str | bool],
        AfterValidator(_sampling),
        Field(examples=[{"temperature": 0.5}]),
    ] = {}
    """Sent with every request of a harness; empty for an endpoint that refuses such parameters."""
    context_tokens: int | None = Field(default=None, ge=1)
    """The longest input that the model takes, when known."""
    cost_weight: float = Field(default=0.5, ge=0)
    """Points per million tokens a rollout."""
    patience_seconds: float = Field(default=900, gt=0)
    """How long a call is tried again while failures are passing ones."""
    first_byte_seconds: float = Field(default=600, gt=0)
    """Silence before an answer begins; the provider is then taken for hung."""
    stall_seconds: float = Field(default=120, gt=0)
    """Silence in the middle of a stream, likewise."""
    longest_retry_after: float = Field(default=120, ge=0)
    """Seconds of a wait that the provider asks for; it is asked again after them."""
    concurrency_start: int = Field(default=20, ge=1)
    """Calls at once, before the account's rate limit is known."""
    concurrency_most: int = Field(default=512, ge=1)
    """Calls at once, however well they go."""

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
