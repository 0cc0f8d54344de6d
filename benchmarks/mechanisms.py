"""Measures what each catalogue mechanism does in the simulated world, alone and together.

Only this folder knows which mechanisms are good; the catalogue does not. Run from the repository
root: `.venv/bin/python benchmarks/mechanisms.py [trials]`. Prints a Markdown table: the change of
the blended score that a mechanism makes on top of the baseline, and what leaving it out of the
full stack of helpful ones costs, with the 95 % interval of trial noise.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = {
    "deliverable_landing_gate": "helpful",
    "deliverable_reassembly_gate": "helpful",
    "toolcall_json_repair": "helpful",
    "output_listing": "neutral",
    "short_tool_results": "harmful",
    "second_look": "dear for little",
}
