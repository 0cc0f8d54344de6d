"""What the attacks did, per sandbox and identity: run once, however many workers ask."""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hostile.catalogue import EVERY_GROUP, Attack
from hostile.expected import Column, expected
from identities import Identity, identities

from harness_search.rollouts.kit import prepare_kit
from harness_search.sandbox.choice import NONE, SANDBOXES, make_sandbox

SCRIPT = Path(__file__).resolve().parent.parent / "hostile_run.py"
SECONDS = 900
KERNEL_LACKS = {"ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "ENODEV"}
"""Errors with which a plain process is told that there is no such thing."""
Report = dict[str, dict[str, Any]]


def report_of(sandbox: str, identity: Identity, factory: pytest.TempPathFactory) -> Report:
    """The report of all attacks; skips, with what is missing, where they cannot be run."""
    if identity.missing:
        pytest.skip(identity.missing)
    found = make_sandbox(sandbox).probe()
    if not found.usable:
        pytest.skip(f"no {sandbox} here: {found.reason}")
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    return _read(shared / "hostile" / f"{sandbox}-{identity.name}")


@cache
def _read(file: Path) -> Report:
    with FileLock(file.parent.with_suffix(".lock")):
        failed = file.parent.with_suffix(".failed")
        if failed.is_file():  # once is enough to know
            pytest.fail(failed.read_text(encoding="utf-8"))
        if not file.parent.is_dir():
            try:
                _run_all(file.parent)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failed.write_text(str(error), encoding="utf-8")
                raise
    return dict(json.loads(file.read_text()))


def _run_all(folder: Path) -> None:
    """Every sandbox that works here, as everybody who can be had, two at a time: whoever waits for
    this lock has nothing else to do."""
    making = folder.with_suffix(".making")
    making.mkdir(exist_ok=True)
    sandboxes = [name for name in SANDBOXES if make_sandbox(name).probe().usable]
    pairs = [(name, one) for name in sandboxes for one in identities() if not one.missing]
    wanted = [pair for pair in pairs if pair[0] != NONE or pair[1] == identities()[-1]]

    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as everybodys:
        Path(everybodys).chmod(0o755)
        kit = prepare_kit(Path(everybodys))

        def run(pair: tuple[str, Identity]) -> None:
            text = _run(*pair, kit)
            (making / f"{pair[0]}-{pair[1].name}").write_text(text, encoding="utf-8")

        with ThreadPoolExecutor(2) as workers:
            list(workers.map(run, wanted))
    making.rename(folder)


def _run(sandbox: str, identity: Identity, kit: Path) -> str:
    arguments = [sys.executable, "-B", str(SCRIPT), sandbox, str(kit), *EVERY_GROUP]
    command = identity.command(arguments, reachable=sandbox != "bwrap")
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def judged(attack: Attack, report: Report, column: Column, factory: Any) -> None:
    """Fail unless an attack ended as expected; skip where the kernel lacks what it is about."""
    found, wanted = report[attack.name], expected(attack, column)
    assert not found.get("lost"), f"the attack was not run: {found}"
    control = report_of("none", identities()[-1], factory)[attack.name]
    if control["errno"] in KERNEL_LACKS:
        pytest.skip(f"this kernel lacks what the attack needs: {control['how']}")
    if wanted.certain:
        assert found["open"] == wanted.open, f"expected {wanted}: {found}"
