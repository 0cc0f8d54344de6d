"""Finds traces of the test split in what a proposer or a candidate wrote.

The box keeps the test split out of reach; this audit looks at what was really written, and an
iteration with a touch is rejected. It sees through case, backslashes, doubled slashes, `./` and
URL encoding, one line at a time. An id that code puts together from pieces is out of its scope.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote

from harness_search.benchmark.canaries import Canaries, canaries_of
from harness_search.benchmark.tasks import Task

Kind = Literal["id", "path", "glob", "canary", "split file", "slug"]
Span = tuple[int, int]

LONGEST_EXCERPT = 160  # characters
TASK_FILE = "task.json"
DECODINGS = 3
"""How often URL encoding is undone; encodings of encodings are rare and mean intent."""
SHORTEST_SLUG = 6
"""Characters; shorter ones such as `v2` occur anywhere and give nothing away."""
COVERED = 0.6
"""Share of an id that the literal parts of a pattern must make up to mean that id."""
LITERAL_RUN = re.compile(r"[a-z0-9-]{2,}")

_TOKEN = re.compile(r"""[^\s"'`()<>|;,=&]+""")
_WILDCARD = re.compile(r"[*?\[{]")
_EXTENSION = re.compile(r"\.[a-z]\w{1,4}\b")
_LITERAL = re.compile(r"\w{3}")
"""Shorter literal parts are left alone: once backslashes are slashes, the regular expression
`\\s*\\w*` looks like the path `s*/w*`."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One trace of the test split."""

    label: str
    """Which text: candidate, claim, proposer log."""
    line: int
    """Counted from 1."""
    kind: Kind
    excerpt: str


@dataclass(frozen=True, slots=True)
class TestSplit:
    """What gives the test split away. All texts are case-folded."""

    ids: tuple[str, ...]
    slugs: tuple[str, ...]
    """Parts of test ids after the practice area that nothing of a dev task holds."""
    canaries: tuple[str, ...]
    split_file: str
    tasks_folder: str
    """Name of the folder that all tasks lie in; empty without test tasks."""
    dev_ids: tuple[str, ...]
    """These may be named, also where one contains a test id."""


def test_split_marks(
    test_tasks: Sequence[Task],
    dev_tasks: Sequence[Task],
    test_split_file: Path,
    derived: Canaries | None = None,
    shown: str = "",
) -> TestSplit:
    """What to look for; depends on nothing but the two splits, the tasks' own files, and what the
    workspace derives. `shown` is all that dev tasks show, case-folded: whoever reads it writes down
    what it says."""
    dev_ids = [task.id.casefold() for task in dev_tasks]
    ids = [task.id.casefold() for task in test_tasks]
    slugs = {part for task_id in ids for part in task_id.split("/")[1:]}
    return TestSplit(
        ids=tuple(ids),
        slugs=tuple(sorted(slug for slug in slugs if _is_telling(slug, [*dev_ids, shown]))),
        canaries=tuple(map(str.casefold, canaries_of(test_tasks, "test", derived))),
        split_file=test_split_file.name.casefold(),
        tasks_folder=_tasks_folder(test_tasks),
        dev_ids=tuple(dev_ids),
    )


def _is_telling(slug: str, known: Sequence[str]) -> bool:
    """A plain word such as `review` occurs in any text."""
    plain = len(slug) < SHORTEST_SLUG or slug.isalpha() or slug.isdigit()
    return not plain and all(slug not in text for text in known)


def _tasks_folder(tasks: Sequence[Task]) -> str:
    """The folder's name, found by walking up from a task as many steps as its id has parts."""
    if not tasks:
        return ""
    steps = len(PurePosixPath(tasks[0].id).parts)
    return tasks[0].folder.parents[steps - 1].name.casefold()


def find_touches(texts: Mapping[str, str], marks: TestSplit) -> tuple[Touch, ...]:
    """Every trace of the test split in the texts (by label), one a line and kind, in order."""
    return tuple(
        touch
        for label, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for touch in _touches_of_line(label, number, line, marks)
    )


def find_touches_of_session(texts: Mapping[str, str], marks: TestSplit) -> list[Touch]:
    """Touches in what a session left, by name of file, and in those names. In notes and scratch
    files, which nothing runs, a wide pattern is no touch."""
    touches = find_touches({"names of files": "\n".join(texts), **texts}, marks)
    handed_in = ("harnesses/", "pending_eval.json")
    return [item for item in touches if item.kind != "glob" or item.label.startswith(handed_in)]


def describe(touches: Sequence[Touch]) -> str:
    """One sentence about the first touch and how many more there are; empty without any.

    It does not quote what was found: reasons go into the digest that proposers read.
    """
    if not touches:
        return ""
    first = touches[0]
    more = f", and there are {len(touches) - 1} more touches" if len(touches) > 1 else ""
    return (
        f"The test split was touched: {first.label}, line {first.line}, holds a trace of it "
        f"({first.kind}){more}."
    )


def _touches_of_line(label: str, number: int, line: str, marks: TestSplit) -> Iterator[Touch]:
    seen: set[Kind] = set()
    for variant in _variants(line):
        for kind, found in _hits(variant, marks):
            if kind not in seen:
                seen.add(kind)
                yield Touch(label, number, kind, found[:LONGEST_EXCERPT])


def _variants(line: str) -> list[str]:
    """The line as written and with URL encoding undone, both in one spelling of paths.

    Decoding may also destroy what is there in plain text, so the line as written counts too.
    """
    texts = [line]
    for _ in range(DECODINGS if "%" in line else 0):
        texts.append(unquote(texts[-1]))
    return [_one_spelling(text) for text in dict.fromkeys(texts)]


