"""Who may look at the live pages, and where a token may stand."""

from html import unescape
from pathlib import Path

import pytest
from served import served

from harness_search.errors import InputError
from harness_search.serving.access import Access, access_of, given_token, is_loopback

TOKEN = "a token of one's own"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8123", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:9", 200),
        ("127.8.9.10", 200),
        ("[::1]:8123", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:8123", 403),
        ("evil.example:localhost", 403),
        ("localhost.", 200),
        ("[::1", 403),
        ("::1", 403),
        ("evil@127.0.0.1", 403),
        ("127.0.0.1/evil", 403),
        ("localhost#.evil.com", 403),
        ("localhost?.evil.com", 403),
        ("localhost\\.evil.com", 403),
        ("localhost..", 403),
        ("localhost:80:80", 403),
        ("localhost:", 403),
        ("", 403),
    ],
)
async def test_on_loopback_only_names_of_this_machine_are_answered(
    workspace_folder: Path, host: str, status: int
) -> None:
    async with served(workspace_folder) as site:
        answer, _ = await site.get("/api/status", headers={"Host": host})
        assert answer.status == status


async def test_a_page_of_another_site_may_link_to_it_and_no_more(workspace_folder: Path) -> None:
    async with served(workspace_folder) as site:
        for mode, status in (("navigate", 200), ("no-cors", 403), ("cors", 403)):
            headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
            assert (await site.get("/api/status", headers=headers))[0].status == status


async def test_a_token_is_asked_for_once_and_kept_as_a_strict_cookie(
    workspace_folder: Path,
) -> None:
    async with served(workspace_folder, Access(loopback=False, token=TOKEN)) as site:
        for path in ("/", "/report", "/events", "/api/status", "/nowhere"):
            assert (await site.get(path))[0].status == 401
        assert (await site.get("/", params={"token": TOKEN[:-1]}))[0].status == 401
        answer, page = await site.get("/report?x=1", params={"token": TOKEN})
        assert answer.status == 200
        kept = answer.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(kept.split("; "))
        assert 'content="0; url=/report?x=1"' in unescape(page)
        assert TOKEN not in page + kept
        assert (await site.get("/"))[0].status == 200


async def test_a_program_may_bring_the_token_as_a_bearer(workspace_folder: Path) -> None:
    async with served(workspace_folder, Access(loopback=False, token=TOKEN)) as site:
        for token, status in ((TOKEN, 200), (f"{TOKEN}x", 401), ("", 401), ("\u00e9", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await site.get("/api/status", headers=headers))[0].status == status


async def test_the_token_is_never_taken_to_another_site(workspace_folder: Path) -> None:
    async with served(workspace_folder, Access(loopback=False, token=TOKEN)) as site:
        _, page = await site.get("//evil.example/", params={"token": TOKEN})
    assert "url=//" not in unescape(page)


def test_elsewhere_than_on_loopback_there_is_always_a_token() -> None:
    for host in ("0.0.0.0", "::", "", "192.168.1.5", "example.org", "10.127.0.1"):
        made = access_of(host, None, read_only=False)
        assert len(made.token) >= 32
        assert made.token not in repr(made)
        assert access_of(host, None, read_only=False).token != made.token
    assert access_of("localhost", None, read_only=False).token == ""
    assert access_of("::1", TOKEN, read_only=False).token == TOKEN
    assert len(access_of("localhost", None, read_only=False, with_token=True).token) >= 32
    assert access_of("localhost", TOKEN, read_only=False, with_token=True).token == TOKEN
    for token in ("", "secret"):
        with pytest.raises(InputError, match=r"--token: found \d characters") as bad:
            access_of("0.0.0.0", token, read_only=False)
        assert "secret" not in str(bad.value)


def test_a_token_may_stand_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    assert given_token(None, file) == TOKEN
    assert given_token(TOKEN, None) == TOKEN
    assert given_token(None, None) is None
    with pytest.raises(InputError, match=r"--token-file: found a token beside it"):
        given_token(TOKEN, file)
    for mode in (0o604, 0o602, 0o644):
        file.chmod(mode)
        with pytest.raises(InputError, match=f"found a file of mode {mode:o}, open to everybody"):
            given_token(None, file)
    file.chmod(0o600)
    for content in (b"", b"secret", b"\xff" * 20):
        file.write_bytes(content)
        with pytest.raises(InputError, match="--token-file: found") as bad:
            given_token(None, file)
        assert "secret" not in str(bad.value)
    with pytest.raises(InputError, match="--token-file: found no text to read"):
        given_token(None, tmp_path / "nowhere")


def test_names_of_this_machine_are_no_prefixes_of_others() -> None:
    assert all(map(is_loopback, ("localhost", "Localhost.", "127.0.0.1", "127.1.2.3", "::1")))
    strange = ("", "localhost.example", "127.0.0.1.example", "0.0.0.0", "::", "128.0.0.1", "1")
    assert not any(map(is_loopback, strange))
