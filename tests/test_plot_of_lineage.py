"""The tree of promoted mechanisms, with orphans as side branches."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotted import measured

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.lineage import Candidate, Lineage, rows_of
from harness_search.plots.tree import tree


def lineage_of(*parents: int | None, promoted: Sequence[int] = ()) -> Lineage:
    return Lineage(
        [
            Candidate(
                n, f"h{n}",
                DecisionKind.PROMOTED if n in promoted else DecisionKind.ORPHAN,
                parent, measured(n / 10),
            )
            for n, parent in enumerate(parents)
        ]
    )  # fmt: skip


def test_orphans_branch_off_the_promoted_lineage_and_many_are_counted_together() -> None:
    rows = rows_of(lineage_of(None, *[0] * 9, 0, 10, promoted=(10,)))
    shown = [row.candidate.iteration if row.candidate else row.text for row in rows]
    assert shown == [0, 6, 7, 8, 9, "and 5 more candidates without a promotion", 10, 11]
    assert [row.column for row in rows] == [0, 1, 1, 1, 1, 1, 0, 1]


def test_a_restack_leads_from_the_orphan_to_its_taker() -> None:
    start = lineage_of(None, 0, 0, promoted=(2,)).candidates
    taker = Candidate(3, "again", DecisionKind.PROMOTED, 2, restacks=(1,))
    assert rows_of(Lineage([*start, taker]))[3].restacks == (1,)


@given(st.lists(st.integers(-3, 40), max_size=40), st.sets(st.integers(0, 40)))
def test_any_parents_give_a_tree_that_counts_every_harness_once(
    parents: list[int], promoted: set[int]
) -> None:
    rows = rows_of(lineage_of(*parents, promoted=sorted(promoted)))
    assert all(row.parent is None or row.parent < place for place, row in enumerate(rows))
    counted_together = sum(int(row.text.split()[1]) for row in rows if not row.candidate)
    assert sum(row.candidate is not None for row in rows) + counted_together == len(parents)


def test_a_lineage_of_promotions_alone_stays_readable() -> None:
    rows = rows_of(lineage_of(None, *range(1399), promoted=range(1, 1400)))
    assert len(rows) == 300
    assert rows[1].text == "1,101 earlier lines left out"
    assert rows[-1].candidate is not None
    assert rows[-1].candidate.iteration == 1399


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//elsewhere/x", "https://x", "a b"])
def test_a_link_elsewhere_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="link"):
        Candidate(1, "a", DecisionKind.ORPHAN, link=link)


def test_links_of_a_lineage_can_be_followed_by_keyboard() -> None:
    linked = Candidate(1, "a", DecisionKind.ORPHAN, link="candidates/1.html#top")
    svg = tree(Lineage([linked])).svg("p")
    assert 'href="candidates/1.html#top"' in svg
    assert 'role="group"' in svg  # an image hides what is in it
