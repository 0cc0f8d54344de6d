"""A candidate on its parent's transcripts: real children and gateway, and no model at all."""

import asyncio
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import rollout_row
from searched import (
    ASKS_AGAIN,
    FINISHED,
    NAME,
    OTHER_PROMPT,
    PARENT,
    RENAMES,
    SILENT,
    WRITTEN_BEFORE,
    make_search,
    observed,
    outcomes,
    rows_of,
)
from typer.testing import CliRunner

from harness_kit.office import save_docx
from harness_search.commands.replay import replay as command
from harness_search.commands.subjects import choose_subject
from harness_search.errors import InputError
from harness_search.experiments.replay import Replay, replay
from harness_search.files import digest_bytes
from harness_search.gateway.account import Account
from harness_search.gateway.upstream import Upstream
from harness_search.judging.deterministic import DeterministicJudge
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import DecisionKind, Outcome, Purpose
from harness_search.ledger.store import Ledger
from harness_search.rollouts.original import Original
from harness_search.simulated.server import SimulatedModel
from harness_search.workspace import Workspace

SQL = "SELECT * FROM rollouts ORDER BY id"


class Watched:
    """Counts what a replay must not do, and what it should do seldom."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.sent, self.started, self.asked, self.judged = 0, 0, 0, list[Path]()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """What is asked of a provider, and judged, since it was last forgotten."""
    seen, grade = Watched(), DeterministicJudge.grade
    send, start, standing = Upstream.send, SimulatedModel.start, Account.standing

    async def judging(self: DeterministicJudge, subject: Subject, replicate: int = 0) -> Any:
        seen.judged.append(subject.output)
        return await grade(self, subject, replicate)

    async def sending(self: Upstream, request: Any) -> Any:
        seen.sent += 1
        return await send(self, request)

    async def starting(self: SimulatedModel) -> None:
        seen.started += 1
        await start(self)

    async def asking(self: Account) -> Any:
        seen.asked += 1
        return await standing(self)

    monkeypatch.setattr(DeterministicJudge, "grade", judging)
    monkeypatch.setattr(Upstream, "send", sending)
    monkeypatch.setattr(SimulatedModel, "start", starting)
    monkeypatch.setattr(Account, "standing", asking)
    yield seen


async def replayed(
    workspace: Workspace, name: str = NAME, parent: str | None = None, trials: int | None = None
) -> Replay:
    return await replay(workspace, choose_subject(workspace, name, parent), trials, SILENT)


def said(workspace: Workspace, *arguments: str) -> str:
    """What the command prints."""
    application = typer.Typer()
    application.command()(command)
    root = ("--workspace", str(workspace.layout.root))
    done = CliRunner().invoke(application, [*arguments, *root], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


async def test_a_post_solve_mechanism_shows_its_gain_without_a_model(
    open_tiny: Callable[..., Workspace], watched: Watched
) -> None:
    workspace = open_tiny(trials=1)
    await make_search(workspace)
    before = rows_of(workspace)
    wrong = {row.key.task for row in before if row.passed == 0}
    assert 0 < len(wrong) < FINISHED
    assert watched.sent > 0
    watched.forget()
    found = await replayed(workspace)
    assert (watched.sent, watched.started, watched.asked) == (0, 0, 0)
    assert len(watched.judged) == len(wrong) == found.changed
    assert (len(found.pairs), found.left_out) == (FINISHED, ())
    assert {pair.after.key.task for pair in found.pairs if pair.changed} == wrong
    assert all(pair.after.passed == 4 for pair in found.pairs)
    assert all(pair.after.paid.total == 0 < pair.after.usage.total for pair in found.pairs)
    document = json.loads(json.dumps(found.to_json()))
    counts = ("stored", "replayed", "changed", "unchanged", "diverged", "model_tokens")
    assert [document[name] for name in counts] == [3, 3, len(wrong), 3 - len(wrong), 0, 0]
    assert document["difference"] == {
        "pooled": pytest.approx(100 * len(wrong) / FINISHED, abs=1e-4),
        "all_pass": pytest.approx(100 * len(wrong) / FINISHED, abs=1e-4),
        "blended": pytest.approx(150 * len(wrong) / FINISHED, abs=1e-4),
    }
    assert [(item.replayed, item.stored) for item in found.tasks] == [(1, 1)] * 3 + [(0, 0)] * 3
    kept, left = observed(workspace)
    assert kept == left == f"{WRITTEN_BEFORE}\n{found.sentence}"
    assert "Replay of 3 of 3 stored rollouts of baseline" in kept
    assert "0 model tokens" in kept


def test_a_replay_leaves_the_search_as_it_was_and_the_command_goes_on_from_it(
    open_tiny: Callable[..., Workspace], watched: Watched
) -> None:
    workspace = open_tiny(trials=1)
    asyncio.run(make_search(workspace))

    def search() -> tuple[Any, ...]:
        with closing(Ledger(workspace.layout.ledger)) as ledger:
            rows = ledger._database.execute(SQL).fetchall()
            return rows, [replace(row, claim="") for row in ledger.iterations()]

    before = search()
    first = asyncio.run(replayed(workspace))
    judged = len(watched.judged)
    assert json.loads(said(workspace, NAME, "--json")) == first.to_json()
    table = said(workspace, NAME)
    assert "3 of 3 rollouts replayed" in table
    assert "no interval" in table
    assert "Noted in the candidate's claim" in table
    assert len(watched.judged) == judged
    assert search() == before
    assert search()[1][1].decision is DecisionKind.ORPHAN
    kept, _ = observed(workspace)
    assert kept.count("Replay of") == 1
    assert len(rows_of(workspace, Purpose.REPLAY)) == FINISHED
    evidence = workspace.layout.evidence_of(Purpose.REPLAY) / f"{NAME}-on-baseline"
    assert len(list(evidence.glob("*/*/trial-1/output/abstract.*"))) == FINISHED


@pytest.mark.parametrize(("source", "call"), [(OTHER_PROMPT, 1), (ASKS_AGAIN, 2)])
async def test_what_asks_otherwise_diverges_and_nothing_is_scored(
    open_tiny: Callable[..., Workspace], watched: Watched, source: str, call: int
) -> None:
    workspace = open_tiny(trials=1)
    await make_search(workspace, source)
    watched.forget()
    found = await replayed(workspace)
    assert (watched.sent, watched.judged) == (0, [])
    assert (found.pairs, found.before, found.after, found.diverged) == ((), None, None, 3)
    reasons = {item.reason for item in found.left_out}
    assert reasons == {f"replay: call {call} was never made"}
    assert outcomes(rows_of(workspace, Purpose.REPLAY)) == {Outcome.INFRA_FAILED}
    assert found.to_json()["difference"] is None
    assert "3 diverged, so the mechanism is not post-solve" in observed(workspace)[0]


async def test_a_mechanism_that_breaks_or_mends_the_end_is_replayed_too(
    open_tiny: Callable[..., Workspace], watched: Watched
) -> None:
    workspace = open_tiny(trials=1)
    crash = 'raise RuntimeError("too late")'
    fails = PARENT.replace("    save(", f"    {crash}\n    save(")
    await make_search(workspace, PARENT, fails)
    mended = await replayed(workspace)
    assert mended.changed == 3
    assert mended.before is not None
    assert mended.before.pooled == 0
    assert mended.after is not None
    assert mended.after.pooled > 0
    file = workspace.layout.root / "still_fails.py"
    file.write_text(f"{fails}\n# as before\n")
    same = await replayed(workspace, str(file))
    assert (same.changed, len(same.pairs), same.noted) == (0, 3, False)
    assert same.after == same.before


async def test_a_file_is_held_against_the_incumbent_and_written_down_nowhere(
    open_tiny: Callable[..., Workspace], tmp_path: Path
) -> None:
    workspace = open_tiny(trials=1)
    await make_search(workspace)
    file = tmp_path / "mine.py"
    file.write_text(f"{RENAMES}\n# mine\n")
    found = await replayed(workspace, str(file))
    assert (found.parent, found.changed, found.noted) == ("baseline", found.changed, False)
    assert found.changed > 0
    assert observed(workspace)[0] == WRITTEN_BEFORE
    await _without_evidence_a_rollout_is_left_out(workspace, file)
    with pytest.raises(InputError, match="no finished rollout of candidate_1"):
        await replayed(workspace, str(file), parent=NAME)


async def _without_evidence_a_rollout_is_left_out(workspace: Workspace, file: Path) -> None:
    lost, *_ = rows_of(workspace)
    shutil.rmtree(workspace.layout.dev_evidence / "baseline" / lost.key.task)
    found = await replayed(workspace, str(file))
    assert [(item.task, item.diverged) for item in found.left_out] == [(lost.key.task, False)]
    assert "Replay of 2 of 3" in found.sentence


@pytest.mark.parametrize("name", ["baseline", "nobody"])
async def test_what_has_no_parent_cannot_be_replayed(
    open_tiny: Callable[..., Workspace], name: str
) -> None:
    with pytest.raises(InputError):
        choose_subject(open_tiny(trials=1), name, None)


async def test_without_a_search_there_is_nothing_to_replay(
    open_tiny: Callable[..., Workspace], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(RENAMES)
    with pytest.raises(InputError, match="finished rollouts"):
        await replayed(open_tiny(trials=1), str(file))


# When the parent's verdicts stand.


def stored(folder: Path, **changes: Any) -> Original:
    save_docx(folder / "output" / "a.docx", "The rent is 5 USD.")
    row = replace(rollout_row(), output_digest="digest of then", **changes)
    return Original(row, folder, (Verdict("C-001", "pass", ""),))


def written_later(source: Path, target: Path) -> None:
    """The same document with another time in it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            entry.date_time = (2031, 1, 2, 3, 4, 6)
            new.writestr(entry, content)


