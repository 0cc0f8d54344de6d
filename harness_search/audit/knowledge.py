"""What a candidate must not hold: canaries, wording and constants of the tasks.

It is built from the splits and the task folders once, and looked up from then on. Documents are
extracted once per content, in the folder that rollouts use too.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from harness_search.audit.constants import amounts_in, dates_in
from harness_search.audit.leakage import TestSplit, test_split_marks
from harness_search.audit.parties import Pair, pairs_in, parties_in
from harness_search.audit.vocabulary import Vocabulary, vocabulary
from harness_search.audit.words import DOCUMENT_RUN, RUBRIC_RUN, rare_shingles, words
from harness_search.benchmark.canaries import Canaries, canaries_of
from harness_search.benchmark.splits import Splits
from harness_search.benchmark.tasks import Task
from harness_search.judging.documents import TextStore, UnreadableDocumentError


class Kind(StrEnum):
    """Kinds of constants by which code can know a task."""

    ID = "task id"
    NAME = "name"
    AMOUNT = "amount"
    DATE = "date"
    FILE = "file name"


FEWEST_DIGITS = 5
"""Of an amount that cannot be a program's own, FEWEST_TELLING of them significant."""
FEWEST_TELLING = 4

Owners = Mapping[str, frozenset[str]]
"""By a constant in its one spelling: the ids of the tasks that it belongs to."""


@dataclass(frozen=True, slots=True)
class Constants:
    """By which a text can know tasks of one split. Case-folded."""

    owners: Mapping[Kind, Owners]
    parties: frozenset[str]
    """First words of names of somebody; other names may be terms, `the Seller`."""
    pairs: frozenset[Pair]
    """First two words of such names."""

    def is_sure(self, kind: Kind, constant: str) -> bool:
        """Whether it is no term, and no number that a program may have of its own."""
        if kind is Kind.AMOUNT:
            return _is_long(constant)
        return kind is not Kind.NAME or constant in self.parties


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything of the tasks that audits look for. Shingles are hashes of this process."""

    marks: TestSplit
    dev_canaries: tuple[str, ...]
    """Case-folded, as those among the marks. They stand in `task.json`, beside the rubric that a
    model judges by, and in the list of the split, which neither proposers nor harnesses see."""
    words: Vocabulary
    dev_runs: frozenset[int]
    """Runs of eight words of dev documents and instructions, each with a rare word."""
    rubric_runs: frozenset[int]
    """Runs of five words of rubrics, each with two rare words, that no document has."""
    test_runs: frozenset[int]
    """Runs of eight words of test tasks that no dev task has, each with a rare word."""
    dev_constants: Constants
    test_constants: Constants
    """What nothing of a dev task holds, rubrics included: a session may have been shown those."""
    test_names: frozenset[str]
    """Single words of names in test tasks, case-folded."""
    texts: tuple[str, ...]
    """Instructions and documents of each task of both splits, case-folded."""

    @classmethod
    def of(
        cls,
        splits: Splits,
        store: TextStore,
        test_split_file: Path,
        derived: Canaries | None = None,
    ) -> "Knowledge":
        """Read every task of both splits; a document that cannot be read counts as empty.

        Without `derived` the only canaries are those that tasks bring. One that harnesses are
        given to read, as some benchmarks have it, is none.
        """
        dev = [_read(task, store) for task in splits.dev]
        test = [_read(task, store) for task in splits.test]
        known = vocabulary(item.everything for item in (*dev, *test))
        dev_runs = _runs((text for item in dev for text in item.open_texts), known, DOCUMENT_RUN, 1)
        rubrics = _runs((item.rubric for item in (*dev, *test)), known, RUBRIC_RUN, 2)
        in_papers = _runs((text for item in dev for text in item.open_texts), known, RUBRIC_RUN, 2)
        dev_rubrics = _runs((item.rubric for item in dev), known, DOCUMENT_RUN, 1)
        tests = _runs((text for item in test for text in item.everything), known, DOCUMENT_RUN, 1)
        parties = parties_in(
            (text for item in (*dev, *test) for text in item.open_texts), known.proper
        )
        texts = tuple("\n".join(item.open_texts).casefold() for item in (*dev, *test))
        marks = test_split_marks(splits.test, splits.dev, test_split_file, derived, _shown(dev))
        dev_canaries = map(str.casefold, canaries_of(splits.dev, "dev", derived))
        return cls(
            marks=replace(marks, canaries=_kept_secret(marks.canaries, texts)),
            dev_canaries=_kept_secret(dev_canaries, texts),
            words=known,
            dev_runs=dev_runs,
            rubric_runs=rubrics - in_papers,
            test_runs=tests - dev_runs - dev_rubrics,
            dev_constants=_constants_of(_dev_owners(dev, test, known), dev, parties),
            test_constants=_constants_of(_test_owners(dev, test, known, parties), test, parties),
            test_names=frozenset(name for item in test for name in _names(item, known)),
            texts=texts,
        )

    @property
    def constants(self) -> Mapping[Kind, Owners]:
        """Those of dev tasks."""
        return self.dev_constants.owners

    @property
    def canaries(self) -> tuple[str, ...]:
        """Those of both splits."""
        return (*self.dev_canaries, *self.marks.canaries)

    def is_rare(self, word: str) -> bool:
        return word in self.words.rare

    def tasks_with(self, text: str) -> int:
        """In how many tasks' instructions and documents a text stands, whatever its case."""
        folded = text.casefold()
        return sum(folded in task for task in self.texts)


