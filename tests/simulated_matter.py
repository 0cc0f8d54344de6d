"""A small matter for the simulated model, worked on by the real baseline with real files."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from harness_kit import Model, Task
from harness_search.judging.documents import UnreadableDocumentError, extract_text
from harness_search.proposers.catalogue import default_catalogue
from harness_search.proposers.catalogue.edits import Source
from harness_search.simulated.failures import failures_of, prone_to
from harness_search.simulated.personas import DEFAULT_PERSONA, PERSONAS, Failure
from harness_search.simulated.server import reply_to

BASELINE = Path(__file__).resolve().parent.parent / "harnesses" / "baseline.py"
ASSIGNMENT = """\
Counsel advises Larch Holdings Ltd in Project Heron and needs the lease abstracted. Save the work \
as `abstract.docx`. Only executed papers count.

Address each of the following points under its own heading:
1. Rent: state the annual rent under the lease.
2. Notice: state the notice by which a party may terminate the lease.
3. Commencement: state when the term of the lease commences.
4. Deposit: state the deposit that secures the rent.
5. Insurance: name the insurer of the building.
6. Forum: name the courts that decide disputes, for file {number}.
"""
FACTS = ("EUR 120,000", "42 weeks", "3 March 2026", "EUR 31,500", "Tidewater Mutual", "Rotterdam")
PAPERS: Mapping[str, str] = {
    "a note.txt": "Papers of Larch Holdings Ltd in Project Heron are in this folder.",
    "building insurance.txt": "Larch Holdings Ltd, Project Heron\nThe insurer of the building is "
    "Tidewater Mutual.",
    "lease.txt": "Lease of Larch Holdings Ltd, Project Heron\nThe annual rent is EUR 120,000.\n"
    "Either party may terminate the lease by notice of 42 weeks.\n"
    "The term of the lease commences on 3 March 2026.",
    "neighbour.txt": "Lease of Alder Mills plc, Project Otter, between Alder Mills plc and others\n"
    "The annual rent is EUR 77,000.\n"
    "Either party may terminate the lease by notice of 99 weeks.\n"
    "The term of the lease commences on 9 May 2031.\n"
    "The deposit that secures the rent is EUR 99,999.\n"
    "The insurer of the building is Gullwing Re.\nThe courts of Bergen decide disputes.",
    "rider.txt": "Rider of Larch Holdings Ltd, Project Heron\n"
    "The deposit that secures the rent is EUR 31,500.\nThe courts of Rotterdam decide disputes.",
}


def assignment_prone_to(*failures: Failure, persona: str = DEFAULT_PERSONA) -> str:
    """An assignment on which a persona meets just these failures; raises StopIteration if none."""
    texts = (ASSIGNMENT.format(number=number) for number in range(5_000))
    wanted = frozenset(failures)
    return next(text for text in texts if prone_to(text, PERSONAS[persona]) == wanted)


def ordinary_day(assignment: str, persona: str) -> str:
    """A noise key with which a rollout meets just the failures that its task is prone to."""
    model = PERSONAS[persona]
    prone = prone_to(assignment, model)
    keys = (f"day {number}" for number in range(100))
    return next(key for key in keys if failures_of(assignment, model, key) == prone)


class Worker(Model):
    """The kit's client, asking the simulated model in the same process; keeps its requests."""

    def __init__(self, persona: str, noise: str) -> None:
        window = PERSONAS[persona].context_tokens
        super().__init__(gateway="", token="", name=persona, context_tokens=window)
        self.requests: list[dict[str, Any]] = []
        self._noise = noise

    def _post(self, body: bytes) -> tuple[int, bytes]:
        self.requests.append(json.loads(body))
        return 200, json.dumps(reply_to(self.requests[-1], self._noise)).encode()


def harness(*mechanisms: str) -> str:
    """The baseline with mechanisms added in the given order."""
    known = {mechanism.name: mechanism for mechanism in default_catalogue()}
    source = Source(BASELINE.read_text(encoding="utf-8"))
    for name in mechanisms:
        source = known[name].add_to(source)
    return source.text


def work(
    folder: Path,
    assignment: str,
    mechanisms: Iterable[str] = (),
    *,
    papers: Mapping[str, str] = PAPERS,
    persona: str = DEFAULT_PERSONA,
    noise: str | None = None,
) -> Worker:
    """Let a harness work on the assignment in a fresh folder; without a noise key on a day on
    which the task meets what it is prone to."""
    (folder / "documents").mkdir(parents=True)
    (folder / "output").mkdir()
    for name, text in papers.items():
        (folder / "documents" / name).write_text(text, encoding="utf-8")
    task = Task(assignment, Path("documents"), Path(), Path("output"), ("abstract.docx",))
    key = ordinary_day(assignment, persona)
    return solve(folder, harness(*mechanisms), task, Worker(persona, noise or key))


def solve(folder: Path, source: str, task: Task, model: Worker) -> Worker:
    """Run a harness in the folder of its task."""
    module = ModuleType("harness")
    with contextlib.chdir(folder):
        exec(compile(source, "harness.py", "exec"), module.__dict__)
        module.solve(task, model)
    return model


def calls_of(model: Worker) -> list[dict[str, Any]]:
    """Every tool call that the model made and saw the result of."""
    blocks = [
        block
        for message in model.requests[-1]["messages"]
        if message["role"] == "assistant"
        for block in message["content"]
    ]
    return [block for block in blocks if block["type"] == "tool_use"]


def delivered(folder: Path) -> str:
    """The text of the deliverable; empty when it is missing or does not open."""
    try:
        return extract_text(folder / "output" / "abstract.docx")
    except (OSError, UnreadableDocumentError):
        return ""


def facts_in(text: str) -> int:
    """How many of the six facts a text states."""
    return sum(fact in text for fact in FACTS)
