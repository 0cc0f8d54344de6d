"""The parts of an Office file: a zip container of XML parts that refer to each other.

Read from the XML itself: the libraries that write such files cost a tenth of a second to load or
need an imaging library, and leave out tracked changes, hidden rows and notes.
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")  # the container of old Office files
_SEALED = "EncryptedPackage".encode("utf-16-le")
_ENCRYPTED_ENTRY = 0x1


def require_container(data: bytes) -> None:
    """Raises ValueError with the reason when these bytes are no Office file that can be opened."""
    if data.startswith(_COMPOUND):
        sealed = _SEALED in data
        raise ValueError("it is encrypted" if sealed else "it is in the old format of Office")
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise ValueError("it is no Office file, or was cut short")


def unpacked_size(data: bytes) -> int:
    """How many bytes the parts of a container say that they have."""
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        return sum(entry.file_size for entry in container.infolist())


class Package:
    """An opened Office file."""

    def __init__(self, data: bytes) -> None:
        self._container = zipfile.ZipFile(io.BytesIO(data))
        entries = self._container.infolist()
        self._names = frozenset(entry.filename for entry in entries)
        if any(entry.flag_bits & _ENCRYPTED_ENTRY for entry in entries):
            raise ValueError("it is encrypted")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._container.close()

    def main(self, root: str) -> tuple[str, Any]:
        """The name and the element of the main part, whose root element has this local name.

        Raises ValueError when there is none: then this is another kind of Office file.
        """
        parts = [*self.related("", "officeDocument").values()]
        if len(parts) != 1:
            raise ValueError("it has no main part")
        element = self.parsed(parts[0])
        if local_name(element) != root:
            raise ValueError(f"its main part is no {root}")
        return parts[0], element

    def related(self, part: str, kind: str) -> dict[str, str]:
        """The parts of a kind that a part refers to, by the identifier of the reference."""
        folder, name = posixpath.split(part)
        listing = posixpath.join(folder, "_rels", f"{name}.rels")
        if listing not in self._names:
            return {}
        return {
            entry.get("Id", ""): posixpath.normpath(
                posixpath.join("/", folder, entry.get("Target", ""))
            ).lstrip("/")
            for entry in self.parsed(listing).iterchildren("*")
            if entry.get("Type", "").rpartition("/")[2] == kind
            and entry.get("TargetMode") != "External"
        }

    def only(self, part: str, kind: str) -> Any | None:
        """The element of the first part of a kind that a part refers to, None without one."""
        found = next(iter(self.related(part, kind).values()), None)
        return None if found is None else self.parsed(found)

    def parsed(self, part: str) -> Any:
        """The root element of a part.

        Raises KeyError when there is no such part, and MemoryError when it is too large.
        """
        from lxml import etree

        # No entities: a few short ones that name each other unfold to gigabytes.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        with _memory_named():
            return etree.fromstring(self._container.read(part), parser)

    def walked(self, part: str, *names: str) -> Any:
        """Each element of a part with one of these local names as it is complete, one by one.

        Whoever walks clears what it has seen: a sheet has far more rows than memory should hold.
        """
        from lxml import etree

        options: dict[str, Any] = {"resolve_entities": False, "no_network": True}
        tags = [f"{{*}}{name}" for name in names]
        with _memory_named(), self._container.open(part) as stream:
            for _, element in etree.iterparse(stream, ("end",), tag=tags, **options):
                yield element
                element.clear(keep_tail=False)
                while element.getprevious() is not None:
                    del element.getparent()[0]


@contextmanager
def _memory_named() -> Iterator[None]:
    """The parser calls a lack of memory an error of syntax, as if the file were to blame."""
    from lxml import etree

    try:
        yield
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        raise


def local_name(element: Any) -> str:
    """The name of an element without its namespace; empty for a comment."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
