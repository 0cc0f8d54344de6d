"""One request as a Messages API of ours received it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    number: int
    """From 1, in order of arrival."""
    path: str
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes

    @cached_property
    def content(self) -> Any:
        """The body's JSON; raises ValueError or RecursionError where it is none."""
        return json.loads(self.body)
