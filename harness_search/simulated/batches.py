"""Message batches, processed as soon as they arrive."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
OUTCOMES = ("processing", "succeeded", "errored", "canceled", "expired")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that has ended."""

    id: str
    created_at: datetime
    results: tuple[dict[str, Any], ...]
    """One for each request: its `custom_id` and its `result`."""

    def description(self, base_url: str) -> dict[str, Any]:
        """The batch as the API describes it."""
        counts = Counter(line["result"]["type"] for line in self.results)
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": "ended",
            "request_counts": {outcome: counts[outcome] for outcome in OUTCOMES},
            "created_at": self.created_at.isoformat(),
            "expires_at": (self.created_at + timedelta(days=1)).isoformat(),
            "ended_at": self.created_at.isoformat(),
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"{base_url}/v1/messages/batches/{self.id}/results",
        }

    def lines(self) -> bytes:
        """The results, one JSON object a line."""
        return b"".join(json.dumps(line).encode() + b"\n" for line in self.results)


def ended_batch(number: int, results: list[dict[str, Any]]) -> Batch:
    """A batch made and ended now."""
    return Batch(f"msgbatch_{number:024}", datetime.now(UTC), tuple(results))


def problem_of_batch(content: object) -> str:
    """What is wrong with the envelope of a batch; empty if nothing is."""
    requests = content.get("requests") if isinstance(content, dict) else None
    if not isinstance(requests, list) or not requests:
        return "requests: at least one request is required"
    names = [item.get("custom_id") if isinstance(item, dict) else None for item in requests]
    for index, name in enumerate(names):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            return f"requests.{index}.custom_id: 1 to 64 letters, digits, - or _ are required"
    if len(set(names)) < len(names):
        return "requests: each custom_id must be unique"
    return ""
