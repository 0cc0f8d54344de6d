"""A candidate is taken out of a view only when it can be a harness at all."""

from pathlib import Path

import pytest

from harness_search.errors import InputError
from harness_search.promotion.candidate import check_source

SOUND = b"import json\nfrom harness_kit import Task\ndef solve(task, model):\n    pass\n"


def test_a_sound_source_is_returned_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(SOUND)
    assert check_source(tmp_path / "a.py") == SOUND


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"def solve(task):\n    pass\n", "solve"),
        (b"solve = 3\n", "solve"),
        (b"from harness_search import files\n" + SOUND, "harness_search"),
        (b"def f():\n    import numpy.linalg\n" + SOUND, "numpy.linalg"),
        (b"from . import x\n" + SOUND, "harness_kit only"),
        (b"x = 1\n" * 40_000, "at most 200000"),
        (b"-" * 190_000, "invalid Python"),
        (b"a." * 60_000 + b"b", "invalid Python"),
        (b"\x00", "invalid Python"),
        (b"# coding: nonsense\n", "invalid Python"),
    ],
)
def test_an_unsound_source_is_refused_in_one_sentence(
    tmp_path: Path, source: bytes, words: str
) -> None:
    (tmp_path / "a.py").write_bytes(source)
    with pytest.raises(InputError, match=r"a\.py") as caught:
        check_source(tmp_path / "a.py")
    assert words in str(caught.value)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes(SOUND)
    (tmp_path / "a.py").symlink_to(tmp_path / "real.py")
    with pytest.raises(InputError, match="regular file"):
        check_source(tmp_path / "a.py")
