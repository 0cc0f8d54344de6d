"""Configuration: one validated model, flags beat the file, errors name the field."""

from pathlib import Path

import pytest

from harness_search.errors import InputError
from harness_search.settings import read_settings


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
    ],
)
def test_bad_input_names_the_place_and_what_was_found(
    tmp_path: Path, text: str, flags: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(settings_file(tmp_path, text), flags)
    for word in words:
        assert word in str(caught.value)


def test_a_folder_without_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="meta-harness init"):
        read_settings(tmp_path / "meta_harness.toml", {})
