"""All audits of one iteration, put together: what was asked, what was left, what was held still."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness_search.audit.bounds import ROOTS, Bounds
from harness_search.audit.candidate import CandidateTexts, audit_candidate, audit_texts
from harness_search.audit.engaged import Run, audit_engaged, audit_ran, lines_added
from harness_search.audit.evaluator import audit_evaluator, audit_launches, evaluator_digests
from harness_search.audit.finder import Finder
from harness_search.audit.gaming import (
    Delivered,
    audit_deliverable_texts,
    audit_judge_directed,
    speaks_to_a_judge,
)
from harness_search.audit.knowledge import Knowledge, shown_of, text_or_nothing
from harness_search.audit.leakage import TestSplit, find_touches, test_split_marks
from harness_search.audit.report import AuditReport, Finding, Severity, merged
from harness_search.audit.session import audit_session, tool_uses
from harness_search.audit.unchanged import Digests
from harness_search.benchmark.canaries import Canaries
from harness_search.files import (
    digest_bytes,
    is_regular,
    to_json,
    untrusted_files,
    write_atomically,
)
from harness_search.judging.documents import TextStore
from harness_search.layout import Layout
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import IterationRow, RolloutRow
from harness_search.promotion.candidate import Candidate
from harness_search.proposers.session import Session
from harness_search.proposers.view import (
    LARGEST_FILE,
    large_files,
    pieces_of,
    session_texts,
)
from harness_search.rollouts.evidence import LOG, TRANSCRIPT, filed_folder
from harness_search.rollouts.traces import lines_run
from harness_search.workspace import Workspace

CLAIM = "pending_eval.json"
MOST_WARNINGS = 4
LONGEST_WARNING = 240
"""Sentences, and characters of one, that are said of an iteration's warnings: the digest of the
next sessions is short."""


class Auditor:
    """Knows the benchmark once for a whole run, and holds the evaluator still around a session."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._knowledge: Knowledge | None = None
        self._before: Mapping[str, str] = {}
        self._digests = Digests()

    def begin(self, iteration: int) -> None:
        """Remember what scores and decides, before a session starts or goes on. On disk it is kept
        once for all iterations that are begun with the same."""
        self._before = evaluator_digests(self._workspace, self._digests)
        layout = self._workspace.layout
        file, content = layout.evaluator(iteration), to_json(self._before).encode()
        if file.is_file():
            return
        kept = layout.kept_evaluator(digest_bytes([content]))
        if not kept.is_file() or kept.read_bytes() != content:
            write_atomically(kept, content)
        try:
            file.hardlink_to(kept)
        except OSError:  # not every file system has such links
            write_atomically(file, content)

    def end(self, iteration: int) -> None:
        """Leave what was remembered to where it is kept for all."""
        self._workspace.layout.evaluator(iteration).unlink(missing_ok=True)

    def session(self, session: Session) -> AuditReport:
        """What the session did, whatever it left: its tool calls as the gateway saw them, and
        canaries in all that it said and left."""
        found = session.view.parent.glob("transcript-*.jsonl")
        transcripts = sorted(found, key=lambda file: (len(file.name), file.name))  # 2 before 10
        held = audit_evaluator(self._before, evaluator_digests(self._workspace, self._digests))
        file = self._workspace.layout.evaluator(session.iteration)
        moved = audit_launches(json.loads(file.read_text("utf-8")), self._before)
        bounds = _bounds_of(self._workspace, session)
        used = audit_session(tool_uses(transcripts), self._known(), bounds=bounds)
        met = AuditReport(tuple(_met(session.view, transcripts, self._finder())))
        large = AuditReport(tuple(_in_large_files(session.view, self._known())))
        return merged((used, met, large, held, moved))

    def candidate(self, session: Session, candidate: Candidate) -> AuditReport:
        """What the candidate adds to its parent, with its claim and everything else it left."""
        source = candidate.source.decode(errors="replace")
        parent = _source_of(self._workspace.layout, candidate.parent)
        others = session_texts(session, with_harnesses=False)
        claim = others.pop(CLAIM, "")
        found = CandidateTexts(source, parent, claim)
        return merged(
            (
                audit_candidate(found, self._known()),
                audit_texts(others, self._known()),
                audit_engaged(source, parent),
                audit_judge_directed(source, parent),
            )
        )

    def deliverables(
        self,
        harness: str,
        rows: Iterable[RolloutRow],
        incumbent: str = "",
        incumbent_rows: Iterable[RolloutRow] = (),
    ) -> AuditReport:
        """Canaries in what the rollouts of a harness, given by its name, delivered, printed, said
        and were told: no honest rollout can have met one. And words to the judge in what it
        delivered, beyond what papers and the incumbent's deliverables of the same tasks say."""
        store, finder = TextStore(self._workspace.layout.text), self._finder()
        found, spoken = list[Finding](), list[Delivered]()
        for row in rows:
            folder = self._folder(harness, row)
            rollout = f"{row.key.task}, trial {row.key.trial}"
            found += [_leak(f"{kind} of {rollout}") for kind in _leaking(folder, store, finder)]
            text = _delivered(folder, store)
            if speaks_to_a_judge(text):
                spoken.append(Delivered(f"deliverable of {rollout}", row.key.task, text))
        theirs = ((row.key.task, self._folder(incumbent, row)) for row in incumbent_rows)
        return AuditReport((*found, *self._said_to_judge(spoken, theirs, store)))

    def _folder(self, harness: str, row: RolloutRow) -> Path:
        return filed_folder(self._workspace.layout.dev_evidence, harness, row.key, row.attempt)

    def _said_to_judge(
        self, spoken: Sequence[Delivered], theirs: Iterable[tuple[str, Path]], store: TextStore
    ) -> tuple[Finding, ...]:
        """`theirs` are the incumbent's rollouts, each with its task; read only when needed."""
        concerned = {item.task for item in spoken}
        if not concerned:
            return ()
        known = [_delivered(folder, store) for task, folder in theirs if task in concerned]
        for task in self._workspace.splits.dev:
            if task.id in concerned:
                known.append(task.content.instructions)
                known += (text_or_nothing(file, store) for file in task.documents())
        return audit_deliverable_texts(spoken, known).findings

    def ran(
        self, iteration: IterationRow, rows: Iterable[RolloutRow], gain: Gain | None
    ) -> AuditReport:
        """Whether what a candidate adds to its parent ever ran in its finished rollouts."""
        layout = self._workspace.layout
        source, parent = (_source_of(layout, name) for name in (iteration.name, iteration.parent))
        added, runs = lines_added(source, parent), list[Run]()
        for row in rows if added else ():
            folder = filed_folder(layout.dev_evidence, iteration.name, row.key, row.attempt)
            lines = lines_run(folder) if row.outcome.finished else None
            if lines is not None:
                runs.append(Run(row.key.task, lines))
        return audit_ran(added, runs, gain)

    def _known(self) -> Knowledge:
        if self._knowledge is None:
            layout, splits = self._workspace.layout, self._workspace.splits
            store, derived = TextStore(layout.text), Canaries.of(layout)
            self._knowledge = Knowledge.of(splits, store, layout.test_split, derived)
        return self._knowledge

    def _finder(self) -> Finder:
        return Finder(self._known().canaries)


