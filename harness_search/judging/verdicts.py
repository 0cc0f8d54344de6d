"""What a judge says."""

from dataclasses import dataclass
from typing import Literal

Grade = Literal["pass", "fail", "undecided"]

NOT_JUDGED = "could not be judged, twice"
"""Opens the reason of a fail whose judge said twice that it could not judge."""
NOT_USABLE = "no usable answer, each time it was asked"
"""Opens the reason of a fail whose judge answered in no form that could be used."""
FLAGS = (NOT_JUDGED, NOT_USABLE)
"""Openings of the reasons of fails that say more of the judge than of the deliverable."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says about one criterion, and why, in one sentence."""

    criterion_id: str
    verdict: Grade
    reason: str
