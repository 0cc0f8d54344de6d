"""Every command by name: what it is for, and where it is found when it is asked for.

The places are text, so that a command that only looks does not import the loop.
"""

from dataclasses import dataclass

GOOD_FOR = "Meta-Harness improves the harness around a frozen model, with evidence."


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or one family of them."""

    name: str
    place: str
    """Module and function, or module and Typer application of a family."""
    line: str
    """What it does, in at most fifty characters."""
    passes_on: bool = False
    """Whether it takes options that it does not know, for another command."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Commands that serve one purpose."""

    name: str
    commands: tuple[Command, ...]


_SERVICE = "harness_search.commands.service"
_VIEWS = "harness_search.commands.views"
_WORKSPACES = "harness_search.commands.workspaces"
PURPOSES = (
    Purpose(
        "search",
        (
            Command(
                "start", f"{_SERVICE}:start", "search in the background, or go on with it", True
            ),
            Command("run", "meta_harness:run", "the same in the foreground"),
            Command("pause", f"{_SERVICE}:pause", "begin nothing new; what is in flight ends"),
            Command("resume", f"{_SERVICE}:resume", "go on after a pause, or before a wake-up"),
            Command("stop", f"{_SERVICE}:stop", "end it once its rollouts in flight are done"),
        ),
    ),
    Purpose(
        "look",
        (
            Command("status", f"{_VIEWS}:status", "where it stands, and what to do next"),
            Command(
                "serve", "harness_search.commands.serve:serve", "the same and more, in a browser"
            ),
            Command("watch", "harness_search.commands.watch:watch", "the same, live"),
            Command("logs", "harness_search.commands.logs:logs", "what happened, line by line"),
            Command(
                "report",
                "harness_search.commands.report:report",
                "what was found, as one page with plots",
            ),
            Command("frontier", f"{_VIEWS}:frontier", "every iteration with its scores"),
            Command("show", "harness_search.commands.show:show", "a candidate's claim and outcome"),
            Command("diff", "harness_search.commands.diff:diff", "two harnesses, line by line"),
            Command("decision", f"{_VIEWS}:decision", "what the gate said of one candidate"),
            Command(
                "transcript",
                "harness_search.commands.transcript:transcript",
                "one rollout as a conversation, with verdicts",
            ),
            Command(
                "export",
                "harness_search.commands.export:export",
                "rollouts, verdicts, decisions as CSV or JSONL",
            ),
        ),
    ),
    Purpose(
        "measure",
        (
            Command("test", "meta_harness:test", "open the held-out test split; it is logged"),
            Command("evaluate", "meta_harness:evaluate", "one harness on the dev split"),
            Command("noise", "harness_search.commands.noise:noise", "how much of a gain is noise"),
            Command("ab", "harness_search.commands.ab:ab", "a candidate against its parent"),
            Command(
                "replay", "harness_search.commands.replay:replay", "a candidate on stored replies"
            ),
        ),
    ),
    Purpose(
        "set up",
        (
            Command("init", f"{_WORKSPACES}:init", "make a workspace around a folder of tasks"),
            Command("tasks", f"{_WORKSPACES}:tasks_commands", "build or check a benchmark"),
            Command("doctor", f"{_WORKSPACES}:doctor", "what a run lacks here, and how to get it"),
            Command(
                "config",
                "harness_search.commands.configuration:config",
                "the settings that count here, and their sources",
            ),
        ),
    ),
    Purpose(
        "judge",
        (
            Command("gate", "harness_search.commands.gate:gate_commands", "simulate what it does"),
            Command("judge", "harness_search.commands.judge:judge_commands", "calibrate the judge"),
            Command(
                "regrade",
                "harness_search.commands.regrade:regrade",
                "all stored rollouts under another judge",
            ),
            Command(
                "criteria",
                "harness_search.commands.criteria:criteria",
                "which always fail, never fail, or toss a coin",
            ),
        ),
    ),
)
COMMANDS = {command.name: command for purpose in PURPOSES for command in purpose.commands}
