"""What follows a ledger is what would be made anew, whatever has changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.followed import OfHarnesses, OfIterations, Place
from harness_search.ledger.revisions import ITERATIONS
from harness_search.ledger.rows import IterationRow

DIGESTS = ("a", "b", "c")
PARTS = (0, 1, 2, 3)


@dataclass
class Rows:
    """A count for each harness and part stands for its rows; each change has a serial."""

    counts: dict[Place, int] = field(default_factory=dict)
    changes: list[Place] = field(default_factory=list)

    @property
    def serial(self) -> int:
        return len(self.changes)

    def changed_since(self, serial: int) -> Collection[Place]:
        return self.changes[serial:]

    def change(self, place: Place) -> None:
        self.counts[place] = self.counts.get(place, 0) + 1
        self.changes.append(place)

    def of(self, harness: str) -> list[tuple[Place, int]]:
        return sorted(item for item in self.counts.items() if item[0][0] == harness)


def iteration(number: int, harness: str, incumbent: str, reason: int) -> IterationRow:
    return IterationRow(number, harness, f"h{number}", "", incumbent, "", "", None, str(reason))


def value(row: IterationRow, rows: Rows, digests: Mapping[str, str]) -> object:
    """Made of all that such a value may be made of."""
    incumbent = digests.get(row.incumbent, "")
    parts = (0, row.number) if incumbent else ()
    return row, rows.of(row.harness), [rows.counts.get((incumbent, part), 0) for part in parts]


Steps = Sequence[tuple[str, int, str, str]]
steps = st.lists(
    st.tuples(
        st.sampled_from(["rows", "iteration"]),
        st.sampled_from(PARTS),
        st.sampled_from(DIGESTS),
        st.sampled_from(["", "h0", "h1", "h2"]),
    ),
    max_size=30,
)


@given(steps)
def test_a_value_is_made_anew_exactly_where_it_may_have_changed(taken: Steps) -> None:
    rows, iterations = Rows(), dict[int, IterationRow]()
    of_iterations, of_harnesses = OfIterations[object](), OfHarnesses[object]()
    for kind, number, harness, incumbent in taken:
        if kind == "rows":
            rows.change((harness, number))
        else:
            iterations[number] = iteration(number, harness, incumbent, rows.serial)
            rows.change((ITERATIONS, number))
        found = [iterations[number] for number in sorted(iterations)]
        digests = {row.name: row.harness for row in found}
        make = partial(value, rows=rows, digests=digests)
        assert of_iterations.values(found, digests, rows, make) == list(map(make, found))
        changed = {place[0] for place in rows.changes} - {ITERATIONS}
        assert of_harnesses.values(rows, rows.of) == {name: rows.of(name) for name in changed}


def test_nothing_is_made_twice_while_nothing_changes() -> None:
    rows, made = Rows(), list[int]()
    found = [iteration(number, harness, "h0", 0) for number, harness in enumerate(DIGESTS)]
    digests = {row.name: row.harness for row in found}
    followed = OfIterations[None]()

    def make(row: IterationRow) -> None:
        made.append(row.number)

    followed.values(found, digests, rows, make)
    followed.values(found, digests, rows, make)
    assert made == [0, 1, 2]
    rows.change(("b", 0))  # the candidate of iteration 1, and the incumbent of none
    rows.change(("a", 2))  # a control of iteration 2, run with the incumbent of all
    followed.values(found, digests, rows, make)
    assert sorted(made[3:]) == [0, 1, 2]
    rows.change(("c", 7))  # more of the candidate of iteration 2
    followed.values(found, digests, rows, make)
    assert made[6:] == [2]
