"""Sections of a report, as they are made of a workspace."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness_search.layout import Layout
from harness_search.reports.document.costs import costs_of
from harness_search.reports.document.criteria import criteria_of
from harness_search.reports.document.failures import failures_of
from harness_search.reports.document.groups import areas_of, work_types_of
from harness_search.reports.document.material import Material, reading
from harness_search.reports.document.report import as_json
from harness_search.reports.document.steadiness import steadiness_of
from harness_search.reports.document.tasks import tasks_of
from harness_search.rollouts.evidence import SUMMARY
from harness_search.workspace import Workspace

SECTIONS: Sequence[Callable[[Material], Any]] = (
    tasks_of,
    areas_of,
    work_types_of,
    costs_of,
    steadiness_of,
    failures_of,
    criteria_of,
)


def section(of: Callable[[Material], Any], workspace: Workspace) -> Any:
    with reading(workspace) as material:
        found = of(material)
    json.dumps(as_json(found), allow_nan=False)
    return found


def rollout_folders(layout: Layout, harness: str) -> list[Path]:
    return sorted(file.parent for file in (layout.dev_evidence / harness).rglob(SUMMARY))