@dataclass(frozen=True, slots=True)
class _TaskTexts:
    """One task as text."""

    task: Task
    documents: tuple[str, ...]
    rubric: str

    @property
    def open_texts(self) -> tuple[str, ...]:
        """What a harness is given."""
        return (self.task.content.instructions, *self.documents)

    @property
    def everything(self) -> tuple[str, ...]:
        return (*self.open_texts, self.rubric)

    @property
    def file_names(self) -> set[str]:
        content = self.task.content
        named = {name for criterion in content.criteria for name in criterion.deliverables}
        papers = {path.name for path in self.task.documents()}
        return {name.casefold() for name in {*papers, *named, *content.deliverables}}

    @property
    def shown(self) -> str:
        """All that a session may be shown of it, case-folded."""
        folder = self.task.documents_folder
        paths = (path.relative_to(folder).as_posix() for path in self.task.documents())
        said = (self.task.id, self.task.content.title, *paths, *self.file_names, *self.everything)
        return "\n".join(said).casefold()


def _read(task: Task, store: TextStore) -> _TaskTexts:
    rubric = "\n".join(f"{item.title}\n{item.match_criteria}" for item in task.criteria)
    return _TaskTexts(
        task, tuple(text_or_nothing(path, store) for path in task.documents()), rubric
    )


def shown_of(tasks: Iterable[Task], store: TextStore) -> str:
    """All that a session may be shown of tasks, case-folded."""
    return _shown([_read(task, store) for task in tasks])


def _shown(tasks: Iterable[_TaskTexts]) -> str:
    return "\n".join(item.shown for item in tasks)


