"""The text of e-mails."""

import codecs
import re
from collections.abc import Iterator, Sequence
from email.message import EmailMessage, MIMEPart
from typing import Any

from harness_kit.mail.html_looks import Look, looks_within
from harness_kit.text_parts import Room, table_row

_MOST_PARTS = 1_000
_MOST_BOUNDARIES = 10_000  # before parsing, whose time grows faster than the number of parts
_MOST_HEADER = 20_000  # characters; the time to parse one grows faster than its length
_MOST_HTML = 2_000_000  # characters
_SHOWN = ("From", "To", "Cc", "Bcc", "Date", "Subject")
_BLOCKS = frozenset({
    "address", "article", "blockquote", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6",
    "li", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_PLAIN, _HTML = "text/plain", "text/html"
_UNSAID = frozenset({"", "ascii", "us-ascii"})
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"})


def email_text(data: bytes) -> str:
    """The main header lines of an .eml file, the names of its attachments, and its text.

    The text is all that a reader is shown, in order; of alternatives the plain one, or else that of
    the HTML. What is in attachments, attached messages too, is no part of it.
    """
    import email
    from email.policy import default

    if data.count(b"\n--") > _MOST_BOUNDARIES:
        raise ValueError(f"it has more than {_MOST_BOUNDARIES} lines that could end a part")
    message = email.message_from_bytes(data, policy=default)
    _check_headers(message)
    lines = [f"{name}: {_one_line(message[name])}" for name in _SHOWN if message[name]]
    if not lines:
        raise ValueError("it has none of the header lines of an e-mail")
    if message.get_content_type() in _SEALED:
        raise ValueError("it is encrypted")
    attached = [name for part in _parts(message) if (name := _attached_name(part))]
    if attached:
        lines.append(f"Attachments: {', '.join(map(_one_line, attached))}")
    text = "\n".join(lines) + "\n\n" + _body(message).strip("\n") + "\n"
    return Room().take(text)


def _attached_name(part: MIMEPart) -> str:
    """The name of an attachment, that of an attached message by its subject; else empty."""
    name = part.get_filename()
    if name or part.get_content_type() != "message/rfc822":
        return name or ""
    inner: Any = part.get_content()
    _check_headers(inner)
    return f"{inner['Subject'] or 'message'}.eml"


def _check_headers(part: Any) -> None:
    """Raises ValueError for a part whose headers would take minutes to parse."""
    if any(len(value) > _MOST_HEADER for _, value in part.raw_items()):
        raise ValueError(f"a header line has more than {_MOST_HEADER} characters")


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
        _check_headers(part)
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting += reversed(list(part.iter_parts()))
        else:
            yield part


def _body(message: EmailMessage) -> str:
    """The texts that a reader of the message sees."""
    texts = (
        _plain_text(part) if part.get_content_type() == _PLAIN else _html_text(_letters(part))
        for part in _shown(message)
    )
    return "\n\n".join(text for text in texts if text.strip())


def _shown(message: EmailMessage) -> Iterator[MIMEPart]:
    """The plain and HTML parts that a reader sees, in order; `_parts` has bounded their number."""
    waiting: list[tuple[MIMEPart, bool]] = [(message, False)]
    while waiting:
        part, is_chosen = waiting.pop()
        kind = part.get_content_type()
        parts = list(part.iter_parts()) if part.is_multipart() else []
        if kind == "multipart/alternative":
            waiting += [(best, True) for best in _best(parts)]
        elif kind == "multipart/related":  # the others are what this one refers to
            waiting += [(root, is_chosen) for root in _root(part, parts)]
        elif part.get_content_maintype() == "multipart":
            waiting += [(inner, False) for inner in reversed(parts)]
        elif kind not in {_PLAIN, _HTML} or part.is_attachment():
            continue
        elif is_chosen or not part.get_filename():
            yield part


def _root(related: MIMEPart, parts: Sequence[MIMEPart]) -> list[MIMEPart]:
    """The part that is shown: that which `start` names, or else the first that can be."""
    start = str(related.get_param("start", "")).strip()
    named = [part for part in parts if start and str(part["Content-ID"] or "").strip() == start]
    return (named or [part for part in parts if _can_be_shown(part)])[:1]


def _can_be_shown(part: MIMEPart) -> bool:
    return part.get_content_type() in {_PLAIN, _HTML} or part.get_content_maintype() == "multipart"


def _best(alternatives: Sequence[MIMEPart]) -> list[MIMEPart]:
    """The plain one, if it says anything, or else the last that can be shown.

    Parts with a name are attachments to readers, unless all have one.
    """
    inline = [part for part in alternatives if not part.is_attachment()]
    unnamed = [part for part in inline if not part.get_filename() and _can_be_shown(part)]
    alternatives = unnamed or inline
    for part in alternatives:
        if part.get_content_type() == _PLAIN and _letters(part).strip():
            return [part]
    return [
        part for part in alternatives if _can_be_shown(part) and part.get_content_type() != _PLAIN
    ][-1:]


def _letters(part: MIMEPart) -> str:
    """The text of a part, whatever it says of its letters: readers too show what they can."""
    data: Any = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    named = str(part.get_param("charset", "")).lower()
    for name in (named, named.removeprefix("x-"), re.sub("-[ei]$", "", named)):
        try:
            if name and codecs.lookup(name).name != "ascii":
                return data.decode(name, errors="replace")
        except (LookupError, ValueError):
            continue
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8" if named not in _UNSAID else "cp1252", errors="replace")


def _plain_text(part: MIMEPart) -> str:
    text = _letters(part).replace("\r\n", "\n").replace("\r", "\n")
    # In a flowed text a space before the end of a line says that the paragraph goes on.
    flowed = part.get_param("format") == "flowed"
    return re.sub(r"(?<=[^\n]) \n(?=[^\n])", " ", text) if flowed else text


def _html_text(page: str) -> str:
    if len(page) > _MOST_HTML:
        raise ValueError(f"its HTML has more than {_MOST_HTML} characters")
    from lxml import etree

    # The parser of the standard library takes hours for a few hundred thousand open brackets.
    # A comment would take the text after it along.
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True
    )
    tree = etree.fromstring(page.encode(), parser)
    reader = _HtmlLines(Look(styled=tree is not None and _has_sheet(tree)))
    if tree is not None:
        for event, element in etree.iterwalk(tree, events=("start", "end")):
            reader.see(event, element)
    return "\n\n".join(reader.finished())


def _has_sheet(tree: Any) -> bool:
    return any(
        element.tag == "style" or "stylesheet" in element.get("rel", "").lower()
        for element in tree.iter("style", "link")
    )


class _HtmlLines:
    """Reduces HTML to lines: paragraphs, list items, and table rows between pipes."""

    def __init__(self, look: Look) -> None:
        self._lines: list[str] = []
        self._pieces: list[str] = []
        self._cells: list[str] = []
        self._looks = [look]
        self._mark = ""

    def see(self, event: str, element: Any) -> None:
        """Take in where an element begins or ends."""
        tag = element.tag
        if event == "start":
            self._looks.append(looks_within(self._looks[-1], tag, element.attrib))
            self._begin(tag)
            self._add(element.text)
            return
        self._end(tag)
        self._looks.pop()
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
        if text and self._looks[-1].shows:
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
