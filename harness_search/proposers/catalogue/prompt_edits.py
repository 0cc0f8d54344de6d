"""Source edits on the system prompt of a harness file."""

import ast
import textwrap
from dataclasses import dataclass

from harness_search.proposers.catalogue.edits import Insertion, NotApplicableError, Source

WIDTH = 100


@dataclass(frozen=True, slots=True)
class AddAdvice:
    """A section of its own, a heading and its items, at the end of a prompt's text.

    The prompt is a top-level constant: one plain string of several lines.
    """

    heading: str
    items: tuple[str, ...]
    prompt: str = "SYSTEM"

    def place(self, source: Source) -> Insertion:
        text = _constant(source, self.prompt)
        closing = (text.end_lineno or text.lineno) - 1
        if self.heading in source.lines[text.lineno : closing]:
            raise NotApplicableError(f"{self.prompt} already has {self.heading!r}")
        # Anything but quotes on the last line would be text of the prompt, cut in two.
        if source.lines[closing] != '"""':
            raise NotApplicableError(f"{self.prompt} does not end with quotes on their own line")
        wrapped = [
            line
            for item in self.items
            for line in textwrap.wrap(
                item,
                WIDTH,
                initial_indent="- ",
                subsequent_indent="  ",
                break_on_hyphens=False,
            )
        ]
        return Insertion(closing, ("", self.heading, *wrapped))


def _constant(source: Source, name: str) -> ast.Constant:
    """The string that a top-level name stands for; raises NotApplicableError without one."""
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if name in names and isinstance(node.value.value, str):
                return node.value
    raise NotApplicableError(f"the file has no text {name}")
