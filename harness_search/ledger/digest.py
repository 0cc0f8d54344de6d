"""The history digest that a proposer reads: bounded at any length of history."""

import json
import re
from collections.abc import Callable, Iterator, Sequence

from harness_search.ledger.frontier import Frontier, FrontierRow
from harness_search.ledger.rows import DecisionKind, IterationRow, is_placebo
from harness_search.ledger.sandboxes import unsafe_share

LARGEST_DIGEST = 11_700  # bytes; with the prompt of a session at most 12,000
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
    shown = [row for row in frontier.rows if not is_placebo(row.harness)]
    decided = [row for row in shown if row.decision is not None]
    sections: list[tuple[str, Sequence[FrontierRow], Callable[[FrontierRow], str], float]] = [
        ("## Frontier lineage", _lineage(decided)[::-1], _lineage_line, 0.4),
        ("## Orphans worth restacking", restackable(decided), _orphan_line, 0.5),
        ("## Claims", decided[::-1], lambda row: _claim_line(row, claims[row.iteration]), 1.0),
    ]
    text = opening
    for title, rows, line_of, share in sections:
        room = int((largest - len(text.encode())) * share)
        # One by one: most of a long history has no room, and its claims need not be read.
        lines = map(line_of, rows) if rows else iter(["(none yet)"])
        text += _section(title, lines, max(1, len(rows)), room)
    return text


def named_in(digest: str, frontier: Frontier) -> list[str]:
    """The measured harnesses that a digest names, and the first and the last of the lineage: whose
    sources a session is shown, at any length of history."""
    always = {frontier.incumbent, *(row.harness for row in frontier.rows[:1])}
    words = set(re.findall(r"\w+", digest))
    return [
        row.harness
        for row in frontier.rows
        if row.score is not None and (row.harness in always or row.harness in words)
    ]


def _section(title: str, lines: Iterator[str], count: int, room: int) -> str:
    """As many of `count` lines as fit into `room` bytes, and a word on the rest."""
    left_out = "({count} more left out)"
    used = len(title.encode()) + 3 + len(left_out) + 8
    shown: list[str] = []
    for line in lines:
        used += len(line.encode()) + 1
        if used > room:
            break
        shown.append(line)
    if len(shown) < count:
        shown.append(left_out.format(count=count - len(shown)))
    body = "\n".join(shown)
    return f"\n{title}\n{body}\n"


def _lineage(rows: Sequence[FrontierRow]) -> list[FrontierRow]:
    return [row for row in rows if row.decision in {DecisionKind.BASELINE, DecisionKind.PROMOTED}]


def restackable(rows: Sequence[FrontierRow]) -> list[FrontierRow]:
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
    ended = "" if row.gain is None or row.whole else f", ended after {row.compared} tasks"
    return f"- {row.iteration}: {row.harness} ({row.mechanism}) on {row.parent}: {delta}{ended}"


def _claim_line(row: FrontierRow, item: IterationRow) -> str:
    decision = row.decision.value if row.decision else "open"
    candidates = json.loads(item.claim).get("candidates", [{}]) if item.claim else [{}]
    hypothesis = one_line(str(candidates[0].get("hypothesis", "")))[:240]
    is_void = row.decision is DecisionKind.REJECTED
    seen = "" if is_void else str(candidates[0].get("observed", ""))
    observed = one_line(seen or row.reason)
    said = f" Claimed: {hypothesis}" if hypothesis else ""
    kind = " (mixed)" if candidates[0].get("kind") == "mixed" else ""
    added = one_line(str(candidates[0].get("added", "")))[:160]
    adds = f" Added: {added}." if added else ""
    return (
        f"- {row.iteration}: {row.harness}: {decision}{kind}.{said}{adds} "
        f"Observed: {observed[:600]}"
    )


def one_line(text: str) -> str:
    """A claim's text cannot open a section of its own."""
    return " ".join(text.split())
