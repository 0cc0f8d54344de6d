"""An interpreter is copied once for all boxes, whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from harness_search.sandbox import interpreter
from harness_search.sandbox.interpreter import Interpreter, stage

PYTHON = Interpreter(Path("/nowhere/bin/python3"), ())


def test_boxes_that_start_together_share_one_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(2, timeout=60)

    def copied(_: Interpreter, folder: Path) -> None:
        (folder / "bin").mkdir()
        (folder / "bin" / "python3").touch()
        together.wait()  # neither is there before both are made

    monkeypatch.setattr(interpreter, "_copy", copied)
    with ThreadPoolExecutor(2) as boxes:
        staged = list(boxes.map(lambda _: stage(PYTHON, tmp_path / "python"), range(2)))
    assert {item.executable for item in staged} == {tmp_path / "python" / "bin" / "python3"}
    assert [path.name for path in tmp_path.iterdir()] == ["python"]


def test_a_copy_that_cannot_take_its_place_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(_: Interpreter, folder: Path) -> None:
        (folder / "bin").mkdir()
        (tmp_path / "python").write_text("a file")

    monkeypatch.setattr(interpreter, "_copy", spoilt)
    with pytest.raises(NotADirectoryError):
        stage(PYTHON, tmp_path / "python")
