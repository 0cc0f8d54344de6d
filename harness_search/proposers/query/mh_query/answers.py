"""What a command says, bounded: at most 20 kB, with a word on what was left out."""

import json
from typing import Any

Document = dict[str, Any]

MOST_BYTES = 20_000
LONGEST_LINE = 400
"""Characters."""


class BadInputError(Exception):
    """What was asked cannot be answered; one sentence."""


class Answer:
    """What a command says: figures, and lists of things that may have to be cut short."""

    def __init__(self, head: Document, lists: Document, lines: list[str]) -> None:
        self.head = head
        self.lists = lists
        self.lines = lines

    def as_json(self) -> str:
        """One JSON object; `left_out` counts the items of its lists that had no room."""
        shown: Document = dict(self.head)
        left_out = 0
        room = MOST_BYTES - 40 - sum(map(size_of, self.head.items()))
        for name, items in self.lists.items():
            kept = []
            room -= len(name) + 10
            for item in items:
                size = size_of(item) + 2
                if size > room:
                    break
                room -= size
                kept.append(item)
            left_out += len(items) - len(kept)
            shown[name] = kept
        return json.dumps({**shown, "left_out": left_out}, ensure_ascii=False)

    def as_text(self) -> str:
        """Lines for people."""
        shown: list[str] = []
        room = MOST_BYTES - 100
        for line in self.lines:
            room -= len(line.encode("utf-8", "replace")) + 1
            if room < 0:
                left = len(self.lines) - len(shown)
                shown.append(f"({left} more lines left out: an answer is at most 20 kB)")
                break
            shown.append(line)
        return "\n".join(shown)


def size_of(value: Any) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def cut(text: str, most: int = LONGEST_LINE) -> str:
    """A text in one line, and not a long one."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 4]} ..."