def test_a_document_written_at_another_time_is_the_same(tmp_path: Path) -> None:
    original, texts = stored(tmp_path / "then"), TextStore(tmp_path / "texts")
    output = tmp_path / "now"
    output.mkdir()
    written_later(tmp_path / "then" / "output" / "a.docx", output / "a.docx")
    digest = digest_bytes([(output / "a.docx").read_bytes()])
    assert original.is_like(digest, output, texts)
    (output / "b.txt").write_text("more")
    assert not original.is_like(digest, output, texts)
    (output / "b.txt").unlink()
    save_docx(output / "a.docx", "The rent is 6 USD.")
    assert not original.is_like(digest, output, texts)
    (output / "a.docx").write_bytes(b"no document")
    assert not original.is_like(digest, output, texts)


def test_verdicts_of_a_failed_rollout_never_stand(tmp_path: Path) -> None:
    texts, output = TextStore(tmp_path / "texts"), tmp_path / "then" / "output"
    failed = stored(tmp_path / "then", outcome=Outcome.HARNESS_FAILED)
    assert not failed.is_like("digest of then", output, texts)
    scored = stored(tmp_path / "then")
    assert scored.is_like("digest of then", output, texts)
    assert not replace(scored, verdicts=()).is_like("digest of then", output, texts)
