"""Configuration: one validated model, flags beat the file, errors name the field."""

import re
import tomllib
from pathlib import Path

import pytest

from harness_search.configuration.reading import read_settings
from harness_search.errors import InputError
from harness_search.gateway.prices import price_of, read_prices
from harness_search.settings import Profile, Settings, SimulatedSettings


def settings_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "meta_harness.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_file_of_this_repository_is_valid(repository: Path) -> None:
    settings = read_settings(repository / "meta_harness.toml", {})
    assert settings.search.profile == "simulated"
    assert settings.profile.simulated


def test_an_empty_file_means_the_offline_defaults(tmp_path: Path) -> None:
    settings = read_settings(settings_file(tmp_path, ""), {})
    assert settings.search.trials == 3
    assert settings.promotion.min_delta == 1.0
    assert settings.weights.all_pass == 0.5


def test_a_flag_beats_the_file_and_a_missing_flag_does_not(tmp_path: Path) -> None:
    file = settings_file(tmp_path, "[search]\nseed = 1\ntrials = 2\n")
    settings = read_settings(file, {"seed": 9, "trials": None})
    assert (settings.search.seed, settings.search.trials) == (9, 2)


@pytest.mark.parametrize(
    ("text", "flags", "words"),
    [
        ("[search]\ntrails = 3\n", {}, ["meta_harness.toml", "search.trails"]),
        ("[search]\ntrials = 0\n", {}, ["meta_harness.toml", "search.trials", "found 0"]),
        ("[search]\ntrials = 'x'\n", {}, ["search.trials", "'x'"]),
        ("[search\n", {}, ["meta_harness.toml", "invalid TOML"]),
        ("search = 3\n", {}, ["meta_harness.toml", "search"]),
        ("", {"trials": -1}, ["command line", "--trials", "-1"]),
        ("", {"profile": "gpt"}, ["profile", "'gpt'", "simulated"]),
        ("[profiles.x]\nbase_url = 'ftp://x'\nmodel = 'm'\n", {}, ["profiles.x.base_url"]),
        ("[budget]\nusd = 0\n", {}, ["meta_harness.toml", "budget.usd", "found 0"]),
        ("[budget]\nusd = -1\n", {"trials": 2}, ["meta_harness.toml", "budget.usd", "-1"]),
        ("", {"budget_usd": -5.0}, ["command line", "--budget-usd", "-5.0"]),
        ("", {"budget_tokens": 0}, ["command line", "--budget-tokens", "found 0"]),
        ("", {"rollout_tokens": "x"}, ["command line", "--rollout-tokens", "'x'"]),
        ("budget = 3\n", {"budget_usd": 5.0}, ["meta_harness.toml", "budget", "found 3"]),
        ("[limits]\ncalls = 0\n", {}, ["limits.calls", "found 0"]),
        ("[simulated]\nlatency_seconds = -1\n", {}, ["simulated.latency_seconds", "found -1"]),
        ("[simulated]\ntokens_per_second = nan\n", {}, ["simulated.tokens_per_second", "nan"]),
        ("[simulated]\nfault_share = 1.1\n", {}, ["simulated.fault_share", "1.1", "equal to 1"]),
        ("[simulated]\nfault_seed = 0.5\n", {}, ["simulated.fault_seed", "0.5"]),
        ("[simulated]\nlatency = 1\n", {}, ["simulated.latency"]),
    ],
)
def test_bad_input_names_the_place_and_what_was_found(
    tmp_path: Path, text: str, flags: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(settings_file(tmp_path, text), flags)
    for word in words:
        assert word in str(caught.value)


def test_flags_of_the_budget_beat_the_file_and_leave_the_rest_of_it(tmp_path: Path) -> None:
    file = settings_file(tmp_path, "[budget]\nusd = 1.0\ncandidate_tokens = 7\n")
    flags = {"budget_usd": 5.0, "rollout_tokens": 9, "allow_unpriced": True, "budget_tokens": None}
    budget = read_settings(file, {**flags, "seed": 3}).budget
    assert (budget.usd, budget.candidate_tokens, budget.rollout_tokens) == (5.0, 7, 9)
    assert budget.tokens is None
    assert budget.allow_unpriced


# Profiles.


def profile(tmp_path: Path, fields: str) -> Profile:
    text = f"[search]\nprofile = 'x'\n[profiles.x]\nmodel = 'm'\n{fields}\n"
    return read_settings(settings_file(tmp_path, text), {}).profile


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com"),
        ("https://api.anthropic.com/", "https://api.anthropic.com"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://api.z.ai/api/anthropic", "https://api.z.ai/api/anthropic"),
    ],
)
def test_an_address_is_taken_with_or_without_a_last_slash(
    tmp_path: Path, given: str, read: str
) -> None:
    assert profile(tmp_path, f"base_url = '{given}'").base_url == read


