"""The text of e-mails."""

import re
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from typing import Any

from harness_kit.text_parts import Room, table_row

_MOST_PARTS = 1_000
_MOST_BOUNDARIES = 10_000  # before parsing, whose time grows faster than the number of parts
_MOST_HEADER = 20_000  # characters; the time to parse one grows faster than its length
_MOST_HTML = 2_000_000  # characters
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_BLOCKS = frozenset({
    "address", "article", "blockquote", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6",
    "li", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})


def email_text(data: bytes) -> str:
    """The main header lines of an .eml file, the names of its attachments, and its text."""
    import email
    from email.policy import default

    if data.count(b"\n--") > _MOST_BOUNDARIES:
        raise ValueError(f"it has more than {_MOST_BOUNDARIES} lines that could end a part")
    message = email.message_from_bytes(data, policy=default)
    if any(len(value) > _MOST_HEADER for _, value in message.raw_items()):
        raise ValueError(f"a header line has more than {_MOST_HEADER} characters")
    lines = [f"{name}: {_one_line(message[name])}" for name in _SHOWN if message[name]]
    if not lines:
        raise ValueError("it has none of the header lines of an e-mail")
    attached = [name for part in _parts(message) if (name := part.get_filename())]
    if attached:
        lines.append(f"Attachments: {', '.join(map(_one_line, attached))}")
    text = "\n".join(lines) + "\n\n" + _body(message).strip("\n") + "\n"
    return Room().take(text)


def _one_line(header: str) -> str:
    return " ".join(header.split())


def _parts(message: EmailMessage) -> Iterator[MIMEPart]:
    """The leaves of a message; attached messages are leaves."""
    waiting: list[MIMEPart] = [message]
    seen = 0
    while waiting:
        part = waiting.pop()
        seen += 1
        if seen > _MOST_PARTS:
            raise ValueError(f"it has more than {_MOST_PARTS} parts")
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting += reversed(list(part.iter_parts()))
        else:
            yield part


def _body(message: EmailMessage) -> str:
    """The texts that a reader of the message sees: plain ones, or else those in HTML."""
    texts = [part for part in _parts(message) if part.get_content_maintype() == "text"]
    shown = [part for part in texts if not part.get_filename() and not part.is_attachment()]
    plain = [part for part in shown if part.get_content_subtype() == "plain"]
    if plain:
        return "\n\n".join(map(_plain_body, plain))
    pages = [part.get_content() for part in shown if part.get_content_subtype() == "html"]
    return "\n\n".join(map(_html_body, pages))


def _plain_body(part: MIMEPart) -> str:
    text = str(part.get_content()).replace("\r\n", "\n").replace("\r", "\n")
    # In a flowed text a space before the end of a line says that the paragraph goes on.
    flowed = part.get_param("format") == "flowed"
    return re.sub(r"(?<=[^\n]) \n(?=[^\n])", " ", text) if flowed else text


def _html_body(page: str) -> str:
    if len(page) > _MOST_HTML:
        raise ValueError(f"its HTML has more than {_MOST_HTML} characters")
    from lxml import etree

    # The parser of the standard library takes hours for a few hundred thousand open brackets.
    tree = etree.fromstring(page.encode(), etree.HTMLParser(encoding="utf-8", no_network=True))
    reader = _HtmlLines()
    if tree is not None:
        for event, element in etree.iterwalk(tree, events=("start", "end")):
            reader.see(event, element)
    return "\n\n".join(reader.finished())


class _HtmlLines:
    """Reduces HTML to lines: paragraphs, list items, and table rows between pipes."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._pieces: list[str] = []
        self._cells: list[str] = []
        self._unseen = 0
        self._mark = ""

    def see(self, event: str, element: Any) -> None:
        """Take in where an element begins or ends."""
        tag = element.tag
        if event == "start":
            self._unseen += tag in _UNSEEN
            self._begin(tag)
            self._add(element.text)
            return
        self._end(tag)
        self._unseen -= tag in _UNSEEN
        self._add(element.tail)

    def finished(self) -> list[str]:
        """The lines of everything that was seen."""
        self._end_line()
        return self._lines

    def _begin(self, tag: str) -> None:
        if tag in _BLOCKS or tag == "br":
            self._end_line()
        if tag == "li":
            self._mark = "- "

    def _end(self, tag: str) -> None:
        if tag in _CELLS:
            self._cells.append(self._taken())
        elif tag == "tr":
            if any(self._cells):
                self._lines.append(table_row(self._cells))
            self._cells = []
        elif tag in _BLOCKS:
            self._end_line()

    def _add(self, text: str | None) -> None:
        if text and not self._unseen:
            self._pieces.append(text)

    def _end_line(self) -> None:
        if self._cells:  # a paragraph within a cell
            self._pieces.append(" ")
        elif text := self._taken():
            self._lines.append(self._mark + text)
            self._mark = ""

    def _taken(self) -> str:
        text = " ".join("".join(self._pieces).split())
        self._pieces = []
        return text
