"""Where the value of a setting comes from."""

from dataclasses import dataclass
from typing import Literal

Path = tuple[str, ...]
"""Of a value in the settings, such as ("search", "seed") or ("profiles", "claude", "model")."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What gave a value, and by which name if it has one."""

    kind: Literal["default", "file", "variable", "search", "flag"]
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "search":
            return "the search that was begun"
        return self.name or self.kind


DEFAULT = Origin("default")
FILE = Origin("file")
SEARCH = Origin("search")
