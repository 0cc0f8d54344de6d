"""Scores and results: `frontier`, `top` and `diff`."""

import argparse
import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .answers import LONGEST_LINE, Answer, BadInputError, Document, cut
from .view import View, not_passed


def frontier(view: View, _: argparse.Namespace) -> Answer:
    """Every iteration, newest first."""
    rows = view.data("frontier")[::-1]
    wide = max([len(row["harness"]) for row in rows] + [7])
    lines = [
        f"{'it':>4} {'harness':<{wide}} {'decision':<18} {'pooled':>7} {'all-pass':>8} "
        f"{'tokens M':>8} {'blended':>8} {'delta':>7} {'rollouts':>8}  from"
    ]
    for row in rows:
        mark = "*" if row["harness"] == view.session["incumbent"] else " "
        figures = [
            _figure(row[name], width, digits)
            for name, width, digits in (
                ("pooled", 7, 1), ("all_pass", 8, 1), ("tokens_m", 8, 3), ("blended", 8, 2),
            )
        ]  # fmt: skip
        delta = "      -" if row["delta"] is None else f"{row['delta']:+7.2f}"
        lines.append(
            f"{row['iteration']:>4}{mark}{row['harness']:<{wide}} {row['decision']:<18} "
            f"{' '.join(figures)} {delta} {row['rollouts']:>8}  {row['parent'] or '-'}"
        )
    weights = view.session["weights"]
    lines.append(
        f"* incumbent; points; blended = pooled + {weights['all_pass']:g} x all-pass - "
        f"{weights['cost']:g} x million tokens a rollout; delta against the incumbent of its time."
    )
    if view.session["simulated"]:
        lines.append("The model is simulated.")
    head = {"incumbent": view.session["incumbent"], "simulated": view.session["simulated"]}
    return Answer(head, {"rows": rows}, lines)


def _figure(value: float | None, width: int, digits: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.{digits}f}"


def top(view: View, asked: argparse.Namespace) -> Answer:
    """Tasks by the points that the incumbent loses there, with the commonest reasons."""
    incumbent = view.session["incumbent"]
    results = view.results.get(incumbent, {})
    criteria = sum(trials[0][2] for trials in results.values())
    lost = {
        task: 100 * (1 - _rate(trials)) * trials[0][2] / criteria
        for task, trials in results.items()
    }
    ordered = sorted(lost, key=lambda task: (-lost[task], task))[: asked.count]
    rows = [
        {
            "task": task,
            "lost": round(lost[task], 3),
            "pass_rate": round(100 * _rate(results[task]), 1),
            "trials": len(results[task]),
            "criteria": results[task][0][2],
            "reasons": _commonest(view, incumbent, task),
        }
        for task in ordered
    ]
    lines = [f"Points of the pooled pass rate that {incumbent} loses, by task:"]
    for row in rows:
        lines.append(
            f"{row['lost']:6.2f}  {row['task']}  ({row['pass_rate']:.1f} % of {row['criteria']} "
            f"criteria, {row['trials']} trials)"
        )
        lines += [f"        {item['count']}x {item['reason']}" for item in row["reasons"]]
    return Answer({"harness": incumbent}, {"rows": rows}, lines)


def _rate(trials: Sequence[Sequence[int]]) -> float:
    """Mean share of passed criteria of `[trial, passed, total, tokens]`."""
    return sum(passed / total for _, passed, total, _ in trials) / len(trials)


def _commonest(view: View, harness: str, task: str, most: int = 3) -> list[Document]:
    counted: Counter = Counter()  # type: ignore[type-arg]
    for _, summary in view.rollouts(harness, task):
        if summary.get("outcome") != "scored" and summary.get("reason"):
            counted[cut(str(summary["reason"]))] += 1
        for item in not_passed(summary):
            counted[cut(str(item["reason"]))] += item["count"]
    ordered = sorted(counted.items(), key=lambda found: (-found[1], found[0]))
    return [{"reason": reason, "count": count} for reason, count in ordered[:most]]


def diff(view: View, asked: argparse.Namespace) -> Answer:
    """The code of two harnesses, and their results task by task."""
    names = [view.harness(asked.first), view.harness(asked.second)]
    before, after = (view.results[name] for name in names)
    tasks = [task for task in view.tasks if task in before or task in after]
    rows = [_beside(task, before.get(task), after.get(task)) for task in tasks]
    rows.sort(key=lambda row: (row["difference"] is None, row["difference"] or 0))
    sources = [_source(view, name) for name in names]
    code = list(difflib.unified_diff(sources[0], sources[1], names[0], names[1], n=2, lineterm=""))
    lines = [f"Pass rates in points, {names[0]} -> {names[1]} (rollouts):"]
    for row in rows:
        change = "     -" if row["difference"] is None else f"{row['difference']:+6.1f}"
        sides = " -> ".join(_figure(row[side], 5, 1) for side in ("before", "after"))
        lines.append(f"{change}  {sides}  ({row['trials'][0]}, {row['trials'][1]})  {row['task']}")
    code = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..." for line in code]
    return Answer(
        {"before": names[0], "after": names[1]},
        {"tasks": rows, "code": code},
        [*lines, "", *(code or ["The code is the same."])],
    )


def _beside(task: str, before: Any, after: Any) -> Document:
    rates = [round(100 * _rate(trials), 2) if trials else None for trials in (before, after)]
    known = rates[0] is not None and rates[1] is not None
    return {
        "task": task,
        "before": rates[0],
        "after": rates[1],
        "difference": round(rates[1] - rates[0], 2) if known else None,  # type: ignore[operator]
        "trials": [len(before or ()), len(after or ())],
    }


def _source(view: View, name: str) -> list[str]:
    file = view.folder / "harnesses" / f"{name}.py"
    if not file.is_file():  # the digest had no room for it
        file = view.evidence / name / "harness.py"
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise BadInputError(f"the source of {name} is neither in the view nor shown") from error