def _kept_secret(canaries: Iterable[str], open_texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(item for item in canaries if not any(item in text for text in open_texts))


def text_or_nothing(path: Path, store: TextStore) -> str:
    """The text of a document; empty for one that cannot be read."""
    try:
        return store.text_of(path)
    except UnreadableDocumentError:
        return ""


def _runs(texts: Iterable[str], known: Vocabulary, length: int, needed: int) -> frozenset[int]:
    found = set[int]()
    for text in texts:
        found.update(rare_shingles(words(text), length, needed, known.rare.__contains__))
    return frozenset(found)


# Constants.

Extractor = Callable[[_TaskTexts, Vocabulary], Iterable[str]]


def _constants_of(
    owners: Mapping[Kind, Owners], tasks: Iterable[_TaskTexts], parties: frozenset[str]
) -> Constants:
    own = parties & owners[Kind.NAME].keys()
    return Constants(owners, own, pairs_in((t for item in tasks for t in item.open_texts), own))


def _dev_owners(
    dev: Sequence[_TaskTexts], test: Sequence[_TaskTexts], known: Vocabulary
) -> dict[Kind, Owners]:
    """Those of dev tasks that stand in few tasks of the whole benchmark."""
    found = dict[Kind, Owners]()
    for kind, extract in _EXTRACTORS.items():
        owners, elsewhere = (_owners(tasks, known, extract) for tasks in (dev, test))
        found[kind] = {
            constant: ids
            for constant, ids in owners.items()
            if len(ids) + len(elsewhere.get(constant, ())) <= known.limit
        }
    return found


def _test_owners(
    dev: Sequence[_TaskTexts],
    test: Sequence[_TaskTexts],
    known: Vocabulary,
    parties: frozenset[str],
) -> dict[Kind, Owners]:
    """Those of test tasks that stand in few of them, in no dev task, and nowhere by chance. Ids
    are among the marks of the split."""
    of_dev = frozenset(word for item in dev for word in words(item.shown))
    found = dict[Kind, Owners]()
    for kind, extract in _EXTRACTORS.items():
        shared = _owners(dev, known, extract)
        found[kind] = {
            constant: ids
            for constant, ids in _owners(test, known, extract).items()
            if constant not in shared
            and len(ids) <= known.limit
            and _is_held_out(kind, constant, of_dev, parties)
        }
    return found


def _is_held_out(
    kind: Kind, constant: str, of_dev: frozenset[str], parties: frozenset[str]
) -> bool:
    """Whether a constant of no dev task is one that nobody would write by chance."""
    if kind is Kind.NAME:
        return constant in parties and constant not in of_dev
    if kind is Kind.FILE:
        return not of_dev.issuperset(words(re.sub("[-_]", " ", Path(constant).stem)))
    return kind is Kind.DATE or (kind is Kind.AMOUNT and _is_long(constant))


def _is_long(amount: str) -> bool:
    digits = amount.replace(".", "")
    return len(digits) >= FEWEST_DIGITS and len(digits.strip("0")) >= FEWEST_TELLING


def _owners(tasks: Iterable[_TaskTexts], known: Vocabulary, extract: Extractor) -> Owners:
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for item in tasks:
        for constant in set(extract(item, known)):
            owners[constant].add(item.task.id)
    return {constant: frozenset(ids) for constant, ids in owners.items()}


def _ids(item: _TaskTexts, _: Vocabulary) -> Iterable[str]:
    task_id = item.task.id.casefold()
    return {task_id, *(part for part in task_id.split("/")[1:] if re.search(r"\W|_", part))}


def _names(item: _TaskTexts, known: Vocabulary) -> Iterable[str]:
    return known.names_in([item.task.content.instructions], item.documents)


def _amounts(item: _TaskTexts, _: Vocabulary) -> Iterable[str]:
    return {amount for text in item.everything for _, amount in amounts_in(text)}


def _dates(item: _TaskTexts, _: Vocabulary) -> Iterable[str]:
    return {found for text in item.everything for _, found in dates_in(text.casefold())}


def _files(item: _TaskTexts, _: Vocabulary) -> Iterable[str]:
    """Names of several words: `notes.md` is what anybody would call a file."""
    return {name for name in item.file_names if re.search(r"[\W_\d]", Path(name).stem)}


_EXTRACTORS: Mapping[Kind, Extractor] = {
    Kind.ID: _ids,
    Kind.NAME: _names,
    Kind.AMOUNT: _amounts,
    Kind.DATE: _dates,
    Kind.FILE: _files,
}
