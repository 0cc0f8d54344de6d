"""Events as they happen: in order, without loss, to as many as look."""

import asyncio
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from launched import leave
from served import Site, following, served
from test_status import searched

from harness_search.service.events import Decided, PhaseBegan, RolloutEnded
from harness_search.service.journal import Journal, Place
from harness_search.serving import stream as streaming


@pytest.fixture
def journal(workspace_folder: Path) -> Journal:
    return Journal(workspace_folder / "runs" / "events.jsonl")


async def nobody_follows(site: Site) -> None:
    async with asyncio.timeout(60):
        while site.streams.clients:
            await asyncio.sleep(0)


async def test_events_come_in_order_each_with_the_place_after_it(
    workspace_folder: Path, journal: Journal
) -> None:
    with journal:
        journal.write(PhaseBegan("begin", 0))
        async with served(workspace_folder) as site, following(site) as stream:
            await stream.state("")
            for number in range(1, 6):
                journal.write(PhaseBegan("propose", number))
            journal.write(RolloutEnded("a/t", 1, "infra_failed"))
            found = await stream.told(6)
    assert [one.data["text"] for one in found[:5]] == [
        f"Iteration {n}: propose." for n in range(1, 6)
    ]
    assert [one.kind for one in found] == ["phase"] * 5 + ["rollout"]
    assert found[-1].data["lost"] is True
    places = [int(one.id.split("-")[1]) for one in found]
    assert places == sorted(set(places))


async def test_who_connects_again_misses_nothing_and_gets_nothing_twice(
    workspace_folder: Path, journal: Journal
) -> None:
    with journal:
        async with served(workspace_folder) as site:
            async with following(site) as stream:
                await stream.state("")
                for number in range(4):
                    journal.write(PhaseBegan("propose", number))
                seen = await stream.told(2)
            journal.write(PhaseBegan("propose", 4))
            async with following(site, **{"Last-Event-ID": seen[-1].id}) as stream:
                rest = await stream.told(3)
    texts = [one.data["text"] for one in (*seen, *rest)]
    assert texts == [f"Iteration {number}: propose." for number in range(5)]


async def test_what_happens_between_the_page_and_its_stream_is_not_lost(
    workspace_folder: Path, journal: Journal
) -> None:
    with journal:
        journal.write(PhaseBegan("begin", 0))
        async with served(workspace_folder) as site:
            _, page = await site.get("/")
            mark = page.split('data-mark="')[1].split('"')[0]
            journal.write(PhaseBegan("propose", 1))
            async with following(site, f"/events?from={mark}") as stream:
                (found,) = await stream.told(1)
    assert "Iteration 0: begin." in page
    assert found.data["text"] == "Iteration 1: propose."


async def test_who_is_far_behind_is_told_so_and_sent_the_last_events(
    workspace_folder: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOST_BACKLOG", 500)
    with journal, closing(Place(workspace_folder / "runs" / "events.jsonl")) as place:
        start = place.mark
        for number in range(100):
            journal.write(PhaseBegan("propose", number))
        begin = {"Last-Event-ID": start}
        async with served(workspace_folder) as site, following(site, **begin) as stream:
            skipped, *rest = await stream.told(5)
    assert skipped.kind == "skipped"
    assert skipped.id == ""
    numbers = [int(one.data["text"].split()[1].rstrip(":")) for one in rest]
    assert 90 < numbers[0] < 98
    assert numbers == list(range(numbers[0], numbers[0] + 4))


async def test_an_archived_journal_is_followed_by_the_new_one_from_its_beginning(
    workspace_folder: Path,
) -> None:
    file = workspace_folder / "runs" / "events.jsonl"
    async with served(workspace_folder) as site:
        with Journal(file) as old:
            old.write(PhaseBegan("propose", 1))
        async with following(site, "/events?from=0-0") as stream:
            (seen,) = await stream.told(1)
        file.rename(file.with_name("old.jsonl"))
        with Journal(file) as new:
            new.write(PhaseBegan("begin", 0))
        async with following(site, **{"Last-Event-ID": seen.id}) as stream:
            (found,) = await stream.told(1)
    assert found.data["text"] == "Iteration 0: begin."


async def test_no_text_of_an_event_can_pass_for_another_event(
    workspace_folder: Path, journal: Journal
) -> None:
    hostile = "x\n\nevent: decided\ndata: {}\n\n\r\u2028id: 1"
    with journal:
        async with served(workspace_folder) as site, following(site) as stream:
            await stream.state("")
            journal.write(Decided(1, hostile, hostile, hostile))
            journal.write(PhaseBegan("propose", 2))
            first, second = await stream.told(2)
    assert (first.kind, second.kind) == ("decided", "phase")
    assert "event: decided" in first.data["text"]


async def test_a_change_of_state_is_pushed_to_everybody(workspace_folder: Path) -> None:
    searched(workspace_folder)
    async with (
        served(workspace_folder) as site,
        following(site) as one,
        following(site) as other,
    ):
        for stream in (one, other):
            await stream.state("Stopped")
        leave(workspace_folder, label="baseline", done=7, planned=18)
        for stream in (one, other):
            found = await stream.state("Running")
            assert "<strong>7</strong> of 18" in found["html"]
            assert found["sensible"] == ["pause", "stop", "stop now"]


async def test_a_silent_stream_beats(
    workspace_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SECONDS_BETWEEN_BEATS", 0.0)
    async with served(workspace_folder) as site, following(site) as stream:
        await stream.state("")
        while (await stream.next()).kind:
            pass


async def test_clients_that_go_leave_nothing_behind_and_too_many_are_refused(
    workspace_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SECONDS_BETWEEN_BEATS", 0.0)
    monkeypatch.setattr(streaming, "MOST_CLIENTS", 10)
    before = threading.active_count()
    async with served(workspace_folder) as site:
        for _ in range(2):
            opened = [await site.browser.get(f"{site.url}/events") for _ in range(10)]
            answer, page = await site.get("/events")
            assert answer.status == 503
            assert "10 pages are open already" in page
            for one in opened:
                one.close()
            await nobody_follows(site)
        assert threading.active_count() < before + 8


async def test_streams_end_with_the_server(workspace_folder: Path) -> None:
    async with served(workspace_folder) as site:
        stream = following(site)
        one = await stream.__aenter__()
        await one.state("")
        ended = asyncio.ensure_future(one.told(1))
        await site.streams.close(None)  # type: ignore[arg-type]
        with pytest.raises(EOFError):
            await ended
        await stream.__aexit__(None, None, None)


@given(mark=st.text(max_size=40) | st.from_regex(r"[0-9]{1,22}-[0-9]{1,20}", fullmatch=True))
def test_whatever_is_given_for_a_mark_leads_into_the_file(
    tmp_path_factory: pytest.TempPathFactory, mark: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "marked.jsonl"
    if not file.exists():
        with Journal(file) as journal:
            for number in range(3):
                journal.write(PhaseBegan("propose", number))
    with closing(Place(file, at_end=True)) as place:
        own = place.mark
        place.go_to(mark, 1_000_000)
        found = list(place.new())
        assert place.mark == own
        assert place.go_to(own, 10)
    assert len(found) <= 3