def marks_of(workspace: Workspace) -> TestSplit:
    """What gives the test split away, without what dev tasks show too."""
    layout, splits = workspace.layout, workspace.splits
    shown = shown_of(splits.dev, TextStore(layout.text))
    return test_split_marks(splits.test, splits.dev, layout.test_split, shown=shown)


def _bounds_of(workspace: Workspace, session: Session) -> Bounds:
    """A session sees its folders where they are, unless its box has a file system of its own."""
    layout, state = workspace.layout, session.view.parent / "state"
    imported = (session.services.bench.kit.resolve(),) if session.services else ()
    own = (session.view, session.evidence, state, *imported)
    searched = (layout.root, layout.root / workspace.settings.benchmark.tasks)
    inside, outside = (
        tuple(f"{form}" for path in paths for form in (path, path.resolve()))
        for paths in (own, searched)
    )
    return Bounds((*ROOTS, *inside), outside)


def _met(view: Path, transcripts: Iterable[Path], finder: Finder) -> Iterator[Finding]:
    """Canaries in a session's transcripts, and in its files and their names."""
    for number, file in enumerate(transcripts, start=1):
        if finder.is_in_file(file):
            yield _leak(f"session, transcript {number}")
    for file in untrusted_files(view):
        name = file.relative_to(view).as_posix()
        if finder.is_in(name):
            yield _leak("what it left, the name of a file")
        elif os.access(file, os.R_OK) and finder.is_in_file(file):
            yield _leak(f"what it left, {name!r}")


