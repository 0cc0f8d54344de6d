"""What was said of a task's rollouts: `criteria`, and what is recorded of a claim: `replay`."""

import argparse
import json

from .answers import Answer, BadInputError, Document, cut
from .view import View, not_passed


def criteria(view: View, asked: argparse.Namespace) -> Answer:
    """The verdicts of a task, criterion by criterion and trial by trial."""
    task = view.task(asked.task)
    harness = view.harness(asked.harness or view.session["incumbent"])
    rollouts = view.rollouts(harness, task)
    if not rollouts:
        raise BadInputError(f"{harness} has no finished rollout of {task} in the evidence folder")
    head = {"harness": harness, "task": task, "feedback": view.session["feedback"]}
    trials = [
        {"rollout": name, "outcome": found["outcome"], "passed": found["passed"],
         "total": found["total"], "reason": cut(str(found.get("reason", "")))}
        for name, found in rollouts
    ]  # fmt: skip
    lines = [f"{harness} on {task}:"]
    for trial in trials:
        said = f": {trial['reason']}" if trial["reason"] else ""
        lines.append(
            f"  {trial['rollout']}: {trial['passed']} of {trial['total']}, {trial['outcome']}{said}"
        )
    shown = _by_criterion(rollouts) if view.is_full else _by_reason(rollouts)
    lines += shown[1] if view.is_full else [*_shape_lines(rollouts), *shown[1]]
    return Answer(head, {"trials": trials, "verdicts": shown[0]}, lines)


def _by_criterion(rollouts: list[tuple[str, Document]]) -> tuple[list[Document], list[str]]:
    found: dict[str, list[Document]] = {}
    for name, summary in rollouts:
        for item in summary.get("verdicts", []):
            verdict = {"rollout": name, "verdict": item["verdict"], "reason": cut(item["reason"])}
            found.setdefault(item["criterion"], []).append(verdict)
    ordered = sorted(found, key=lambda name: (_passes(found[name]), name))
    lines = []
    for criterion in ordered:
        marks = " ".join(item["verdict"] for item in found[criterion])
        lines.append(f"{criterion}: {marks}")
        lines += [f"    {item['rollout']}: {item['reason']}" for item in found[criterion]]
    return [{"criterion": name, "verdicts": found[name]} for name in ordered], lines


def _passes(verdicts: list[Document]) -> int:
    return sum(item["verdict"] == "pass" for item in verdicts)


def _by_reason(rollouts: list[tuple[str, Document]]) -> tuple[list[Document], list[str]]:
    """Redacted evidence does not say which criterion a verdict is about."""
    items = [{"rollout": name, **item} for name, found in rollouts for item in not_passed(found)]
    lines = [
        f"    {item['rollout']}: {item['count']}x {item['verdict']}: {item['reason']}"
        for item in items
    ]
    return items, ["Not passed (the feedback policy is redacted):", *lines]


def _shape_lines(rollouts: list[tuple[str, Document]]) -> list[str]:
    shape = rollouts[-1][1].get("shape") or {}
    lines = [f"Shape: {json.dumps(shape)}"] if shape else []
    for name, found in rollouts:
        facts = {
            key: found.get(key) for key in ("delivered", "missing", "beside", "calls", "tools")
        }
        lines.append(f"  {name}: {json.dumps(facts)}")
    return lines


def replay(view: View, asked: argparse.Namespace) -> Answer:
    """What is recorded of a candidate: its claim, and what was observed since."""
    candidates = view.data("candidates")
    if asked.candidate not in candidates:
        raise BadInputError(f"no candidate {asked.candidate!r}; `mh-query frontier` lists them")
    found = candidates[asked.candidate]
    lines = [
        f"{asked.candidate} (iteration {found['iteration']}, from {found['parent']}): "
        f"{found['decision']}. {found['reason']}",
        f"Claimed: {found['hypothesis']}",
        f"Fix tasks: {', '.join(found['fix_tasks']) or '-'}",
        f"Regression tasks: {', '.join(found['regression_tasks']) or '-'}",
        *[f"Observed: {line}" for line in found["observed"]],
    ]
    if not any(line.startswith("Replay of ") for line in found["observed"]):
        lines.append("No replay of it is recorded; only the scaffold can run one.")
    lists = {name: found[name] for name in ("observed", "fix_tasks", "regression_tasks")}
    head = {name: value for name, value in found.items() if name not in lists}
    return Answer({"candidate": asked.candidate, **head}, lists, lines)
