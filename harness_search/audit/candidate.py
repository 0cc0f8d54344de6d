"""Audits what a candidate adds over its parent: canaries, wording, constants, and branches.

Everything is looked for in the whole source, and what the parent holds too is taken off: what was
let through once does not convict its descendants. The code counts as a running program has it, so
that a text put together from pieces, or kept in base64, is one text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness_search.audit.branches import Branch, branches_in
from harness_search.audit.knowledge import Constants, Knowledge
from harness_search.audit.leakage import find_touches
from harness_search.audit.recital import (
    MANY_TEST_RUNS,
    Found,
    constants_in,
    constants_in_code,
    dev_findings,
    held_out_findings,
    test_runs_in,
    wording_findings,
)
from harness_search.audit.report import AuditReport, Finding, Severity, lines_of
from harness_search.audit.source import SourceTexts, read_source, sequence
from harness_search.audit.words import DOCUMENT_RUN, RUBRIC_RUN, rare_shingles, words

CANDIDATE = "candidate"
CLAIM = "claim"
MANY_DEV_RUNS = 3
"""Shingles shared with dev documents, each with a rare word, from which they were copied."""


@dataclass(frozen=True, slots=True)
class CandidateTexts:
    """What a session left behind."""

    source: str
    parent_source: str
    claim_text: str = ""
    log_texts: Mapping[str, str] = field(default_factory=dict)
    """Everything else by name: notes, logs, the sources that lie beside the candidate."""


def audit_candidate(texts: CandidateTexts, knowledge: Knowledge) -> AuditReport:
    """Every rule on the candidate's source; traces and canaries in the claim and the logs too."""
    code, parent = read_source(texts.source), read_source(texts.parent_source)
    others = {CLAIM: texts.claim_text, **texts.log_texts}
    everything = {CANDIDATE: _as_it_runs(texts.source, code), **others}
    return AuditReport(
        (
            *_touches(everything, knowledge),
            *_canaries(everything, knowledge),
            *_overlaps(code, parent, knowledge),
            *_copies_of_test_tasks({CLAIM: texts.claim_text}, knowledge, 1),
            *_copies_of_test_tasks(texts.log_texts, knowledge),
            *_constants(code, parent, knowledge),
            *_test_constants(code, texts.claim_text, parent, knowledge),
            *_branches(code, parent, knowledge),
        )
    )


def audit_texts(texts: Mapping[str, str], knowledge: Knowledge) -> AuditReport:
    """Canaries and wording of the test split in any texts: deliverables, transcripts."""
    return AuditReport(
        (
            *_canaries(texts, knowledge),
            *_test_canaries(texts, knowledge),
            *_copies_of_test_tasks(texts, knowledge),
        )
    )


def _as_it_runs(source: str, code: SourceTexts) -> str:
    """The source and, on the same lines, what its constants come to."""
    lines = source.splitlines()
    for piece in code.strings:
        if piece.line <= len(lines):
            lines[piece.line - 1] += f" {' '.join(piece.text.splitlines())}"
    return "\n".join(lines)


# Traces of the test split, and canaries.


def _touches(texts: Mapping[str, str], knowledge: Knowledge) -> Iterator[Finding]:
    for touch in find_touches(texts, knowledge.marks):
        where = f"{touch.label}, line {touch.line}"
        evidence = f"holds a trace of the test split ({touch.kind})"
        yield Finding("test split", Severity.REJECT, where, evidence)


def _canaries(texts: Mapping[str, str], knowledge: Knowledge) -> Iterator[Finding]:
    evidence = "holds the canary of a dev task, which stands beside its rubric"
    yield from _with(texts, knowledge.dev_canaries, evidence)


def _test_canaries(texts: Mapping[str, str], knowledge: Knowledge) -> Iterator[Finding]:
    yield from _with(texts, knowledge.marks.canaries, "holds the canary of a test task")


def _with(texts: Mapping[str, str], marks: tuple[str, ...], evidence: str) -> Iterator[Finding]:
    for label, text in texts.items():
        folded = text.casefold()
        for mark in marks:
            place = folded.find(mark)
            if place >= 0:
                where = f"{label}, line {folded.count(chr(10), 0, place) + 1}"
                yield Finding("canary", Severity.REJECT, where, evidence)


