"""What the catalogue knows of one mechanism."""

from collections.abc import Callable
from dataclasses import dataclass

from harness_search.files import digest_text
from harness_search.proposers.catalogue.edits import Edit, Source, apply_edits
from harness_search.proposers.catalogue.evidence import RolloutEvidence

Symptom = Callable[[RolloutEvidence], float]
"""Estimates, from one rollout, the share of its lost criteria that a mechanism addresses."""

TOLD = 0.25
"""Factor on the symptom of a mechanism that leaves the remedy to the model, which may not act."""

TOOLS_SECTION = "# The tools."
"""The section of a harness file before which mechanisms put their functions."""


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
