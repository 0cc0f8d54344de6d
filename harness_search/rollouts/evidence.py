"""The evidence of one attempt: where it is built, where it is filed, what an earlier one left."""

import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from harness_search.files import digest_text, remove_tree, to_json
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import RolloutKey, RolloutRow
from harness_search.rollouts.collect import Collected, file_evidence

TRANSCRIPT = "transcript.jsonl"
LOG = "harness.log"
SUMMARY = "rollout.json"
"""Of an attempt that ended; one that was interrupted has none."""
IDENTITY = "attempt.json"
BUILDING = ".building"
COLLECTING = ".collecting-"


def building_folder(evidence: Path, key: RolloutKey) -> Path:
    """Where an attempt's evidence is built: by its key, so that it is found after a crash."""
    parts = (key.harness, key.task, key.task_digest, str(key.trial), key.profile)
    return evidence / BUILDING / digest_text(*parts)[:24]


def collecting_folder(building: Path) -> Path:
    """Where an attempt's output is collected, beside its evidence: under a name that no other
    attempt has, so that a collection that was given up writes into nobody's evidence."""
    return building.with_name(f"{building.name}{COLLECTING}{secrets.token_hex(8)}")


def take_collected(collecting: Path, building: Path) -> None:
    """Put a complete collection among the evidence."""
    for entry in list(collecting.iterdir()):
        entry.rename(building / entry.name)
    collecting.rmdir()


def remove_given_up(evidence: Path) -> None:
    """Remove collections that an earlier launch gave up, or was killed in the middle of."""
    for folder in (evidence / BUILDING).glob(f"*{COLLECTING}*"):
        remove_tree(folder)


def filed_folder(evidence: Path, harness: str, key: RolloutKey, attempt: int) -> Path:
    """`<harness>/<task>/trial-<n>`, with `.attempt-<m>` for later attempts."""
    return evidence / harness / key.task / _name(key, attempt)


def _name(key: RolloutKey, attempt: int) -> str:
    suffix = f".attempt-{attempt}" if attempt > 1 else ""
    return f"trial-{key.trial}{suffix}"


def earlier_transcripts(evidence: Path, key: RolloutKey, attempts: Iterable[int]) -> list[Path]:
    """Transcripts of earlier attempts of a rollout, under whatever name its harness then had."""
    found: list[Path] = []
    for attempt in sorted(attempts):
        folders = evidence.glob(f"*/{key.task}/{_name(key, attempt)}")
        found += [folder / TRANSCRIPT for folder in folders if _is_of(folder, key)]
    return found


def _is_of(folder: Path, key: RolloutKey) -> bool:
    try:
        found = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found == _identity(found.get("harness", ""), key))


def begin_evidence(building: Path, harness: str, key: RolloutKey) -> None:
    """Say whose evidence is built here: a crash leaves no more than this and the transcript."""
    (building / IDENTITY).write_text(to_json(_identity(harness, key)), encoding="utf-8")


def _identity(harness: str, key: RolloutKey) -> dict[str, object]:
    return {
        "harness": harness,
        "harness_digest": key.harness,
        "task": key.task,
        "task_digest": key.task_digest,
        "trial": key.trial,
        "profile": key.profile,
    }


def file_interrupted(evidence: Path, key: RolloutKey, attempt: int) -> Path | None:
    """File what an interrupted attempt left, and return its transcript; None when it left none."""
    building = building_folder(evidence, key)
    if _is_of(building, key):
        found = json.loads((building / IDENTITY).read_text(encoding="utf-8"))
        target = filed_folder(evidence, str(found["harness"]), key, attempt)
        file_evidence(building, target)
        return target / TRANSCRIPT
    # Killed after filing and before the row: the evidence lies there already.
    return next(iter(earlier_transcripts(evidence, key, [attempt])), None)


def write_summary(
    building: Path,
    harness: str,
    row: RolloutRow,
    verdicts: tuple[Verdict, ...],
    deliverables: Iterable[str],
    collected: Collected,
    canary: str = "",
) -> None:
    """Write `rollout.json`: outcome, verdicts, cost and output of an ended attempt.

    A canary, if there is one, gives away whoever reads it; evidence for sessions must have none.
    """
    summary = {
        **_identity(harness, row.key),
        "attempt": row.attempt,
        "outcome": row.outcome.value,
        "reason": row.reason,
        "passed": row.passed,
        "total": row.total,
        "verdicts": [
            {"criterion": item.criterion_id, "verdict": item.verdict, "reason": item.reason}
            for item in verdicts
        ],
        "usage": {
            "input": row.usage.input,
            "output": row.usage.output,
            "cache_write": row.usage.cache_write,
            "cache_read": row.usage.cache_read,
        },
        "cost_usd": row.cost_usd,
        "paid_usd": row.paid_usd,
        "calls": row.calls,
        "seconds": round(row.seconds, 3),
        "judge_version": row.judge_version,
        "deliverables": list(deliverables),
        "output": list(collected.names),
        **({"refused": dict(collected.refused)} if collected.refused else {}),
        **({"canary": canary} if canary else {}),
    }
    (building / SUMMARY).write_text(to_json(summary), encoding="utf-8")
