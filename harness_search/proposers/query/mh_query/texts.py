"""The files of the evidence that can be searched, as texts."""

import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .view import View, attempts

LARGEST_MEMBER = 20_000_000
"""Bytes of a part of an office document; a longer one is searched so far."""
SEARCHED = ("rollout.json", "transcript.jsonl", "harness.log")
OFFICE = {
    ".docx": r"word/(document|header\d*|footer\d*|footnotes|comments)\.xml",
    ".xlsx": r"xl/(sharedStrings|worksheets/[^/]+)\.xml",
    ".pptx": r"ppt/(slides|notesSlides)/[^/]+\.xml",
}
NOT_TEXT = {".pdf", ".png", ".jpg", ".zip", ".doc", ".xls", ".ppt"}
UNREADABLE = (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)


def files(view: View, harnesses: list[str], tasks: list[str]) -> Iterator[Path]:
    """Every file of the rollouts that may hold text."""
    for harness in harnesses:
        for task in tasks:
            folder = view.evidence / harness / task
            for rollout in attempts(folder):
                for name in SEARCHED:
                    if _is_file(folder / rollout / name):
                        yield folder / rollout / name
                for parent, folders, names in os.walk(folder / rollout / "output"):
                    folders.sort()
                    for name in sorted(names):
                        if _is_file(Path(parent) / name):
                            yield Path(parent) / name


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def texts(file: Path) -> Iterator[tuple[str, str]]:
    """Texts of a file with where they stand in it; a file that has none gives none."""
    suffix = file.suffix.lower()
    try:
        if suffix in OFFICE:
            yield from _office_texts(file, OFFICE[suffix])
        elif suffix in {".json", ".jsonl"} and file.name in SEARCHED:
            yield from _json_texts(file)
        elif suffix not in NOT_TEXT:
            with file.open(encoding="utf-8", errors="replace") as lines:
                for number, line in enumerate(lines, start=1):
                    yield str(number), line
    except UNREADABLE:
        return


def _json_texts(file: Path) -> Iterator[tuple[str, str]]:
    """Every text of a JSON document, or of each line's, with its line breaks."""
    whole = file.suffix == ".json"
    with file.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate([stream.read()] if whole else stream, start=1):
            try:
                document = json.loads(line)
            except ValueError:
                document = line
            for text in _strings(document):
                yield ("-" if whole else str(number)), text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def _office_texts(file: Path, members: str) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if re.fullmatch(members, info.filename):
                with archive.open(info) as stream:
                    xml = stream.read(LARGEST_MEMBER).decode("utf-8", "replace")
                xml = re.sub(r"</(?:\w+:)?(?:p|si|c|tr)>|<(?:\w+:)?br/>", "\n", xml)
                text = re.sub(r"<[^<>]*>", "", xml)
                for code, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
                    text = text.replace(code, sign)
                yield info.filename, text
