"""What one rollout did, by its transcript: actions, turns, documents."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.analysis.actions import Action, ActionMix, action_of
from harness_search.analysis.documents import DocumentCoverage, Documents
from harness_search.analysis.lines import Block, Came, Damage, Sent, read_lines
from harness_search.analysis.texts import result_texts, strings_of

_WORD = re.compile(r"\w+(?:[.,'\u2019/-]\w+)*")


@dataclass(frozen=True, slots=True)
class Activity:
    """What one rollout did."""

    actions: ActionMix
    turns: int
    """Replies of the model, replayed ones included."""
    coverage: DocumentCoverage
    damaged_lines: int
    """Of the transcript; a torn last line is one."""


def read_activity(transcript: Path, documents: Documents) -> Activity:
    """What a rollout did, by its transcript; raises OSError where there is none."""
    reader = _Reader(documents)
    for line in read_lines(transcript):
        reader.take(line)
    return reader.activity()


class _Reader:
    """What was read so far."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._actions: Counter[Action] = Counter()
        self._waiting: dict[str, set[str]] = {}
        """Documents that a tool call names, by its id, until it is answered."""
        self._by_name: set[str] = set()
        self._by_text: set[str] = set()
        self._turns = self._damaged = 0

    def take(self, line: Sent | Came | Damage) -> None:
        if isinstance(line, Damage):
            self._damaged += 1
        elif isinstance(line, Sent):
            for block in line.blocks:
                self._sent(block)
        elif "reply" in line.line and line.status == 200:
            self._turns += 1
            for block in line.blocks(0):
                if block.type == "tool_use":
                    self._called(block.content)

    def activity(self) -> Activity:
        counts = self._actions
        mix = ActionMix(*(counts[kind] for kind in Action))
        names = (frozenset(self._by_name), frozenset(self._by_text))
        coverage = DocumentCoverage(len(self._documents.names), *names)
        return Activity(mix, self._turns, coverage, self._damaged)

    def _called(self, block: Mapping[str, Any]) -> None:
        arguments = block.get("input")
        action = action_of(str(block.get("name", "")), arguments)
        self._actions[action] += 1
        if action is Action.WRITE:
            return
        if named := self._documents.named_in(strings_of(arguments)):
            self._waiting[str(block.get("id"))] = named

    def _sent(self, block: Block) -> None:
        if block.role == "assistant":
            return
        if block.type == "tool_result":
            named = self._waiting.pop(str(block.content.get("tool_use_id")), set())
            if block.content.get("is_error") is True:
                return
            self._by_name |= named
            texts = result_texts(block.content)
        else:
            text = block.content.get("text")
            texts = [text] if isinstance(text, str) else []
        for text in texts:
            self._by_text |= self._documents.shown_in(text)


def count_words(text: str) -> int:
    """Words and numbers of a text; the marks of Markdown are none."""
    return len(_WORD.findall(text))
