"""What a tool call is for, by deterministic tables.

An action is one tool call of the model. Kinds as in the Parthenon study (appendix A.2): a tool is
known by the words of its name, a shell command by its first verb. Harnesses cut their work into
calls of different size: counts compare versions of one harness, not different agents.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

LONGEST_COMMAND = 4_000  # characters
MOST_COMMAND_LINES = 20


class Action(StrEnum):
    """What a tool call is for."""

    READ = "read/inspect"
    TOOL = "tool/script"
    WRITE = "write/edit"
    OTHER = "other"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(read: str, tool: str, write: str) -> Mapping[str, Action]:
    kinds = {Action.READ: read, Action.TOOL: tool, Action.WRITE: write}
    return MappingProxyType({word: kind for kind in kinds for word in _words(kinds[kind])})


TOOL_WORDS = _table(
    read="""read reads view open cat show get fetch load list ls glob find grep rg search lookup
    look inspect head tail browse peek scan""",
    tool="""run execute exec python node script skill agent task tool check audit validate verify
    reconcile compute calculate calculator count convert build extract summarize summarise compare
    test""",
    write="""write edit multiedit create save patch replace insert append update delete remove move
    copy rename mkdir deliver""",
)
"""By a word of a tool's name; the first word that is here decides."""
SHELLS = _words("bash shell sh terminal command cmd")
"""Words in the name of a tool that runs a shell command."""
VERBS = _table(
    read="""rg grep egrep fgrep zgrep cat zcat sed awk gawk jq wc head tail ls find fd file stat
    tree less more strings diff cmp sort uniq cut nl od xxd hexdump du pwd column unzip zipinfo tar
    pdftotext antiword catdoc docx2txt""",
    tool="""python python2 python3 node bash sh zsh perl ruby pytest make latexmk pandoc libreoffice
    soffice pip npm npx uv curl wget git gcc sqlite3 bc""",
    write="apply_patch patch tee mv cp touch mkdir rmdir rm ln truncate install dd",
)
"""By the first verb of a shell command."""
BEFORE_A_VERB = _words(
    """cd pushd export set source true env sudo nohup time timeout command exec nice echo printf
    xargs then do if while"""
)
"""Prepares a command, or says something: what follows decides."""
_PARTS = frozenset({"&&", "||", ";", "|", "&", "(", ")", ";;", "|&"})
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SET = re.compile(r"\w+=")


def action_of(name: str, arguments: object) -> Action:
    """What a tool call is for, by the tool's name and, of a shell, by its command."""
    words = [word.casefold() for word in _WORDS.findall(name[:200])]
    if SHELLS & {*words}:
        given = arguments if isinstance(arguments, dict) else {}
        found = (given.get(key) for key in ("command", "cmd", "script"))
        command = next((text for text in found if isinstance(text, str)), None)
        return Action.TOOL if command is None else action_of_command(command)
    return next((TOOL_WORDS[word] for word in words if word in TOOL_WORDS), Action.OTHER)


def action_of_command(command: str) -> Action:
    """What a shell command is for, by its first verb that is known; one that reads but puts what it
    finds into a file writes. Of a long command its beginning is looked at."""
    for line in command[:LONGEST_COMMAND].splitlines()[:MOST_COMMAND_LINES]:
        for part in _parts_of(line):
            if (action := _action_of_part(part)) is not None:
                return action
    return Action.OTHER


def _parts_of(line: str) -> Iterator[list[str]]:
    """The single commands of a line, as words."""
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    try:
        words = list(reader)
    except ValueError:  # a quote that goes on in the next line
        words = line.split()
    part: list[str] = []
    for word in words:
        if word in _PARTS:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _action_of_part(words: list[str]) -> Action | None:
    """None for a part that only prepares another one."""
    into_file = _into_file(words)
    for word in words:
        verb = word.rpartition("/")[2]
        if verb in BEFORE_A_VERB or word.startswith("-") or _SET.match(word) or verb.isdecimal():
            continue
        if verb == "sed" and any(option.startswith("-i") for option in words):
            return Action.WRITE
        action = VERBS.get(verb)
        if action is None and (word.startswith("./") or verb.endswith((".py", ".sh", ".js"))):
            action = Action.TOOL
        if into_file and action is not Action.TOOL:
            return Action.WRITE
        return action if action or words[0] not in BEFORE_A_VERB else None
    return Action.WRITE if into_file else None


def _into_file(words: list[str]) -> bool:
    """Whether what a command finds goes into a file."""
    return any(sign in {">", ">>", ">|"} and to != "/dev/null" for sign, to in pairwise(words))


@dataclass(frozen=True, slots=True)
class ActionMix:
    """Tool calls of the model by what they are for."""

    read: int = 0
    tool: int = 0
    write: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        return self.read + self.tool + self.write + self.other

    def count(self, action: Action) -> int:
        kinds = {Action.READ: self.read, Action.TOOL: self.tool, Action.WRITE: self.write}
        return kinds.get(action, self.other)
