"""The contract of a proposer: what holds for every benchmark, and then what holds for this one."""

from pathlib import Path

BENCHMARK = "benchmark.md"


def contract(skill: Path) -> str:
    """The text of `SKILL.md` with that of `benchmark.md` beside it; empty where there is none."""
    parts = [file for file in (skill, skill.with_name(BENCHMARK)) if file.is_file()]
    return "\n".join(file.read_text(encoding="utf-8") for file in parts)
