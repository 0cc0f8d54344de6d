"""The page on operations, and its examples, say what the program does."""

import configparser
import os
import re
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness_search.commands.application import load
from harness_search.commands.table import COMMANDS
from harness_search.errors import InputError, SearchLockedError, SearchStoppedError
from harness_search.layout import Layout
from harness_search.settings import ServiceSettings, Settings

CODES = {InputError.exit_code, SearchStoppedError.exit_code, SearchLockedError.exit_code}
ENDED_BY_SIGNALS = {128 + signal.SIGINT, 128 + signal.SIGTERM}
DRAIN = ServiceSettings().drain_seconds


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.fixture
def unit(repository: Path) -> Path:
    return repository / "docs" / "examples" / "meta-harness.service"


@cache
def options_of(name: str) -> frozenset[str]:
    """Every way to write an option of a command."""
    command: Any = load(COMMANDS[name])
    own = {opt for item in command.params for opt in (*item.opts, *item.secondary_opts)}
    return frozenset(own | (options_of("run") if COMMANDS[name].passes_on else set()))


def commands_in(text: str) -> list[list[str]]:
    """The words of each `meta-harness ...` of a page, without comments."""
    code = re.findall(r"```\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    lines = [line.split("#")[0] for block in code for line in block.splitlines()]
    found = [re.search(r"(?:^|\s)meta-harness (\w.*)", line) for line in lines]
    return [match[1].split() for match in found if match]


def test_every_command_and_option_of_the_page_exists(page: str) -> None:
    found = commands_in(page)
    assert len(found) > 12
    for name, *rest in found:
        assert name in COMMANDS, name
        for word in rest:
            assert not word.startswith("-") or word in options_of(name), (name, word)


def test_every_command_in_the_readme_exists(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    for name, *_ in commands_in(text):
        assert name in COMMANDS, name


def test_the_exit_codes_of_the_page_are_those_of_the_program(page: str) -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert told == {0, 1} | CODES | ENDED_BY_SIGNALS


def test_every_setting_of_the_page_exists(page: str) -> None:
    sections = Settings.model_fields
    for section, name in re.findall(r"`(\w+)\.(\w+)`", page):
        if section in sections:
            assert name in getattr(Settings(), section).__class__.model_fields, (section, name)
    assert "`drain_seconds` of\n`[service]` (120)" in page
    assert DRAIN == 120


def test_every_file_of_the_page_exists(page: str, repository: Path) -> None:
    for target in re.findall(r"\]\(([\w./-]+)\)", page):
        name = target if target.startswith("examples/") else f"{target.removesuffix('.md')}.md"
        assert (repository / "docs" / name).is_file(), target
    layout = Layout(Path())
    files = (layout.events, layout.ledger, layout.lineage, layout.service_log, layout.loop_state)
    for file in files:
        assert str(file) in page, file


def test_the_unit_drains_a_search_and_leaves_to_a_person_what_needs_one(unit: Path) -> None:
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    parsed.optionxform = str  # type: ignore[method-assign,assignment]
    parsed.read(unit)
    service = parsed["Service"]
    assert {int(code) for code in service["RestartPreventExitStatus"].split()} == CODES
    assert {int(code) for code in service["SuccessExitStatus"].split()} == ENDED_BY_SIGNALS
    assert int(service["TimeoutStopSec"]) > DRAIN
    assert (service["KillMode"], service["Restart"]) == ("mixed", "on-failure")
    assert service["ExecStart"].endswith("/bin/meta-harness run")


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = subprocess.run(
        [program, "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_COLORS": "0"},
    )
    if "Failed to initialize manager" in done.stderr:
        pytest.skip(f"systemd-analyze does not work here: {done.stderr.splitlines()[-1]}")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_is_given_time_to_drain(page: str, repository: Path) -> None:
    text = (repository / "docs" / "examples" / "Dockerfile").read_text(encoding="utf-8")
    assert "STOPSIGNAL SIGTERM" in text
    assert 'ENTRYPOINT ["meta-harness"]' in text
    for package in ("bubblewrap", "git"):
        assert re.search(rf"apt-get install .*\b{package}\b", text)
    (seconds,) = re.findall(r"--stop-timeout (\d+)", page)
    assert int(seconds) > DRAIN
