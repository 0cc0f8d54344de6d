"""The live pages: what they show of any workspace, and to whom."""

import json
import re
import signal
import socket
import subprocess
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest
from launched import leave
from served import following, served
from test_command_line import COMMAND, meta_harness
from test_status import GONE, finished, left, searched

from harness_search.current import frontier_on_disk
from harness_search.errors import InputError
from harness_search.ledger.rows import DecisionKind
from harness_search.pages.live import LAST_ROWS, rows_shown
from harness_search.reports.looking import Found
from harness_search.service.events import Decided
from harness_search.service.journal import Journal
from harness_search.serving import looks
from harness_search.serving.access import Access
from harness_search.serving.application import address, new_application
from harness_search.serving.looks import Looks
from harness_search.serving.shared import Shared
from harness_search.workspace import Workspace, open_workspace

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e\n\nevent: decided\ndata: {}"


def unbegun(_: Path) -> None:
    """As `init` leaves it."""


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (unbegun, "Not started."),
        (finished, "Finished."),
        (left(**GONE), "Dead (cut off)."),
        (left(label="baseline", done=3, planned=18), "Running: iteration 0 of 6, evaluate."),
        (left(paused=True), "Paused: iteration 0 of 6, evaluate."),
        (left(exit_code=3, last_error="the key is not known"), "Stopped: needs a person."),
    ],
)
async def test_the_live_page_says_where_any_workspace_stands(
    workspace_folder: Path, make: Callable[[Path], None], sentence: str
) -> None:
    make(workspace_folder)
    async with served(workspace_folder) as site:
        await site.get("/api/status")
        answer, page = await site.get("/")
    assert answer.status == 200
    said = re.search(r'<p id="sentence">(.*)</p>', page)
    assert said is not None
    assert said[1] == sentence


async def test_a_search_has_all_its_pages(orphaned_workspace: Path) -> None:
    async with served(orphaned_workspace) as site:
        answer, status = await site.get("/api/status")
        assert answer.content_type == "application/json"
        assert '"state": "' in status
        _, live = await site.get("/")
        links = sorted(set(re.findall(r'href="(/candidates/\w+)"', live)))
        assert links == ["/candidates/baseline", "/candidates/candidate_1"]
        _, report = await site.get("/report")
        assert set(links) <= set(re.findall(r'href="(/candidates/\w+)"', report))
        answer, candidate = await site.get("/candidates/baseline")
        assert answer.status == 200
        rollout = re.search(r'href="(/rollouts/baseline/[^"]+)"', candidate)
        assert rollout is not None
        answer, page = await site.get(unescape(rollout[1]))
        assert (answer.status, "conversation" in page.lower()) == (200, True)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/candidates/nobody",
        "/candidates/..%2f..%2fmeta_harness",
        "/rollouts/nobody/a/b/1",
        "/rollouts/baseline/..%2f..%2f..%2fetc/passwd/1",
        "/rollouts/baseline/a/b/1?purpose=nonsense",
        "/rollouts/baseline/a/b/1?purpose=test",
        "/candidates/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    ],
)
async def test_what_is_not_there_is_said_without_a_place_on_disk(
    orphaned_workspace: Path, path: str
) -> None:
    async with served(orphaned_workspace) as site:
        answer, page = await site.get(path)
    assert answer.status == 404
    assert str(orphaned_workspace) not in page
    assert "Traceback" not in page
    assert "<script>alert" not in page
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_unbegun_workspace_has_a_report_and_no_candidates(workspace_folder: Path) -> None:
    async with served(workspace_folder) as site:
        report, _ = await site.get("/report")
        candidate, _ = await site.get("/candidates/baseline")
        assert (report.status, candidate.status) == (200, 404)


async def test_a_ledger_that_is_damaged_while_it_is_served_is_said_in_words(
    open_orphaned: Callable[..., Workspace],
) -> None:
    root = open_orphaned().layout.root
    async with served(root) as site:
        await site.get("/api/status")
        (root / "runs" / "ledger.sqlite3").write_bytes(b"no ledger" * 1000)
        answer, page = await site.get("/report")
        assert answer.status == 503
        status, document = await site.get("/api/status")
        assert status.status == 503
        live, now = await site.get("/")
        assert live.status == 200
        assert "What is shown may be old" in now
    assert str(root) not in page + document + now


async def test_the_report_follows_what_no_ledger_says(
    open_orphaned: Callable[..., Workspace],
) -> None:
    layout = open_orphaned().layout
    kept = json.loads(layout.decision(1).read_text())
    async with served(layout.root) as site:
        _, before = await site.get("/report")
        layout.decision(1).write_text(json.dumps({**kept, "stage": "a stage of another day"}))
        _, after = await site.get("/report")
    assert "a stage of another day" not in before
    assert "a stage of another day" in after


async def test_a_rollout_follows_the_task_that_was_edited(
    open_orphaned: Callable[..., Workspace],
) -> None:
    workspace = open_orphaned()
    task = workspace.splits.dev[0]
    file = task.folder / "task.json"
    document = json.loads(file.read_text())
    document["criteria"][0]["title"] = "A title of another day"
    async with served(workspace.layout.root) as site:
        path = f"/rollouts/baseline/{task.id}/1"
        _, before = await site.get(path)
        file.write_text(json.dumps(document))
        answer, after = await site.get(path)
    assert answer.status == 200
    assert "A title of another day" not in before
    assert "A title of another day" in after