def _in_large_files(view: Path, known: Knowledge) -> Iterator[Finding]:
    """Each file that is too large to be audited with the others, and what its pieces hold."""
    for name, file in large_files(view):
        # A name that tells of the test split is no more to be quoted than a text.
        tells = bool(find_touches({"": name}, known.marks))
        where = f"what it left, {'a large file' if tells else repr(name)}"
        yield Finding("size", Severity.WARN, where, f"over {LARGEST_FILE:,} bytes, read in pieces")
        found = (item for piece in pieces_of(file) for item in _in_piece(where, piece, known))
        yield from dict.fromkeys(found)


def _in_piece(where: str, piece: str, known: Knowledge) -> Iterator[Finding]:
    for item in audit_texts({where: piece}, known).findings:
        yield Finding(item.rule, item.severity, where, item.evidence)
    for kind in {touch.kind for touch in find_touches({where: piece}, known.marks)}:
        if kind != "glob":  # in scratch, which nothing runs, a wide pattern is no touch
            evidence = f"holds a trace of the test split ({kind})"
            yield Finding("test split", Severity.REJECT, where, evidence)


def _leaking(folder: Path, store: TextStore, finder: Finder) -> Iterator[str]:
    """What of a rollout's evidence holds a canary. Its summary is the scaffold's own."""
    output = untrusted_files(folder / "output")
    if any(finder.is_in(f"{file.name}\n{text_or_nothing(file, store)}") for file in output):
        yield "deliverable"
    kept = {"transcript": folder / TRANSCRIPT, "log": folder / LOG}
    yield from (kind for kind, file in kept.items() if is_regular(file) and finder.is_in_file(file))


def _delivered(folder: Path, store: TextStore) -> str:
    """All that a judge may read of a rollout, names of files too."""
    files = untrusted_files(folder / "output")
    return "\n".join(f"{file.name}\n{text_or_nothing(file, store)}" for file in files)


def _leak(where: str) -> Finding:
    return Finding("canary", Severity.REJECT, where, "holds the canary of a task or a split")


def of_touch(reason: str) -> AuditReport:
    """What was found in a session's files, as a finding."""
    return AuditReport((Finding("test split", Severity.REJECT, "what it left", reason),))


def keep_report(layout: Layout, iteration: int, report: AuditReport) -> None:
    """Write the audit of an iteration down, for people."""
    write_atomically(layout.audit(iteration), to_json(report.to_json()), durable=False)


def add_to_report(layout: Layout, iteration: int, *reports: AuditReport) -> None:
    """Add to the audit that was kept of an iteration, unless it is in there already."""
    found, kept = merged(reports).findings, _kept(layout, iteration)
    if new := tuple(item for item in found if item not in kept):
        keep_report(layout, iteration, AuditReport((*kept, *new)))


def kept_warnings(layout: Layout, iteration: int) -> tuple[str, ...]:
    """A sentence for each kind of warning in the audit that was kept of an iteration, at most
    MOST_WARNINGS, and one that counts the others. As reasons do, they quote nothing."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for item in _kept(layout, iteration):
        if item.severity is Severity.WARN:
            kinds.setdefault((item.rule, item.evidence), []).append(item)
    said = [_sentence(found[0], len(found) - 1) for found in kinds.values()]
    if (left := len(said) - MOST_WARNINGS) <= 0:
        return tuple(said)
    one = left == 1
    rest = f"{left} more warning{'' if one else 's'} stand{'s' if one else ''} in `audit.json`."
    return (*said[:MOST_WARNINGS], rest)


def _sentence(finding: Finding, others: int) -> str:
    more = f", and {others} more time{'' if others == 1 else 's'}" if others else ""
    said = " ".join(f"Audit, {finding.rule}: {finding.where}, {finding.evidence}".split())
    room = LONGEST_WARNING - len(more) - 1
    return f"{said if len(said) <= room else f'{said[: room - 3]}...'}{more}."


def _kept(layout: Layout, iteration: int) -> tuple[Finding, ...]:
    try:
        document = json.loads(layout.audit(iteration).read_text(encoding="utf-8"))
        return AuditReport.of_json(document).findings
    except (OSError, ValueError, KeyError, TypeError):  # none was kept, or people have edited it
        return ()


def _source_of(layout: Layout, name: str) -> str:
    file: Path = layout.candidate(name)
    return file.read_text("utf-8", errors="replace") if file.is_file() else ""
