"""User ids that a scaffold run by root lends to its boxes: none of them is root's, or shared."""

import os
import pwd
import socket

from harness_search.errors import SearchStoppedError

FIRST, COUNT = 60578, 606
"""Ids that neither distributions nor systemd hand out (systemd.io/UIDS-GIDS: 60578 to 61183)."""


class NoIdentityError(SearchStoppedError):
    """Every id is taken: by accounts of this machine, or by other scaffolds."""


class Identities:
    """Leases of user ids, held by abstract sockets: they end with this process, however it ends."""

    def __init__(self, first: int = FIRST, count: int = COUNT) -> None:
        self._ids = range(first, first + count)
        self._leases: dict[int, socket.socket] = {}

    def lease(self) -> int | None:
        """An id of one's own; None for a scaffold that is no root and has only its own to give.

        Raises NoIdentityError.
        """
        if os.geteuid() != 0:
            return None
        for uid in self._ids:
            if uid not in self._leases and not _is_account(uid) and self._take(uid):
                return uid
        raise NoIdentityError(
            f"no free user id for a sandbox: all of {self._ids[0]} to {self._ids[-1]} are taken"
        )

    def give_back(self, uid: int | None) -> None:
        """End a lease."""
        if uid is not None:
            self._leases.pop(uid).close()

    def close(self) -> None:
        for uid in list(self._leases):
            self.give_back(uid)

    def _take(self, uid: int) -> bool:
        lease = socket.socket(socket.AF_UNIX)
        try:
            lease.bind(f"\0meta-harness user {uid}")
        except OSError:
            lease.close()
            return False
        self._leases[uid] = lease
        return True


def _is_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
