"""Tables on a terminal of 100 columns: nothing is wider, and of long names and big numbers nothing
is lost."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_workspace, rollout_row
from rich.cells import cell_len
from rich.console import Console
from test_command_line import COMMAND
from test_noise import drawn_rows

from harness_search.commands.table import COMMANDS
from harness_search.ledger.frontier import Frontier, FrontierRow
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import DecisionKind, IterationRow, Usage
from harness_search.ledger.scores import Score, Weights
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.promotion.noise import analyse
from harness_search.promotion.simulation.figures import Figures, Mean
from harness_search.reports.decisions import print_decision
from harness_search.reports.gate_simulation import SimulatedGates, print_gates
from harness_search.reports.noise import print_noise
from harness_search.reports.tables import print_frontier

COLUMNS = 100
LONG = "keeps_every_word_of_the_papers_that_it_has_read_so_far_12345"
TASK = f"arbitration-international-dispute-resolution/{LONG}-abcdef"
assert len(LONG) == 60


def on_a_terminal(show: Callable[[Console], None]) -> list[str]:
    """The lines that are shown on a terminal of 100 columns."""
    shown = StringIO()
    show(Console(file=shown, width=COLUMNS, force_terminal=True, color_system=None, markup=False))
    return lines_of(shown.getvalue())


def lines_of(shown: str) -> list[str]:
    """Lines without styles, none of them wider than the terminal."""
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    assert max(map(cell_len, lines)) <= COLUMNS
    return lines


def is_whole(text: str, lines: list[str]) -> bool:
    """Whether a text that may go on below itself is there to its last character."""
    starts = [(row, line.find(text[:8])) for row, line in enumerate(lines)]
    return any(_read(lines[row:], column, text) for row, column in starts if column >= 0)


def _read(lines: list[str], column: int, text: str) -> bool:
    found = ""
    for line in lines:
        part = re.match(r"\w[\w/-]*", line[column:])
        found += part[0] if part else ""
        if part is None or found == text:
            break
    return found == text


def test_a_frontier_of_long_names_and_big_numbers_fits() -> None:
    score = Score(100.0, 100.0, 123.456, 100.0, Fraction(1))
    gain = Gain(-100.0, 51.0, 51.0)
    kinds = (DecisionKind.BASELINE, DecisionKind.REJECTED, DecisionKind.INCONCLUSIVE)
    rows = tuple(
        FrontierRow(
            iteration=12_345 + number,
            harness=f"{LONG[:-1]}{number}",
            parent=f"{LONG[:-1]}0",
            incumbent=f"{LONG[:-1]}0",
            mechanism=LONG,
            reason="",
            decision=kind,
            score=score,
            gain=gain,
            rollouts=123_456,
            whole=True,
            sandboxes={"none": 123_456},
        )
        for number, kind in enumerate(kinds)
    )
    found = Frontier(rows, Weights(), simulated=True)
    lines = on_a_terminal(lambda console: print_frontier(console, found))
    assert all(is_whole(row.harness, lines) for row in rows)
    text = "\n".join(lines)
    for cell in ("12347", "123.456", "-100.0 ±100.0", "123456", "(incomplete)", "unsafe"):
        assert cell in text
    assert "rejected by audit" in text


def test_a_decision_about_long_tasks_fits_and_names_them_whole() -> None:
    document = {
        "iteration": 12_345,
        "harness": LONG,
        "stage": "3 trials",
        "reason": f"Blended 62.55 against the incumbent's 60.30: {'what it said, ' * 20}",
        "notes": ["a note of many words " * 10],
        "remarks": [],
        "rollouts": {"candidate": 123_456, "incumbent": 123_456},
        "gain": {
            "difference": -100.0,
            "interval": [-200.0, 100.0],
            "chance": 0.5,
            "shrunken": -100.0,
        },
        "tasks": [[TASK, -100.123, 51.0, 100.0, -100.0, 1_000, 1_000]] * 20,
    }
    lines = on_a_terminal(lambda console: print_decision(console, document))
    assert is_whole(TASK, lines)
    assert any("-100.1 ±100.0" in line and "1000 / 1000" in line for line in lines)


def test_the_noise_of_long_tasks_fits() -> None:
    rows = [replace(row, key=replace(row.key, task=TASK)) for row in drawn_rows(tasks=1)]
    found = replace(analyse(rows, {TASK: 200}, 3, Weights()), simulated=True)
    lines = on_a_terminal(lambda console: print_noise(console, found))
    assert is_whole(TASK, lines)
    begins = next(row for row, line in enumerate(lines) if line.startswith("one pass"))
    ends = next(row for row, line in enumerate(lines) if line.startswith("noise floor"))
    assert ends - begins > 3
    assert all(line.startswith(" " * 17) for line in lines[begins + 1 : ends])


def test_gates_with_big_numbers_fit() -> None:
    figures = Figures(Mean(-100.0, 100.0), *[1_000.0] * 5, 1_234_567.0, -100.0)
    setting = (20_000, 1_000, 200, 20, 1.0, 0, 0.8)
    found = SimulatedGates({"configured": figures}, "reference", *setting)
    lines = on_a_terminal(lambda console: print_gates(console, found))
    (row,) = (line for line in lines if line.startswith("configured"))
    for cell in ("-100.00 ±100.00", "1,000 of 1,000", "1,234,567", "987,654"):
        assert cell in row


@pytest.fixture(scope="module")
def searched(new_workspace: Path, kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search whose incumbent has a long name and took many tokens; to be looked at only."""
    root = copy_workspace(new_workspace, tmp_path_factory.mktemp("searched") / "workspace", kit)
    dev = (root / "dev_split.txt").read_text().splitlines()
    tasks = [line for line in dev if not line.startswith("#")]
    candidate = CandidateClaim(name=LONG, hypothesis="h", changes="c", fix_tasks=tuple(tasks[:5]))
    claim = Claim(iteration=1, candidates=(candidate,)).to_json()
    with closing(Ledger(root / "runs" / "ledger.sqlite3")) as ledger:
        for number, name in enumerate(("baseline", LONG)):
            parent = "baseline" if number else ""
            decision = DecisionKind.PROMOTED if number else DecisionKind.BASELINE
            ledger.put_iteration(
                IterationRow(number, name, name, parent, parent, name, claim, decision, "why " * 60)
            )
            for task in tasks:
                for trial in (1, 2, 3):
                    row = rollout_row(name, task, trial, number + trial % 2, total=4)
                    row = replace(row, usage=Usage(123_456_789_012), cost_usd=123_456.789)
                    rollout, _ = ledger.begin(row.key, 1, 1)
                    words = ("pass" if trial % 2 else "fail", "because")
                    ledger.finish(rollout, row, [(f"C-00{item}", *words) for item in range(1, 5)])
    return root


