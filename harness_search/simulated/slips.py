"""Operational failures of the study: the work is done, and then it does not arrive."""

import json
from dataclasses import dataclass

from harness_search.simulated.chance import Chance
from harness_search.simulated.drafting import Draft

PARTS = 3


@dataclass(frozen=True, slots=True)
class WriteCall:
    """One writing call as the model makes it."""

    path: str
    content: str
    malformed: bool
    """Whether the arguments come as text that is not valid JSON."""


def write_calls(drafts: list[Draft], chance: Chance) -> list[WriteCall]:
    """The calls that write the drafts; slips befall the first deliverable of a task."""
    calls: list[WriteCall] = []
    for index, draft in enumerate(drafts):
        calls += _with_slips(draft, chance) if index == 0 else _plainly(draft)
    return calls


def _plainly(draft: Draft) -> list[WriteCall]:
    return [WriteCall(draft.name, draft.content, malformed=False)]


def _with_slips(draft: Draft, chance: Chance) -> list[WriteCall]:
    path = draft.name
    if chance.happens("wrong file name", prone=0.14):
        path = _other_name(draft.name, chance)
    if chance.happens("subfolder", prone=0.11):
        path = f"{('drafts', 'final', 'work-product')[chance.pick('subfolder', 3)]}/{path}"
    parts = [draft.content]
    if chance.happens("clobbered chunks", prone=0.18):
        parts = _parts(draft)
    malformed = chance.happens("malformed tool call", prone=0.12)
    return [WriteCall(path, part, malformed) for part in parts]


def _other_name(name: str, chance: Chance) -> str:
    stem, _, ending = name.rpartition(".")
    pattern = ("{stem}_final.{ending}", "Draft {stem}.{ending}", "{stem}-v2.{ending}")
    return pattern[chance.pick("wrong file name", 3)].format(stem=stem, ending=ending)


def _parts(draft: Draft) -> list[str]:
    """The draft in consecutive parts; each call replaces the part before it."""
    size = -(-len(draft.sections) // PARTS)
    starts = range(0, len(draft.sections), size)
    return ["\n\n".join(draft.sections[start : start + size]) for start in starts]


def malformed_json(arguments: dict[str, str]) -> str:
    """Tool-call arguments as some models write them: raw line breaks, no closing brace."""
    return json.dumps(arguments, ensure_ascii=False).replace("\\n", "\n").removesuffix("}")
