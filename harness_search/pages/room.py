"""Texts cut to the room that a page has for them: signs that are shown in other ones take more."""

from dataclasses import dataclass

from markupsafe import Markup, escape

from harness_search.visible import visible


@dataclass(frozen=True, slots=True)
class Fitted:
    """A text on a page."""

    shown: Markup
    characters: int
    """Of the text that are shown."""
    length: int
    """Of all of it, which may be more than what was there to be cut."""

    @property
    def note(self) -> str:
        """How much is shown, where that is not all; else empty."""
        if self.characters >= self.length:
            return ""
        return f"the first {self.characters:,} of {self.length:,} characters"


def fitted(text: str, room: int, length: int | None = None) -> Fitted:
    """As much of a text's beginning as takes no more than `room` bytes; `length`: characters of the
    whole, where the text is the beginning of a longer one."""
    characters = len_fitting(text, room)
    return Fitted(
        shown_whole(text[:characters]), characters, len(text) if length is None else length
    )


def fitted_line(text: str, room: int) -> Markup:
    """The same of a text on one line."""
    line = " ".join(text[:room].split())
    characters = len_fitting(line, room)
    cut = "\u2026" if characters < len(line) or len(text) > room else ""
    return shown_whole(line[:characters]) + cut


def len_fitting(text: str, room: int) -> int:
    """How many characters of a text's beginning fit into so many bytes of a page."""
    characters = min(len(text), room)  # none takes less than a byte
    while (size := bytes_of(text[:characters])) > room:
        characters = min(characters * room // size, characters * 3 // 4)
    return characters


def bytes_of(text: str) -> int:
    """That a text takes on a page."""
    return len(shown_whole(text).encode())


def shown_whole(text: str) -> Markup:
    """A text without a cut."""
    return escape(visible(text, len(text)))
