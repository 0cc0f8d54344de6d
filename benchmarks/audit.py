"""Times the audits on the bundled benchmark: what they know, one candidate, one long session.

Run from the repository root: `.venv/bin/python benchmarks/audit.py`. Prints seconds;
those of a processor do not depend on what else runs.
"""

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from harness_search.audit.candidate import CandidateTexts, audit_candidate
from harness_search.audit.evaluator import evaluator_digests
from harness_search.audit.knowledge import Knowledge
from harness_search.audit.session import audit_session, tool_uses
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.judging.documents import TextStore
from harness_search.proposers.catalogue import default_catalogue
from harness_search.proposers.catalogue.edits import Source
from harness_search.workspace import Workspace, open_workspace

TURNS = 60
OUTPUT = 20_000  # characters a tool result


Result = TypeVar("Result")


def timed(name: str, work: Callable[[], Result]) -> Result:
    """The result of some work, after a line on how long it took."""
    start, worked = time.perf_counter(), time.process_time()
    result = work()
    spent, worked = time.perf_counter() - start, time.process_time() - worked
    print(f"{name}: {spent:.2f} s, {worked:.2f} s of a processor")
    return result


def long_session(file: Path, text: str) -> None:
    """A session of so many turns, each with one large tool result of dev papers."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Begin."}]
    with closing(TranscriptWriter(file)) as writer:
        for turn in range(1, TURNS + 1):
            writer.request(turn, "", {"messages": messages})
            call = {
                "type": "tool_use",
                "id": f"call_{turn}",
                "name": "Read",
                "input": {"file_path": "a"},
            }
            writer.reply(turn, 200, {"content": [call]})
            start = turn * OUTPUT % max(1, len(text) - OUTPUT)
            result = {"type": "tool_result", "tool_use_id": call["id"]}
            said = {"role": "assistant", "content": [call]}
            content = [{**result, "content": text[start : start + OUTPUT]}]
            messages = [*messages, said, {"role": "user", "content": content}]


def known_of(workspace: Workspace, folder: Path) -> Knowledge:
    return Knowledge.of(workspace.splits, TextStore(folder), workspace.layout.test_split)


def main() -> None:
    workspace = open_workspace(Path(), {}, to_run=False)
    layout, splits = workspace.layout, workspace.splits
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{len(splits.dev)} dev tasks, {len(splits.test)} test tasks")
        timed("knowledge, first time", lambda: known_of(workspace, folder))
        known = timed("knowledge, texts kept", lambda: known_of(workspace, folder))
        base = layout.baseline.read_text(encoding="utf-8")
        source = default_catalogue()[0].add_to(Source(base)).text
        timed("one candidate", lambda: audit_candidate(CandidateTexts(source, base), known))
        file = folder / "transcript.jsonl"
        long_session(file, "\n".join(known.texts[: len(splits.dev)]))
        report = timed(
            f"a session of {TURNS} calls, {OUTPUT:,} characters each",
            lambda: audit_session(tool_uses([file]), known),
        )
        timed("digests of the evaluator", lambda: evaluator_digests(workspace))
        print(json.dumps(report.to_json()["verdict"]))


if __name__ == "__main__":
    main()
