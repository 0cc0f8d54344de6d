"""Looks at this machine and at a workspace, and says what follows."""

import asyncio
from pathlib import Path

from harness_search.doctor.folders import findings_of_folders
from harness_search.doctor.machine import findings_of_machine, look_at_machine
from harness_search.doctor.packages import findings_of_packages
from harness_search.doctor.place import Place, findings_of_workspace, look_at_workspace
from harness_search.doctor.profiles import call_profiles, findings_of_profiles
from harness_search.doctor.report import Diagnosis, Finding, failed, fix_of, found_in, warned
from harness_search.doctor.sandboxes import findings_of_sandboxes, look_at_sandboxes
from harness_search.errors import InputError
from harness_search.gateway.prices import read_prices
from harness_search.layout import Layout
from harness_search.settings import Settings


def diagnose(root: Path, *, calls: bool) -> Diagnosis:
    """Everything worth saying; with `calls`, one token is asked of each model that may be used."""
    place = look_at_workspace(root)
    settings = place.settings if place else Settings()
    begun_in, written = (place.begun_in, place.last_written) if place else ("", 0.0)
    return Diagnosis(
        (
            *findings_of_packages(),
            *findings_of_sandboxes(look_at_sandboxes(), settings.sandbox.backend, begun_in),
            *findings_of_machine(look_at_machine(), settings, written),
            *findings_of_folders(root, settings, is_workspace=place is not None),
            *_of_workspace(place, calls=calls),
        )
    )


def _of_workspace(place: Place | None, *, calls: bool) -> list[Finding]:
    if place is None:
        fix = "meta-harness init DIR --tasks PATH"
        return [warned("workspace", "none here", fix)]
    rows = findings_of_workspace(place)
    try:
        table = read_prices(Layout(place.root).prices)
    except InputError as error:
        return [*rows, failed("prices", found_in(error), fix_of(error))]
    called = asyncio.run(call_profiles(place.settings, table, calls=calls))
    return [*rows, *findings_of_profiles(place.settings, table, called)]
