"""The commands and their arguments."""

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from .answers import BadInputError
from .results import diff, frontier, top
from .search import grep
from .verdicts import criteria, replay
from .view import View


class Parser(argparse.ArgumentParser):
    """One sentence for bad input."""

    def error(self, message: str) -> NoReturn:
        raise BadInputError(f"{message}; see `mh-query --help`")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tasks")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    whole = Parser(prog="mh-query", description="Ask about the search so far.", allow_abbrev=False)
    commands = whole.add_subparsers(dest="command", required=True, parser_class=Parser)
    made = {}
    for command in (frontier, top, diff, criteria, grep, replay):
        name, said = command.__name__, (command.__doc__ or "").splitlines()[0]
        made[name] = commands.add_parser(name, help=said, description=said, allow_abbrev=False)
        made[name].set_defaults(run=command)
        made[name].add_argument("--json", action="store_true", help="one JSON object")
    made["top"].add_argument("count", nargs="?", type=_count, default=5, metavar="N")
    made["diff"].add_argument("first", metavar="A")
    made["diff"].add_argument("second", metavar="B")
    made["criteria"].add_argument("task", metavar="TASK")
    made["criteria"].add_argument("harness", nargs="?", metavar="HARNESS")
    made["grep"].add_argument("pattern", metavar="PATTERN")
    made["grep"].add_argument("--harness", metavar="H")
    made["grep"].add_argument("--task", metavar="T")
    made["replay"].add_argument("candidate", metavar="CANDIDATE")
    return whole


def main(view: Path) -> int:
    """Answer on standard output; bad input is one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        asked = parser().parse_args()
        answer = asked.run(View(view), asked)
    except BadInputError as error:
        sys.stderr.write(f"mh-query: {error}.\n")
        return 2
    sys.stdout.write((answer.as_json() if asked.json else answer.as_text()) + "\n")
    return 0
