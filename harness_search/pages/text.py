"""Text of ours as pages have it: sentences with code in them, and ids."""

import re

from markupsafe import Markup, escape

from harness_search.visible import LONGEST, visible

_OTHER = re.compile(r"[^A-Za-z0-9_-]")


def prose(text: str, longest: int = LONGEST) -> Markup:
    """A sentence of ours, whatever names are in it: what stands between backticks is code."""
    parts = visible(text.replace(" -> ", " → "), longest).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    shapes = (Markup("{}"), Markup("<code>{}</code>"))
    return Markup("").join(shapes[place % 2].format(part) for place, part in enumerate(parts))


def anchor(kind: str, name: str) -> str:
    """An id of a page for what has this name: `candidate-` and the name where its letters are fit
    for one; other letters as their numbers."""
    return f"{kind}-" + _OTHER.sub(lambda found: f".{ord(found[0]):x}.", name[:200])
