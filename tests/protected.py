"""Starts programs for which permissions of files hold, which they do not for root."""

import os
import shutil

import pytest


def without_write_permission(*arguments: str) -> list[str]:
    """A command as somebody runs it who may not write where the permissions say so."""
    if os.geteuid() != 0:
        return list(arguments)
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to give that up")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *arguments]
