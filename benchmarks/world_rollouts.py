"""Rollouts of the simulated world without sandbox, gateway and ledger: quick, for calibration.

The harness runs in a worker process of ours, in the folder that it would see in its box. Its model
is the simulated one, asked in the same process. Nothing shuts the harness in: run only harnesses
of this repository. Verdicts and tokens are those of the real path (`tests/test_world_direct.py`).
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, ModuleType
from typing import Self
from unittest.mock import patch

from harness_kit import Model, office
from harness_kit import Task as HarnessTask
from harness_kit.extraction import extract_from, read_bounded
from harness_kit.office import save_docx, save_xlsx
from harness_search.benchmark.tasks import Task, read_task
from harness_search.files import digest_bytes, digest_text
from harness_search.gateway.events import error_body
from harness_search.gateway.prices import usage_of
from harness_search.gateway.requests import problem_of
from harness_search.judging.deterministic import JUDGE_VERSION, judge
from harness_search.judging.documents import TextStore, UnreadableDocumentError
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split, Usage
from harness_search.rollouts.collect import collect_output
from harness_search.rollouts.view import OUTPUT, make_view
from harness_search.simulated.caching import caching_problem_of
from harness_search.simulated.personas import persona_of
from harness_search.simulated.server import reply_to

WORKERS = 2
JOBS_AT_ONCE = 8
"""Given to a worker together; several tasks each, since tasks differ in length."""
KEPT_FILES = 1_000
"""Files, and texts of files, that a worker keeps of either kind; some 40 kB each."""
MOST_OUTPUT = 50 * 1024 * 1024  # bytes
IN_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout to run; all that its result depends on."""

    source: str
    """Of the harness file."""
    tasks: Path
    """The folder of all tasks, absolute."""
    task: str
    """Id of the task."""
    trial: int
    persona: str
    """The simulated model's name."""
    seed: int = 0
    split: Split = Split.DEV


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    row: RolloutRow
    verdicts: tuple[Verdict, ...]


class Rollouts:
    """Runs rollouts in a pool of worker processes."""

    def __init__(self, workers: int = WORKERS) -> None:
        # Not forked: a worker must have nothing of the caller, whose threads could hold locks.
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, rollouts: Iterable[Rollout]) -> Iterator[Result]:
        """The results, in order."""
        return self._pool.map(run_directly, rollouts, chunksize=JOBS_AT_ONCE)

    def rows(self, rollouts: Iterable[Rollout]) -> list[RolloutRow]:
        """The rows alone, in order."""
        return [result.row for result in self.run(rollouts)]


def run_directly(rollout: Rollout) -> Result:
    """Run one rollout in this process; it changes the current folder while it runs."""
    shelf = _shelf(rollout.tasks)
    task, task_digest = shelf.task(rollout.task)
    key = _key(rollout, task_digest)
    model = DirectModel(rollout.persona, noise_of(rollout, key))
    started = time.monotonic()
    with _folder() as folder:
        make_view(folder / "view", task, shelf.texts)
        failure = _solve(rollout.source, task, model, folder / "view")
        collected = collect_output(folder / "view" / OUTPUT, folder / "collected", MOST_OUTPUT)
        failure = failure or ("output too large" if collected.too_large else "")
        if failure:
            verdicts = tuple(Verdict(item.id, "fail", failure) for item in task.criteria)
        else:
            refused = dict(collected.refused)
            verdicts = judge(task, folder / "collected", shelf.texts, refused)
    row = RolloutRow(
        key=key,
        attempt=1,
        outcome=Outcome.HARNESS_FAILED if failure else Outcome.SCORED,
        reason=failure,
        passed=sum(verdict.verdict == "pass" for verdict in verdicts),
        total=len(task.criteria),
        usage=model.usage,
        cost_usd=0.0,
        calls=model.calls,
        seconds=time.monotonic() - started,
        judge_version=JUDGE_VERSION,
        output_digest=collected.digest,
    )
    return Result(row, verdicts)


def _key(rollout: Rollout, task_digest: str) -> RolloutKey:
    harness = digest_bytes([rollout.source.encode()])
    return RolloutKey(harness, rollout.task, task_digest, rollout.trial, rollout.persona)


def noise_of(rollout: Rollout, key: RolloutKey) -> str:
    """As `harness_search/rollouts/runner.py` makes it."""
    replicate = f"{rollout.split}/{key.trial}"
    return digest_text(str(rollout.seed), key.harness, key.task_digest, replicate)


