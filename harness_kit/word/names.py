"""Names and values of properties in Word documents."""

from typing import Any

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF = frozenset({"0", "false", "off"})


def is_on(mark: Any | None) -> bool:
    """Whether a property that is there or not, such as `w:vanish`, is there."""
    return mark is not None and mark.get(f"{WORD}val") not in _OFF


def value_of(parent: Any | None, path: str) -> str:
    """The value of a property below an element, empty when it has none."""
    found = None if parent is None else parent.find(path)
    return "" if found is None else str(found.get(f"{WORD}val", ""))
