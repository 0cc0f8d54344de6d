"""Pause, resume and stop from a page: only by a page of the server, and as the commands do it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from served import served
from test_control import launched

from harness_search.errors import SearchInterruptedError
from harness_search.service.heartbeat import read_heartbeat
from harness_search.serving.access import Access
from harness_search.workspace import Workspace

NOBODY = "Nothing runs here: `meta-harness start` begins or goes on."


@pytest.fixture
def workspace(open_tiny: Callable[..., Workspace]) -> Workspace:
    return open_tiny()


async def test_a_launch_is_paused_and_goes_on(workspace: Workspace) -> None:
    async with launched(workspace) as conduct, served(workspace.layout.root) as site:
        status, said = await site.ask("pause")
        assert (status, conduct.paused) == (200, True)
        assert said.startswith("Paused: process ")
        assert said.endswith("no rollouts in flight.")
        assert workspace.layout.paused.is_file()
        status, said = await site.ask("resume")
        assert (status, conduct.paused) == (200, False)
        assert said.endswith("goes on.")


@pytest.mark.parametrize("ask", ["stop", "stop now"])
async def test_a_launch_is_stopped(workspace: Workspace, ask: str) -> None:
    async with served(workspace.layout.root) as site:
        with pytest.raises(SearchInterruptedError) as stopped:
            async with launched(workspace) as conduct:
                asked = asyncio.ensure_future(site.ask(ask))
                try:
                    await conduct.unless_stopped(asyncio.Event().wait())
                finally:
                    status, said = await asked
        assert stopped.value.exit_code == 143
        assert status == 200
        assert said.startswith("Stopping process ")
    last = read_heartbeat(workspace.layout.heartbeat)
    assert last is not None
    assert last.exit_code == 143


@pytest.mark.parametrize("ask", ["pause", "resume", "stop", "stop now"])
async def test_where_nothing_runs_it_is_refused_in_words(workspace: Workspace, ask: str) -> None:
    async with served(workspace.layout.root) as site:
        assert await site.ask(ask) == (409, NOBODY)


async def test_a_pause_that_outlived_its_launch_is_ended(workspace: Workspace) -> None:
    workspace.layout.paused.touch()
    async with served(workspace.layout.root) as site:
        status, said = await site.ask("resume")
    assert status == 200
    assert said.startswith("No longer paused")
    assert not workspace.layout.paused.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "SELF"},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[broken"},
        {"Origin": "https://HERE"},
        {"Origin": "http://somebody@HERE"},
    ],
)
async def test_a_form_that_no_page_of_ours_sent_changes_nothing(
    workspace: Workspace, headers: dict[str, str]
) -> None:
    async with launched(workspace) as conduct, served(workspace.layout.root) as site:
        here = site.url.removeprefix("http://")
        found = {name: value.replace("HERE", here) for name, value in headers.items()}
        own = {name: site.url if value == "SELF" else value for name, value in found.items()}
        sent = {"Sec-Fetch-Mode": "navigate", **own}
        form = {"ask": "pause", "form": site.access.form}
        async with site.browser.post(f"{site.url}/ask", data=form, headers=sent) as answer:
            assert answer.status == 403
            assert "Only a page of this very server may ask." in await answer.text()
        assert not conduct.paused


@pytest.mark.parametrize("form", [{}, {"form": ""}, {"form": "x"}, {"form": "\u00e9"}])
async def test_a_form_needs_the_secret_of_its_page(
    workspace: Workspace, form: dict[str, str]
) -> None:
    async with launched(workspace) as conduct, served(workspace.layout.root) as site:
        async with site.browser.post(
            f"{site.url}/ask", data={"ask": "pause", **form}, headers={"Origin": site.url}
        ) as answer:
            assert answer.status == 403
        assert not conduct.paused


async def test_without_its_script_the_page_comes_back_with_what_was_said(
    workspace: Workspace,
) -> None:
    async with launched(workspace) as conduct, served(workspace.layout.root) as site:
        form = {"ask": "pause", "form": site.access.form}
        headers = {"Origin": site.url}
        async with site.browser.post(f"{site.url}/ask", data=form, headers=headers) as answer:
            assert (answer.status, answer.url.path) == (200, "/")
            assert "begins nothing new; no rollouts in flight." in await answer.text()
        assert conduct.paused


async def test_a_server_to_look_at_only_offers_and_does_nothing(workspace: Workspace) -> None:
    rules = Access(loopback=True, read_only=True)
    async with launched(workspace) as conduct, served(workspace.layout.root, rules) as site:
        _, page = await site.get("/")
        assert "<form" not in page
        assert rules.form not in page
        status, said = await site.ask("pause")
        assert (status, "--read-only" in said) == (403, True)
        assert not conduct.paused


async def test_only_what_is_offered_may_be_asked(workspace: Workspace) -> None:
    async with launched(workspace), served(workspace.layout.root) as site:
        status, said = await site.ask("ping")
        assert (status, said) == (409, "What may be asked is: pause, resume, stop, stop now.")
        async with site.browser.get(f"{site.url}/ask") as answer:
            assert answer.status == 405
        large = {"form": "x" * 100_000, "ask": "pause"}
        headers = {"Origin": site.url}
        async with site.browser.post(f"{site.url}/ask", data=large, headers=headers) as answer:
            assert answer.status == 413


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (FORM, b"form=\xff\xfe", 400),
        (f"{FORM}; charset=bogus", b"form=a", 400),
        (f"{FORM}; charset=rot13", b"form=a", 400),
        (f"{FORM}; charset=utf-16", b"abc", 400),
        ("multipart/form-data", b"zz", 415),
        ("multipart/form-data; boundary=x", b"garbage", 415),
        ("text/plain", b"form=a", 415),
        ("", b"form=a", 415),
    ],
)
async def test_a_malformed_form_is_refused_and_not_read_for_strangers(
    workspace_folder: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    body: bytes,
    status: int,
) -> None:
    async with served(workspace_folder) as site:
        for headers, expected in (({"Origin": site.url}, status), ({}, 403)):
            sent = {"Content-Type": kind, **headers}
            async with site.browser.post(f"{site.url}/ask", data=body, headers=sent) as answer:
                assert answer.status == expected
    assert caplog.text == ""


async def test_a_launch_that_hangs_is_said_to_hang_without_a_place_on_disk(
    workspace: Workspace,
) -> None:
    file = workspace.layout.heartbeat
    async with launched(workspace):
        beat = json.loads(file.read_bytes())
    file.write_text(json.dumps({**beat, "exit_code": None, "uptime": beat["uptime"] - 1000}))
    async with served(workspace.layout.root) as site:
        status, said = await site.ask("pause")
    assert status == 409
    assert "has not answered for 16 min" in said
    assert str(workspace.layout.root) not in said
