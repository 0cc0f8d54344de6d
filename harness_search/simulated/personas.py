"""The simulated models: which failures each is prone to, and how each takes advice."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Failure(StrEnum):
    """One operational failure of the study (004_f152e661325a6a68.txt; 003_4de9fa00d89ea648.txt,
    Tables 13 to 15): the work is done, or could be, and does not arrive."""

    WRONG_NAME = "wrong name"
    SUBFOLDER = "subfolder"
    SCRATCH_FOLDER = "scratch folder"
    CLOBBERED_CHUNKS = "clobbered chunks"
    MALFORMED_CALL = "malformed tool call"
    CALL_AS_TEXT = "tool call as text"
    MARKDOWN_CONTENT = "Markdown under another name"
    WRONG_TYPE = "wrong type"
    REPETITION_LOOP = "repetition loop"
    EARLY_STOP = "early stop"
    WRONG_MATTER = "wrong matter"
    FEW_DOCUMENTS = "too few documents"
    LONG_DELIBERATION = "cut at max_tokens"


class Advice(StrEnum):
    """What a prompt can advise, whatever its words."""

    NAMES = "check names before finishing"
    READING = "read everything before writing"
    OUTLINE = "outline before writing"


ADVISED_AGAINST: Mapping[Advice, frozenset[Failure]] = MappingProxyType(
    {
        Advice.NAMES: frozenset(
            {
                Failure.WRONG_NAME,
                Failure.SUBFOLDER,
                Failure.SCRATCH_FOLDER,
                Failure.WRONG_TYPE,
            }
        ),
        Advice.READING: frozenset({Failure.FEW_DOCUMENTS, Failure.WRONG_MATTER}),
        Advice.OUTLINE: frozenset({Failure.EARLY_STOP, Failure.CLOBBERED_CHUNKS}),
    }
)
"""The failures that a model which heeds advice is spared."""


@dataclass(frozen=True)
class Persona:
    """One simulated model.

    Rates are shares of all tasks on which it fails in that way nearly always; on the others it
    does so nearly never. A task meets at most one failure of `delivery` and one of `process`, and
    seldom both.
    """

    family: str
    """Models of one family fail on the same tasks wherever their rates allow."""
    delivery: Mapping[Failure, float]
    process: Mapping[Failure, float]
    heeds: Mapping[Advice, float]
    """Share of the tasks on which advice spares it the failures advised against."""
    backfires: Mapping[Advice, tuple[Failure, float]]
    """The failure that advice brings about, and on what share of the tasks."""
    context_tokens: int
    """What lies further back in the conversation than so many tokens is forgotten."""
    deliberation_tokens: int
    """Length of a deliberation that is too long."""
    vague: float
    """Share of all points that it leaves vague on nearly every try."""
    sometimes_vague: float
    """Share of all points that it leaves vague on every other try."""
    beyond: float
    """Share of rollouts in which one point of the task, always the same, is beyond it."""
    misjudges: float = 0.03
    """As a judge: share of criteria that it gets wrong whenever it is asked about the same text."""
    wavers: float = 0.04
    """As a judge: share of criteria that it gets wrong every other time."""


_THISTLE = Persona(
    family="thistle",
    delivery={
        Failure.WRONG_NAME: 0.05,
        Failure.CLOBBERED_CHUNKS: 0.05,
        Failure.SUBFOLDER: 0.03,
        Failure.MALFORMED_CALL: 0.05,
        Failure.MARKDOWN_CONTENT: 0.05,
        Failure.SCRATCH_FOLDER: 0.02,
        Failure.CALL_AS_TEXT: 0.05,
        Failure.WRONG_TYPE: 0.04,
    },
    process={
        Failure.FEW_DOCUMENTS: 0.07,
        Failure.EARLY_STOP: 0.06,
        Failure.WRONG_MATTER: 0.05,
        Failure.REPETITION_LOOP: 0.05,
        Failure.LONG_DELIBERATION: 0.06,
    },
    heeds={Advice.NAMES: 0.35, Advice.READING: 0.4, Advice.OUTLINE: 0.4},
    backfires={},
    context_tokens=7_000,
    deliberation_tokens=7_500,
    vague=0.03,
    sometimes_vague=0.04,
    beyond=0.98,
)

_THISTLE_MINI = Persona(
    family="thistle",
    delivery={
        Failure.WRONG_NAME: 0.07,
        Failure.CLOBBERED_CHUNKS: 0.04,
        Failure.SUBFOLDER: 0.04,
        Failure.MALFORMED_CALL: 0.06,
        Failure.MARKDOWN_CONTENT: 0.05,
        Failure.SCRATCH_FOLDER: 0.03,
        Failure.CALL_AS_TEXT: 0.05,
        Failure.WRONG_TYPE: 0.03,
    },
    process={
        Failure.FEW_DOCUMENTS: 0.08,
        Failure.EARLY_STOP: 0.08,
        Failure.WRONG_MATTER: 0.05,
        Failure.REPETITION_LOOP: 0.06,
        Failure.LONG_DELIBERATION: 0.04,
    },
    heeds={Advice.NAMES: 0.35, Advice.READING: 0.4, Advice.OUTLINE: 0.4},
    backfires={},
    context_tokens=6_000,
    deliberation_tokens=7_500,
    vague=0.05,
    sometimes_vague=0.04,
    beyond=0.97,
    misjudges=0.06,
    wavers=0.06,
)

_BIRCH = Persona(
    family="birch",
    delivery={
        Failure.CLOBBERED_CHUNKS: 0.01,
        Failure.WRONG_NAME: 0.01,
        Failure.MARKDOWN_CONTENT: 0.01,
    },
    process={
        Failure.EARLY_STOP: 0.01,
        Failure.FEW_DOCUMENTS: 0.01,
        Failure.WRONG_MATTER: 0.01,
    },
    heeds={},
    backfires={
        Advice.NAMES: (Failure.WRONG_NAME, 0.10),
        Advice.READING: (Failure.REPETITION_LOOP, 0.10),
        Advice.OUTLINE: (Failure.EARLY_STOP, 0.14),
    },
    context_tokens=12_000,
    deliberation_tokens=7_500,
    vague=0.22,
    sometimes_vague=0.04,
    beyond=0.98,
)

DEFAULT_PERSONA = "simulated-1"
PERSONAS: Mapping[str, Persona] = MappingProxyType(
    {DEFAULT_PERSONA: _THISTLE, "simulated-1-mini": _THISTLE_MINI, "simulated-birch-1": _BIRCH}
)
"""By the model name of a request."""


def persona_of(model: object) -> Persona:
    """The persona that answers for a model name; any other name is served by the default one."""
    return PERSONAS.get(str(model), PERSONAS[DEFAULT_PERSONA])