async def test_a_failure_is_said_while_its_cause_is_there_and_no_longer() -> None:
    source = "good"

    def make() -> str:
        if source == "bad":
            raise ValueError("it is bad")
        return source

    shared = Shared(make, lambda: source, rest=1e9)
    assert await shared.now() == "good"
    source = "bad"
    with pytest.raises(ValueError, match="it is bad"):
        await shared.now()
    with pytest.raises(ValueError, match="it is bad"):
        await shared.within(60.0)
    source = "good"
    assert await shared.within(60.0) == "good"


async def test_every_answer_says_what_a_browser_may_not_do(orphaned_workspace: Path) -> None:
    async with served(orphaned_workspace) as site:
        for path in ("/", "/candidates/baseline", "/nowhere", "/events", "/api/status"):
            async with site.browser.get(f"{site.url}{path}") as answer:
                policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_only_the_scripts_of_the_page_itself_may_run(workspace_folder: Path) -> None:
    async with served(workspace_folder) as site:
        answer, page = await site.get("/")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [b64encode(sha256(one.encode()).digest()).decode() for one in scripts]
    allowed = re.search(r"script-src ([^;]*);", answer.headers["Content-Security-Policy"])
    assert allowed is not None
    assert allowed[1].split() == [f"'sha256-{one}'" for one in digests]


async def test_hostile_names_and_events_are_shown_as_text(workspace_folder: Path) -> None:
    searched(workspace_folder, phase=HOSTILE)
    leave(workspace_folder, label=HOSTILE, done=1, planned=2)
    with Journal(workspace_folder / "runs" / "events.jsonl") as journal:
        journal.write(Decided(1, HOSTILE, "orphan", HOSTILE))
    async with served(workspace_folder) as site:
        _, page = await site.get("/")
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 3
    assert not set(page) & {"\x1b", "\u202e"}


# First sight of a long search.


async def test_the_page_does_not_wait_for_ledgers_and_shows_them_once_they_are_read(
    orphaned_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = threading.Event()

    def slow(workspace: Workspace) -> Found:
        may_read.wait()
        return read(workspace)

    read = looks.found_in_ledgers
    monkeypatch.setattr(looks, "found_in_ledgers", slow)
    async with served(orphaned_workspace) as site:
        _, page = await site.get("/")
        assert "The ledger is being read." in page
        async with following(site) as stream:
            assert "being read" in (await stream.state("being read"))["html"]
            may_read.set()
            assert "/candidates/candidate_1" in (await stream.state(""))["html"]


async def test_ledgers_are_read_once_for_all_and_again_when_they_change(
    open_orphaned: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, count = looks.found_in_ledgers, 0

    def counted(workspace: Workspace) -> Found:
        nonlocal count
        count += 1
        return read(workspace)

    monkeypatch.setattr(looks, "found_in_ledgers", counted)
    root = open_orphaned().layout.root
    found = Looks(root)
    for _ in range(3):
        await found.status()
    assert count == 1
    searched(root)
    await found.status()
    assert count == 2


# The page.


def test_a_long_frontier_is_its_last_iterations_and_the_lineage(orphaned_workspace: Path) -> None:
    workspace = open_workspace(orphaned_workspace, {}, to_run=False)
    _, one = frontier_on_disk(workspace).rows
    kinds = {0: DecisionKind.BASELINE, 7: DecisionKind.PROMOTED}
    rows = [replace(one, iteration=n, decision=kinds.get(n, one.decision)) for n in range(100)]
    shown = [row.iteration for row in rows_shown(rows)]
    assert shown == [*range(99, 99 - LAST_ROWS, -1), 7, 0]
    assert [row.iteration for row in rows_shown(rows[:3])] == [2, 1, 0]


# The command.


def test_sigterm_and_ctrl_c_end_it_at_once_while_pages_are_open(workspace_folder: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        command = [*COMMAND, "serve", "--port", "0", "--workspace", str(workspace_folder)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            found = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", found)
            with urllib.request.urlopen(f"{found}events", timeout=60) as stream:
                assert stream.readline() == b"retry: 1000\n"
                process.send_signal(number)
                assert process.wait(timeout=60) == 128 + number
            assert process.stdout.read() + process.stderr.read() == ""


def test_a_port_in_use_is_one_sentence(workspace_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = meta_harness("serve", "--port", str(port), folder=workspace_folder)
    expected = "expected a free one (0 takes any)\n"
    said = f"meta-harness: command line: --port: found {port} in use by another program, {expected}"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "no such host"), "--host"),
        (("--host", "203.0.113.7"), "--host"),
        (("--token", "secret"), "--token: found 6 characters"),
        (("--workspace", "/nowhere/at/all"), "meta_harness.toml"),
    ],
)
def test_bad_input_is_one_sentence(
    workspace_folder: Path, words: tuple[str, str], said: str
) -> None:
    done = meta_harness("serve", "--port", "0", *words, folder=workspace_folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_the_address_is_one_that_a_browser_can_open() -> None:
    assert address("127.0.0.1", 8123) == "http://127.0.0.1:8123/"
    assert address("::1", 8123) == "http://[::1]:8123/"
    assert address("0.0.0.0", 80) == f"http://{socket.gethostname()}:80/"


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"meta_harness\.toml"):
        new_application(tmp_path, Access(loopback=True))