def _one_spelling(text: str) -> str:
    plain = text.casefold().replace("\\", "/")
    return re.sub(r"/(?:\.?/)+", "/", plain) if "/" in plain else plain


def _hits(text: str, marks: TestSplit) -> Iterator[tuple[Kind, str]]:
    ids = _test_ids_in(text, marks)
    for start, end in ids:
        inside_path = text[:start].endswith("/") or text[end:].startswith("/")
        yield ("path" if inside_path else "id"), text[start:end]
    for span in _places(text, marks.slugs):
        # `advice-on-fees.docx` is a document: no folder of a task has an extension.
        is_document = _EXTENSION.match(text, span[1])
        if _stands_alone(text, span) and not is_document and not _lies_in(span, ids):
            yield "slug", text[slice(*span)]
    for start, end in _places(text, marks.canaries):
        yield "canary", text[start:end]
    for start, end in _places(text, (marks.split_file,)):
        yield "split file", text[start:end]
    for token in _TOKEN.findall(text) if _WILDCARD.search(text) else ():
        if _WILDCARD.search(token) and reaches_test_task(token, marks):
            yield "glob", token


def _test_ids_in(text: str, marks: TestSplit) -> list[Span]:
    """Where test ids stand, except where they are part of a dev id.

    An id without a folder must stand alone, or the task `lease` would be found in `please`.
    """
    found = [
        span
        for span in _places(text, marks.ids)
        if "/" in text[slice(*span)] or _stands_alone(text, span)
    ]
    if not found:
        return []
    excused = _places(text, marks.dev_ids)
    return [span for span in found if not _lies_in(span, excused)]


def _places(text: str, words: Sequence[str]) -> list[Span]:
    """Every occurrence of every word, overlapping ones included."""
    spans: list[Span] = []
    for word in words:
        start = text.find(word)
        while start >= 0:
            spans.append((start, start + len(word)))
            start = text.find(word, start + 1)
    return spans


def _stands_alone(text: str, span: Span) -> bool:
    around = text[max(0, span[0] - 1) : span[0]] + text[span[1] : span[1] + 1]
    return re.search(r"[\w-]", around) is None


def _lies_in(span: Span, others: Sequence[Span]) -> bool:
    return any(first <= span[0] and span[1] <= last for first, last in others)


# Globs.


def reaches_test_task(pattern: str, marks: TestSplit) -> bool:
    """Whether a path pattern leads to a test task's folder or its `task.json`.

    Below the tasks folder every pattern counts that can lead into a test task. Elsewhere it must
    spell most of an id, or `task.json`: `**/*memo*` looks for deliverables.
    """
    parts = [_without_groups(part) for part in pattern.split("/")]
    parts = [part for part in parts if part not in {"", ".", ".."}]
    if marks.tasks_folder in parts:
        below = _shortened(parts[parts.index(marks.tasks_folder) + 1 :], marks)
        return bool(below) and any(_leads_into(below, task_id) for task_id in marks.ids)
    if not _LITERAL.search("/".join(parts)):
        return False
    segments = _shortened(parts, marks)
    if any(_means(segments, dev_id) for dev_id in marks.dev_ids):
        return False
    return any(_means(segments, task_id) or _asks_file(segments, task_id) for task_id in marks.ids)


def spells(runs: Sequence[str], name: str) -> bool:
    """Whether literal parts stand in a name in their order, and make up most of it."""
    place = 0
    for run in runs:
        start = name.find(run, place)
        if start < 0:
            return False
        place = start + len(run)
    return sum(map(len, runs)) >= COVERED * len(name)


def _without_groups(segment: str) -> str:
    """A segment whose `[...]` and `{...}` parts may stand for any text."""
    return re.sub(r"\[[^\]]*\]?|\{[^}]*\}?", "*", segment)


def _shortened(segments: Sequence[str], marks: TestSplit) -> list[str]:
    """What can matter of a pattern: a hostile one may be very long, and a task is never deep."""
    kept = [
        segment
        for number, segment in enumerate(segments)
        if segment != "**" or number == 0 or segments[number - 1] != "**"
    ]
    depth = max((task_id.count("/") + 2 for task_id in marks.ids), default=0)
    return kept[: 2 * depth + 2]


def _leads_into(segments: Sequence[str], task_id: str) -> bool:
    """Whether a pattern matches a folder above the task, the task, or something in it."""
    parts = task_id.split("/")
    above = any(_matches(segments, parts[:depth]) for depth in range(1, len(parts)))
    starts = (segments[:used] for used in range(1, len(segments) + 1))
    return above or any(_matches(start, parts) for start in starts)


def _means(segments: Sequence[str], task_id: str) -> bool:
    """Whether a start of a pattern matches the task, and spells most of its id."""
    parts = task_id.split("/")
    starts = (segments[:used] for used in range(1, len(segments) + 1))
    return any(
        spells(LITERAL_RUN.findall("/".join(start)), task_id) and _matches(start, parts)
        for start in starts
    )


def _asks_file(segments: Sequence[str], task_id: str) -> bool:
    """Whether a pattern matches the task's `task.json`, and spells most of that name."""
    spelled = spells(LITERAL_RUN.findall(segments[-1]), TASK_FILE)
    return spelled and _matches(segments, [*task_id.split("/"), TASK_FILE])


def _matches(segments: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether a pattern matches a whole path; `**` stands for any number of folders."""
    if not segments:
        return not parts
    if segments[0] == "**":
        return any(_matches(segments[1:], parts[skipped:]) for skipped in range(len(parts) + 1))
    if not parts:
        return False
    # fnmatch, and no expression of our own: it does not blow up on a pattern of many stars.
    return fnmatchcase(parts[0], segments[0]) and _matches(segments[1:], parts[1:])
