"""The offline proposer: a list of known mechanisms, chosen by dev evidence."""

from harness_search.proposers.catalogue.mechanism import Mechanism
from harness_search.proposers.catalogue.mechanisms import default_catalogue
from harness_search.proposers.catalogue.proposer import CatalogueProposer

__all__ = ["CatalogueProposer", "Mechanism", "default_catalogue"]
