"""The history digest that a proposer reads: bounded at any length of history."""

import json
from collections.abc import Sequence

from harness_search.ledger.frontier import Frontier, FrontierRow
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.ledger.sandboxes import unsafe_share

LARGEST_DIGEST = 12_000  # bytes
_OPENING = """\
# History digest

Scores are in points (0 to 100), blended = pooled + {all_pass:g} x all-pass - {cost:g} x million \
tokens a rollout.{simulated}{unsafe}
Evidence of every rollout: `<harness>/<task>/trial-<n>/` (rollout.json, transcript.jsonl, output/).
"""


def history_digest(
    frontier: Frontier, iterations: Sequence[IterationRow], largest: int = LARGEST_DIGEST
) -> str:
    """Frontier lineage, orphans worth restacking, and what became of each claim; newest first
    where room is short. Never longer than `largest` bytes of UTF-8."""
    unsafe = unsafe_share(frontier.sandboxes)
    opening = _OPENING.format(
        all_pass=frontier.weights.all_pass,
        cost=frontier.weights.cost,
        simulated=" The model is simulated." if frontier.simulated else "",
        unsafe=f" {unsafe}." if unsafe else "",
    )
    claims = {item.number: item for item in iterations}
    decided = [row for row in frontier.rows if row.decision is not None]
    sections = [
        ("## Frontier lineage", [_lineage_line(row) for row in reversed(_lineage(decided))], 0.4),
        ("## Orphans worth restacking", [_orphan_line(row) for row in _restackable(decided)], 0.5),
        ("## Claims", [_claim_line(row, claims[row.iteration]) for row in reversed(decided)], 1.0),
    ]
    text = opening
    for title, lines, share in sections:
        room = int((largest - len(text.encode())) * share)
        text += _section(title, lines or ["(none yet)"], room)
    return text


def _section(title: str, lines: Sequence[str], room: int) -> str:
    """As many lines as fit into `room` bytes, and a word on the rest."""
    left_out = "({count} more left out)"
    used = len(title.encode()) + 3 + len(left_out) + 8
    shown: list[str] = []
    for line in lines:
        used += len(line.encode()) + 1
        if used > room:
            break
        shown.append(line)
    if len(shown) < len(lines):
        shown.append(left_out.format(count=len(lines) - len(shown)))
    body = "\n".join(shown)
    return f"\n{title}\n{body}\n"


def _lineage(rows: Sequence[FrontierRow]) -> list[FrontierRow]:
    return [row for row in rows if row.decision in {DecisionKind.BASELINE, DecisionKind.PROMOTED}]


def _restackable(rows: Sequence[FrontierRow]) -> list[FrontierRow]:
    """Orphans that gained something, best first, then the inconclusive ones."""
    near = [
        row
        for row in rows
        if row.decision is DecisionKind.ORPHAN and row.delta is not None and row.delta > 0
    ]
    open_ones = [row for row in rows if row.decision is DecisionKind.INCONCLUSIVE]
    return [*sorted(near, key=lambda row: -(row.delta or 0)), *open_ones]


def _lineage_line(row: FrontierRow) -> str:
    score = row.score
    figures = (
        f"pooled {score.pooled:.1f}, all-pass {score.all_pass:.1f}, blended {score.blended:.1f}"
        if score
        else "no rollouts"
    )
    return f"- {row.iteration}: {row.harness} (from {row.parent or 'nothing'}): {figures}"


def _orphan_line(row: FrontierRow) -> str:
    delta = f"{row.delta:+.2f} blended" if row.delta is not None else "not measured"
    return f"- {row.iteration}: {row.harness} ({row.mechanism}) on {row.parent}: {delta}"


def _claim_line(row: FrontierRow, item: IterationRow) -> str:
    decision = row.decision.value if row.decision else "open"
    candidates = json.loads(item.claim).get("candidates", [{}]) if item.claim else [{}]
    hypothesis = one_line(str(candidates[0].get("hypothesis", "")))[:240]
    observed = one_line(str(candidates[0].get("observed", "")) or row.reason)
    said = f" Claimed: {hypothesis}" if hypothesis else ""
    return f"- {row.iteration}: {row.harness}: {decision}.{said} Observed: {observed[:300]}"


def one_line(text: str) -> str:
    """A claim's text cannot open a section of its own."""
    return " ".join(text.split())
