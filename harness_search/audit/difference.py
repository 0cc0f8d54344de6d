"""What one list of texts has that another has not, at a cost that is known before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """Two lists without what they begin and end with alike."""

    first: int
    """Place in the whole new list at which they part."""
    old: Sequence[str]
    new: Sequence[str]

    @classmethod
    def of(cls, old: Sequence[str], new: Sequence[str]) -> "Difference":
        first, last, shorter = 0, 0, min(len(old), len(new))
        while first < shorter and old[first] == new[first]:
            first += 1
        while last < shorter - first and old[-1 - last] == new[-1 - last]:
            last += 1
        return cls(first, old[first : len(old) - last], new[first : len(new) - last])

    @property
    def comparisons(self) -> int:
        """What `added` takes, in time and in memory."""
        return len(self.old) * len(self.new)

    def added(self) -> Iterator[int]:
        """Places in the new list of what a longest common subsequence leaves over."""
        lengths, place = self._lengths(), 0
        for position, text in enumerate(self.new):
            while place < len(self.old) and self.old[place] != text:
                if lengths[place + 1][position] < lengths[place][position + 1]:
                    break
                place += 1
            if place < len(self.old) and self.old[place] == text:
                place += 1
            else:
                yield self.first + position

    def of_new_wording(self) -> Iterator[int]:
        """Places of what stands nowhere in the old list: some of what was added, for little."""
        known = set(self.old)
        return (self.first + place for place, text in enumerate(self.new) if text not in known)

    def _lengths(self) -> list[list[int]]:
        """Of the longest common subsequence of what is left from each pair of places on."""
        rows = [[0] * (len(self.new) + 1)]
        for own in reversed(self.old):
            below, row = rows[-1], [0] * (len(self.new) + 1)
            for place in reversed(range(len(self.new))):
                same = self.new[place] == own
                row[place] = below[place + 1] + 1 if same else max(below[place], row[place + 1])
            rows.append(row)
        return rows[::-1]
