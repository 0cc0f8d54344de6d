"""Turns the text of a contract into a markup that shows what was changed last."""

from collections.abc import Sequence

from harness_search.simulated.tasks.spec import Block, Paragraph, Revised


def marked_up(blocks: Sequence[Block], changed: Sequence[str]) -> tuple[Block, ...]:
    """The blocks, with a tracked insertion wherever a paragraph holds one of the changed texts."""
    marked: list[Block] = []
    for block in blocks:
        held = [text for text in changed if isinstance(block, Paragraph) and text in block.text]
        if isinstance(block, Paragraph) and held:
            before, _, after = block.text.partition(held[0])
            marked.append(Revised(before, "[to be agreed] ", held[0], after))
        else:
            marked.append(block)
    return tuple(marked)
