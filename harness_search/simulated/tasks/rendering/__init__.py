"""Writes the documents of a matter as files whose bytes depend on their content alone."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from harness_search.simulated.tasks.rendering.message import message
from harness_search.simulated.tasks.rendering.pages import pages
from harness_search.simulated.tasks.rendering.plain import plain_text
from harness_search.simulated.tasks.rendering.slides import presentation
from harness_search.simulated.tasks.rendering.word import word_document
from harness_search.simulated.tasks.rendering.workbook import workbook
from harness_search.simulated.tasks.spec import Block

__all__ = ["render"]

_FORMATS: Mapping[str, Callable[[Sequence[Block]], bytes]] = {
    ".docx": word_document,
    ".eml": message,
    ".md": plain_text,
    ".pdf": pages,
    ".pptx": presentation,
    ".txt": plain_text,
    ".xlsx": workbook,
}


def render(name: str, blocks: Sequence[Block]) -> bytes:
    """The bytes of a document; its extension decides the format.

    A workbook shows the tables among the blocks only. Raises ValueError for another extension, and
    for blocks that the format cannot hold (see the modules of this package).
    """
    kind = PurePosixPath(name).suffix
    if kind not in _FORMATS:
        raise ValueError(f"{name}: no format of this extension; there are {', '.join(_FORMATS)}")
    return _FORMATS[kind](blocks)
