"""Imports go one way; a newcomer can trust the folder names."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

APART = ("promotion", "proposers", "simulated")
HIDDEN_FROM_THE_KIT = ("harness_search", "meta_harness")


def imports_of(file: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or ".")
    return found


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def test_nothing_imports_the_loop(repository: Path) -> None:
    for folder in ("harness_kit", "harness_search", "harnesses"):
        for file in sources(repository / folder):
            assert "meta_harness" not in imports_of(file), file


PAGES = "harness_search.pages"
WITH_PAGES = {"report.py", "serve.py"}
"""Commands whose product is a page."""


@pytest.mark.parametrize("package", ["analysis", "plots", "reports", "commands"])
def test_pages_are_made_of_reports_and_never_the_other_way_round(
    repository: Path, package: str
) -> None:
    for file in sources(repository / "harness_search" / package):
        if package != "commands" or file.name not in WITH_PAGES:
            assert not [name for name in imports_of(file) if name.startswith(PAGES)], file


@pytest.mark.parametrize("package", APART)
def test_promotion_proposers_and_simulated_stay_apart(repository: Path, package: str) -> None:
    others = tuple(f"harness_search.{other}" for other in APART if other != package)
    for file in sources(repository / "harness_search" / package):
        touching = [name for name in imports_of(file) if name.startswith(others)]
        assert not touching, file


def test_the_kit_knows_nothing_of_the_scaffold(repository: Path) -> None:
    for file in sources(repository / "harness_kit"):
        assert not [name for name in imports_of(file) if name.startswith(HIDDEN_FROM_THE_KIT)]


def test_the_baseline_imports_the_standard_library_and_the_kit_only(repository: Path) -> None:
    tops = {name.split(".")[0] for name in imports_of(repository / "harnesses" / "baseline.py")}
    assert tops <= set(sys.stdlib_module_names) | {"harness_kit"}


@pytest.mark.parametrize("package", ["gateway", "rollouts", "ledger", "promotion", "audit"])
def test_only_the_offline_world_knows_what_is_simulated(repository: Path, package: str) -> None:
    starters = {"bench.py", "smoke.py"}  # start the simulated model
    for file in sources(repository / "harness_search" / package):
        if file.name not in starters:
            names = imports_of(file)
            assert not [name for name in names if name.startswith("harness_search.simulated")]


def test_fast_commands_leave_slow_libraries_alone() -> None:
    code = "import meta_harness, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"aiohttp", "git", "numpy", "docx", "openpyxl", "anthropic"}
