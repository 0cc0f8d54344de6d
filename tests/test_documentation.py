"""The pages say what the code says."""

import subprocess
import sys
from pathlib import Path


def test_the_table_of_failures_in_the_page_is_the_one_that_decides(repository: Path) -> None:
    script = repository / "benchmarks" / "reliability.py"
    command = [sys.executable, str(script), "--policies"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    page = (repository / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert f"<!-- policies: generated -->\n{done.stdout}<!-- policies: end -->" in page
