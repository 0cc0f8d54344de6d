"""What each mechanism of the catalogue is meant to be, and the harnesses made of them.

Only this folder says which mechanisms are good: neither the catalogue nor the model knows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from harness_search.proposers.catalogue import Mechanism, default_catalogue
from harness_search.proposers.catalogue.edits import Source

ROOT = Path(__file__).resolve().parent.parent
BASELINE, BEST = "baseline", "best"
CODE, PROMPTS = "best, code alone", "best, prompts alone"


class Role(StrEnum):
    """What a mechanism is meant to be."""

    HELPFUL = "helpful"
    PROMPT = "prompt"
    STACKED = "helpful on another"
    NEUTRAL = "neutral"
    HARMFUL = "harmful"
    COSTLY = "costly"
    OVERFITTED = "overfitted"


ROLES: Mapping[Role, tuple[str, ...]] = MappingProxyType(
    {
        Role.HELPFUL: (
            "deliverable_landing_gate",
            "deliverable_reassembly_gate",
            "toolcall_json_repair",
            "textual_call_rescue",
            "repetition_breaker",
            "finish_verification",
            "document_coverage",
            "matter_fidelity",
            "opens_as_its_type",
            "context_compaction",
            "larger_replies",
        ),
        Role.PROMPT: ("exact_names_playbook", "read_everything_playbook", "outline_playbook"),
        Role.STACKED: ("cross_type_landing", "cut_reply_continuation"),
        Role.NEUTRAL: ("output_listing", "turn_counter", "tool_call_log"),
        Role.HARMFUL: ("short_tool_results", "short_replies"),
        Role.COSTLY: ("second_look",),
        Role.OVERFITTED: ("known_matters",),
    }
)
BASES: Mapping[str, str] = MappingProxyType(
    {
        "cross_type_landing": "opens_as_its_type",
        "cut_reply_continuation": "deliverable_reassembly_gate",
    }
)
"""What each stacked mechanism needs below it."""
CONTRARIES: Mapping[str, str] = MappingProxyType({"short_replies": "larger_replies"})
"""Mechanisms that cannot be added to the best harness before another is taken from it."""
IN_THE_BEST = (Role.HELPFUL, Role.PROMPT, Role.STACKED)


@dataclass(frozen=True)
class Shelf:
    """The mechanisms that there are, with the baseline that they are added to."""

    baseline: str
    """Source of the baseline."""
    mechanisms: Mapping[str, Mechanism]

    @cached_property
    def roles(self) -> dict[str, Role]:
        """Role by name of every mechanism, in the order of the roles.

        Raises ValueError when catalogue and roles do not name the same mechanisms.
        """
        roles = {name: role for role, names in ROLES.items() for name in names}
        if unknown := sorted(roles.keys() ^ self.mechanisms.keys()):
            raise ValueError(f"in the catalogue or among the roles, and not in both: {unknown}")
        return roles

    def best(self, *, without: str = "", only: Iterable[Role] = IN_THE_BEST) -> list[str]:
        """The names of what the best harness is made of."""
        wanted = frozenset(only)
        return [name for name, role in self.roles.items() if role in wanted and name != without]

    def source(self, names: Iterable[str]) -> str:
        """The baseline with the mechanisms, one after the other."""
        source = Source(self.baseline)
        for name in names:
            source = self.mechanisms[name].add_to(source)
        return source.text


def open_shelf() -> Shelf:
    baseline = (ROOT / "harnesses" / "baseline.py").read_text(encoding="utf-8")
    return Shelf(baseline, {mechanism.name: mechanism for mechanism in default_catalogue()})


def alone(name: str) -> str:
    return f"{name} alone"


def in_the_best(name: str) -> str:
    """The best harness without a mechanism that it has, or with one that it has not."""
    return f"best but {name}"


def best_for(name: str) -> str:
    """What `in_the_best` is to be compared with: the best, without the mechanism's contrary."""
    return in_the_best(CONTRARIES[name]) if name in CONTRARIES else BEST


def on_its_base(name: str) -> str:
    return f"{name} on its base"


def main_harnesses(shelf: Shelf) -> dict[str, str]:
    """Sources of the baseline, of the best harness, and of its two halves, by name."""
    code = [role for role in IN_THE_BEST if role is not Role.PROMPT]
    return {
        BASELINE: shelf.baseline,
        BEST: shelf.source(shelf.best()),
        CODE: shelf.source(shelf.best(only=code)),
        PROMPTS: shelf.source(shelf.best(only=[Role.PROMPT])),
    }


def varied_harnesses(shelf: Shelf) -> dict[str, str]:
    """Sources by name: every mechanism on the baseline, and taken from or added to the best."""
    found = {alone(name): shelf.source([name]) for name in shelf.roles}
    for name, role in shelf.roles.items():
        rest = shelf.best(without=CONTRARIES.get(name, name))
        found[in_the_best(name)] = shelf.source(rest if role in IN_THE_BEST else [*rest, name])
    for name, base in BASES.items():
        found[on_its_base(name)] = shelf.source([base, name])
    return found
