"""What is printed of the configuration, and the default file: sources, secrets, meanings."""

import json
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from configurations import CLAUDE, KEY, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.configuration.names import sections
from harness_search.configuration.printing import to_json, to_toml
from harness_search.configuration.reading import Configuration, read_settings
from harness_search.configuration.secrets import may_be_secret, shown
from harness_search.configuration.template import default_file
from harness_search.configuration.toml import toml_value
from harness_search.layout import Layout
from harness_search.ledger.store import Ledger
from harness_search.profiles import Profile
from harness_search.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "meta_harness.toml"


SECRETS = st.sampled_from(["", "ANTHROPIC_API_KEY", "my_key"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(
    lambda text: not may_be_secret(text)
)
COUNTS = st.integers(1, 100)
PROFILE = st.builds(
    Profile,
    base_url=st.sampled_from(["https://host", "http://[::1]:80/a b"]),
    model=TEXTS.filter(bool),
    key_variable=SECRETS,
    price=st.none() | st.just({"input": 1.5, "output": 1e-7}),
    sampling=st.dictionaries(
        TEXTS.filter(lambda name: not may_be_secret("x", name)).map("s{}".format),
        st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        max_size=3,
    ),
    context_tokens=st.none() | COUNTS,
    cost_weight=st.floats(0, 1e300),
)


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    profiles = draw(st.dictionaries(TEXTS, PROFILE, min_size=1, max_size=3))
    return Settings.model_validate(
        {
            "search": {
                "profile": draw(st.sampled_from(sorted(profiles))),
                "seed": draw(st.integers(0)),
                "target_score": draw(st.none() | st.floats(-1e9, 1e9)),
            },
            "proposer": {"command": draw(st.lists(TEXTS, max_size=3))},
            "judge": {"cache_minutes": draw(st.sampled_from([5, 60]))},
            "benchmark": {"tasks": draw(TEXTS)},
            "promotion": {"most_trials": draw(st.none() | COUNTS), "min_delta": draw(COUNTS)},
            "budget": {"usd": draw(st.none() | st.floats(1e-9, 1e9))},
            "profiles": {name: profile.model_dump() for name, profile in profiles.items()},
        }
    )


@given(any_settings())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_printed_is_a_file_with_the_same_settings(file: Path, wanted: Settings) -> None:
    layout = Layout(file.parent / "a\nb")
    file.write_text(to_toml(Configuration(wanted, {}), layout, {}), encoding="utf-8")
    assert read_settings(file, {}, None, {}) == wanted


@given(
    st.recursive(
        st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    )
)
def test_every_value_is_written_as_toml_reads_it(value: object) -> None:
    assert tomllib.loads(f"value = {toml_value(value)}")["value"] == value


def test_each_value_is_printed_with_its_source(file: Path) -> None:
    variables = {"BUDGET_USD": "5", "SEARCH_PROFILE": "claude"}
    text = f"[search]\nseed = 4\n{CLAUDE}"
    found = read(file, text, variables, {"trials": 2}, {"preset": "seed"})
    text = to_toml(found, Layout(file.parent), {})
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert {
        "seed = 4 # file",
        "usd = 5.0 # META_HARNESS_BUDGET_USD",
        "trials = 2 # --trials",
        'preset = "seed" # the search that was begun',
        "concurrency = 4 # default",
        "# tokens: not set # default",
        "# confirmation_trials = 2 # as trials",
        "# most_trials = 2 # preset seed",
        f"# ledger: {file.parent}/runs/ledger.sqlite3",
    } <= lines


def test_a_key_is_said_to_be_set_and_never_shown(file: Path) -> None:
    text = f"{CLAUDE}key_variable = 'ANTHROPIC_API_KEY'\n"
    layout, found = Layout(file.parent), read(file, text, flags={"profile": "claude"})
    environment = {"ANTHROPIC_API_KEY": KEY}
    printed = to_toml(found, layout, environment)
    assert 'key_variable = "ANTHROPIC_API_KEY"  # set, not shown; file' in printed
    document = to_json(found, layout, environment)
    assert KEY not in printed + json.dumps(document)
    assert document["settings"]["profiles"]["claude"]["key_variable"]["key_is_set"] is True
    assert "# not set; file" in to_toml(found, layout, {})


@pytest.mark.parametrize(
    "field",
    [
        "key_variable = 'sk_ant_hunter2hunter2'",
        "key_variable = 'hunter2hunter2abc'",
        "base_url = 'https://host/v2/hunter2hunter2hunter2/x'",
        "base_url = 'https://host/sk-hunter2hunter2'",
        "base_url = 'https://host/0123abcd-0123-0123-0123-01abcde01abc'",
        "sampling = { api_key = 'hunter2' }",
        "sampling = { x = 'Bearer hunter2hunter2' }",
    ],
)  # fmt: skip
def test_what_may_be_a_key_in_the_wrong_place_is_left_out_and_said_to_be(
    file: Path, field: str
) -> None:
    name = field.partition(" ")[0]
    text = "\n".join(line for line in CLAUDE.splitlines() if not line.startswith(name))
    found = read(file, f"{text}\n{field}\n", flags={"profile": "claude"})
    printed = to_toml(found, Layout(file.parent), {})
    printed += json.dumps(to_json(found, Layout(file.parent), {}))
    assert "hunter2" not in printed
    assert "01abcde" not in printed
    assert f"# {field.split(' ', maxsplit=1)[0]}: not shown: it may be a secret" in printed
    tomllib.loads(to_toml(found, Layout(file.parent), {}))


@pytest.mark.parametrize(
    "value",
    [
        "claude-sonnet-4-6", "claude-3-5-sonnet-20241022", "https://api.z.ai/api/anthropic",
        "http://localhost:8000", "simulated", "python3", "/home/me/agents/my_agent.py",
        "meta-llama/Llama-3.3-70B-Instruct-Turbo", "https://openrouter.ai/api",
    ],
)  # fmt: skip
def test_ordinary_values_are_shown(value: str) -> None:
    assert not may_be_secret(value)
    assert shown(value) == repr(value)


# The default file.


def test_the_file_of_this_repository_is_the_default_file(repository: Path) -> None:
    text = (repository / "meta_harness.toml").read_text(encoding="utf-8")
    command = "meta-harness config --defaults > new.toml; mv new.toml meta_harness.toml"
    assert text == default_file(), f"mend it with `{command}`"


def uncommented(text: str) -> Iterator[str]:
    """The file with every default taken in, without the example of a profile."""
    for line in text.partition("# A real model")[0].splitlines():
        is_setting = line.startswith("# ") and " = " in line.split("#")[1]
        yield line.removeprefix("# ") if is_setting else line


def test_the_default_file_has_every_setting_with_its_default_and_what_it_means(file: Path) -> None:
    text = default_file()
    raw = tomllib.loads("\n".join(uncommented(text)))
    file.write_text(text, encoding="utf-8")
    chosen = read_settings(file, {}, None, {})
    for section, model in sections():
        assert raw[section].keys() == model.model_fields.keys()
        for name, info in model.model_fields.items():
            is_example = name in raw[section] and not info.get_default()
            default = getattr(getattr(chosen, section), name)
            if not is_example and default is not None:
                assert type(default)(raw[section][name]) == default, (section, name)
    for line in text.splitlines():
        assert len(line) <= 100
        if " = " in line and not line.startswith(("cost_weight", "base_url", "model", "context")):
            assert line.count("#") > line.startswith("#"), f"no meaning: {line}"
    assert all(f"# {name} = " in text for name in Profile.model_fields)


# The command line.


def command(*words: object, **environment: str) -> str:
    done = CliRunner().invoke(new_application(), list(map(str, words)), env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout


def everything_in(folder: Path) -> dict[Path, object]:
    return {
        path: (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if not path.match("runs") and not path.match("ledger.sqlite3-*")  # SQLite's index of it
    }


@pytest.mark.parametrize(
    "words",
    [
        ("config",), ("run", "--fresh"), ("evaluate", "baseline"), ("test",), ("noise", "--fresh"),
        ("ab", "x"), ("replay", "x"), ("regrade",), ("judge", "calibrate", "--reference", "checks"),
    ],
)  # fmt: skip
def test_printing_the_configuration_starts_nothing_and_touches_nothing(
    workspace_folder: Path, words: tuple[str, ...]
) -> None:
    before = everything_in(workspace_folder)
    asked = words if words == ("config",) else (*words, "--print-config")
    printed = command(
        *asked, META_HARNESS_WORKSPACE=str(workspace_folder), META_HARNESS_SERVICE_DRAIN_SECONDS="7"
    )
    service = tomllib.loads(printed)["service"]
    assert service["drain_seconds"] == 7
    document = json.loads(command(*asked, "--json", "-w", workspace_folder))
    assert document["places"]["workspace"] == str(workspace_folder.resolve())
    assert document["settings"]["search"]["seed"] == {"value": 0, "source": "file"}
    assert everything_in(workspace_folder) == before


def test_flags_of_a_command_are_in_what_it_prints(workspace_folder: Path) -> None:
    words = (
        "-k",
        2,
        "-n",
        3,
        "--budget-usd",
        5,
        "--print-config",
        "--json",
        "-w",
        workspace_folder,
    )
    found = json.loads(command("run", *words))["settings"]
    assert found["search"]["trials"] == {"value": 2, "source": "--trials"}
    assert found["search"]["concurrency"] == {"value": 3, "source": "--concurrency"}
    assert found["budget"]["usd"] == {"value": 5.0, "source": "--budget-usd"}


def test_a_wrong_variable_stops_a_command_that_only_looks_too(workspace_folder: Path) -> None:
    done = CliRunner().invoke(
        new_application(),
        ["status", "-w", str(workspace_folder)],
        env={"META_HARNESS_SEARCH_TRAILS": "3"},
    )
    assert done.exit_code == 2
    expected = "META_HARNESS_SEARCH_TRAILS: found an unknown variable, expected "
    assert f"{expected}META_HARNESS_SEARCH_TRIALS" in done.stderr


def test_the_defaults_of_the_command_line_are_the_default_file(tmp_path: Path) -> None:
    assert command("config", "--defaults", "-w", tmp_path / "nowhere") == default_file()


def test_a_search_that_was_begun_keeps_its_own_and_looking_at_it_changes_no_file(
    workspace_folder: Path,
) -> None:
    layout = Layout(workspace_folder)
    layout.runs.mkdir(exist_ok=True)
    with closing(Ledger(layout.ledger)) as ledger:
        ledger.set_identity({"seed": "1", "trials": "5"})
    before = everything_in(workspace_folder)
    variables = {"META_HARNESS_SEARCH_SEED": "9"}
    printed = command("config", "-w", workspace_folder, **variables)
    assert "seed = 1                   # the search that was begun" in printed
    assert "# META_HARNESS_SEARCH_SEED is not used: the search was begun with 1" in printed
    fresh = command("run", "--fresh", "--print-config", "-w", workspace_folder, **variables)
    assert tomllib.loads(fresh)["search"]["seed"] == 9
    assert everything_in(workspace_folder) == before
