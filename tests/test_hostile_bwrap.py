"""Every attack on bubblewrap's boxes ends as docs/security.md says."""

from typing import Any

import pytest
from hostile.catalogue import Attack, all_attacks, attacks_in
from hostile.expected import Column
from hostile.reports import judged, report_of
from identities import Identity, identities


@pytest.fixture(scope="module", params=identities(), ids=lambda who: who.name)
def attacked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Identity, dict[str, dict[str, Any]]]:
    """Who ran the attacks, and what each of them did."""
    return request.param, report_of("bwrap", request.param, tmp_path_factory)


@pytest.mark.parametrize("attack", all_attacks(), ids=lambda attack: attack.name)
def test_the_attack_ends_as_expected(
    attack: Attack, attacked: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    identity, report = attacked
    judged(attack, report, Column(f"bwrap, {identity.name}"), tmp_path_factory)


@pytest.mark.parametrize("need", attacks_in("honest"), ids=lambda need: need.name)
def test_a_harness_has_what_it_needs(need: Attack, attacked: Any) -> None:
    _, report = attacked
    assert report[need.name]["open"], report[need.name]
