"""The simulated model as an agent: one request in, the next step out."""

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

from harness_search.simulated.advice import advice_in
from harness_search.simulated.chance import Chance
from harness_search.simulated.deliberation import deliberation
from harness_search.simulated.drafting import Author, matter_names
from harness_search.simulated.extraction import after_points, task_of
from harness_search.simulated.failures import failures_of
from harness_search.simulated.personas import Failure, Persona
from harness_search.simulated.reading import (
    is_lookup,
    known_documents,
    listed,
    listing_calls,
    path_argument,
    still_to_read,
)
from harness_search.simulated.situation import Situation, Tool
from harness_search.simulated.wire import Step, ToolUse, as_text, malformed_json
from harness_search.simulated.writing import WriteCall, is_write, plan, progress

READS_PER_TURN = 3
DONE = "The assignment is complete."
STOPPED = "The main points are done; the remaining ones can follow if they are wanted."
LONGEST_LOOP = 8
"""Repetitions of a call after which the model gives up by itself."""


def next_step(situation: Situation, persona: Persona, noise: str) -> Step:
    """List the documents, read them, write the deliverables, finish; after a further user message
    do what it asks for, and write again."""
    paths = listed(situation)
    if paths is None:
        calls = listing_calls(situation)
        if not calls:
            return Step("I cannot see any documents, so I cannot do this assignment.")
        return Step("I will look at the papers first.", tuple(calls[:1]))
    rollout = _Rollout(situation, persona, noise)
    unread = still_to_read(situation, paths, few=Failure.FEW_DOCUMENTS in rollout.failures)
    if unread:
        return Step("Reading the papers.", tuple(unread[:READS_PER_TURN]))
    return rollout.next_write()


@dataclass(frozen=True)
class _Rollout:
    """The model at the point where everything that it means to read is read."""

    situation: Situation
    persona: Persona
    noise: str

    @cached_property
    def chance(self) -> Chance:
        return Chance(self.persona.family, task_of(self.situation.assignment), self.noise)

    @cached_property
    def reminders(self) -> str:
        """All user messages after the assignment."""
        return "\n".join(part.message for part in self.situation.rounds[1:])

    @cached_property
    def failures(self) -> frozenset[Failure]:
        """What goes wrong in this rollout, as far as nobody has pointed it out."""
        assignment = self.situation.assignment
        said = [self.situation.system, after_points(assignment), self.reminders]
        advice = advice_in(said)
        failures = failures_of(assignment, self.persona, self.noise, advice)
        named = any(name in self.reminders for name in matter_names(assignment))
        return failures - {Failure.WRONG_MATTER} if named else failures

    def next_write(self) -> Step:
        """The next writing call, or the end of the work."""
        planned = self._plan()
        done = progress(self.situation.current, planned, _content_argument(self.situation))
        if done.rest:
            rest = replace(planned[done.position - 1], sections=done.rest)
            return self._call("Writing the rest.", rest)
        if done.position >= len(planned):
            return Step(STOPPED if Failure.EARLY_STOP in self.failures else DONE)
        call = planned[done.position]
        loops = Failure.REPETITION_LOOP in self.failures and call.suffers and call.opens
        repeated = _repetition(self.situation) if loops else None
        return repeated or self._call(self._preamble(done.position), call)

    def _plan(self) -> list[WriteCall]:
        """What to write in this round: a message that names deliverables asks for those alone."""
        wrong = Failure.WRONG_MATTER in self.failures
        author = Author(self.persona, self.chance, len(self.situation.rounds) - 1, wrong)
        drafts = author.drafts(self.situation.assignment, self._known())
        planned = plan(drafts, self.failures, self.chance, self.reminders)
        named = [call for call in planned if call.deliverable in self.situation.follow_up]
        return named or planned

    def _known(self) -> dict[str, str]:
        """The documents, and what somebody wrote below the assignment."""
        assignment = self.situation.assignment
        known = known_documents(self.situation)
        told = after_points(assignment)
        return (
            known | {"assignment": "\n".join([*matter_names(assignment), told])} if told else known
        )

    def _preamble(self, position: int) -> str:
        thinks = Failure.LONG_DELIBERATION in self.failures and position == 0
        if not thinks or self.situation.follow_up:
            return "Writing the deliverable."
        return deliberation(self.situation.assignment, self.persona.deliberation_tokens)

    def _call(self, text: str, call: WriteCall) -> Step:
        tool = _writer(self.situation, call)
        if tool is None:
            return Step("I have no tool to write a file with.\n\n" + call.content)
        arguments = {path_argument(tool): call.path, _content_of(tool): call.content}
        use = ToolUse(tool.name, malformed_json(arguments) if call.malformed else arguments)
        if call.as_text:
            return Step(f"{text}\n\n{as_text(use, self.chance.pick('call as text', 3))}")
        return Step(text, (use,))


def _repetition(situation: Situation) -> Step | None:
    """The last lookup once more, until its result changes or the model gives up."""
    lookups = [call for call in situation.calls if is_lookup(call)]
    calls = situation.current
    if not lookups or (calls and is_write(calls[-1]) and calls[-1].failed):
        return None
    last = lookups[-1]
    same = itertools.takewhile(
        lambda call: (call.name, call.input) == (last.name, last.input), reversed(calls)
    )
    results = [call.result for call in same]
    if len(set(results)) > 1:
        return None
    if len(results) > LONGEST_LOOP:
        return Step("I keep arriving at the same place and will leave it here.")
    return Step("Let me look at that again.", (ToolUse(last.name, last.input),))


# Tools.


def _writer(situation: Situation, call: WriteCall) -> Tool | None:
    """The tool that writes a kind of file: named for it, described for it, or the plain one."""
    ending = call.path.rsplit(".", 1)[-1]
    writers = [tool for tool in situation.tools if "write" in tool.name or "save" in tool.name]
    named = [tool for tool in writers if ending in tool.name]
    described = [tool for tool in writers if f".{ending}" in tool.description]
    plain = [tool for tool in writers if "_" not in tool.name]
    fitting = [*plain, *named, *described] if call.plain else [*named, *described, *plain]
    return next(iter([*fitting, *writers]), None)


def _content_argument(situation: Situation) -> str:
    tool = situation.tool("write", "save")
    return _content_of(tool) if tool is not None else "content"


def _content_of(tool: Tool) -> str:
    return tool.argument("content", "text") or "content"
