"""What the simulated model writes, call by call, with the failures that befall it there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness_search.simulated.chance import Chance
from harness_search.simulated.drafting import Draft, joined
from harness_search.simulated.personas import Failure
from harness_search.simulated.situation import Call

PARTS = 3
TRIES = 2
MINDS_REMINDERS = 0.3
"""Share of tasks on which a reminder that names the file makes the model put it right."""
_CUT_NOTICE = re.compile(
    r"\b(?:cut|truncated|incomplete|unfinished|max_tokens|(?:length|token|size) limit"
    r"|(?:is|are|was) missing|only part)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WriteCall:
    """One writing call as the model plans it."""

    deliverable: str
    """The requested name."""
    path: str
    sections: tuple[str, ...]
    opens: bool = True
    """Whether a deliverable begins with it."""
    suffers: bool = False
    """Whether its deliverable is the one that meets the failures of this rollout."""
    malformed: bool = False
    """Whether the arguments come as text that is not valid JSON."""
    as_text: bool = False
    """Whether the call is written as text."""
    plain: bool = False
    """Whether it goes to the tool for plain text, whatever the type."""

    @property
    def content(self) -> str:
        """All sections."""
        return joined(self.sections)


def plan(
    drafts: Sequence[Draft], failures: frozenset[Failure], chance: Chance, reminders: str
) -> list[WriteCall]:
    """The calls that write the drafts, after so many words of further user messages."""
    drafts = _stopped_early(drafts, reminders) if Failure.EARLY_STOP in failures else drafts
    sufferer = chance.pick("deliverable", len(drafts))
    calls: list[WriteCall] = []
    for index, draft in enumerate(drafts):
        plainly = WriteCall(draft.name, draft.name, draft.sections)
        calls += (
            _suffering(plainly, failures, chance, reminders) if index == sufferer else [plainly]
        )
    return calls


def _stopped_early(drafts: Sequence[Draft], reminders: str) -> Sequence[Draft]:
    """The first of several deliverables, or half of the only one, unless told what is missing."""
    left_out, half = [draft.name for draft in drafts[1:]], 1 + len(drafts[0].headings) // 2
    if not left_out:
        left_out = list(drafts[0].headings[half - 1 :])
    if any(name in reminders for name in left_out):
        return drafts
    if len(drafts) > 1:
        return drafts[:1]
    return [replace(drafts[0], sections=drafts[0].sections[:half])]


def _suffering(
    call: WriteCall, failures: frozenset[Failure], chance: Chance, reminders: str
) -> list[WriteCall]:
    minds = call.path in reminders and chance.place("minds reminders") < MINDS_REMINDERS
    whole = replace(
        call,
        path=call.path if minds else _misplaced(call.path, failures, chance),
        suffers=True,
        malformed=Failure.MALFORMED_CALL in failures,
        as_text=Failure.CALL_AS_TEXT in failures,
        plain=Failure.MARKDOWN_CONTENT in failures,
    )
    return _parts(whole) if Failure.CLOBBERED_CHUNKS in failures else [whole]


def _misplaced(path: str, failures: frozenset[Failure], chance: Chance) -> str:
    stem, _, ending = path.rpartition(".")
    if Failure.WRONG_TYPE in failures:
        path = f"{stem}.{'txt' if ending == 'md' else 'md'}"
    if Failure.WRONG_NAME in failures:
        patterns = ("{stem}_final.{ending}", "Draft {stem}.{ending}", "{stem}-v2.{ending}")
        path = patterns[chance.pick("wrong name", 3)].format(stem=stem, ending=ending)
    if Failure.SUBFOLDER in failures:
        path = f"{('drafts', 'final', 'work-product')[chance.pick('subfolder', 3)]}/{path}"
    if Failure.SCRATCH_FOLDER in failures:
        path = f"../{('scratch', 'work', 'notes')[chance.pick('scratch folder', 3)]}/{path}"
    return path


def _parts(call: WriteCall) -> list[WriteCall]:
    """The deliverable in consecutive parts; each call replaces the part before it."""
    size = -(-len(call.sections) // PARTS)
    starts = range(0, len(call.sections), size)
    return [
        replace(call, sections=call.sections[start : start + size], opens=start == 0)
        for start in starts
    ]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the model has come with its plan."""

    position: int
    """Calls of the plan that are done, or given up."""
    rest: tuple[str, ...] = ()
    """Sections to write at once, as the last reply is said to have been cut before them."""


def progress(
    calls: Sequence[Call], planned: Sequence[WriteCall], content_argument: str
) -> Progress:
    """Match the writing calls of a round with the plan; a call is given up after two failures."""
    position = failures = 0
    rest: tuple[str, ...] = ()
    for call in filter(is_write, calls):
        written = call.argument(content_argument)
        if call.failed:
            failures += 1
            if failures < TRIES:
                continue
        elif position and _continues(written, planned[position - 1]):
            rest = ()
            continue
        position, failures = position + 1, 0
        if position > len(planned):
            break
        told = bool(_CUT_NOTICE.search(call.result))
        rest = _unwritten(planned[position - 1], written) if told and not call.failed else ()
    return Progress(min(position, len(planned)), rest)


def is_write(call: Call) -> bool:
    """Whether a call writes a file."""
    return "write" in call.name or "save" in call.name


def _continues(written: str, before: WriteCall) -> bool:
    return heading_of(written) in [heading_of(section) for section in before.sections[1:]]


def _unwritten(call: WriteCall, written: str) -> tuple[str, ...]:
    """The sections from the one that was cut; nothing when all were begun."""
    lines = written.splitlines()
    begun = sum(heading_of(section) in lines for section in call.sections)
    return call.sections[max(1, begun - 1) :] if begun < len(call.sections) else ()


def heading_of(section: str) -> str:
    """The first line of a section."""
    return section.partition("\n")[0]