@pytest.mark.parametrize("command", ["frontier", "criteria", "status"])
def test_the_command_itself_fits_a_terminal_of_100_columns(searched: Path, command: str) -> None:
    lines = lines_of(shown_in_a_terminal([*COMMAND, command, "-w", str(searched)]))
    text = "\n".join(lines)
    if command == "criteria":
        assert "coin-flip" in text
    else:
        assert is_whole(LONG, lines)


def shown_in_a_terminal(command: list[str]) -> str:
    """All that a command shows on a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    fixed = {"COLUMNS", "LINES"}  # by the test runner; the terminal has a size of its own
    environment = {name: value for name, value in os.environ.items() if name not in fixed}
    shown = bytearray()
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env={**environment, "TERM": "xterm"}
    ) as process:
        os.close(slave)
        while True:
            try:
                part = os.read(master, 65_536)
            except OSError:  # nobody holds the other end any more
                break
            if not part:
                break
            shown += part
    os.close(master)
    assert process.returncode == 0, shown.decode()
    return shown.decode()


@pytest.mark.parametrize("name", ["frontier", "status", "decision", "criteria", "noise", "export"])
def test_what_is_shown_to_people_can_be_had_as_json(name: str) -> None:
    from harness_search.commands.application import load

    command: Any = load(COMMANDS[name])
    assert "--json" in {option for item in command.params for option in item.opts}
