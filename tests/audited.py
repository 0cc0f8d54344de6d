"""A small benchmark of plain texts whose every name, amount and date is known to the tests."""

import json
import textwrap
from pathlib import Path

from candidates import BASELINE

from harness_search.audit.knowledge import Knowledge
from harness_search.benchmark.splits import Splits
from harness_search.benchmark.tasks import read_task
from harness_search.judging.documents import TextStore

BASE = BASELINE.read_text(encoding="utf-8")
COMPANIES = (
    "Brakewell Harbour", "Corvane Textiles", "Dunmarrow Foods", "Estervale Optics",
    "Fallowmere Rail", "Gantrick Salt", "Hollinbeck Glass", "Iversedge Timber",
    "Jorrowby Cables", "Kestermoor Mills", "Lanthwick Paper", "Morvanley Steel",
)  # fmt: skip
PEOPLE = (
    "Adela Quenby", "Bruno Tarsk", "Celia Ombry", "Dario Welk", "Edith Pragg", "Felix Noor",
    "Greta Ulm", "Hanno Vick", "Ilse Yarrow", "Jonas Zell", "Karin Abbs", "Lorenz Bode",
)  # fmt: skip
THINGS = (
    "dredging", "dyeing", "canning", "grinding", "shunting", "crushing", "annealing", "sawing",
    "braiding", "spinning", "pulping", "forging",
)  # fmt: skip
DEV = 8
CANARY = "3e7f0c9a-52a6-43a4-8f0e-{:012d}"
COMMON = "This letter is governed by the law of the place where the works are carried out."


def company(number: int) -> str:
    return f"{COMPANIES[number]} Ltd"


def amount(number: int) -> int:
    return 1_234_500 + 1_700 * number


def day(number: int) -> str:
    return f"2025-04-{number + 10:02d}"


def sentence(number: int) -> str:
    """One of the task's letter, of eleven words, of which one is rare."""
    return f"the supplier shall keep all {THINGS[number]} machines in good working order"


def criterion(number: int) -> str:
    return f"Awards credit for spotting {THINGS[number]} surcharge overlap with {PEOPLE[number]}"


def task_id(number: int) -> str:
    slug = COMPANIES[number].split()[0].lower()
    return f"area-{number % 3}/review-{slug}-{number}"


def file_name(number: int) -> str:
    return f"{THINGS[number]} letter.md"


def write_benchmark(tasks: Path) -> Splits:
    """Twelve tasks, of which the first eight are the dev split."""
    for number in range(len(COMPANIES)):
        folder = tasks / task_id(number)
        (folder / "documents").mkdir(parents=True)
        letter = (
            f"From {PEOPLE[number]} of {company(number)}.\n\nOn {day(number)} we agreed that "
            f"{sentence(number)}. The price is EUR {amount(number):,}.\n\n{COMMON}\n"
        )
        (folder / "documents" / file_name(number)).write_text(letter, encoding="utf-8")
        content = {
            "title": "Review",
            "instructions": f"Write a memo on the letter for {company(number)}, as it stands.",
            "deliverables": ["memo.md"],
            "criteria": [
                {"id": "C-1", "title": "Credit", "match_criteria": criterion(number)},
            ],
            "metadata": {"canary": CANARY.format(number)},
        }
        (folder / "task.json").write_text(json.dumps(content), encoding="utf-8")
    read = [read_task(tasks / task_id(n) / "task.json", tasks) for n in range(len(COMPANIES))]
    return Splits(tuple(read[:DEV]), tuple(read[DEV:]))


def knowledge_of(folder: Path) -> Knowledge:
    splits = write_benchmark(folder / "tasks")
    return Knowledge.of(splits, TextStore(folder / "text"), folder / "test_split.txt")


def with_code(code: str, call: str = "") -> str:
    """The baseline with more code before its tools, and a line at the beginning of `solve`."""
    section = f"{textwrap.dedent(code).strip()}\n\n\n# The tools.\n"
    source = BASE.replace("# The tools.\n", section, 1)
    heading = '    messages: list[dict[str, Any]] = [{"role": "user"'
    assert heading in source
    return source.replace(heading, f"    {call}\n{heading}", 1) if call else source
