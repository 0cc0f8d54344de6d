"""Regular expressions over the evidence: `grep`."""

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .answers import LONGEST_LINE, MOST_BYTES, Answer, BadInputError, Document, cut, size_of
from .texts import files, texts
from .view import View


def grep(view: View, asked: argparse.Namespace) -> Answer:
    """Lines of the evidence that a regular expression finds, in the incumbent's rollouts first."""
    try:
        pattern = re.compile(asked.pattern)
    except re.error as error:
        raise BadInputError(f"the pattern is no regular expression ({error})") from error
    harnesses = [view.harness(asked.harness)] if asked.harness else _incumbent_first(view)
    tasks = [view.task(asked.task)] if asked.task else view.tasks
    hits: list[Document] = []
    room = MOST_BYTES - 2_000
    for hit in _hits(view, files(view, harnesses, tasks), pattern):
        room -= size_of(hit) + 2
        if room < 0:
            break
        hits.append(hit)
    stopped = room < 0
    lines = [f"{hit['file']}:{hit['at']}: {hit['line']}" for hit in hits] or ["Nothing was found."]
    if stopped:
        lines.append("(stopped at 20 kB: there is more; narrow it by --harness, --task or pattern)")
    return Answer({"pattern": cut(asked.pattern), "stopped": stopped}, {"hits": hits}, lines)


def _hits(view: View, found: Iterable[Path], pattern: re.Pattern[str]) -> Iterator[Document]:
    for file in found:
        name = file.relative_to(view.evidence).as_posix()
        for place, text in texts(file):
            for line in text.splitlines():
                match = pattern.search(line)
                if match:
                    yield {"file": name, "at": place, "line": _around(line, match)}


def _incumbent_first(view: View) -> list[str]:
    """Then the newest, since what is looked for is seldom old."""
    incumbent = view.session["incumbent"]
    others = [name for name in reversed(list(view.results)) if name != incumbent]
    return [name for name in [incumbent, *others] if name in view.results]


def _around(line: str, found: re.Match[str]) -> str:
    """A long line around what was found in it."""
    start = max(0, found.start() - LONGEST_LINE // 2)
    end = start + LONGEST_LINE
    return ("... " if start else "") + line[start:end] + (" ..." if end < len(line) else "")
