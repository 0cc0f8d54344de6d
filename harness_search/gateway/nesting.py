"""How deeply JSON may be nested before nobody reads it any more.

The standard library reads and writes about a thousand levels, less where the stack is deep
already: what one of our readers takes another might not, and a transcript has to stay readable.
"""

DEEPEST = 100


def is_too_deep(content: object) -> bool:
    """Whether lists and objects lie within each other more than DEEPEST levels."""
    level = [content] if isinstance(content, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
