"""Documents are read in a process of their own, each within limits."""

import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from seen_processes import found
from test_judging_bombs import LINE, one_page

from harness_kit.extraction import extract_text
from harness_kit.office import save_docx
from harness_search.judging.documents import TextStore, UnreadableDocumentError
from harness_search.judging.extraction_worker import Extracted, ExtractionWorker, ReadingLimits

SCAFFOLD = """
import os, signal, sys
from pathlib import Path
import psutil
from harness_search.judging.documents import TextStore
store = TextStore(Path(sys.argv[1]))
store.text_of(Path(sys.argv[2]))
print(*(child.pid for child in psutil.Process().children()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def workers() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


@pytest.fixture(name="worker")
def own_worker() -> Iterator[ExtractionWorker]:
    worker = ExtractionWorker()
    yield worker
    worker.close()


@pytest.fixture(name="memo")
def small_memo(tmp_path: Path) -> Path:
    save_docx(tmp_path / "memo.docx", "# Memo\n\nConsent is needed.")
    return tmp_path / "memo.docx"


class Counted(ExtractionWorker):
    """Counts the documents that it reads."""

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        super().__init__(limits)
        self.read = 0

    def extract(self, path: Path) -> Extracted:
        self.read += 1
        return super().extract(path)


def bomb(path: Path) -> Path:
    """60 MB of small elements, far below the limit of what a file may unpack to."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as container:
        container.writestr("_rels/.rels", b"<a>" + b"<b/>" * (15 * 2**20) + b"</a>")
    return path


def test_a_worker_reads_what_its_caller_would_read(worker: ExtractionWorker, memo: Path) -> None:
    assert worker.extract(memo).text == extract_text(memo)


def test_one_process_reads_many_documents_and_knows_no_secret(
    worker: ExtractionWorker, memo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    before = workers()
    worker.extract(memo)
    (started,) = workers() - before
    (tmp_path / "broken.pdf").write_bytes(b"no document")
    worker.extract(tmp_path / "broken.pdf")
    assert worker.extract(memo).text
    assert workers() - before == {started}
    assert b"secret" not in Path(f"/proc/{started}/environ").read_bytes()
    worker.close()
    assert workers() == before


def test_a_document_that_takes_too_long_fails_and_the_next_is_read(
    tmp_path: Path, memo: Path
) -> None:
    worker = ExtractionWorker(ReadingLimits(processor_seconds=1))
    (tmp_path / "slow.pdf").write_bytes(one_page(LINE * 70_000))
    spent = worker.extract(tmp_path / "slow.pdf")
    assert spent.reason == "it takes more than 1 seconds to read"
    assert spent.lasting
    assert worker.extract(memo).text
    worker.close()


def test_a_reader_that_waits_for_ever_is_ended_by_the_clock(tmp_path: Path, memo: Path) -> None:
    worker = ExtractionWorker(ReadingLimits(clock_seconds=1))
    os.mkfifo(tmp_path / "endless.pdf")
    waited = worker.extract(tmp_path / "endless.pdf")
    assert waited.reason == "it was not read within 1 seconds"
    assert not waited.lasting
    assert worker.extract(memo).text
    worker.close()


def test_a_document_that_fills_the_memory_fails_and_the_next_is_read(
    tmp_path: Path, memo: Path
) -> None:
    worker = ExtractionWorker(ReadingLimits(memory_bytes=256 * 2**20))
    full = worker.extract(bomb(tmp_path / "a.docx"))
    assert full.text is None
    assert "memory" in full.reason
    assert worker.extract(memo).text
    worker.close()


def test_after_a_document_that_left_little_memory_a_fresh_process_reads(memo: Path) -> None:
    worker = ExtractionWorker(ReadingLimits(kept_bytes=1))
    before, texts = workers(), set()
    texts.add(worker.extract(memo).text)
    assert workers() == before
    texts.add(worker.extract(memo).text)
    assert texts == {extract_text(memo)}
    worker.close()


def test_who_ends_the_process_costs_no_document(worker: ExtractionWorker, memo: Path) -> None:
    before = workers()
    worker.extract(memo)
    (started,) = workers() - before
    os.kill(started, signal.SIGKILL)
    assert worker.extract(memo).text == extract_text(memo)


def test_a_file_that_cannot_be_opened_is_not_called_unreadable(
    worker: ExtractionWorker, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        worker.extract(tmp_path / "none.docx")


def test_a_process_that_does_not_start_fails_no_document(
    worker: ExtractionWorker, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ChildProcessError, match="does not start"):
        TextStore(memo.parent / "text", lambda: worker).text_of(memo)


def test_where_no_process_can_be_started_nothing_is_left_open(
    worker: ExtractionWorker, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = psutil.Process().num_fds()
    monkeypatch.setattr(sys, "executable", str(memo.with_name("no program")))
    with pytest.raises(FileNotFoundError) as failure:  # holds the frames, and what is open in them
        worker.extract(memo)
    assert psutil.Process().num_fds() <= before, failure


def test_the_process_ends_with_a_scaffold_that_is_killed(tmp_path: Path, memo: Path) -> None:
    command = [sys.executable, "-c", SCAFFOLD, str(tmp_path / "text"), str(memo)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    left = found(map(int, done.stdout.split()))
    assert psutil.wait_procs(left, timeout=20)[1] == []


def test_threads_read_each_content_once(tmp_path: Path, memo: Path) -> None:
    worker = Counted()
    store, texts = TextStore(tmp_path / "text", lambda: worker), list[str]()
    threads = [threading.Thread(target=lambda: texts.append(store.text_of(memo))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.close()
    assert texts == [extract_text(memo)] * 4
    assert worker.read == 1


def test_an_unreadable_document_is_opened_once_and_its_reason_kept(tmp_path: Path) -> None:
    worker = Counted()
    store = TextStore(tmp_path / "text", lambda: worker)
    reasons = []
    for name in ("one.docx", "two.docx"):
        (tmp_path / name).write_text("# Markdown", encoding="utf-8")
        with pytest.raises(UnreadableDocumentError) as caught:
            store.text_of(tmp_path / name)
        reasons.append(str(caught.value))
    worker.close()
    assert worker.read == 1
    why = "it does not open as .docx (it is no Office file, or was cut short)"
    assert reasons == [f"one.docx: {why}", f"two.docx: {why}"]


def test_what_the_clock_ended_is_tried_again(tmp_path: Path) -> None:
    class Tired(Counted):
        def extract(self, path: Path) -> Extracted:
            super().extract(path)
            return Extracted(None, "it was not read within 400 seconds", lasting=self.read > 1)

    worker = Tired()
    store = TextStore(tmp_path / "text", lambda: worker)
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    for _ in range(3):
        with pytest.raises(UnreadableDocumentError):
            store.text_of(tmp_path / "a.txt")
    worker.close()
    assert worker.read == 2
