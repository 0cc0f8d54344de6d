"""Makes the pictures of the documentation: report, candidate page and live page.

Run from the repository root: `.venv/bin/python benchmarks/screenshots.py`; it takes three minutes,
and needs Debian's chromium. It searches for a while on the simulated model, in a folder of its own;
`--search FOLDER` takes a copy of a search that is there. For the live page that search goes on.
Pictures have 256 colours, and are made shorter until none is larger than 300 kB.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from answered import DEV, TASKS
from browsing import WIDTH, chromium, served, window
from large_ledger import COMMAND
from PIL import Image
from playwright.sync_api import Browser, Page

from harness_search.benchmark.initialise import initialise
from harness_search.current import frontier_on_disk
from harness_search.workspace import open_workspace

ITERATIONS = 8
IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
LARGEST = 300_000  # bytes
COLOURS = 256
HEIGHTS = {"report": 1850, "candidate": 2000, "live": 1350}
SHORTER = 0.85
AT_ONCE, LEISURELY = "# latency_seconds = 0.0 ", "latency_seconds = 0.5 "
UNDER_WAY = """new Promise((done) => {
    const look = () => document.querySelector("#bar")?.value >= 4 ? done() : setTimeout(look, 100);
    look();
})"""
"""So many rollouts of the open candidate have ended. What playwright has for this would evaluate a
text, which the page's policy forbids."""


def make_search(folder: Path) -> None:
    """A finished search on the simulated model, its confirmation included."""
    initialise(folder, TASKS, dev=DEV, test=0, seed=0)
    subprocess.run([*COMMAND, "run", "--iterations", str(ITERATIONS)], cwd=folder, check=True)


@contextmanager
def going_on(folder: Path) -> Iterator[None]:
    """Let the search go on, with a model that takes its time, for two more iterations."""
    settings = folder / "meta_harness.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace(AT_ONCE, LEISURELY), encoding="utf-8")
    last = frontier_on_disk(open_workspace(folder, {}, to_run=False)).iteration
    command = [*COMMAND, "run", "--iterations", str(last + 2)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def photographed(page: Page, name: str) -> bytes:
    """The upper part of a page as PNG."""
    height = float(HEIGHTS[name])
    while True:
        page.set_viewport_size({"width": WIDTH, "height": round(height)})
        picture = few_colours(page.screenshot())
        if len(picture) <= LARGEST:
            return picture
        height *= SHORTER


def few_colours(picture: bytes) -> bytes:
    found = Image.open(io.BytesIO(picture)).convert("RGB")
    # Dithering would speckle plain paper, and make the file larger than it was.
    reduced = found.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    written = io.BytesIO()
    reduced.save(written, "PNG", optimize=True)
    return written.getvalue()


def still(browser: Browser, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Pictures of the pages that the command `report` writes."""
    pages = folder / "pages"
    subprocess.run([*COMMAND, "report", "--pages", str(pages)], cwd=folder, check=True)
    incumbent = frontier_on_disk(open_workspace(folder, {}, to_run=False)).incumbent
    files = {"report": "index.html", "candidate": f"candidates/{incumbent}.html"}
    for name, file in files.items():
        with window(browser) as page:
            page.goto((pages / file).as_uri())
            yield name, photographed(page, name)


def live(browser: Browser, folder: Path) -> bytes:
    """A picture of the live page while rollouts are in flight."""
    with going_on(folder), served(folder) as address, window(browser) as page:
        page.goto(address)
        page.evaluate(UNDER_WAY)
        return photographed(page, "live")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--search", type=Path, metavar="FOLDER", help="a finished search")
    parser.add_argument("--to", type=Path, default=IMAGES, metavar="FOLDER", help="for the images")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as name:
        Path(name).chmod(0o711)  # each box's own user comes to its own folder
        folder = Path(name) / "search"
        if options.search:
            shutil.copytree(options.search, folder, symlinks=True)
        else:
            make_search(folder)
        with chromium() as browser:
            pictures = {**dict(still(browser, folder)), "live": live(browser, folder)}
    for name, picture in pictures.items():
        (options.to / f"{name}.png").write_bytes(picture)
        print(f"{name}.png: {len(picture) / 1e3:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
