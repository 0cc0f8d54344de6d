"""Small helpers with which families vary the papers of a matter from draw to draw."""

import datetime
from collections.abc import Iterable, Sequence

from harness_search.simulated.tasks.names import Company, Draw
from harness_search.simulated.tasks.spec import Block, Bullets, Email, Heading, Paragraph
from harness_search.simulated.tasks.story import PointTemplate


def told(points: Iterable[PointTemplate], missing: frozenset[str]) -> tuple[PointTemplate, ...]:
    """The points that need none of the clauses that no paper of this matter tells."""
    return tuple(point for point in points if missing.isdisjoint(point.clauses))


def outsider(draw: Draw, trade: str) -> Company:
    """A company of another matter.

    It is always an Ltd: a legal form such as GmbH would count as a name that both matters share.
    """
    short = draw.company(trade).short
    return Company(f"{short} Ltd", short)


def email(
    people: tuple[str, str],
    sent: datetime.date,
    subject: str,
    paragraphs: Sequence[str | tuple[str, ...]],
    attachments: tuple[str, ...] = (),
) -> tuple[Block, ...]:
    """An e-mail from the first of two people to the second; a tuple of texts becomes a list."""
    sender, recipient = people
    text = [Paragraph(part) if isinstance(part, str) else Bullets(part) for part in paragraphs]
    header = Email(sender, recipient, sent, subject, attachments)
    return (header, *text, Paragraph(sender))


def slides(title: str, content: Sequence[tuple[str, Sequence[str]]]) -> tuple[Block, ...]:
    """A presentation (or a note in Markdown): a title, then headings with their paragraphs."""
    blocks: list[Block] = [Heading(title)]
    for heading, paragraphs in content:
        blocks += [Heading(heading, 2), *(Paragraph(text) for text in paragraphs)]
    return tuple(blocks)
