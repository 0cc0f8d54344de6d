"""Packs `mh-query` into one file that any Python can start."""

import io
import zipfile
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parent / "mh_query"
_START = """\
import sys
from pathlib import Path

from mh_query.command_line import main

sys.exit(main(Path(__file__).resolve().parent.parent))
"""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Every view gets the same bytes."""


@cache
def pack_program(python: str) -> bytes:
    """An executable archive, as `zipapp` makes them, that `python` runs."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for file in sorted(SOURCES.glob("*.py")):
            name = f"{SOURCES.name}/{file.name}"
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), file.read_bytes())
        archive.writestr(zipfile.ZipInfo("__main__.py", _LONG_AGO), _START)
    return f"#!{python}\n".encode() + stream.getvalue()
