"""What is nested too deeply is known before it is kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.nesting import DEEPEST, is_too_deep


@given(st.lists(st.booleans(), max_size=2 * DEEPEST))
def test_only_what_lies_deeper_than_the_limit_is_too_deep(kinds: list[bool]) -> None:
    content: object = 1
    for is_list in kinds:
        content = ["beside", content] if is_list else {"beside": [], "in": content}
    depth = len(kinds) + (1 if kinds and not kinds[0] else 0)
    if abs(depth - DEEPEST) > 1:
        assert is_too_deep(content) == (depth > DEEPEST)


def test_a_wide_body_is_not_deep() -> None:
    assert not is_too_deep(json.loads("[" + "[]," * 50_000 + "[]]"))
    assert not is_too_deep("[" * 500)
