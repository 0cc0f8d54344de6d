"""Sessions of the catalogue proposer, with the evidence and the history that a test makes up."""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness_search.files import to_json
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import DecisionKind
from harness_search.promotion.candidate import check_source
from harness_search.promotion.claim import CandidateClaim, check_claim, read_claim
from harness_search.proposers.catalogue import CatalogueProposer, Mechanism, default_catalogue
from harness_search.proposers.session import PastIteration, Proposed, Session

BASELINE = Path(__file__).parents[1] / "harnesses" / "baseline.py"
DEV_TASKS = tuple(f"area-{number}/task-{number}" for number in range(12))
NAMES = [mechanism.name for mechanism in default_catalogue()]


def first_session(tmp_path: Path) -> Session:
    """A first session: the baseline in the view, no evidence yet."""
    view = tmp_path / "view"
    (view / "harnesses").mkdir(parents=True)
    shutil.copy(BASELINE, view / "harnesses")
    evidence = tmp_path / "dev"
    return Session(1, view, evidence, "baseline", (), DEV_TASKS, seed=0)


def propose(session: Session, catalogue: Sequence[Mechanism] = ()) -> CandidateClaim:
    """The claim of one session, with its candidate checked to be there."""
    proposer = CatalogueProposer(tuple(catalogue) or default_catalogue())
    assert asyncio.run(proposer.propose(session)) == Proposed()
    claim = read_claim(session.claim_file)
    check_claim(session.claim_file, claim, session.iteration, set(session.dev_tasks))
    check_source(session.view / "harnesses" / f"{claim.candidate.name}.py")
    return claim.candidate


def past(
    iteration: int,
    mechanism: str,
    decision: DecisionKind = DecisionKind.ORPHAN,
    delta: float | None = 0.5,
    incumbent: str = "baseline",
) -> PastIteration:
    return PastIteration(
        iteration, mechanism, incumbent, incumbent, mechanism, decision, "as told", delta
    )


ORIGIN = PastIteration(
    0, "baseline", "", "", "", DecisionKind.BASELINE, "where the search starts", None
)


# Evidence.

Call = tuple[object, bool]
"""Input of a writing tool call, and whether it failed."""


def add_rollout(
    session: Session,
    task: str,
    *,
    trial: int = 1,
    attempt: int = 1,
    harness: str = "baseline",
    outcome: str = "scored",
    passed: int = 4,
    deliverables: Sequence[str] = ("memo.md",),
    output: Sequence[str] = ("memo.md",),
    calls: Sequence[Call] = (),
    result: str = "wrote it",
    closing: str = "Done.",
    stop: str = "end_turn",
) -> Path:
    """Evidence as the scaffold files it, for a task of ten criteria and one deliverable."""
    suffix = f".attempt-{attempt}" if attempt > 1 else ""
    folder = session.evidence / harness / task / f"trial-{trial}{suffix}"
    folder.mkdir(parents=True)
    summary = {
        "task": task, "trial": trial, "attempt": attempt, "outcome": outcome, "reason": "",
        "passed": passed, "total": 10, "verdicts": [], "usage": {},
        "deliverables": list(deliverables), "output": list(output),
    }  # fmt: skip
    (folder / "rollout.json").write_text(to_json(summary))
    reply = {"content": [{"type": "text", "text": closing}], "stop_reason": stop}
    add_transcript(folder / "transcript.jsonl", calls, result, reply)
    return folder


def add_transcript(file: Path, calls: Sequence[Call], result: str, reply: dict[str, Any]) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Write `memo.md`."}]
    for number, (arguments, failed) in enumerate(calls):
        use = {"type": "tool_use", "id": f"{number}", "name": "write", "input": arguments}
        told = {
            "type": "tool_result", "tool_use_id": f"{number}", "content": result,
            "is_error": failed,
        }  # fmt: skip
        messages += [
            {"role": "assistant", "content": [use]}, {"role": "user", "content": [told]},
        ]  # fmt: skip
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "", {"messages": messages, "tools": [{"name": "write"}]})
        writer.reply(1, 200, reply)


def writes(*contents: str, path: str = "memo.md") -> list[Call]:
    return [({"file_path": path, "content": content}, False) for content in contents]


SYMPTOMS: dict[str, dict[str, Any]] = {
    "deliverable_landing_gate": {"passed": 0, "output": ["drafts/memo.md"]},
    "deliverable_reassembly_gate": {"calls": writes("# A" * 20, "# B" * 20, "# C" * 20)},
    "toolcall_json_repair": {
        "passed": 0, "output": [], "calls": [('{"file_path": "memo.md", "content": "', True)],
    },
    "finish_verification": {"passed": 0, "output": []},
    "second_look": {"passed": 2, "calls": writes("# A")},
    "cross_type_landing": {
        "passed": 0, "deliverables": ["memo.docx"], "output": ["memo.md"], "calls": writes("# A"),
    },
    "opens_as_its_type": {
        "passed": 0, "deliverables": ["memo.docx"], "output": ["memo.docx"],
        "calls": writes("# A", path="memo.docx"),
    },
    "textual_call_rescue": {
        "passed": 0, "output": [],
        "closing": '<tool_call>\n{"name": "write", "arguments": {}}\n</tool_call>',
    },
    "larger_replies": {"stop": "max_tokens", "calls": writes("# A")},
}  # fmt: skip


def leading(session: Session) -> str:
    """The mechanism that most seeds choose."""
    chosen = [propose(replace(session, seed=seed)).mechanism for seed in range(15)]
    for name in NAMES:
        (session.view / "harnesses" / f"{name}.py").unlink(missing_ok=True)
    return max(set(chosen), key=chosen.count)


def read_log(session: Session) -> str:
    propose(session)
    return session.log_file.read_text()
