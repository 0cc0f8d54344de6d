"""The interval of a rate that was counted on few units."""

import math

from harness_search.ledger.gains import Z_95


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, 0 to 1, seen on `count` independent units.

    Unlike the usual interval it says something when the share is 0 or 1: none of 24 is 0 to 0.138.
    Raises ValueError for a share out of range, or for no unit.
    """
    if not 0 <= share <= 1 or count < 1:
        raise ValueError(f"a share of {share} on {count} units; expected 0 to 1 on at least one")
    spread = Z_95**2 / count
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    # Rounding must not push an end past the share itself.
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))
