"""What the reading of one PDF file may take."""

import time

_MOST_OPERATIONS = 1_000_000  # drawn lines count: a map has hundreds of thousands
_MOST_SECONDS = 30.0  # of the processor; pypdf's work on a hostile file follows no size alone


class Effort:
    """Ends the reading of a file that takes more work than any honest one."""

    def __init__(self) -> None:
        self._operations = 0
        self._until = time.thread_time() + _MOST_SECONDS

    def spend(self) -> None:
        """Count one operation; raises ValueError when the work goes beyond the limits."""
        self._operations += 1
        if self._operations % 256 == 0 or self._operations > _MOST_OPERATIONS:
            self.check()

    def check(self) -> None:
        """Raises ValueError when the work has gone beyond the limits."""
        if self._operations > _MOST_OPERATIONS:
            raise ValueError(f"it takes more than {_MOST_OPERATIONS} operations to draw")
        if time.thread_time() > self._until:
            raise ValueError(f"it takes more than {_MOST_SECONDS:.0f} seconds to read")
