"""What the catalogue knows of one mechanism."""

from collections.abc import Callable
from dataclasses import dataclass

from harness_search.files import digest_text
from harness_search.proposers.catalogue.edits import Edit, Source, apply_edits
from harness_search.proposers.catalogue.evidence import RolloutEvidence

Symptom = Callable[[RolloutEvidence], float]
"""Estimates, from one rollout, the share of its lost criteria that a mechanism addresses."""

# Priors: factors on what a symptom estimates. A remedy that the model must act on is worth less
# than one that code performs, which has no factor, and less again the vaguer the request.

ASKED = 0.5
"""The model is asked, when it wants to finish, for the very thing that is missing."""

HALF = 0.5
"""Code performs the remedy, but the evidence does not show how much of the loss it is for."""

TOLD = 0.25
"""The model is told what happened, or asked in general terms, and must find what to do."""

ADVISED = 0.1
"""The model is informed or advised before anything is lost, and may have forgotten by then."""

TOOLS_SECTION = "# The tools."
"""The section of a harness file before which mechanisms put their functions."""


def weighed(factor: float, symptom: Symptom) -> Symptom:
    """The symptom, of which a mechanism is expected to mend such a share."""
    return lambda rollout: factor * symptom(rollout)


@dataclass(frozen=True)
class Mechanism:
    """One idea with the edits that add it to a harness file and the symptom that it addresses."""

    name: str
    hypothesis: str
    changes: str
    edits: tuple[Edit, ...]
    symptom: Symptom

    @property
    def digest(self) -> str:
        """Identifies the mechanism by what it changes, whatever it is called."""
        return digest_text(*(repr(edit) for edit in self.edits))

    def add_to(self, source: Source) -> Source:
        """The harness file with the mechanism; raises NotApplicableError."""
        return apply_edits(source, self.edits)
