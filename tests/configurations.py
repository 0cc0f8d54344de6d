"""Configurations for tests, put together without the variables of this process."""

from collections.abc import Mapping
from pathlib import Path

from harness_search.configuration.reading import Configuration, read_configuration

KEY = "sk-ant-api03-hunter2hunter2"
CLAUDE = "[profiles.claude]\nbase_url = 'https://api.anthropic.com'\nmodel = 'm'\n"


def read(
    file: Path,
    text: str = "",
    variables: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    begun: Mapping[str, object] | None = None,
) -> Configuration:
    file.write_text(text, encoding="utf-8")
    given = {f"META_HARNESS_{name}": value for name, value in (variables or {}).items()}
    return read_configuration(file, flags or {}, begun, given)