def test_the_offline_profiles_are_all_personas_and_served_at_once(repository: Path) -> None:
    settings = read_settings(repository / "meta_harness.toml", {})
    offline = {name: item.model for name, item in settings.profiles.items() if item.simulated}
    assert offline == {
        "simulated": "simulated-1",
        "simulated-mini": "simulated-1-mini",
        "simulated-birch": "simulated-birch-1",
    }
    assert settings.simulated == SimulatedSettings()


def test_a_simulated_model_that_is_no_persona_is_told_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        profile(tmp_path, "base_url = 'simulated'")
    assert re.fullmatch(
        r".*meta_harness\.toml: profiles\.x\.model: found 'm', expected a simulated model, one of: "
        r"simulated-1, .*simulated-birch-1.*",
        str(caught.value),
    )


@pytest.mark.parametrize("ending", ["/v1", "/v1/", "/v1/messages", "/anthropic/v1/messages/"])
def test_an_address_that_says_the_path_too_is_told_that_it_is_added(
    tmp_path: Path, ending: str
) -> None:
    with pytest.raises(InputError, match=r"profiles\.x\.base_url.*/v1/messages, which is added"):
        profile(tmp_path, f"base_url = 'https://host{ending}'")


@pytest.mark.parametrize(
    "url",
    ["http://", "https://host:port", "https://host?a=1", "https://host#x", "host", "", "simulate"],
)
def test_an_address_that_is_none_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match=r"profiles\.x\.base_url"):
        profile(tmp_path, f"base_url = '{url}'")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ("base_url = 'https://user:hunter2@host'", "base_url"),
        ("base_url = 'https://host'\nkey_variable = 'sk-ant-hunter2'", "key_variable"),
        ("base_url = 'https://host'\nkey_variable = 'sk hunter2'", "key_variable"),
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(
    tmp_path: Path, fields: str, field: str
) -> None:
    with pytest.raises(InputError, match=rf"profiles\.x\.{field}") as caught:
        profile(tmp_path, fields)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("authentication = 'basic'", ["profiles.x.authentication", "'basic'"]),
        ("price = { input = 3.0 }", ["profiles.x.price", "input and output"]),
        ("context_tokens = 0", ["profiles.x.context_tokens"]),
        ("concurrency_start = 9\nconcurrency_most = 8", ["profiles.x", "concurrency_most"]),
        ("sampling = { max_tokens = 5 }", ["profiles.x.sampling", "max_tokens"]),
        ("stall_seconds = 0", ["profiles.x.stall_seconds"]),
    ],
)
def test_a_profile_that_cannot_work_is_refused(
    tmp_path: Path, fields: str, words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        profile(tmp_path, f"base_url = 'https://host'\n{fields}")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "judge", ["second = 'other'", "kind = 'model'\nprofile = 'other'\nsecond = 'other'"]
)
def test_a_second_judge_that_is_none_is_refused(tmp_path: Path, judge: str) -> None:
    file = tmp_path / "meta_harness.toml"
    file.write_text(f"[judge]\n{judge}\n")
    with pytest.raises(InputError, match=r"judge: .* expected a second other than the profile"):
        read_settings(file, {})


def test_sampling_parameters_keep_their_types(tmp_path: Path) -> None:
    fields = "base_url = 'https://host'\nsampling = { temperature = 0.5, top_k = 4, think = true }"
    found = profile(tmp_path, fields).sampling
    assert found == {"temperature": 0.5, "top_k": 4, "think": True}
    assert [type(value) for value in found.values()] == [float, int, bool]


def test_every_example_of_the_docs_is_a_model_with_a_price(repository: Path) -> None:
    text = (repository / "docs" / "models.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    settings = [Settings.model_validate(tomllib.loads(block)) for block in blocks]
    profiles = {name: item for found in settings for name, item in found.profiles.items()}
    prices = read_prices(repository / "prices.toml")
    for name, item in profiles.items():
        price_of(name, item, prices, allow_unpriced=False, budget=settings[0].budget)
    hosted = {"claude", "deepseek", "glm", "kimi", "openrouter"}
    assert hosted | {"litellm", "vllm", "ollama", "llamacpp"} <= profiles.keys()
    assert any(found.budget.usd for found in settings)


def test_a_folder_without_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="meta-harness init"):
        read_settings(tmp_path / "meta_harness.toml", {})


def test_a_command_that_is_no_list_is_told_what_a_list_looks_like(tmp_path: Path) -> None:
    file = tmp_path / "meta_harness.toml"
    file.write_text('[proposer]\ncommand = "python3 x.py"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r'command: found .*a list of words, such as \["python3"'):
        read_settings(file, {})