# Wording.


def _overlaps(code: SourceTexts, parent: SourceTexts, known: Knowledge) -> Iterator[Finding]:
    runs = _runs(code, known, DOCUMENT_RUN, 1)
    documents = _shared(runs, parent, known, DOCUMENT_RUN, 1, known.dev_runs)
    if documents:
        severity = Severity.REJECT if len(documents) >= MANY_DEV_RUNS else Severity.WARN
        evidence = f"shares {len(documents)} runs of {DOCUMENT_RUN} words with papers of dev tasks"
        yield Finding("dev wording", severity, f"{CANDIDATE}, {lines_of(documents)}", evidence)
    short = _runs(code, known, RUBRIC_RUN, 2)
    rubrics = _shared(short, parent, known, RUBRIC_RUN, 2, known.rubric_runs)
    if rubrics:
        evidence = f"shares {len(rubrics)} runs of {RUBRIC_RUN} words with rubrics"
        where = f"{CANDIDATE}, {lines_of(rubrics)}"
        yield Finding("rubric wording", Severity.REJECT, where, evidence)
    tests = _shared(runs, parent, known, DOCUMENT_RUN, 1, known.test_runs)
    if tests:
        yield from wording_findings(f"{CANDIDATE}, {lines_of(tests)}", len(tests), 1)


def _shared(
    mine: Mapping[int, int],
    parent: SourceTexts,
    known: Knowledge,
    length: int,
    needed: int,
    marked: frozenset[int],
) -> list[int]:
    """The lines where marked shingles begin that the parent does not have. Few have any, and of
    the parent is read only what they need."""
    shared = {run: line for run, line in mine.items() if run in marked}
    own = _runs(parent, known, length, needed) if shared else {}
    return sorted(line for run, line in shared.items() if run not in own)


def _runs(code: SourceTexts, known: Knowledge, length: int, needed: int) -> dict[int, int]:
    """Shingles of all strings in a row, then of all comments, with their lines."""
    found: dict[int, int] = {}
    for pieces in (code.strings, code.comments):
        row, lines = sequence(pieces, words)
        runs = rare_shingles(row, length, needed, known.is_rare)
        found |= {run: lines[start] for run, start in runs.items()}
    return found


def _copies_of_test_tasks(
    texts: Mapping[str, str], known: Knowledge, many: int = MANY_TEST_RUNS
) -> Iterator[Finding]:
    for label, text in texts.items():
        yield from wording_findings(label, test_runs_in(words(text), known), many)


# Constants.


def _constants(code: SourceTexts, parent: SourceTexts, known: Knowledge) -> Iterator[Finding]:
    added = _added(constants_in_code(code, known.dev_constants), parent, known.dev_constants)
    yield from dev_findings(CANDIDATE, added, known.dev_constants)


def _test_constants(
    code: SourceTexts, claim: str, parent: SourceTexts, known: Knowledge
) -> Iterator[Finding]:
    held_out = known.test_constants
    found = {CANDIDATE: constants_in_code(code, held_out), CLAIM: constants_in(claim, held_out)}
    for label, held in found.items():
        yield from held_out_findings(label, _added(held, parent, held_out), held_out)


def _added(found: Found, parent: SourceTexts, known: Constants) -> Found:
    """What the parent does not hold."""
    own = constants_in_code(parent, known) if found else {}
    return {item: line for item, line in found.items() if item not in own}


# Branches.


def _branches(code: SourceTexts, parent: SourceTexts, known: Knowledge) -> Iterator[Finding]:
    try:
        found = _told(code, known)
        own = {(branch.rule, branch.text) for branch in (_told(parent, known) if found else ())}
        added = [item for item in found if (item.rule, item.text) not in own]
        too_deep = code.too_deep
    except RecursionError:
        added, too_deep = [], True
    if too_deep:
        evidence = "is nested deeper than an audit can look into"
        yield Finding("branch", Severity.REJECT, CANDIDATE, evidence)
    for branch in added:
        yield Finding("branch", Severity.REJECT, f"{CANDIDATE}, line {branch.line}", branch.rule)


def _told(code: SourceTexts, known: Knowledge) -> tuple[Branch, ...]:
    return branches_in(code.tree, known) if code.tree else ()
