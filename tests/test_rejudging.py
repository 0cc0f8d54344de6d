"""What was judged is judged again as it was: with what the harness left instead of files, too."""

import asyncio
import json
from contextlib import closing
from dataclasses import dataclass, field

from conftest import Open

from harness_search.experiments.rejudging import judge_again
from harness_search.judging.judge import Grading, Subject
from harness_search.ledger.rows import Purpose
from harness_search.ledger.store import Ledger
from harness_search.rollouts.evidence import SUMMARY, earlier_transcripts


@dataclass
class Asked:
    """A judge that says nothing and keeps what it was shown."""

    version: str = "1"
    subjects: list[Subject] = field(default_factory=list)

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        assert replicate
        self.subjects.append(subject)
        return Grading(())


def test_a_judge_is_told_again_what_was_refused(open_measured: Open) -> None:
    workspace, judge = open_measured(), Asked()
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        row = ledger.rows()[0]
    evidence = workspace.layout.evidence_of(Purpose.SEARCH)
    (transcript,) = earlier_transcripts(evidence, row.key, [row.attempt])
    summary = transcript.parent / SUMMARY
    content = {**json.loads(summary.read_text()), "refused": {"memo.md": "a symbolic link"}}
    summary.write_text(json.dumps(content), encoding="utf-8")
    asyncio.run(judge_again(workspace, judge, row.key.harness, [row], {}))
    assert [dict(subject.refused) for subject in judge.subjects] == [{"memo.md": "a symbolic link"}]
