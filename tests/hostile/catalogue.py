"""All attacks: read from their sources, with what is expected of them where that is not "stopped".

On the trusted side. The table in docs/security.md is made of it.
"""

import ast
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
GROUPS = {
    "scaffold": "The scaffold's own code and data",
    "files": "Files",
    "processes": "Processes",
    "network": "Network",
    "kernel": "Kernel surface",
    "resources": "Resources",
    "survivors": "Survivors",
    "output": "Output tricks",
    "gateway": "Gateway abuse",
}
EVERY_GROUP = (*GROUPS, "honest")
"""With what a harness needs, where success is wanted."""

ALONE = {"resources", "survivors"}
"""Groups of which each attack has a box of its own, but for those that no box ends for."""
TOGETHER = {
    *("takes_memory", "fills_the_disk_with_one_file", "opens_files_without_end"),
    *("raises_its_own_limits", "floods_its_log"),
    *("leaves_a_child", "leaves_a_session", "forks_twice", "adopts_its_grandchildren"),
    *("ignores_every_signal", "clears_its_death_signal", "holds_on_to_its_output"),
    *("runs_ahead_of_its_killer", "stops_itself"),
}
ALONE_TOO = {
    *("delivers_a_deep_tree", "swaps_its_output_for_a_link", "swaps_its_output_for_a_file"),
    "shuts_its_output",
}


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack, and what it claims to do."""

    group: str
    name: str
    claim: str

    @property
    def alone(self) -> bool:
        return (self.group in ALONE and self.name not in TOGETHER) or self.name in ALONE_TOO


@cache
def attacks_in(group: str) -> tuple[Attack, ...]:
    """The attacks of a group, in their order; nothing of it is run."""
    tree = ast.parse((FOLDER / f"{group}.py").read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return tuple(
        Attack(group, node.name, (ast.get_docstring(node) or "").split("\n")[0])
        for node in functions
        if not node.name.startswith("_") and node.name != "solve"
    )


def all_attacks() -> tuple[Attack, ...]:
    return tuple(attack for group in GROUPS for attack in attacks_in(group))


def source_of(group: str) -> str:
    """A harness file: the group's source, with what all share in front of it."""
    common = json.dumps((FOLDER / "common.py").read_text(encoding="utf-8"))
    shared = (
        "import sys, types\n"
        "common = types.ModuleType('common')\n"
        f"exec(compile({common}, 'common.py', 'exec'), common.__dict__)\n"
        "sys.modules['common'] = common\n"
    )
    return shared + (FOLDER / f"{group}.py").read_text(encoding="utf-8")
