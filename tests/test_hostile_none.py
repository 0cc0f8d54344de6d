"""The control: without a sandbox the attacks do what they claim, so that the suite can fail."""

from pathlib import Path
from typing import Any

import pytest
from hostile.catalogue import Attack, all_attacks, attacks_in
from hostile.expected import PAGE, Column, expected, table
from hostile.reports import judged, report_of
from identities import identities


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the attacks do without a sandbox."""
    return report_of("none", identities()[-1], tmp_path_factory)


@pytest.mark.parametrize("attack", all_attacks(), ids=lambda attack: attack.name)
def test_without_a_sandbox_the_attack_ends_as_expected(
    attack: Attack, report: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    judged(attack, report, Column.NONE_USER, tmp_path_factory)


@pytest.mark.parametrize("trick", attacks_in("output"), ids=lambda trick: trick.name)
def test_a_trick_on_the_collection_was_really_laid_out(trick: Attack, report: Any) -> None:
    needs_more = {"delivers_a_device", "delivers_a_deep_tree"}  # rights, and the watchdog's leave
    may_shut_its_report_away = {"shuts_its_output"}
    excused = needs_more | may_shut_its_report_away
    assert report[trick.name]["placed"] or trick.name in excused, report[trick.name]


def test_most_attacks_succeed_without_a_sandbox(report: Any) -> None:
    assert sum(report[attack.name]["open"] for attack in all_attacks()) >= 80


def test_there_are_more_attacks_than_were_asked_for_and_each_says_what_it_does() -> None:
    assert len(all_attacks()) >= 60
    assert len({attack.name for attack in all_attacks()}) == len(all_attacks())
    assert all(attack.claim.endswith(".") for attack in all_attacks())


def test_bubblewrap_lets_nothing_through_but_what_the_kernel_cannot_count() -> None:
    columns = (Column.BWRAP_ROOT, Column.BWRAP_USER)
    let = {one.name for one in all_attacks() for column in columns if expected(one, column).open}
    assert let == {"hides_memory_in_sockets"}


def test_the_table_in_the_page_is_the_one_that_is_tested() -> None:
    page = Path(PAGE).read_text(encoding="utf-8")
    assert f"<!-- attacks -->\n{table()}<!-- /attacks -->" in page
