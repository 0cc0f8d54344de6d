"""Reads the dev evidence of one harness: what each rollout asked for, delivered, did and lost."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness_search.errors import InputError
from harness_search.gateway.transcript import Exchange, read_transcript
from harness_search.ledger.rows import Outcome

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call of the model with what it was told in return."""

    name: str
    input: Any
    """A dictionary, or text when the model's arguments were not valid JSON."""
    result: str
    failed: bool

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The input when it is an object, else nothing."""
        return self.input if isinstance(self.input, dict) else {}

    @property
    def written(self) -> str:
        """The path of the file that the call wrote; empty when it wrote none."""
        wrote = not self.failed and "content" in self.arguments
        return str(self.arguments.get("file_path", "")) if wrote else ""


class RolloutFile(BaseModel):
    """What this proposer uses of `rollout.json`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    task: str
    trial: int = Field(ge=1)
    attempt: int = 1
    outcome: Outcome
    passed: int = Field(ge=0)
    total: int = Field(ge=1)
    deliverables: tuple[str, ...] = ()
    """Requested names."""
    output: tuple[str, ...] = ()
    """Files found in the output folder, as paths relative to it."""


@dataclass(frozen=True)
class RolloutEvidence:
    """One finished rollout."""

    file: RolloutFile
    calls: tuple[ToolCall, ...]
    assignment: str = ""
    """The first user message."""
    said: tuple[str, ...] = ()
    """What the model said in words, reply by reply; empty where it only called tools."""
    closings: tuple[str, ...] = ()
    """Those of its replies that called no tool."""
    stops: frozenset[str] = frozenset()
    """Every reason why a reply ended."""
    tools: frozenset[str] = frozenset()
    """Names of the tools that the model could call."""

    @property
    def lost(self) -> int:
        """Criteria not passed."""
        return self.file.total - self.file.passed

    @property
    def missing(self) -> list[str]:
        """Requested names that are not at the top level of the output folder."""
        return [name for name in self.file.deliverables if name not in self.file.output]

    @property
    def stray(self) -> list[str]:
        """Files that exist or were written under no requested name at the top level."""
        written = [call.written for call in self.calls if call.written]
        found = [*self.file.output, *written]
        return [path for path in found if path_in_output(path) not in self.file.deliverables]

    @property
    def written(self) -> str:
        """Everything that the model wrote into files."""
        return "\n".join(str(call.arguments["content"]) for call in self.calls if call.written)

    def share_of_criteria(self, share: float) -> float:
        """The share of the lost criteria that such a share of all criteria can account for."""
        return min(1.0, share * self.file.total / self.lost) if self.lost else 0.0

    def share_of_lost(self, deliverables: float) -> float:
        """The share of the lost criteria that so many deliverables can account for, 0 to 1.

        Criteria are taken to be spread evenly over the requested deliverables.
        """
        requested = len(self.file.deliverables)
        return self.share_of_criteria(deliverables / requested) if requested else 0.0


def path_in_output(path: str) -> str:
    """A path as written by the model, relative to the output folder."""
    return PurePosixPath(path).as_posix().removeprefix("output/")


def suffix(path: str) -> str:
    """The extension in lower case."""
    return PurePosixPath(path).suffix.casefold()


@dataclass
class EvidenceReader:
    """Reads files below one session's folders and remembers which."""

    evidence: Path
    read: list[Path] = field(default_factory=list)

    def text(self, file: Path) -> str:
        """The text of any file; raises OSError."""
        self.read.append(file)
        return file.read_text(encoding="utf-8")

    def rollouts(self, harness: str, tasks: Sequence[str]) -> dict[str, list[RolloutEvidence]]:
        """The finished rollouts of a harness, by task; lost ones are no evidence.

        Raises InputError for a malformed `rollout.json`.
        """
        return {task: self._of_task(self.evidence / harness / task) for task in tasks}

    def _of_task(self, folder: Path) -> list[RolloutEvidence]:
        by_trial: dict[int, RolloutEvidence] = {}
        for attempt in sorted(folder.glob("trial-*"), key=_trial_and_attempt):
            file = self._rollout_file(attempt / "rollout.json")
            if file and file.outcome.finished:
                by_trial[file.trial] = self._with_transcript(file, attempt)
        return list(by_trial.values())

    def _rollout_file(self, path: Path) -> RolloutFile | None:
        if not path.is_file():  # still running, or lost before anything was collected
            return None
        try:
            return RolloutFile.model_validate_json(self.text(path))
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise InputError(
                path, name, repr(first["input"])[:120], first["msg"].lower()
            ) from error

    def _with_transcript(self, file: RolloutFile, attempt: Path) -> RolloutEvidence:
        transcript = attempt / "transcript.jsonl"
        if not transcript.is_file():  # the harness failed before its first call
            return RolloutEvidence(file, ())
        self.read.append(transcript)
        exchanges = list(read_transcript(transcript))
        return rollout_evidence(file, exchanges)


def _trial_and_attempt(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.name))


def rollout_evidence(file: RolloutFile, exchanges: Sequence[Exchange]) -> RolloutEvidence:
    """What the exchanges of a rollout show; those of its last request are the conversation."""
    if not exchanges:
        return RolloutEvidence(file, ())
    messages = exchanges[-1].request["messages"]
    taken = [exchange for exchange in exchanges if exchange.status == 200]
    answered = [exchange.reply for exchange in taken]
    replies = [_blocks(reply) for reply in answered]
    tools = [tool for exchange in taken for tool in exchange.request.get("tools") or ()]
    return RolloutEvidence(
        file,
        tool_calls(messages),
        assignment=_words(messages[0].get("content", "")) if messages else "",
        said=tuple(_words(reply) for reply in replies),
        closings=tuple(
            _words(reply)
            for reply in replies
            if not any(block["type"] == "tool_use" for block in reply)
        ),
        stops=frozenset(str(reply.get("stop_reason")) for reply in answered),
        tools=frozenset(str(tool["name"]) for tool in tools),
    )


def tool_calls(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """Every tool call of a conversation that was answered, in order."""
    blocks = [block for message in messages for block in _blocks(message)]
    results = {block["tool_use_id"]: block for block in blocks if block["type"] == "tool_result"}
    return tuple(
        ToolCall(
            name=block["name"],
            input=block["input"],
            result=_text(results[block["id"]].get("content", "")),
            failed=bool(results[block["id"]].get("is_error")),
        )
        for block in blocks
        if block["type"] == "tool_use" and block["id"] in results
    )


def _blocks(message: Message) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _words(content: object) -> str:
    """The text of a message, without its tool calls and results."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(block["text"] for block in blocks if block["type"] == "text")
