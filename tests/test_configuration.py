"""What settings are put together from, and what is said of wrong ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from configurations import CLAUDE, KEY, read

from harness_search.configuration.names import sections
from harness_search.configuration.variables import variable_of
from harness_search.errors import InputError
from harness_search.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "meta_harness.toml"


def refused(file: Path, text: str = "", variables: Mapping[str, str] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(file, text, variables)
    assert caught.value.exit_code == 2
    assert caught.value.__cause__ is None, "a cause would be printed, with the value in it"
    return caught.value.within(file.parent)


# What beats what.


def test_flag_beats_the_begun_search_beats_variable_beats_file_beats_default(file: Path) -> None:
    path = ("search", "trials")
    layers: dict[str, Any] = {}
    for more, value, origin in (
        ({}, 3, "default"),
        ({"text": "[search]\ntrials = 4\n"}, 4, "file"),
        ({"variables": {"SEARCH_TRIALS": "5"}}, 5, "META_HARNESS_SEARCH_TRIALS"),
        ({"begun": {"trials": 6}}, 6, "the search that was begun"),
        ({"flags": {"trials": 7}}, 7, "--trials"),
    ):
        layers |= more
        found = read(file, **layers)
        assert (found.settings.search.trials, str(found.origin(path))) == (value, origin)


def test_a_flag_of_nothing_is_a_flag(file: Path) -> None:
    text = "[search]\nseed = 4\n[budget]\nallow_unpriced = true\n"
    found = read(file, text, flags={"seed": 0, "allow_unpriced": False}).settings
    assert (found.search.seed, found.budget.allow_unpriced) == (0, False)


def test_a_variable_that_the_begun_search_overrules_is_named(file: Path) -> None:
    variables = {"SEARCH_SEED": "9", "SEARCH_TRIALS": "6"}
    found = read(file, variables=variables, begun={"seed": 1, "trials": 6})
    assert found.unused == ("META_HARNESS_SEARCH_SEED is not used: the search was begun with 1",)
    assert not read(file, variables=variables, begun={"seed": 1}, flags={"seed": 1}).unused


def test_a_line_that_the_begun_search_overrules_is_named(file: Path) -> None:
    begun = {"preset": "standard", "seed": 0}
    found = read(file, '[search]\nseed = 0\n[promotion]\npreset = "economy"\n', begun=begun)
    said = "promotion.preset in meta_harness.toml is not used: the search was begun with standard"
    assert found.unused == (said,)
    assert found.settings.promotion.preset == "standard"
    assert not read(file, begun=begun, flags={"preset": "strict"}).unused


def test_an_empty_variable_is_not_given(file: Path) -> None:
    found = read(file, "[search]\nseed = 4\n", {"SEARCH_SEED": "", "NO_SUCH_THING": ""})
    assert found.settings.search.seed == 4


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("SEARCH_CONCURRENCY", "1_6", "search.concurrency", 16),
        ("SEARCH_TARGET_SCORE", "85", "search.target_score", 85.0),
        ("BUDGET_USD", "2.5", "budget.usd", 2.5),
        ("BUDGET_ALLOW_UNPRICED", "yes", "budget.allow_unpriced", True),
        ("BUDGET_ALLOW_UNPRICED", "false", "budget.allow_unpriced", False),
        ("JUDGE_CACHE_MINUTES", "60", "judge.cache_minutes", 60),
        ("PROMOTION_CONTROL", "same_day", "promotion.control", "same_day"),
        ("PROPOSER_PROFILE", "007", "proposer.profile", "007"),
        ("PROPOSER_COMMAND", '["a", "b c"]', "proposer.command", ("a", "b c")),
        ("BENCHMARK_TASKS", "/x y/z", "benchmark.tasks", Path("/x y/z")),
    ],
)
def test_a_variable_is_read_as_its_setting_is(
    file: Path, name: str, text: str, path: str, value: object
) -> None:
    section, field = path.split(".")
    found = getattr(getattr(read(file, variables={name: text}).settings, section), field)
    assert (found, type(found)) == (value, type(value)) or isinstance(found, Path)
    assert found == value


def test_variables_change_a_profile_whatever_its_name_and_make_a_new_one(file: Path) -> None:
    text = CLAUDE.replace("claude", "claude-subscription")
    found = read(
        file,
        text,
        {
            "PROFILES_CLAUDE_SUBSCRIPTION_SAMPLING": "{top_k = 4}",
            "PROFILES_CLAUDE_SUBSCRIPTION_PRICE": '{"input": 1, "output": 2}',
            "PROFILES_MINE_BASE_URL": "http://localhost:1",
            "PROFILES_MINE_MODEL": "17",
            "SEARCH_PROFILE": "mine",
        },
    ).settings
    old = found.profiles["claude-subscription"]
    assert old.sampling == {"top_k": 4}
    assert old.price is not None
    assert old.price.output == 2
    assert found.profile.model == "17"


def test_a_profile_of_variables_alone_stands_beside_the_offline_one(file: Path) -> None:
    variables = {"PROFILES_X_BASE_URL": "http://x", "PROFILES_X_MODEL": "m"}
    assert set(read(file, variables=variables).settings.profiles) == {"simulated", "x"}
    weight = read(file, variables={"PROFILES_SIMULATED_COST_WEIGHT": "3"}).settings.profile
    assert (weight.cost_weight, weight.model) == (3.0, "simulated-1")


def test_every_setting_has_a_variable_of_its_own() -> None:
    paths = [(section, field) for section, model in sections() for field in model.model_fields]
    assert len({variable_of(path) for path in paths}) == len(paths) > 70


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("SEARCH_TRIALS", "x", "found 'x', expected a valid integer"),
        ("SEARCH_TRIALS", "0", "found 0, expected greater than or equal to 1"),
        ("BUDGET_USD", "nan", "found nan, expected a finite number"),
        ("PROMOTION_PRESET", "brave", "found 'brave', expected 'seed', 'standard'"),
        ("PROPOSER_COMMAND", "python3 x.py", "expected a list of words, such as"),
        ("PROFILES_CLAUDE_KEY_VARIABLE", KEY, "expected the name of an environment variable"),
        ("PROFILES_CLAUDE_BASE_URL", f"ftp://{KEY}", "expected `simulated`, http"),
        ("PROFILES_CLAUDE_SAMPLING", f"[{KEY!r}]", "expected a valid dictionary"),
        ("PROFILES_CLAUDE_PRICE", "{inptu = 3}", "found the unknown key 'inptu', expected `input`"),
        ("SEARCH_PROFILE", "gpt", "found 'gpt', expected one of: claude"),
    ],
)
def test_a_wrong_variable_is_one_sentence_that_names_it(
    file: Path, name: str, text: str, sentence: str
) -> None:
    said = refused(file, CLAUDE, {name: text})
    assert said.startswith(f"environment: META_HARNESS_{name}: found ")
    assert sentence in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SERCH_SEED", "META_HARNESS_SEARCH_SEED"),
        ("SEARCH_CONCURENCY", "META_HARNESS_SEARCH_CONCURRENCY"),
        ("SEACH_CONCURENCY", "META_HARNESS_SEARCH_CONCURRENCY"),
        ("search_seed", "META_HARNESS_SEARCH_SEED"),
        ("WORKSPCE", "META_HARNESS_WORKSPACE"),
        ("PROFILES_CLAUDE_MODLE", "META_HARNESS_PROFILES_CLAUDE_MODEL"),
        ("PROFILE_CLAUDE_MODEL", "META_HARNESS_PROFILES_CLAUDE_MODEL"),
        ("PROFILES_NEW_ONE_CONTEXT_TOKNES", "META_HARNESS_PROFILES_NEW_ONE_CONTEXT_TOKENS"),
        ("QQ", "META_HARNESS_<SECTION>_<FIELD> (`meta-harness config` shows them all)"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_name(
    file: Path, name: str, meant: str
) -> None:
    said = refused(file, CLAUDE, {name: KEY})
    assert said == f"environment: META_HARNESS_{name}: found an unknown variable, expected {meant}"


def test_variables_that_are_no_settings_are_left_alone(file: Path) -> None:
    assert read(file, variables={"WORKSPACE": "/x", "EVENT": "finished"}).settings == Settings()


def test_a_variable_that_may_mean_two_profiles_is_refused(file: Path) -> None:
    text = CLAUDE.replace("claude", "a-b") + CLAUDE.replace("claude", "a_b")
    said = refused(file, text, {"PROFILES_A_B_MODEL": "m"})
    assert "[profiles.a-b] and [profiles.a_b]" in said


def test_what_only_a_variable_makes_wrong_names_it_beside_the_file(file: Path) -> None:
    said = refused(file, "[judge]\nprofile = 'a'\n", {"JUDGE_SECOND": "b"})
    assert said.startswith("meta_harness.toml and META_HARNESS_JUDGE_SECOND: judge: found ")


# Names that are misspelt, or in the wrong place.


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[search]\n\nconcurency = 3", "search.concurency: ... on line 3, expected `concurrency`"),
        ("[serach]\nseed = 3", "serach: ... section on line 1, expected [search]"),
        ("[search]\nusd = 3", "search.usd: ... key on line 2, expected `usd` in [budget]"),
        ("[search]\nbudget_usd = 3", "budget_usd: ... on line 2, expected `usd` in [budget]"),
        ("[judge]\nmin_dleta = 3", "judge.min_dleta: ... expected `min_delta` in [promotion]"),
        ("seed = 3", "seed: ... key on line 1, expected `seed` in [search]"),
        ("[search]\ncalls=1", "search.calls: ... key on line 2, expected `calls` in [limits]"),
        ("[search]\nattempts = 1", "[proposer] or [judge] or [limits]"),
        (f"{CLAUDE}modle = 'm'", "profiles.claude.modle: ... key on line 4, expected `model`"),
        (f"{CLAUDE}price = {{input = 1, outputs = 2}}", "price.outputs: ... expected `output`"),
        (f"{CLAUDE}api_key = '{KEY}'", "expected `key_variable`, the name of the environment"),
        ("[search]\nseed = 0\nqqq = 1", "search.qqq: ... on line 3, expected one of: profile"),
        ("[qqq]", "qqq: ... unknown section on line 1, expected one of: search"),
        ("search.sede = 1", "search.sede: ... unknown key on line 1, expected `seed`"),
        ("search = {seed = 1, sede = 1}", "search.sede: ... line 1, expected `seed`"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_its_line_and_the_nearest_one(
    file: Path, text: str, sentence: str
) -> None:
    said = refused(file, text)
    assert said.startswith("meta_harness.toml: ")
    for part in sentence.split(" ... "):
        assert part in said
    assert "hunter2" not in said


def test_an_unknown_name_is_told_before_a_wrong_value(file: Path) -> None:
    assert "expected `trials`" in refused(file, "[search]\nseed = -1\ntrails = 3\n")
