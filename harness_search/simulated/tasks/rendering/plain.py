"""Text and Markdown, and what every format shows alike."""

from collections.abc import Iterator, Sequence

from harness_search.judging.documents import cell_text, table_row
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    Cell,
    Email,
    Heading,
    Paragraph,
    Revised,
    Table,
    plain,
)


def plain_text(blocks: Sequence[Block]) -> bytes:
    """The blocks as Markdown in UTF-8."""
    return "\n\n".join(_plain(block) for block in blocks).encode() + b"\n"


def shown(cell: Cell) -> str:
    """A cell as a printed table shows it, numbers with thousands separators."""
    content = plain(cell)
    return content if isinstance(content, str) else f"{content:,}"


def shown_rows(table: Table) -> Iterator[list[str]]:
    """The header and the rows of a table as a printed table shows them."""
    return ([shown(cell) for cell in row] for row in (table.header, *table.rows))


def email_lines(email: Email) -> list[str]:
    """The header of an e-mail as a print of it shows it."""
    lines = [
        f"From: {email.sender}",
        f"To: {email.recipient}",
        f"Date: {email.sent.isoformat()}",
        f"Subject: {email.subject}",
    ]
    attached = [f"Attachments: {', '.join(email.attachments)}"] if email.attachments else []
    return lines + attached


def _plain(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph() | Revised():
            return block.text
        case Bullets():
            return "\n".join(f"- {item}" for item in block.items)
        case Table():
            rows = [block.header, *block.rows]
            return "\n".join(table_row([cell_text(plain(cell)) for cell in row]) for row in rows)
        case Email():
            return "\n".join(email_lines(block))
