"""The mechanisms that the catalogue can propose, in no order of merit."""

from harness_search.proposers.catalogue.bookkeeping import CALL_LOG, COUNTER
from harness_search.proposers.catalogue.calls import REPETITION, RESCUE
from harness_search.proposers.catalogue.context import COMPACTION
from harness_search.proposers.catalogue.continuation import CONTINUATION
from harness_search.proposers.catalogue.conversation import REPAIR, SECOND_LOOK, SHORTENING
from harness_search.proposers.catalogue.delivery import LANDING, LISTING, REASSEMBLY
from harness_search.proposers.catalogue.file_types import AS_NAMED, OTHER_KIND
from harness_search.proposers.catalogue.finishing import COVERAGE, FIDELITY, VERIFICATION
from harness_search.proposers.catalogue.known_matters import KNOWN_MATTERS
from harness_search.proposers.catalogue.mechanism import Mechanism
from harness_search.proposers.catalogue.playbooks import EXACT_NAMES, OUTLINE, READ_EVERYTHING
from harness_search.proposers.catalogue.reply_size import LARGER, SHORTER


def default_catalogue() -> tuple[Mechanism, ...]:
    """Every mechanism, alphabetically."""
    found = (
        AS_NAMED,
        CALL_LOG,
        COMPACTION,
        CONTINUATION,
        COUNTER,
        COVERAGE,
        EXACT_NAMES,
        FIDELITY,
        KNOWN_MATTERS,
        LANDING,
        LARGER,
        LISTING,
        OTHER_KIND,
        OUTLINE,
        READ_EVERYTHING,
        REASSEMBLY,
        REPAIR,
        REPETITION,
        RESCUE,
        SECOND_LOOK,
        SHORTENING,
        SHORTER,
        VERIFICATION,
    )
    return tuple(sorted(found, key=lambda mechanism: mechanism.name))
