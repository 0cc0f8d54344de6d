"""What a provider's error says, in words that hold nothing of a request."""

import anthropic

LONGEST_CAUSE = 200
"""Characters of a provider's message that a reason repeats."""


def cause_of(error: Exception) -> str:
    """Status and message, or the kind of an error that has none."""
    if not isinstance(error, anthropic.APIStatusError):
        return type(error).__name__
    said = message_of(error.body)
    return f"status {error.status_code}{said and f': {said}'}"


def message_of(body: object) -> str:
    """The message of an error as the API describes it; empty without one."""
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    return message[:LONGEST_CAUSE] if isinstance(message, str) else ""
