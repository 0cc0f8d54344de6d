"""E-mails with their headers; attachments are named, not held."""

import datetime
import hashlib
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from harness_search.simulated.tasks.rendering.plain import plain_text
from harness_search.simulated.tasks.spec import Block, Email

SENT_AT = datetime.time(9, 0, tzinfo=datetime.UTC)
_ATTACHED = "[The attachment is filed apart from this message.]\n"


def message(blocks: Sequence[Block]) -> bytes:
    """The bytes of an .eml file. Raises ValueError when the first block is no Email."""
    if not blocks or not isinstance(header := blocks[0], Email):
        raise ValueError("an .eml document begins with an Email block")
    body = plain_text(blocks[1:]).decode()
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"] = header.sender, header.recipient
    mail["Date"] = format_datetime(datetime.datetime.combine(header.sent, SENT_AT))
    mail["Subject"] = header.subject
    digest = hashlib.sha256(repr((header, body)).encode()).hexdigest()
    mail["Message-ID"] = f"<{digest[:24]}@{_domain(header.sender)}>"
    # Lines of a mail end after 998 characters, paragraphs do not: hence quoted-printable.
    mail.set_content(body, cte="quoted-printable")
    for name in header.attachments:
        mail.add_attachment(_ATTACHED, cte="quoted-printable", filename=name)
    if header.attachments:
        mail.set_boundary(f"part-{digest[24:48]}")
    return mail.as_bytes()


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].partition("@")[2] or "mail.invalid"
