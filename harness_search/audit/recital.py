"""Which constants and wording of tasks a text holds, and whether too much to be chance."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from harness_search.audit.constants import amounts_in, dates_in, telling_amount
from harness_search.audit.knowledge import Constants, Kind, Knowledge
from harness_search.audit.names import names_in
from harness_search.audit.report import Finding, Severity, lines_of
from harness_search.audit.source import SourceTexts
from harness_search.audit.words import DOCUMENT_RUN, rare_shingles

MANY_CONSTANTS = 2
"""Distinct constants of one task from which a text knows that task."""
MANY_TASKS = 3
"""Tasks, each with a constant of its own, from which a text knows the split."""
MANY_NAMES = 5
"""The same where all are names: first words of names may be words of a trade."""
MANY_TEST_RUNS = 3
"""Runs of words of test tasks from which it was no chance, in a text that is not handed in: what a
session is told, or keeps a copy of, is long."""

Found = dict[tuple[Kind, str], int]
"""Constants and the line that each first stands on."""


def constants_in_code(code: SourceTexts, known: Constants) -> Found:
    """Those in strings, in comments, and in numbers."""
    found: Found = {}
    for piece in code.pieces:
        for item, line in constants_in(piece.text, known).items():
            found.setdefault(item, piece.line + line - 1)
    for piece in code.numbers:
        amount = telling_amount(piece.text) if piece.text.replace(".", "", 1).isdecimal() else ""
        if amount in known.owners[Kind.AMOUNT]:
            found.setdefault((Kind.AMOUNT, amount), piece.line)
    return found


def constants_in(text: str, known: Constants) -> Found:
    """Those in any text."""
    found: Found = {}
    for place, kind, constant in _places(text, known):
        found.setdefault((kind, constant), text.count("\n", 0, place) + 1)
    return found


Reader = Callable[[str], Iterator[tuple[int, str]]]


def _places(text: str, known: Constants) -> Iterator[tuple[int, Kind, str]]:
    folded = text.casefold()
    yield from ((place, Kind.NAME, name) for place, name in _names(text, folded, known))
    read: Mapping[Kind, Reader] = {Kind.AMOUNT: amounts_in, Kind.DATE: dates_in}
    for kind, reader in read.items():
        for place, constant in reader(folded):
            if constant in known.owners[kind]:
                yield place, kind, constant
    yield from _named_files_and_ids(folded, known)


def _names(text: str, folded: str, known: Constants) -> Iterator[tuple[int, str]]:
    """Line by line, and only those that can hold one: an output may have megabytes."""
    names, place = known.owners[Kind.NAME], 0
    present = [name for name in names if name in folded]
    for line in text.split("\n") if present else ():
        if any(name in line.casefold() for name in present):
            yield from ((place + at, name) for at, name in names_in(line, names, known.pairs))
        place += len(line) + 1


def _named_files_and_ids(folded: str, known: Constants) -> Iterator[tuple[int, Kind, str]]:
    """The longest only: an id holds its own last part."""
    for kind in (Kind.FILE, Kind.ID):
        here = [name for name in known.owners[kind] if name in folded]
        for name in here:
            if not any(name != other and name in other for other in here):
                yield folded.find(name), kind, name


def by_task(found: Found, known: Constants) -> dict[str, Found]:
    """The constants of each task, by its id."""
    tasks: defaultdict[str, Found] = defaultdict(dict)
    for (kind, constant), line in found.items():
        for task in known.owners[kind][constant]:
            tasks[task][kind, constant] = line
    return dict(sorted(tasks.items()))


def knows_split(found: Found, known: Constants) -> bool:
    """Whether several tasks each have a name or an amount here that no other task has. What may be
    a term or a program's own number does not count, nor do dates and names of files: the more
    tasks there are, the more of these any text holds."""
    sure: Found = {
        (kind, constant): line
        for (kind, constant), line in found.items()
        if kind in {Kind.NAME, Kind.AMOUNT}
        and len(known.owners[kind][constant]) == 1
        and known.is_sure(kind, constant)
    }
    needed = MANY_TASKS if any(kind is Kind.AMOUNT for kind, _ in sure) else MANY_NAMES
    return len(by_task(sure, known)) >= needed


def knows_tasks(found: Found, known: Constants) -> bool:
    """Whether one task has several constants here, or several tasks have one each."""
    of_one = any(len(held) >= MANY_CONSTANTS for held in by_task(found, known).values())
    return of_one or knows_split(found, known)


def counted(found: Found) -> str:
    """`2 names and 1 amount`."""
    kinds = [kind for kind, _ in found]
    counts = {kind: kinds.count(kind) for kind in Kind if kind in kinds}
    return " and ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items())


def dev_findings(where: str, found: Found, known: Constants) -> Iterator[Finding]:
    """A finding for each dev task whose constants were found, and one for the split."""
    for task, held in by_task(found, known).items():
        severity = Severity.REJECT if len(held) >= MANY_CONSTANTS else Severity.WARN
        place = f"{where}, {lines_of([*held.values()])}"
        yield Finding("constants", severity, place, f"holds {counted(held)} of dev task {task}")
    if knows_split(found, known):
        evidence = f"holds constants of {len(by_task(found, known))} dev tasks"
        place = f"{where}, {lines_of([*found.values()])}"
        yield Finding("constants", Severity.REJECT, place, evidence)


def held_out_findings(where: str, found: Found, known: Constants) -> Iterator[Finding]:
    """At most one finding, which names no test task."""
    if found:
        evidence = f"holds {counted(found)} that test tasks have and no dev task"
        place = f"{where}, {lines_of([*found.values()])}"
        severity = Severity.REJECT if knows_tasks(found, known) else Severity.WARN
        yield Finding("test constants", severity, place, evidence)


def test_runs_in(row: Sequence[str], known: Knowledge) -> int:
    """How many runs of words in a row test tasks have and no dev task."""
    return len(known.test_runs & rare_shingles(row, DOCUMENT_RUN, 1, known.is_rare).keys())


def wording_findings(where: str, runs: int, many: int) -> Iterator[Finding]:
    """At most one finding, a reject from so many runs on."""
    if runs:
        severity = Severity.REJECT if runs >= many else Severity.WARN
        shared = f"shares {runs} runs of {DOCUMENT_RUN} words"
        evidence = f"{shared} with test tasks and with no dev task"
        yield Finding("test wording", severity, where, evidence)
