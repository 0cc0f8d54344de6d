"""A model that thinks aloud for too long before it acts."""

from itertools import count

from harness_search.simulated.extraction import points_of
from harness_search.simulated.prompts import CHARACTERS_PER_TOKEN

_THOUGHTS = (
    "Point {number} is about {heading}. The request is to {request} I want to be careful here.",
    "Going back to {heading}: I should make sure that no draft has slipped in.",
    "On {heading} I could quote the sentence as it stands or put it into my own words; the former "
    "is safer.",
    "What would the reader expect under {heading}? Probably the figure first and the source after.",
    "Let me weigh once more whether {heading} belongs before or after the point that follows.",
)


def deliberation(assignment: str, tokens: int) -> str:
    """Thoughts on the points of an assignment, of about so many tokens."""
    points = points_of(assignment)
    paragraphs, size = ["Before I write, let me think this through."], 0
    for number in count():
        if size >= tokens * CHARACTERS_PER_TOKEN or not points:
            return "\n\n".join(paragraphs)
        point = points[number % len(points)]
        thought = _THOUGHTS[number // len(points) % len(_THOUGHTS)].format(
            number=point.number, heading=point.heading, request=point.request
        )
        paragraphs.append(thought)
        size += len(thought) + 2
    raise AssertionError("unreachable: the size grows")
