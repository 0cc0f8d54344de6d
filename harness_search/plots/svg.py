"""matplotlib's SVG, made fit to stand in a page: small, in the page's colours, and on its own."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

NAMESPACE = "http://www.w3.org/2000/svg"
FONTS = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"
PIXELS = 4 / 3  # of a page in one point of matplotlib
# A style element would hold for the whole page.
UNWANTED = {"metadata", "style"}
INHERITED = (
    "fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-dasharray",
    "stroke-dashoffset", "font-size", "font-weight", "font-style", "text-anchor",
)  # fmt: skip
SHORTEST_RUN = 3
PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_NUMBER = re.compile(r"-?\d+\.\d+")
_REFERENCE = re.compile(r"(?:url\()?#([A-Za-z0-9_.-]+)\)?")
_FONT = re.compile(r"(?:(italic|oblique) )?(?:(bold|\d{3}) )?([\d.]+)px")


def check_prefix(prefix: str) -> str:
    """The prefix itself; raises ValueError unless ids may begin with it."""
    if not PREFIX.fullmatch(prefix):
        raise ValueError(f"prefix: found {prefix!r}, expected up to 64 letters, digits and hyphens")
    return prefix


def tidy(
    source: str,
    *,
    prefix: str,
    label: str,
    colours: Mapping[str, str],
    restore: Callable[[str], str],
) -> str:
    """The same picture as one `svg` element whose ids begin with the prefix, with `label` as its
    accessible name. Styles become attributes, which a strict policy on styles lets pass."""
    root = ElementTree.fromstring(source)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = dict(_attributes(element, colours))
        element.text = restore(element.text) if element.tag == "text" and element.text else None
        element.tail = None
    _drop_unwanted(root)
    _rename_ids(root, prefix)
    _flatten(root)
    _share(root)
    return _finished(root, label)


def root_attributes(label: str, width: float, height: float) -> dict[str, str]:
    """Those of every picture's `svg` element; width and height in its own units."""
    return {
        "xmlns": NAMESPACE,
        "viewBox": f"0 0 {_short(width)} {_short(height)}",
        "width": _short(width * PIXELS),
        "height": _short(height * PIXELS),
        "class": "plot",
        "role": "img",
        "aria-label": label,
        "font-family": FONTS,
        "direction": "ltr",
    }


def _finished(root: Element, label: str) -> str:
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    strokes = {"stroke-linejoin": "round", "stroke-linecap": "butt"}
    root.attrib = {**root_attributes(label, width, height), **strokes}
    return ElementTree.tostring(root, encoding="unicode")


def _attributes(element: Element, colours: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """All attributes without their namespaces, and the style taken apart."""
    for name, value in element.attrib.items():
        plain = name.rpartition("}")[2]
        if plain == "style":
            yield from _declarations(value, colours)
        elif plain == "transform" and value.startswith("rotate(-0 "):
            continue
        elif plain in {"fill", "stroke"}:
            yield plain, colours.get(value.lower(), value)
        elif plain == "id" or element.tag == "svg":
            yield plain, value
        else:
            yield plain, _rounded(value)


def _declarations(style: str, colours: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for declaration in filter(None, map(str.strip, style.split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            yield from _font(value)
        elif name != "font-family":
            yield name, colours.get(value.lower(), _rounded(value))


def _font(value: str) -> Iterator[tuple[str, str]]:
    found = _FONT.match(value)
    if found:
        names = ("font-style", "font-weight", "font-size")
        yield from ((name, part) for name, part in zip(names, found.groups(), strict=True) if part)


def _rounded(value: str) -> str:
    return " ".join(_NUMBER.sub(lambda found: _short(float(found[0])), value).split())


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".").replace("-0.", "-.") or "0"


def _drop_unwanted(root: Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in UNWANTED:
                parent.remove(child)


def _rename_ids(root: Element, prefix: str) -> None:
    """Keep the ids that something refers to, in order of their appearance."""
    named = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    new: dict[str, str] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            found = _REFERENCE.fullmatch(value)
            if name != "id" and found and found[1] in named:
                fresh = new.setdefault(found[1], f"{prefix}-{len(new) + 1}")
                element.attrib[name] = value.replace(found[1], fresh)
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in new:
            element.attrib["id"] = new[old]


def _flatten(parent: Element) -> None:
    """Groups that say nothing give way to what is in them."""
    children: list[Element] = []
    for child in list(parent):
        _flatten(child)
        if child.tag in {"g", "defs"} and not len(child):
            continue
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    parent[:] = children


def _share(parent: Element) -> None:
    """Say once what neighbours of one kind have in common."""
    children: list[Element] = []
    for _, run in groupby(parent, key=_in_common):
        members = list(run)
        if len(members) < SHORTEST_RUN or members[0].tag not in {"use", "text", "path"}:
            children += members
            continue
        names = [*INHERITED, "clip-path"]
        common = {name: members[0].attrib[name] for name in names if name in members[0].attrib}
        for member in members:
            member.attrib = {key: kept for key, kept in member.attrib.items() if key not in common}
        group = Element("g", common)
        group[:] = members
        children.append(group)
    parent[:] = children
    for child in children:
        if child.tag == "g" and parent.tag != "g":
            _share(child)


def _in_common(element: Element) -> tuple[str, ...]:
    names = (*INHERITED, "clip-path")
    return element.tag, *(element.attrib.get(name, "") for name in names)
