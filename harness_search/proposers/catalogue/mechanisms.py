"""The mechanisms that the catalogue can propose, in no order of merit."""

from harness_search.proposers.catalogue.conversation import REPAIR, SECOND_LOOK, SHORTENING
from harness_search.proposers.catalogue.delivery import LANDING, LISTING, REASSEMBLY
from harness_search.proposers.catalogue.mechanism import Mechanism


def default_catalogue() -> tuple[Mechanism, ...]:
    """Every mechanism, alphabetically."""
    found = (LANDING, LISTING, REASSEMBLY, REPAIR, SECOND_LOOK, SHORTENING)
    return tuple(sorted(found, key=lambda mechanism: mechanism.name))