# The model, asked in the same process.


class DirectModel(Model):
    """The kit's client, with the simulated model in place of a connection."""

    def __init__(self, persona: str, noise: str) -> None:
        window = persona_of(persona).context_tokens
        super().__init__(gateway="", token="", name=persona, context_tokens=window)
        self.usage, self.calls = Usage(), 0
        self._noise = noise

    def _post(self, body: bytes) -> tuple[int, bytes]:
        request = json.loads(body)
        problem = problem_of(request) or caching_problem_of(request)
        if problem:
            return 400, json.dumps(error_body("invalid_request_error", problem)).encode()
        reply = reply_to(request, self._noise)
        self.usage += usage_of(reply)
        self.calls += 1
        return 200, json.dumps(reply).encode()


# The harness, in its folder.


def _solve(source: str, task: Task, model: Model, view: Path) -> str:
    """Let the harness solve the task; why it failed, empty when it did not."""
    seen = HarnessTask(
        instructions=task.content.instructions,
        documents=Path("documents"),
        workspace=Path(),
        output=Path("output"),
        deliverables=task.content.deliverables,
    )
    module = ModuleType("harness")
    sys.modules["harness"] = module  # dataclasses look their module up
    try:
        with _inside(view), _silence(), _quick_office():
            exec(_compiled(source), module.__dict__)
            module.solve(seen, model)
    except Exception as error:  # noqa: BLE001 - what would end the harness's own process
        return f"{type(error).__name__}: {error}"
    return ""


@lru_cache(maxsize=64)
def _compiled(source: str) -> CodeType:
    return compile(source, "/harness.py", "exec")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


@contextlib.contextmanager
def _quick_office() -> Iterator[None]:
    """The kit's writers, which make each file once: a harness writes much the same every time, and
    to make a Word document takes longer than all else in a rollout."""
    with (
        patch.object(office, "save_docx", partial(_save, _word_file)),
        patch.object(office, "save_xlsx", partial(_save, _workbook_file)),
    ):
        yield


def _save(made: Callable[[str], bytes], path: Path, markdown: str) -> None:
    data = made(markdown)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@lru_cache(maxsize=KEPT_FILES)
def _word_file(markdown: str) -> bytes:
    return _made(save_docx, markdown)


@lru_cache(maxsize=KEPT_FILES)
def _workbook_file(markdown: str) -> bytes:
    return _made(save_xlsx, markdown)


def _made(save: Callable[[Path, str], None], markdown: str) -> bytes:
    with _folder() as folder:
        save(folder / "file", markdown)
        return (folder / "file").read_bytes()


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder for one rollout, in memory where there is such a place."""
    place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="world-", dir=place))
    try:
        yield folder
    finally:
        for path, _, _ in os.walk(folder):
            Path(path).chmod(0o700)
        shutil.rmtree(folder)


# What a worker keeps from one rollout to the next.


@dataclass(frozen=True)
class KeptTexts(TextStore):
    """Texts of tasks' documents, kept in memory; those of deliverables are not kept."""

    documents: dict[Path, str] = field(default_factory=dict)

    def text_of(self, path: Path) -> str:
        if path not in self.documents:
            return _extracted(path)
        return self.documents[path]

    def keep(self, paths: Iterable[Path]) -> None:
        for path in paths:
            with contextlib.suppress(UnreadableDocumentError):
                self.documents[path] = _extracted(path)


def _extracted(path: Path) -> str:
    return _text_of(path.name, read_bounded(path))


@lru_cache(maxsize=KEPT_FILES)
def _text_of(name: str, data: bytes) -> str:
    # A text that was stored comes back with plain line ends.
    return io.StringIO(extract_from(Path(name), data), newline=None).read()


@dataclass(frozen=True)
class _Shelf:
    """The tasks of a folder, each read once."""

    folder: Path
    texts: KeptTexts
    known: dict[str, tuple[Task, str]] = field(default_factory=dict)

    def task(self, name: str) -> tuple[Task, str]:
        """A task by its id, and its digest."""
        if name not in self.known:
            task = read_task(self.folder / name / "task.json", self.folder)
            self.texts.keep(task.documents())
            self.known[name] = task, task.digest()
        return self.known[name]


@lru_cache
def _shelf(folder: Path) -> _Shelf:
    return _Shelf(folder, KeptTexts(folder / "no texts on disk"))
